"""The link with which somebody unsubscribes: opaque, unforgeable, and good for years.

The token is sealed with deterministic authenticated encryption (AES-SIV), so whoever sees the link
in a log learns neither the person nor what they left, and nobody can make one for somebody else.
It proves the wish to nobody but us; that it is only acted on by POST is the matter of the route:
programs that look at every link of a message before its reader does send GET.

References
----------
D. Harkins, RFC 5297, 2008 (AES-SIV). J. Levine, T. Herkula, RFC 8058, 2017 (one-click).
"""

from __future__ import annotations

import base64
from binascii import Error as Base64Error
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

TOKEN_CHARS_MAX: Final = 1_000
"""Characters of a token; a longer one is no token and is not looked at."""

_PURPOSE: Final = [b"heedful unsubscribe 1"]  # bound to the seal: no other token passes as one


class Unsubscription(NamedTuple):
    """What the bearer of a link wants to leave."""

    customer_id: str
    channel: str
    purpose: str
    decision_id: str
    """The decision whose message carried the link; empty where it was none."""


_DECODER: Final = msgspec.msgpack.Decoder(Unsubscription)


def unsubscribe_token(
    secret: bytes, customer_id: str, channel: str, purpose: str, *, decision_id: str = ""
) -> str:
    """Write the token of a link.

    Parameters
    ----------
    secret
        Of the workspace. Every link ever sent is void once it changes.

    Examples
    --------
    >>> token = unsubscribe_token(b"secret", "c_1", "email", "marketing")
    >>> "c_1" in token
    False
    >>> read_unsubscribe_token(b"secret", token).purpose
    'marketing'
    """
    claim = Unsubscription(customer_id, channel, purpose, decision_id)
    sealed = AESSIV(_key(secret)).encrypt(msgspec.msgpack.encode(claim), _PURPOSE)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read_unsubscribe_token(secret: bytes, token: str) -> Unsubscription | None:
    """Read a token back, or None when it is not one of ours.

    Examples
    --------
    >>> read_unsubscribe_token(b"secret", "forged") is None
    True
    """
    if len(token) > TOKEN_CHARS_MAX or not token.isascii():
        return None
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return _DECODER.decode(AESSIV(_key(secret)).decrypt(sealed, _PURPOSE))
    except (Base64Error, InvalidTag, msgspec.DecodeError):
        return None


def _key(secret: bytes) -> bytes:
    return blake2b(secret, digest_size=32, person=b"unsubscribe").digest()
