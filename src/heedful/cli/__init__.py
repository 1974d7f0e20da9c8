"""The command line: a client of the HTTP API and of nothing else."""

from heedful.cli.app import app, main

__all__ = ["app", "main"]
