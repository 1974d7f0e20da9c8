"""A model as a file: how it learns, what it sees, what it learned, and a digest of all that.

The first line is JSON for people and programs, the rest what the model wrote of itself.

Law: equal models of equal definitions give equal bytes. Names, settings and arms are as the
strategy says them, so a file means the same in every workspace; rows are counted on from file to
file, and nobody whom the model learned from stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec
import numpy as np

from heedful.decide.definitions import ModelKind
from heedful.decide.features import dense_id
from heedful.decide.models import ModelRule
from heedful.kernel import InputError, canonical, expected
from heedful.learn import BetaArms, LogisticArms, Model
from heedful.learn.dense import GROUP_ARRAYS, SLOT_ARRAYS
from heedful.learn.snapshot import is_of_before

SCHEMA: Final = 1

MODEL_FILE_BYTES_MAX: Final = 24 * 1024 * 1024
"""Bytes of a model's file. A larger one is neither written nor read (`model_file_too_large`)."""

MODEL_FILE_BEGINS: Final = b'{"format":"heedful.model",'
"""How every such file begins, of whatever schema."""

_HEAD_BYTES_MAX: Final = 256 * 1024
_AGAIN: Final = "Export it again."


class ModelHead(msgspec.Struct, frozen=True, kw_only=True, tag_field="format", tag="heedful.model"):
    """The first line of a model's file."""

    schema: Literal[1] = SCHEMA
    name: str
    kind: ModelKind
    definition: str
    """Digest of `kind`, `settings` and `features`: only into an equal one it may be imported."""
    transparency: int
    """1 (opaque) to 5 (readable as it stands)."""
    learn_seq: int
    """Outcome rows that were folded, over all workspaces that it learned in."""
    settings: dict[str, Any]
    features: tuple[str, ...]
    """What it sees, each as `group.name`."""
    size: int
    """Bytes behind the first line."""
    digest: str
    """Of the first line without it, and of all that follows."""


class _Schema(msgspec.Struct, tag_field="format", tag="heedful.model"):
    schema: int


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Where a model in force that was imported comes from."""

    number: int
    """Of the import, which names the snapshots that follow from it."""
    rows_ahead: int
    """Rows that it had learned elsewhere, less those of this workspace at that time."""


_HEAD: Final = msgspec.json.Decoder(ModelHead)
_SCHEMA: Final = msgspec.json.Decoder(_Schema)


def write_model(rule: ModelRule, model: Model, transparency: int) -> bytes:
    """Write a model as a file.

    Raises
    ------
    InputError
        `model_file_too_large`.
    """
    settings = _settings(rule)
    state = _reading(model, None).encode()
    head = ModelHead(
        name=rule.name,
        kind=rule.kind,
        definition=_definition(rule.kind, settings, rule.features),
        transparency=transparency,
        learn_seq=model.learn_seq,
        settings=settings,
        features=rule.features,
        size=len(state),
        digest="",
    )
    body = _line(msgspec.structs.replace(head, digest=_digest(head, state))) + state
    _require_small(body)
    return body


def is_model(begins: bytes) -> bool:
    """Say whether what begins so is a model's file and nothing else."""
    return begins.startswith(MODEL_FILE_BEGINS)


def read_head(body: bytes) -> tuple[ModelHead, bytes]:
    """Read a file's first line and what follows it, whole and undamaged.

    Raises
    ------
    InputError
        `model_file_too_large`, `newer_model_file`, `bad_model_file` where the file is damaged
        or something else.
    """
    _require_small(body)
    line, found, state = body.partition(b"\n")
    if not is_model(body) or not found or len(line) > _HEAD_BYTES_MAX:
        got = "an empty one" if not body else "something else"
        raise _damaged("a model's file", got, "`heedful models export` writes one.")
    try:
        schema = _SCHEMA.decode(line).schema
        if schema > SCHEMA:
            remedy = "Upgrade Heedful, or export it with this version."
            what = expected(f"a file of schema {SCHEMA} at most", f"{schema}", "$.schema", remedy)
            raise InputError("newer_model_file", what)
        head = _HEAD.decode(line)
    except msgspec.MsgspecError as error:
        raise _damaged("a first line that says what the model is", str(error), _AGAIN) from error
    if len(state) != head.size:
        raise _damaged(f"{head.size:,} bytes of what it learned", f"{len(state):,}", _AGAIN)
    digest = _digest(head, state)
    if digest != head.digest:
        raise _damaged(f"a file of the digest {head.digest[:16]}", digest[:16], _AGAIN)
    return head, state


def fitted(head: ModelHead, state: bytes, rule: ModelRule) -> Model:
    """Give the model of a file as one that a rule declares.

    Raises
    ------
    InputError
        `model_definition_differs` with the first difference in words, `bad_model_file`.
    """
    settings = _settings(rule)
    _require_same("kind", head.kind, rule.kind, rule)
    for name in sorted({*head.settings, *settings}):
        _require_same(name, head.settings.get(name), settings.get(name), rule)
    _require_same_features(head.features, rule)
    model = _model(head, state, rule)
    is_own = rule.fits(model) and model.learn_seq == head.learn_seq >= 0
    if not is_own or head.definition != _definition(head.kind, head.settings, head.features):
        raise _damaged("what the first line says", "something else", _AGAIN)
    return model


def _model(head: ModelHead, state: bytes, rule: ModelRule) -> Model:
    model: Model
    try:
        model = rule.read(state)
        is_whole = model.encode() == state or is_of_before(state)
    except (InputError, ValueError, OverflowError, MemoryError) as error:
        raise _damaged("what the model learned", "something else", _AGAIN) from error
    if not (is_whole and _is_finite(model)):
        raise _damaged("what the model learned", "numbers that are none", _AGAIN)
    if not isinstance(model, LogisticArms) or rule.settings is None:
        return model
    return _reading(model, rule.settings.fields)


def _reading(model: Model, fields: tuple[int, ...] | None) -> Model:
    """Give a model that reads these fields alone.

    Notes
    -----
    Which ones it need not read depends on what the other models of a strategy see, so no file
    says so. Nor does one say which decisions it waits for: these are of its workspace.
    """
    if not isinstance(model, LogisticArms):
        return model
    moved = LogisticArms(msgspec.structs.replace(model.settings, fields=fields))
    moved.learn_seq = model.learn_seq
    moved.dense.copy_from(model.dense)
    moved.sparse.copy_from(model.sparse)
    return moved


def _is_finite(model: Model) -> bool:
    if isinstance(model, BetaArms):
        return True
    assert isinstance(model, LogisticArms)  # there are no others
    dense, sparse = model.dense, model.sparse
    arrays = [getattr(dense, name) for name in (*SLOT_ARRAYS, *GROUP_ARRAYS)]
    return all(bool(np.isfinite(a).all()) for a in (*arrays, sparse.mean, sparse.variance)) and (
        bool((sparse.variance > 0.0).all())
        and bool((dense.group >= 0).all())
        and bool((dense.group < max(len(dense.groups), 1)).all())
    )


def _settings(rule: ModelRule) -> dict[str, Any]:
    """Say how a model learns, in words and numbers that mean the same in every strategy."""
    if rule.settings is None:
        return {"half_life_ms": rule.half_life_ms}
    said: dict[str, Any] = msgspec.to_builtins(rule.settings)
    basis = frozenset(said.pop("basis")["ids"])
    said.pop("fields")
    named = (name for name in rule.features if dense_id(*name.split(".", 1)) in basis)
    return dict(sorted({**said, "dense": list(named)}.items()))


def _definition(kind: str, settings: Mapping[str, Any], features: tuple[str, ...]) -> str:
    said = canonical.encode((kind, dict(settings), features))
    return blake2b(said, digest_size=16).hexdigest()


def _digest(head: ModelHead, state: bytes) -> str:
    named = _line(msgspec.structs.replace(head, digest=""))
    return blake2b(named + state, digest_size=32).hexdigest()


def _line(head: ModelHead) -> bytes:
    return msgspec.json.encode(head) + b"\n"


def _require_small(body: bytes) -> None:
    if len(body) > MODEL_FILE_BYTES_MAX:
        what = f"a model's file of at most {MODEL_FILE_BYTES_MAX:,} bytes"
        remedy = "Declare a model that sees less, or relates less."
        got = f"{len(body):,}"
        raise InputError("model_file_too_large", expected(what, got, "$.file", remedy))


def _require_same(name: str, got: Any, wanted: Any, rule: ModelRule) -> None:
    if got != wanted:
        remedy = (
            "Declare a model of the file's definition in policies/models.yaml, or import there."
        )
        what = expected(f"{name} {wanted!r}, as {rule.name} has it", repr(got), f"$.{name}", remedy)
        raise InputError("model_definition_differs", what)


def _require_same_features(features: tuple[str, ...], rule: ModelRule) -> None:
    missing = sorted(set(rule.features) - set(features))
    more = sorted(set(features) - set(rule.features))
    if missing or more:
        said = [f"none of {', '.join(missing[:3])}"] if missing else []
        said += [f"{', '.join(more[:3])} beside them"] if more else []
        remedy = "Name the same `features` in policies/models.yaml."
        what = f"a model that sees what {rule.name} sees"
        got = expected(what, " and ".join(said), "$.features", remedy)
        raise InputError("model_definition_differs", got)


def _damaged(what: str, got: str, remedy: str) -> InputError:
    return InputError("bad_model_file", expected(what, got, "$.file", remedy))
