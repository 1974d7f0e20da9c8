"""Which backups were written, and who was erased since: a copy keeps whoever it holds.

A backup that is restored brings back people who were erased after it was written. What was erased
is therefore given to `restore`, which leaves it in the store that it puts in place, and the engine
erases those people again before anything else happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from heedful.kernel import format_instant
from heedful.ports import ERASE_AGAIN, Transaction

COPIES: Final = "copies"
"""Name under which the store remembers its backups."""


class Copy(msgspec.Struct, array_like=True):
    """One backup that was written; mutable, in the transaction that counts an erasure."""

    folder: str
    """Where it was put."""
    at: int
    seq: int
    """The newest event in it."""
    erased: int = 0
    """People whom it holds and who were erased since."""


_COPIES: Final = msgspec.msgpack.Decoder(list[Copy])
_ERASED: Final = msgspec.msgpack.Decoder(list[tuple[int, int]])


def copies(tx: Transaction) -> list[Copy]:
    """List the backups that were written, the oldest first."""
    return _COPIES.decode(tx.get_meta(COPIES) or b"\x90")


def note_copy(tx: Transaction, folder: str, at: int) -> None:
    """Remember a backup; one of the same place takes the place of the earlier."""
    known = [one for one in copies(tx) if one.folder != folder]
    _put(tx, [*known, Copy(folder, at, tx.last_seq())])


def count_erasure(tx: Transaction, first_seq: int) -> tuple[str, ...]:
    """Count an erased person in each backup that holds them, and name those."""
    known = copies(tx)
    holding = [one for one in known if one.seq >= first_seq]
    for one in holding:
        one.erased += 1
    if holding:
        _put(tx, known)
    return tuple(one.folder for one in holding)


def show_copies(tx: Transaction) -> list[dict[str, Any]]:
    """Show the backups for people and programs."""
    return [
        {"folder": one.folder, "at": format_instant(one.at), "erased_people": one.erased}
        for one in copies(tx)
    ]


def to_erase_again(tx: Transaction) -> Sequence[tuple[int, int]]:
    """List (identifier, since when) of those whom a restored backup has brought back."""
    return _ERASED.decode(tx.get_meta(ERASE_AGAIN) or b"\x90")


def settle_erasures(tx: Transaction) -> None:
    """Note that all of those are erased again."""
    tx.put_meta(ERASE_AGAIN, b"")


def _put(tx: Transaction, known: Sequence[Copy]) -> None:
    tx.put_meta(COPIES, msgspec.msgpack.encode(known))
