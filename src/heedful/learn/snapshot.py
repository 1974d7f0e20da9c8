"""A logistic model as canonical bytes: what is read back goes on learning to the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from heedful.kernel import InputError, canonical, expected
from heedful.learn.change import ChangeDetector, WrittenChanges
from heedful.learn.dense import GROUP_ARRAYS, SLOT_ARRAYS, DenseBlocks
from heedful.learn.level import Level, start_at
from heedful.learn.settings import LogisticSettings

if TYPE_CHECKING:
    from heedful.learn.logistic import LogisticArms

M = TypeVar("M", bound="LogisticArms")

SCHEMA: Final = 5

_SYMMETRIC: Final = ("spread", "weight")  # the lower triangle holds all
_LEVELS: Final = ("usual", "informed", "level")
_LEVELS_SINCE: Final = 4
_COUNTS_SINCE: Final = 5


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="logistic_arms"):
    schema: Literal[1, 2, 3, 4, 5]
    learn_seq: int
    settings: LogisticSettings
    slots: list[tuple[str, str]]
    groups: list[tuple[str, str]]
    slot_arrays: dict[str, bytes]
    group_arrays: dict[str, bytes]
    sparse_at: int | None
    sparse_places: bytes
    sparse_mean: bytes
    sparse_variance: bytes
    changes: WrittenChanges = []
    """Of before schema 3 none is read: how much of what waited was open is not said there."""


class _Schema(msgspec.Struct, tag="logistic_arms"):
    schema: int


_DECODER: Final = msgspec.msgpack.Decoder(_Snapshot)
_SCHEMA: Final = msgspec.msgpack.Decoder(_Schema)


def encode_state(model: LogisticArms) -> bytes:
    """Write all that a model has learned."""
    dense, sparse = model.dense, model.sparse
    dense.settle()
    touched = sparse.touched()
    return canonical.encode(
        _Snapshot(
            schema=SCHEMA,
            learn_seq=model.learn_seq,
            settings=model.settings,
            slots=list(dense.slots),
            groups=list(dense.groups),
            slot_arrays={
                name: _packed(name, getattr(dense, name)[: len(dense.slots)])
                for name in SLOT_ARRAYS
            },
            group_arrays={
                name: _packed(name, getattr(dense, name)[: len(dense.groups)])
                for name in GROUP_ARRAYS
            },
            sparse_at=sparse.at,
            sparse_places=_bytes(touched.astype(np.uint32)),
            sparse_mean=_bytes(sparse.mean[touched]),
            sparse_variance=_bytes(sparse.variance[touched]),
            changes=model.changes.written(),
        )
    )


def decode_state(make: type[M], body: bytes) -> M:
    """Read a model back.

    Raises
    ------
    InputError
        `bad_snapshot` when the bytes are no snapshot of this kind and schema.
    """
    try:
        return _restored(make, _DECODER.decode(body))
    except (msgspec.DecodeError, ValueError, IndexError, KeyError) as error:
        what = expected("a snapshot of logistic arms", str(error), "$", "Fold the rows again.")
        raise InputError("bad_snapshot", what) from error


def is_of_before(body: bytes) -> bool:
    """Say whether a snapshot is of an older schema: what is read of it is written otherwise."""
    try:
        return _SCHEMA.decode(body).schema < SCHEMA
    except msgspec.DecodeError:
        return False


def _restored(make: type[M], snapshot: _Snapshot) -> M:
    model = make(snapshot.settings)
    model.learn_seq = snapshot.learn_seq
    dense, sparse = model.dense, model.sparse
    dense.reserve(len(snapshot.slots), len(snapshot.groups))
    dense.slots = {key: slot for slot, key in enumerate(snapshot.slots)}
    dense.groups = {key: slot for slot, key in enumerate(snapshot.groups)}
    for names, arrays, count in (
        (SLOT_ARRAYS, snapshot.slot_arrays, len(snapshot.slots)),
        (GROUP_ARRAYS, snapshot.group_arrays, len(snapshot.groups)),
    ):
        for name in names:
            if snapshot.schema < _LEVELS_SINCE and name in _LEVELS:
                continue
            target = getattr(dense, name)
            target[:count] = _unpacked(name, arrays[name], target[:count])
    if snapshot.schema < _LEVELS_SINCE:
        _find_levels(dense)
    elif snapshot.schema < _COUNTS_SINCE:
        _count_levels(dense)
    sparse.at = snapshot.sparse_at
    places = np.frombuffer(snapshot.sparse_places, dtype="<u4").astype(np.intp)
    sparse.mean[places] = np.frombuffer(snapshot.sparse_mean, dtype="<f8")
    sparse.variance[places] = np.frombuffer(snapshot.sparse_variance, dtype="<f8")
    model.changes = ChangeDetector.of(snapshot.changes)
    return model


def _find_levels(dense: DenseBlocks) -> None:
    """Find usual persons and levels in blocks that were filtered whole: they believe the same."""
    dense.weight[:], dense.total[:] = 0.0, 0.0
    for slot in range(len(dense.slots)):
        number, spread, learned = int(dense.group[slot]), dense.spread[slot], dense.learned[slot]
        offset, precision, pull = dense.offset[slot], dense.precisions(slot), dense.pull(slot)
        guess, inner = learned + spread @ pull, spread[1:, 1:]
        usual = -np.linalg.solve(inner, spread[1:, 0])
        doubt = float(spread[0, 0] - usual @ inner @ usual)
        at = float(offset + guess[0] + guess[1:] @ usual)
        begin = start_at(float(offset + dense.mean[number, 0]), float(precision[0]))
        dense.level[slot] = Level(0.0, 0.0, at, at).known_by(begin, 1.0 / doubt, at)
        dense.usual[slot, 1:], dense.informed[slot] = usual, 1.0 / doubt
        spread[0, :], spread[:, 0] = 0.0, 0.0
        spread[0, 0], guess[0] = doubt, at - offset
        learned[:] = guess - spread @ pull
        dense.weight[number] += np.diag(precision) - spread * np.multiply.outer(
            precision, precision
        )
        dense.total[number] += precision * learned


def _count_levels(dense: DenseBlocks) -> None:
    """Count as outcomes what was summed by how surprising they were; levels stay as they are."""
    for slot in range(len(dense.slots)):
        offset, precision = float(dense.offset[slot]), float(dense.bias_precision[slot])
        begin = start_at(offset + float(dense.mean[dense.group[slot], 0]), precision)
        level = Level(*dense.level[slot].tolist())
        own = float(dense.learned[slot, 0] + dense.spread[slot, 0, 0] * dense.pull(slot)[0])
        dense.level[slot] = level.known_by(begin, level.won + precision, offset + own)


def _packed(name: str, array: npt.NDArray[Any]) -> bytes:
    if name in _SYMMETRIC:
        rows, columns = np.tril_indices(array.shape[-1])
        array = array[:, rows, columns]
    return _bytes(array)


def _bytes(array: npt.NDArray[Any]) -> bytes:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()


def _unpacked(name: str, body: bytes, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    flat = np.frombuffer(body, dtype=like.dtype.newbyteorder("<"))
    if name not in _SYMMETRIC:
        return flat.reshape(like.shape)
    rows, columns = np.tril_indices(like.shape[-1])
    full = np.empty(like.shape)
    half = flat.reshape(len(like), len(rows))
    full[:, rows, columns] = half
    full[:, columns, rows] = half
    return full
