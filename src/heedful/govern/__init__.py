"""Governing: who may decide what by which model, what is stopped, approved, proved and said."""
