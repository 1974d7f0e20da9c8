"""What a strategy would change before it is in force, and which one a workspace opens with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from heedful.core import World
from heedful.engine import ledger, reading
from heedful.events import Event, decode_event
from heedful.kernel import InputError, expected, parse_span
from heedful.ports import Store, Transaction
from heedful.strategy import Difference, Strategy, check, compare_histories

SAMPLE_PEOPLE_MAX: Final = 1_000
"""Customers whose past is replayed to compare two strategies; asking for more is refused."""
SAMPLE_EVENTS_MAX: Final = 200
"""Newest events of one customer that are replayed to compare two strategies."""

_STRATEGY_META: Final = "strategy:"
_WHATIF_META: Final = "whatif:"


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What two strategies decide differently over what people did."""

    people: int
    """Customers that were looked at."""
    differences: list[Difference]
    """Each with the customer's id in `about`; by customer, then in the order of time."""


def remember(tx: Transaction, version: str, files: Mapping[str, str], now: int) -> None:
    """Keep the texts of a version."""
    body = msgspec.msgpack.encode({"files": dict(files), "at": now})
    tx.put_meta(_STRATEGY_META + version, body)


def remembered(tx: Transaction, version: str) -> dict[str, str] | None:
    """Read the texts of a version; None for one that never was in force."""
    body = tx.get_meta(_STRATEGY_META + version)
    if body is None:
        return None
    files: dict[str, str] = msgspec.msgpack.decode(body)["files"]
    return files


def opening_files(store: Store, folder: Mapping[str, str]) -> Mapping[str, str]:
    """Choose what a workspace opens with: what was published last, else what its folder holds.

    Notes
    -----
    An edited file is in force only once it is published: a restart at night must neither publish
    half an edit nor fail at one. What an older release accepted and this one refuses gives way
    to the folder, where it can be mended.
    """

    def read(tx: Transaction) -> dict[str, str] | None:
        version = ledger.published(tx)
        return None if version is None else remembered(tx, version)

    published = store.read(read)
    if published is None or published == folder:
        return folder
    return folder if check(published) else published


def replay_under(store: Store, world: World, old: Strategy, new: Strategy, people: int) -> Replayed:
    """Replay what a sample of people did under two strategies.

    Parameters
    ----------
    people
        Most customers to look at; keys are hashes, so the first ones by key are a fair sample.
    """

    histories = read_histories(store, world, people)
    return Replayed(people=len(histories), differences=compare_histories(old, new, histories))


def read_histories(store: Store, world: World, people: int) -> dict[str, list[Event]]:
    """Read the newest events of a sample of people, by customer id.

    Parameters
    ----------
    people
        Most customers to look at; keys are hashes, so the first ones by key are a fair sample.
    """

    def read(tx: Transaction) -> dict[str, list[Event]]:
        histories = {}
        for row in tx.scan_customers(-1, people):
            found = reading.find(tx, world, row.key)
            rows = tx.events_of(found.person.fragments, limit=SAMPLE_EVENTS_MAX, newest_first=True)
            histories[reading.customer_id(row.key)] = [decode_event(one.body) for one in rows]
        return histories

    return store.read(read)


def note_whatif(tx: Transaction, version: str, now: int) -> None:
    """Remember when a version was met with the log."""
    tx.put_meta(_WHATIF_META + version, msgspec.msgpack.encode(now))


def require_whatif(store: Store, version: str, within: str | None, now: int) -> None:
    """Refuse to publish what nobody met with the log lately, where the policy in force asks for it.

    Raises
    ------
    InputError
        `whatif_missing`; never for a version that was in force before, since going back is urgent.
    """
    if within is None:
        return
    span = parse_span(within)

    def read(tx: Transaction) -> tuple[bytes | None, bool]:
        published = any(one.properties["version"] == version for one in ledger.publications(tx))
        return tx.get_meta(_WHATIF_META + version), published

    body, was_in_force = store.read(read)
    if was_in_force or (body is not None and now - msgspec.msgpack.decode(body) <= span):
        return
    got = "none" if body is None else "an older one"
    what = expected(f"a what-if of this strategy within {within}", got, "the policy in force")
    raise InputError("whatif_missing", f"{what} Run `heedful whatif` first.")
