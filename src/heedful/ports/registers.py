"""Small registers: separations, suppressions, names of features, API keys, named values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

ERASE_AGAIN: Final = "erase_again"
"""Named value in which a restored store finds which identifiers were erased since: (key, at)."""


class KeyRow(NamedTuple):
    """An API key: only its hash is kept."""

    hash: bytes
    role: str
    name: str
    created_at: int
    revoked_at: int | None


class Registers(Protocol):
    """What a workspace keeps beside its customers."""

    def separations(self, identifiers: Sequence[int]) -> dict[int, bytes]:
        """Read the separations (by key) that name one of these identifiers."""

    def put_separation(self, key: int, identifiers: Sequence[int], body: bytes) -> None:
        """Keep a separation under each identifier that it names, replacing one of the same key."""

    def delete_separations(self, keys: Sequence[int]) -> None:
        """Delete separations, as an erasure must."""

    def suppressed(self, identifiers: Sequence[int]) -> set[int]:
        """Of these identifiers, those whose person was erased and must not return."""

    def suppress(self, identifiers: Sequence[int], at: int) -> None:
        """Refuse these identifiers from now on; the first refusal of an identifier stands."""

    def suppressions(self, after: int, limit: int) -> list[tuple[int, int]]:
        """Read what is suppressed as (identifier, since when), ascending, beyond an identifier."""

    def lift_suppression(self, identifiers: Sequence[int]) -> None:
        """Allow these identifiers again."""

    def features(self) -> list[tuple[int, str]]:
        """The dictionary of automatic features: (id, name), in no particular order."""

    def put_features(self, rows: Sequence[tuple[int, str]]) -> None:
        """Extend the dictionary; a known id is left as it is."""

    def rename_features(self, rows: Sequence[tuple[int, str]]) -> None:
        """Give known ids another name, as an erasure must."""

    def keys(self) -> list[KeyRow]:
        """All API keys, revoked ones included."""

    def put_key(self, row: KeyRow) -> None:
        """Write an API key, replacing one of the same hash."""

    def get_meta(self, name: str) -> bytes | None:
        """Read one named value of the workspace."""

    def put_meta(self, name: str, value: bytes) -> None:
        """Write one named value of the workspace."""
