"""The next best action for every customer, help first, decided and explained in one engine."""

__version__ = "0.1.0.dev0"
