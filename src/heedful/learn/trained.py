"""What training leaves behind: one model of one version, as bytes."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from heedful.kernel import InputError, canonical, expected
from heedful.learn.later import LaterTable
from heedful.learn.lifetime import LifetimeModel
from heedful.learn.tables import ChanceModel

SCHEMA: Final = 1


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """A model in force; a decision that read what it says names its version."""

    schema: Literal[1] = SCHEMA
    name: str
    version: int
    """From 1, for each name."""
    definition: str
    """Digest of what the model was trained for; one of another definition says nothing."""
    model: LifetimeModel | ChanceModel | LaterTable

    def encode(self) -> bytes:
        """Write it as canonical bytes."""
        return canonical.encode(self)


_DECODER: Final = msgspec.msgpack.Decoder(Trained)


def decode_trained(body: bytes) -> Trained:
    """Read a trained model back.

    Raises
    ------
    InputError
        `bad_snapshot` when the bytes are no trained model of this schema.
    """
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError as error:
        what = expected("a trained model", str(error), "$", "Train it again.")
        raise InputError("bad_snapshot", what) from error
