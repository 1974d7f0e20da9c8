"""Closed worlds: people who hesitate, tire, forgive and leave, and policies that contact them."""
