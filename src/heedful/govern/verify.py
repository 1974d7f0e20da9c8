"""Checking the audit chain: what was changed, taken out, moved, cut off or rewritten, and where.

Law: the lines are read once and one at a time, however long the chain is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

import msgspec

from heedful.govern.audit import AuditEntry, Head, SignedHead, is_signed, link

FaultCode = Literal[
    "bad_signature",
    "malformed",
    "changed",
    "missing",
    "reordered",
    "relinked",
    "rewritten",
    "truncated",
    "forked",
]

_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError)
_DECODER: Final = msgspec.json.Decoder(AuditEntry)
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class AuditFault(NamedTuple):
    """The first thing that is wrong."""

    code: FaultCode
    seq: int
    """Entry at which it shows."""
    message: str


class Verification(NamedTuple):
    """What a check found.

    Notes
    -----
    Entries after `anchored_seq` are consistent with each other and no more: whoever can write
    the whole store could have written them anew, or cut some off.
    """

    fault: AuditFault | None
    checked: int
    """Entries that were read and found right."""
    head: Head
    """The last entry that was found right."""
    anchored_seq: int
    """The last entry that a signed head vouches for; 0 for none."""

    @property
    def is_intact(self) -> bool:
        return self.fault is None


class _Broken(Exception):
    def __init__(self, code: FaultCode, seq: int, message: str) -> None:
        super().__init__(message)
        self.fault = AuditFault(code, seq, message)


def verify(
    lines: Iterable[bytes],
    anchors: Iterable[SignedHead],
    public_key: bytes,
    start: SignedHead | None = None,
) -> Verification:
    """Check a chain against its signed heads.

    Parameters
    ----------
    lines
        Lines of the chain in order, with or without their newline, from the first entry or from
        the one after `start`.
    anchors
        Signed heads that were kept elsewhere, in any order. Without one after a tampered place a
        chain that was rewritten whole looks right: see `Verification.anchored_seq`.
    public_key
        Ed25519 public key of 32 bytes; also trusted from elsewhere, never read beside the chain.
    start
        A signed head up to which the chain was verified before.

    Returns
    -------
    Verification
        With the first fault, or none.

    Raises
    ------
    InputError
        `bad_audit_key` when `public_key` is no key.
    """
    head = start.head if start is not None else Head()
    anchored_seq = checked = 0
    try:
        anchored = _trusted(anchors, public_key, start)
        if start is not None:
            anchored_seq = start.seq
        rest = iter(lines)
        for line in rest:
            head = _next(line.rstrip(b"\r\n"), head, rest)
            checked += 1
            if (vouched := anchored.pop(head.seq, None)) is not None:
                if vouched != head.hash:
                    message = f"Entry {head.seq} is not the one that was signed"
                    raise _Broken("rewritten", head.seq, message)
                anchored_seq = head.seq
        if anchored:
            last = max(anchored)
            message = f"The chain ends at entry {head.seq}; entry {last} was signed"
            raise _Broken("truncated", head.seq + 1, message)
    except _Broken as broken:
        return Verification(broken.fault, checked, head, anchored_seq)
    return Verification(None, checked, head, anchored_seq)


def _trusted(
    anchors: Iterable[SignedHead], public_key: bytes, start: SignedHead | None
) -> dict[int, str]:
    """Index the anchors after the start by entry, once their signatures are found right."""
    hashes: dict[int, str] = {}
    for signed in (*anchors, *((start,) if start is not None else ())):
        if not is_signed(public_key, signed):
            message = f"The head of entry {signed.seq} does not bear this key's signature"
            raise _Broken("bad_signature", signed.seq, message)
        if hashes.setdefault(signed.seq, signed.hash) != signed.hash:
            message = f"Two different heads of entry {signed.seq} are signed"
            raise _Broken("forked", signed.seq, message)
    first = start.seq if start is not None else 0
    return {seq: digest for seq, digest in hashes.items() if seq > first}


def _next(line: bytes, head: Head, rest: Iterator[bytes]) -> Head:
    """Check one line against the head before it; `rest` is read on a fault only."""
    due = head.seq + 1
    try:
        entry = _DECODER.decode(line)
    except _UNREADABLE:
        raise _Broken("malformed", due, f"Entry {due} cannot be read") from None
    # Only what `append` writes is an entry: unknown fields, spaces or repeated keys would be
    # bytes that nobody hashed.
    if _ENCODER.encode(entry) != line:
        raise _Broken("malformed", due, f"Entry {due} is not written canonically")
    if entry.seq > due and not any(_seq(later) == due for later in rest):
        raise _Broken("missing", due, f"Entry {due} is missing: {entry.seq} follows {head.seq}")
    if entry.seq != due:
        raise _Broken("reordered", due, f"Entry {entry.seq} stands where {due} belongs")
    if link(entry) != entry.hash:
        raise _Broken("changed", due, f"Entry {due} is not what was hashed")
    if entry.previous != head.hash:
        message = f"Entry {due} was chained to another entry {head.seq}"
        raise _Broken("relinked", due, message)
    return Head(seq=due, hash=entry.hash, at=entry.at)


def _seq(line: bytes) -> int | None:
    try:
        return _DECODER.decode(line).seq
    except _UNREADABLE:
        return None
