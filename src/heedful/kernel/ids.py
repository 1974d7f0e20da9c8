"""Ids that are computed, never drawn: keyed hashes of what they name.

The workspace's secret is the key, so an id cannot be guessed from an e-mail address by somebody
who does not hold the workspace. The same name gives the same id on every machine and in any order
of arrival, which is what lets merges re-key nothing.
"""

from __future__ import annotations

import base64
from hashlib import blake2b
from itertools import product
from typing import Final

ID_BYTES: Final = 16
KEY_MASK: Final = (1 << 63) - 1
_SEPARATOR: Final = "\x1f"
_ESCAPE: Final = "\x1e"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"  # of RFC 4648's base 32
_PAIRS: Final = ["".join(pair) for pair in product(_LETTERS, repeat=2)]


def _joined(parts: tuple[str, ...]) -> bytes:
    text = _SEPARATOR.join(parts)
    if _ESCAPE in text or text.count(_SEPARATOR) >= len(parts):
        # A separator inside a part is escaped, so ("a", "b") and ("a\x1fb",) never meet.
        text = _SEPARATOR.join(
            part.replace(_ESCAPE, _ESCAPE + "0").replace(_SEPARATOR, _ESCAPE + "1")
            for part in parts
        )
    return text.encode("utf-8", "surrogatepass")


def hash_bytes(secret: bytes, *parts: str) -> bytes:
    """Hash `parts` under `secret` to 16 bytes (keyed BLAKE2b)."""
    return blake2b(_joined(parts), digest_size=ID_BYTES, key=secret).digest()


def hash_key(secret: bytes, *parts: str) -> int:
    """Hash `parts` to a non-negative 63-bit integer, the form in which stores keep keys."""
    return int.from_bytes(hash_bytes(secret, *parts)[:8], "big") & KEY_MASK


def public_id(prefix: str, key: int) -> str:
    """Write a 63-bit key as a public id such as `c_4tq2rs7kd5e3u`.

    Examples
    --------
    >>> public_id("c", 0)
    'c_aaaaaaaaaaaaa'
    """
    # As `base64.b32encode` without its padding, which takes ten times as long.
    bits = key << 1  # thirteen letters of five bits hold one more than a key
    pairs = [_PAIRS[bits >> shift & 1_023] for shift in (50, 40, 30, 20, 10, 0)]
    return f"{prefix}_{_LETTERS[bits >> 60]}{''.join(pairs)}"


def parse_public_id(prefix: str, text: str) -> int | None:
    """Read a public id back to its key, or None when it is not one.

    Examples
    --------
    >>> parse_public_id("c", public_id("c", 12345))
    12345
    >>> parse_public_id("c", "c_nonsense") is None
    True
    """
    head, _, body = text.partition("_")
    if head != prefix or len(body) != 13 or not body.isascii():
        return None
    try:
        key = int.from_bytes(base64.b32decode(body.upper() + "==="), "big")
    except ValueError:
        return None
    return key if key <= KEY_MASK and public_id(prefix, key) == text else None
