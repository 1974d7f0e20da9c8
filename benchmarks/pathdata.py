"""Reads the journeys of `PathData`, the sample of the package ChannelAttribution, as R saved it."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

from heedful.measure import Journey

_HEAD = 19  # "RDX2\nX\n" and three versions
_TEXTS, _REALS, _WHOLES = 16, 14, 13


class _Reader:
    """Big-endian numbers one after the other."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, _HEAD

    def integer(self) -> int:
        self._at += 4
        return int(struct.unpack(">i", self._body[self._at - 4 : self._at])[0])

    def text(self) -> str:
        self.integer()  # flags
        size = self.integer()
        self._at += size
        return self._body[self._at - size : self._at].decode()

    def column(self) -> list[str] | list[float]:
        kind, count = self.integer() & 0xFF, self.integer()
        if kind == _TEXTS:
            return [self.text() for _ in range(count)]
        size, code = {_REALS: (8, "d"), _WHOLES: (4, "i")}[kind]
        start, self._at = self._at, self._at + size * count
        return [*map(float, struct.unpack(f">{count}{code}", self._body[start : self._at]))]


def read_paths(path: Path) -> list[Journey]:
    """Read (path, conversions, value, nulls) of 10,000 rows."""
    reader = _Reader(gzip.decompress(path.read_bytes()))
    reader.integer()  # a list with a name
    reader.integer()  # the name's symbol
    reader.text()
    reader.integer()  # a table of
    columns = [reader.column() for _ in range(reader.integer())]
    paths, conversions, value, nulls = columns
    return [
        Journey(tuple(p.strip() for p in str(text).split(">")), float(c), float(v), float(n))
        for text, c, v, n in zip(paths, conversions, value, nulls, strict=True)
    ]
