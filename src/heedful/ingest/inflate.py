"""Undo a request's compression without trusting it: output is bounded before it exists."""

from __future__ import annotations

import zlib
from typing import Final

from heedful.ingest.limits import IngestLimits
from heedful.kernel import InputError, expected

_GZIP_MAGIC: Final = b"\x1f\x8b"
_AUTO: Final = 32 + zlib.MAX_WBITS  # zlib's own detection of a gzip or zlib header
_RAW: Final = -zlib.MAX_WBITS
_MEMBERS_MAX: Final = 64
_PLAIN: Final = frozenset({"", "identity", "none"})
_DEFAULTS: Final = IngestLimits()


def inflate(body: bytes, encoding: str | None, limits: IngestLimits = _DEFAULTS) -> bytes:
    """Give the body as it was before compression, or as it is when it is not compressed.

    Notes
    -----
    Some SDKs compress without saying so in a header that survives the proxy, so the magic bytes of
    gzip are believed whatever `encoding` says. JSON cannot begin with them. A body that says
    gzip but is plain JSON is given back as it is, since a proxy may have inflated it already.

    Parameters
    ----------
    body
        The bytes on the wire.
    encoding
        The Content-Encoding header.
    limits
        `body_bytes_max` bounds what comes out; a bomb of 99 KiB that would give 100 MiB costs
        no more than that.

    Raises
    ------
    InputError
        `inflate_over_limit`, `bad_gzip` when the stream is damaged or cut short,
        `unknown_encoding` for anything but gzip and deflate.
    """
    named = (encoding or "").strip().lower()
    if body[:2] == _GZIP_MAGIC:
        return _inflated(body, _AUTO, limits.body_bytes_max)
    if named in _PLAIN:
        return body
    if named not in {"gzip", "x-gzip", "deflate"}:
        what = "gzip, deflate or no compression"
        raise InputError("unknown_encoding", expected(what, "another", "Content-Encoding"))
    if body.lstrip()[:1] in {b"{", b"["}:
        return body
    if named == "deflate" and not _has_zlib_header(body):
        return _inflated(body, _RAW, limits.body_bytes_max)
    return _inflated(body, _AUTO, limits.body_bytes_max)


def _has_zlib_header(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _inflated(body: bytes, wbits: int, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    room, rest = bytes_max, body
    # A gzip file may hold several members, one after another; zeros may pad the last.
    for _ in range(_MEMBERS_MAX):
        stream = zlib.decompressobj(wbits)
        try:
            part = stream.decompress(rest, room + 1)
        except zlib.error as error:
            raise _bad_gzip("damaged data") from error
        if len(part) > room:
            got = f"more than {bytes_max} bytes"
            what = f"at most {bytes_max} bytes after inflation"
            raise InputError("inflate_over_limit", expected(what, got, "$", "Send less at once."))
        if not stream.eof:
            raise _bad_gzip("data that ends too early")
        parts.append(part)
        room -= len(part)
        rest = stream.unused_data.lstrip(b"\0")
        if not rest:
            return b"".join(parts)
        if rest[:2] != _GZIP_MAGIC:
            raise _bad_gzip("bytes after the end of the data")
    raise _bad_gzip(f"more than {_MEMBERS_MAX} members")


def _bad_gzip(got: str) -> InputError:
    return InputError("bad_gzip", expected("a whole gzip or deflate stream", got, "$"))
