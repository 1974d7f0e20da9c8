"""Keys and message ids: what makes two deliveries of one event the same event."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

from heedful.kernel import canonical
from heedful.kernel.ids import ID_BYTES, KEY_MASK

_PREFIX_CHARS: Final = 60


def event_hasher(secret: bytes, source: str) -> Callable[[str], int]:
    """Give the function from a message id to `hash_key(secret, "event", source, message_id)`.

    Notes
    -----
    The key and the first two parts are hashed once a request instead of once an event: 0.5 us
    against 2.8 us. A test holds the two equal for any text.
    """
    begun = blake2b(_joined("event", source), digest_size=ID_BYTES, key=secret)
    fork = begun.copy

    def hashed(message_id: str) -> int:
        part = message_id.encode()
        if b"\x1e" in part or b"\x1f" in part:
            part = _escaped(message_id)
        state = fork()
        state.update(part)
        return int.from_bytes(state.digest()[:8], "big") & KEY_MASK

    return hashed


def _escaped(part: str) -> bytes:
    return part.encode().replace(b"\x1e", b"\x1e0").replace(b"\x1f", b"\x1e1")


def _joined(*parts: str) -> bytes:
    return b"".join(_escaped(part) + b"\x1f" for part in parts)


def shorten_message_id(message_id: str, chars_max: int) -> str:
    """Cut an overlong id, keeping what tells it apart: its head and a digest of the whole."""
    head = message_id[: max(0, min(_PREFIX_CHARS, chars_max - 33))]
    return f"{head}~{canonical.digest(message_id)}"


def derive_message_id(content: list[Any]) -> str:
    """Name an event by its content, since its sender gave it no id.

    Notes
    -----
    `content` must hold what a retry repeats and nothing that a retry changes (sentAt).
    """
    return f"derived-{canonical.digest(content)}"
