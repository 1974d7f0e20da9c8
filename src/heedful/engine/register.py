"""What each model in force was trained on: the register of its data set, and whom to forget.

Law: a data set is named by the fragments of its people, which no merge changes. An erasure takes a
person's fragments out in its own transaction and leaves the count behind, so nobody has to search
for the models that still know something of somebody who is gone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from heedful.learn import Trained, decode_trained
from heedful.ports import Transaction

TRAINED: Final = "trained/"
"""How the name of a trained model's snapshots begins."""

_INDEX: Final = "trained"
_SET: Final = "training_set:"


class DataSet(msgspec.Struct, frozen=True, kw_only=True):
    """What one model was trained on, and how well it foretold what came later."""

    model: str
    version: int
    definition: str
    trained_at: int
    since: int
    """First instant that was looked at."""
    until: int
    """End of what was seen."""
    customers: int
    rows: int
    """Customers times the days on which they were looked at."""
    refused: int
    """Customers left out because of what they said about training."""
    digest: str
    """Of the fragments and the span: the same data set has the same."""
    report: dict[str, Any]
    fragments: bytes
    """Of its people, 8 bytes each, ascending."""
    erased: int = 0
    """People of the data set who were erased since: the model should be trained anew."""


_SETS: Final = msgspec.msgpack.Decoder(DataSet)
_NAMES: Final = msgspec.msgpack.Decoder(dict[str, int])


def packed(fragments: Iterable[int]) -> bytes:
    """Write fragments as bytes, ascending."""
    return array("Q", sorted(fragments)).tobytes()


def digest_of(fragments: bytes, since: int, until: int) -> str:
    """Name a data set by its people and its span."""
    return blake2b(fragments + b"%d %d" % (since, until), digest_size=8).hexdigest()


def versions(tx: Transaction) -> dict[str, int]:
    """Read the version of each trained model that is in force."""
    body = tx.get_meta(_INDEX)
    return _NAMES.decode(body) if body else {}


def data_set(tx: Transaction, model: str) -> DataSet | None:
    """Read what a model was trained on; None where it never was."""
    body = tx.get_meta(_SET + model)
    return _SETS.decode(body) if body else None


def put_in_force(tx: Transaction, trained: Trained, seen: DataSet) -> None:
    """Keep a trained model and its data set."""
    tx.put_snapshot(TRAINED + trained.name, trained.version, trained.encode())
    tx.put_meta(_SET + trained.name, msgspec.msgpack.encode(seen))
    held = {**versions(tx), trained.name: trained.version}
    tx.put_meta(_INDEX, msgspec.msgpack.encode(dict(sorted(held.items()))))


def read_trained(tx: Transaction) -> dict[str, Trained]:
    """Read the trained models in force."""
    found = {name: trained_at(tx, name, version) for name, version in versions(tx).items()}
    return {name: model for name, model in found.items() if model is not None}


def trained_at(tx: Transaction, model: str, version: int) -> Trained | None:
    """Read one version of a model."""
    held = tx.snapshot(TRAINED + model, version)
    return decode_trained(held[1]) if held is not None and held[0] == version else None


def trained_on(tx: Transaction, fragments: Sequence[int]) -> list[str]:
    """Name the models that learned from a person."""
    theirs = set(fragments)
    return [name for name in versions(tx) if not theirs.isdisjoint(_people(tx, name))]


def _people(tx: Transaction, model: str) -> array[int]:
    held, seen = array("Q"), data_set(tx, model)
    if seen is not None:
        held.frombytes(seen.fragments)
    return held


def forget_trained(tx: Transaction, fragments: Sequence[int]) -> tuple[str, ...]:
    """Take an erased person out of the registers; gives the models that learned from them."""
    gone, named = set(fragments), []
    for name in versions(tx):
        seen = data_set(tx, name)
        if seen is None:
            continue
        held = array("Q")
        held.frombytes(seen.fragments)
        kept = [fragment for fragment in held if fragment not in gone]
        if len(kept) < len(held):
            named.append(name)
            left = msgspec.structs.replace(seen, fragments=packed(kept), erased=seen.erased + 1)
            tx.put_meta(_SET + name, msgspec.msgpack.encode(left))
    return tuple(named)
