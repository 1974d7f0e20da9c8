"""Budgets, shared among workers as slices."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class SliceRow(NamedTuple):
    """What one worker may spend of a budget in a period."""

    budget: str
    period: int
    worker: str
    granted: int
    """Micros that were promised to it."""
    used: int
    """Micros of them that are spent."""
    until: int
    """When others may take back what is left."""


class Budgets(Protocol):
    """What is promised of each budget, and to whom."""

    def promised(self, budget: str, period: int) -> int:
        """Micros of a budget that are in slices, spent or not, in a period."""

    def promise(self, budget: str, period: int, micros: int) -> None:
        """Add to what is promised; below zero gives back. Two that do it at once conflict."""

    def slices(self, budget: str, period: int) -> list[SliceRow]:
        """Read the slices of a budget in a period, by worker."""

    def slices_of(self, worker: str) -> list[SliceRow]:
        """Read all slices of a worker, by budget and period."""

    def put_slice(self, row: SliceRow) -> None:
        """Write a slice, by budget, period and worker."""

    def delete_slices(self, budget: str, before: int, worker: str) -> None:
        """Delete a worker's slices of a budget in earlier periods."""
