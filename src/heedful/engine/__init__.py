"""The engine: load, step, commit, publish."""
