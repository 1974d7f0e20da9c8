"""One value, one byte string: MessagePack with sorted keys and no set.

Facts are compared and digested as these bytes, so everything that reaches them must already be
ordered by a total order: lists are written as they stand, keys of mappings are sorted.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec

_ENCODER: Final = msgspec.msgpack.Encoder(order="deterministic")

encode = _ENCODER.encode


def digest(value: Any) -> str:
    """Digest a value's canonical bytes as 32 hexadecimal digits."""
    return blake2b(_ENCODER.encode(value), digest_size=16).hexdigest()
