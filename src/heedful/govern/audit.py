"""The audit chain: one line an entry, each with the hash of the line before.

Law: a line is canonical JSON, and its hash is the SHA-256 of that line without its last field,
`hash`. Anybody can therefore check an export with a text tool and no part of Heedful. Personal
data never stands in a line, only commitments under a salt that lives, and is erased, elsewhere.

A chain alone shows a careless change; whoever can rewrite the whole file can rewrite all hashes.
Signed heads that are kept elsewhere (anchors) show that, too, and what was cut off the end.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from heedful.govern.errors import fault
from heedful.govern.limits import AUDIT_BODY_BYTES_MAX

AuditKind = Literal[
    "decision",
    "release",
    "publication",
    "approval",
    "switch",
    "incident",
    "guardrail",
    "model",
    "erasure",
]
AuditValue = str | int | bool | None | list[str]
"""No floats: their text differs between languages, and a verifier may be written in any."""

GENESIS: Final = "0" * 64
"""What stands for the hash before the first entry."""

SALT_BYTES_MIN: Final = 16
"""Least length of a salt; with a shorter one an e-mail address could be guessed."""

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done, with nothing personal in it."""

    seq: int
    """1 for the first, then without a gap."""
    at: int
    kind: AuditKind
    subject: str
    """Id of what it is about: a decision, an effect, a version, an approval, a scope."""
    body: dict[str, AuditValue] = {}
    commitments: dict[str, str] = {}
    """Salted commitments to personal values, by what they are."""
    previous: str
    hash: str = ""
    """Last, so that the hashed bytes are the line up to it."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where the chain stood at some time; `seq` 0 and `GENESIS` before the first entry."""

    seq: int = 0
    hash: str = GENESIS
    at: int = 0


class SignedHead(msgspec.Struct, frozen=True, kw_only=True):
    """A head that can be kept elsewhere and held against the chain later."""

    seq: int
    hash: str
    at: int
    signature: str
    """Ed25519 over the canonical JSON of the head, as hexadecimal digits."""

    @property
    def head(self) -> Head:
        return Head(seq=self.seq, hash=self.hash, at=self.at)


def append(
    head: Head,
    kind: AuditKind,
    subject: str,
    at: int,
    body: Mapping[str, AuditValue] | None = None,
    commitments: Mapping[str, str] | None = None,
) -> tuple[bytes, Head]:
    """Chain one entry to a head: give its line, without a newline, and the new head.

    Raises
    ------
    InputError
        `audit_entry_too_large` beyond `AUDIT_BODY_BYTES_MAX`.

    Examples
    --------
    >>> line, head = append(Head(), "switch", "channel:email", 0, {"is_stopped": True})
    >>> sha256(line[: line.rindex(b',"hash"')]).hexdigest() == head.hash
    True
    """
    entry = AuditEntry(
        seq=head.seq + 1,
        at=at,
        kind=kind,
        subject=subject,
        body=dict(sorted((body or {}).items())),
        commitments=dict(sorted((commitments or {}).items())),
        previous=head.hash,
    )
    digest = link(entry)
    line = _ENCODER.encode(msgspec.structs.replace(entry, hash=digest))
    if len(line) > AUDIT_BODY_BYTES_MAX:
        what = f"an entry of at most {AUDIT_BODY_BYTES_MAX} bytes"
        remedy = "Refer to what is large by its id or digest."
        raise fault("audit_entry_too_large", what, f"{len(line)}", "$.body", remedy)
    return line, Head(seq=entry.seq, hash=digest, at=at)


def link(entry: AuditEntry) -> str:
    """Hash an entry, its `previous` included and its own `hash` not."""
    line = _ENCODER.encode(msgspec.structs.replace(entry, hash=""))
    return sha256(line.removesuffix(b',"hash":""}')).hexdigest()


def commit(salt: bytes, value: str) -> str:
    """Commit to a personal value: who has the salt can prove it, and nobody else can guess it.

    Parameters
    ----------
    salt
        Random bytes of this person, at least `SALT_BYTES_MIN`, kept with their data and erased
        with it; after that the commitment says nothing about anybody.

    Raises
    ------
    InputError
        `salt_too_short`.
    """
    if len(salt) < SALT_BYTES_MIN:
        what = f"a salt of at least {SALT_BYTES_MIN} bytes"
        raise fault("salt_too_short", what, str(len(salt)), "$.salt")
    return hmac.new(salt, value.encode("utf-8", "surrogatepass"), sha256).hexdigest()


def opens(commitment: str, salt: bytes, value: str) -> bool:
    """Say whether a commitment is to this value."""
    return hmac.compare_digest(commitment, commit(salt, value))


def sign_head(private_key: bytes, head: Head) -> SignedHead:
    """Sign a head with an Ed25519 key of 32 bytes.

    Raises
    ------
    InputError
        `bad_audit_key` when the bytes are no such key.
    """
    try:
        key = Ed25519PrivateKey.from_private_bytes(private_key)
    except ValueError as error:
        raise _bad_key(private_key) from error
    signature = key.sign(_ENCODER.encode(head)).hex()
    return SignedHead(seq=head.seq, hash=head.hash, at=head.at, signature=signature)


def is_signed(public_key: bytes, signed: SignedHead) -> bool:
    """Say whether a head bears the signature of a key.

    Raises
    ------
    InputError
        `bad_audit_key` when the bytes are no Ed25519 public key.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError as error:
        raise _bad_key(public_key) from error
    try:
        key.verify(bytes.fromhex(signed.signature), _ENCODER.encode(signed.head))
    except (InvalidSignature, ValueError):
        return False
    return True


def export(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Write a chain as JSON lines."""
    return (line + b"\n" for line in lines)


def describe(line: bytes) -> dict[str, Any]:
    """Read one line as plain data, for people and programs."""
    return msgspec.json.decode(line, type=dict[str, Any])


def _bad_key(key: bytes) -> Exception:
    return fault("bad_audit_key", "an Ed25519 key of 32 bytes", f"{len(key)} bytes", "$.key")
