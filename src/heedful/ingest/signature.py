"""Is this webhook from who it says? The three ways in which senders sign, over the raw bytes.

Compared in constant time. A signature with a time in it is refused when it is older or newer than
the tolerance, so that a recorded delivery cannot be played again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from heedful.kernel import SECOND_MS, InputError, expected

Scheme = Literal["standard-webhooks", "timestamped-hex", "hmac-sha256"]
TOLERANCE_S: Final = 300  # Stripe's and the Standard Webhooks libraries' default
_SIGNATURES_MAX: Final = 16
_SECRET_PREFIX: Final = "whsec_"


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a sender signs its deliveries.

    Notes
    -----
    - `standard-webhooks`: HMAC-SHA256 over `id.timestamp.body`, base64, in `webhook-signature`,
      with `webhook-id` and `webhook-timestamp`; the secret is base64 after `whsec_`.
    - `timestamped-hex`: `t=TIME,v1=HEX` in one header, over `TIME.body`, as payment providers do.
    - `hmac-sha256`: one header with the base64 or hex HMAC of the body, as shops do. It holds no
      time, so a replay is caught by the delivery's id alone.
    """

    scheme: Scheme
    """How the signature is made and written; see below."""
    header: str = "webhook-signature"
    """The header in which it stands."""
    encoding: Literal["base64", "hex"] = "base64"
    """Of `hmac-sha256`; the other schemes fix theirs."""
    tolerance_s: int = TOLERANCE_S
    """Seconds by which a signed time may be off, either way; where there is one."""


def require_signature(
    signature: Signature,
    body: bytes,
    headers: Mapping[str, str],
    secrets: Sequence[str],
    now: int,
) -> None:
    """Check a delivery's signature against any of `secrets` (two, while one is replaced).

    Parameters
    ----------
    headers
        With lower-case names.
    now
        Milliseconds.

    Raises
    ------
    InputError
        `signature_missing`, `signature_expired`, `signature_mismatch`.
    """
    if not secrets:
        what = "a secret for this webhook"
        raise InputError("signature_mismatch", expected(what, "none", "secrets"))
    if signature.scheme == "standard-webhooks":
        given, signed, at_s = _standard(signature, body, headers)
    elif signature.scheme == "timestamped-hex":
        given, signed, at_s = _timestamped(signature, body, headers)
    else:
        given = [_decoded(_header(headers, signature.header).strip(), signature.encoding)]
        signed, at_s = body, None
    if at_s is not None and abs(now - at_s * SECOND_MS) > signature.tolerance_s * SECOND_MS:
        what = f"a delivery signed within {signature.tolerance_s} s"
        raise InputError("signature_expired", expected(what, "an older or newer one", "headers"))
    is_standard = signature.scheme == "standard-webhooks"
    is_genuine = False
    for secret in secrets:
        digest = hmac.digest(_key(secret, is_standard), signed, hashlib.sha256)
        for one in given:
            is_genuine |= one is not None and hmac.compare_digest(digest, one)
    if not is_genuine:
        what = "a signature made with this webhook's secret"
        raise InputError("signature_mismatch", expected(what, "another", signature.header))


def _key(secret: str, is_standard: bool) -> bytes:
    if is_standard:
        decoded = _decoded(secret.removeprefix(_SECRET_PREFIX), "base64")
        if decoded is not None:
            return decoded
    return secret.encode()


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name.lower())
    if not value:
        raise InputError("signature_missing", expected("a signature", "none", name.lower()))
    return value


def _decoded(text: str, encoding: str) -> bytes | None:
    try:
        if encoding == "hex":
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None


def _standard(
    signature: Signature, body: bytes, headers: Mapping[str, str]
) -> tuple[list[bytes | None], bytes, int]:
    delivery_id, stamp = _header(headers, "webhook-id"), _header(headers, "webhook-timestamp")
    given: list[bytes | None] = []
    for part in _header(headers, signature.header).split(" ")[:_SIGNATURES_MAX]:
        version, _, text = part.partition(",")
        if version == "v1":
            given.append(_decoded(text, "base64"))
    signed = f"{delivery_id}.{stamp}.".encode("utf-8", "surrogatepass") + body
    return given, signed, _seconds(stamp, "webhook-timestamp")


def _timestamped(
    signature: Signature, body: bytes, headers: Mapping[str, str]
) -> tuple[list[bytes | None], bytes, int]:
    stamp = ""
    given: list[bytes | None] = []
    for part in _header(headers, signature.header).split(",")[:_SIGNATURES_MAX]:
        name, _, text = part.strip().partition("=")
        if name == "t":
            stamp = text
        elif name == "v1":
            given.append(_decoded(text, "hex"))
    at_s = _seconds(stamp, signature.header)
    return given, stamp.encode() + b"." + body, at_s


def _seconds(text: str, header: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        what = "a time in seconds in the signature"
        raise InputError("signature_missing", expected(what, "none", header.lower()))
    return int(text)
