"""Reading back what a model wrote of itself."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from heedful.kernel import InputError, expected

S = TypeVar("S")


def read_stored(
    decoder: msgspec.msgpack.Decoder[S],
    body: bytes,
    what: str,
    remedy: str = "Fold the rows again.",
) -> S:
    """Read a snapshot.

    Parameters
    ----------
    what
        The model in words, such as `Beta arms`.

    Raises
    ------
    InputError
        `bad_snapshot` when the bytes are no snapshot of this kind and schema.
    """
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        said = expected(f"a snapshot of {what}", str(error), "$", remedy)
        raise InputError("bad_snapshot", said) from error
