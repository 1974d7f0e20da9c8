"""Fragments, identifiers, clusters and customers: who is who, and their facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from heedful.kernel.ids import KEY_MASK


class FragmentRow(NamedTuple):
    """Where a distinct identifier set belongs now."""

    key: int
    first_at: int
    cluster: int
    customer: int


class IdentifierRow(NamedTuple):
    """Where one identifier belongs now; `customer` is None while it links nobody."""

    key: int
    namespace: str
    value: str
    cluster: int | None
    customer: int | None
    is_shared: bool


class ClusterRow(NamedTuple):
    """A cluster of the identity graph; `version` is the one that was read, 0 for a new one."""

    key: int
    version: int
    body: bytes


class CustomerRow(NamedTuple):
    """One customer's facts; `version` is the one that was read, 0 for a new one."""

    key: int
    version: int
    cluster: int
    signal_set: int
    """Hash of the signal definitions under which the body is complete."""
    due: int | None
    """When something changes without an event: the customer is to be looked at again."""
    refold: int
    """1 while the body waits to be folded anew from the log, else 0."""
    body: bytes
    process: bytes = b""
    """What goes on with the customer: needs, standing decisions; empty where nothing does."""


class Customers(Protocol):
    """Who is who, and the facts about each."""

    def fragments(self, keys: Sequence[int]) -> dict[int, FragmentRow]:
        """Read fragments; unknown ones are absent."""

    def identifiers(self, keys: Sequence[int]) -> dict[int, IdentifierRow]:
        """Read identifiers; unknown ones are absent."""

    def clusters(self, keys: Sequence[int]) -> dict[int, ClusterRow]:
        """Read clusters with their versions; unknown ones are absent."""

    def customers(self, keys: Sequence[int]) -> dict[int, CustomerRow]:
        """Read customers with their versions; unknown ones are absent."""

    def put_fragments(self, rows: Sequence[FragmentRow]) -> None:
        """Write fragments, replacing what stands there."""

    def put_identifiers(self, rows: Sequence[IdentifierRow]) -> None:
        """Write identifiers, replacing what stands there."""

    def put_clusters(self, rows: Sequence[ClusterRow]) -> None:
        """Write clusters at `version + 1`; raise StaleWrite unless the version read still stands.

        A row of version 0 must not exist yet.
        """

    def put_customers(self, rows: Sequence[CustomerRow]) -> None:
        """Write customers at `version + 1`; raise StaleWrite as `put_clusters` does."""

    def delete_clusters(self, rows: Sequence[ClusterRow]) -> None:
        """Delete clusters; raise StaleWrite unless the version read still stands."""

    def delete_customers(self, rows: Sequence[CustomerRow]) -> None:
        """Delete customers; raise StaleWrite unless the version read still stands."""

    def delete_fragments(self, keys: Sequence[int]) -> None:
        """Delete fragments, but not the events filed under them."""

    def delete_identifiers(self, keys: Sequence[int]) -> None:
        """Delete identifiers."""

    def due_customers(self, now: int, limit: int) -> list[int]:
        """Keys of customers whose `due` has come, the earliest first."""

    def customers_to_refold(self, limit: int) -> list[int]:
        """Keys of customers that wait to be folded anew."""

    def customers_outside(self, signal_set: int, after_key: int, limit: int) -> list[int]:
        """Keys above `after_key` whose body is complete under another signal set, ascending."""

    def scan_customers(
        self, after_key: int, limit: int, up_to: int = KEY_MASK
    ) -> list[CustomerRow]:
        """Read customers by key, ascending, beyond one key and up to another."""

    def scan_clusters(self, after_key: int, limit: int) -> list[ClusterRow]:
        """Read clusters by key, ascending."""
