"""Deciding: what this person needs now, which one thing to do about it, and why."""
