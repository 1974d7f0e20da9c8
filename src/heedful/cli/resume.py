"""How far an import has come, kept in the workspace so that an interruption costs one batch."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = ".imports"
"""Where the resume points of a workspace stand."""

_HEAD_BYTES: Final = 64 * 1024


class Point(msgspec.Struct, kw_only=True):
    """Where an import of one file into one source stands; mutable, written after each answer."""

    file: str
    source: str
    lines_done: int = 0
    """Lines of the file whose events are acknowledged or reported."""
    events: int = 0
    refused: int = 0
    """Of the lines done, those whose events are not in the log."""
    suppressed: int = 0
    """Of the lines done, those whose events are kept nowhere, as of people who were erased."""
    problems: int = 0
    is_done: bool = False


def point_path(workspace: Path, file: Path, source: str) -> Path:
    """Name the resume point of a file: the same content under the same source, wherever it lies.

    Notes
    -----
    The size and the first 64 KiB stand for the content, so a file that has grown is another.
    """
    hashed = blake2b(digest_size=12)
    hashed.update(f"{source}\0{file.stat().st_size}\0".encode())
    with file.open("rb") as stream:
        hashed.update(stream.read(_HEAD_BYTES))
    return workspace / FOLDER / f"{hashed.hexdigest()}.json"


def load(path: Path, file: Path, source: str) -> Point:
    """Read a resume point; a missing or torn one is the beginning, which is always safe."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Point)
    except (FileNotFoundError, msgspec.DecodeError):
        return Point(file=str(file), source=source)


def save(path: Path, point: Point) -> None:
    """Write a resume point, whole or not at all."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(point))
    os.replace(partial, path)
