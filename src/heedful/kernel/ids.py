"""Ids that are computed, never drawn: keyed hashes of what they name.

The workspace's secret is the key, so an id cannot be guessed from an e-mail address by somebody
who does not hold the workspace. The same name gives the same id on every machine and in any order
of arrival, which is what lets merges re-key nothing.
"""

from __future__ import annotations

import base64
from hashlib import blake2b
from typing import Final

ID_BYTES: Final = 16
KEY_MASK: Final = (1 << 63) - 1
_SEPARATOR: Final = b"\x1f"
_ESCAPE: Final = b"\x1e"


def _joined(parts: tuple[str, ...]) -> bytes:
    # A separator inside a part is escaped, so ("a", "b") and ("a\x1fb",) never meet.
    encoded = (part.encode("utf-8", "surrogatepass") for part in parts)
    return _SEPARATOR.join(
        e.replace(_ESCAPE, _ESCAPE + b"0").replace(_SEPARATOR, _ESCAPE + b"1") for e in encoded
    )


def hash_bytes(secret: bytes, *parts: str) -> bytes:
    """Hash `parts` under `secret` to 16 bytes (keyed BLAKE2b)."""
    return blake2b(_joined(parts), digest_size=ID_BYTES, key=secret).digest()


def hash_key(secret: bytes, *parts: str) -> int:
    """Hash `parts` to a non-negative 63-bit integer, the form in which stores keep keys."""
    return int.from_bytes(hash_bytes(secret, *parts)[:8], "big") & KEY_MASK


def public_id(prefix: str, digest: bytes) -> str:
    """Write a 16-byte digest as a public id such as `c_4tq2...`.

    Examples
    --------
    >>> public_id("c", bytes(16))
    'c_aaaaaaaaaaaaaaaaaaaaaaaaaa'
    """
    return f"{prefix}_{base64.b32encode(digest).decode().rstrip('=').lower()}"


def parse_public_id(prefix: str, text: str) -> bytes | None:
    """Read a public id back to its digest, or None when it is not one.

    Examples
    --------
    >>> parse_public_id("c", public_id("c", bytes(range(16)))) == bytes(range(16))
    True
    >>> parse_public_id("c", "c_nonsense") is None
    True
    """
    head, _, body = text.partition("_")
    if head != prefix or len(body) != 26:
        return None
    try:
        digest = base64.b32decode(body.upper() + "======")
    except ValueError:
        return None
    return digest if public_id(prefix, digest) == text else None


def digest_key(digest: bytes) -> int:
    """Shorten a 16-byte digest to the 63-bit key under which stores keep it."""
    return int.from_bytes(digest[:8], "big") & KEY_MASK
