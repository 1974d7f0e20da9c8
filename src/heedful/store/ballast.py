"""Room kept back for the day on which the disk is full.

On a full disk SQLite cannot even delete, since a deletion is written to the WAL first. So a file
of zeros (`<db>.ballast`) takes some room while there is plenty, and is given up when a write finds
none: then what makes room (deletions, the checkpoint) can run. It is made again when the disk has
room again. Ordinary writes stop earlier, at the watermark, so they cannot eat what it gave up.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

_CHUNK: Final = 1 << 20


def free_bytes(path: str) -> int:
    """Measure what an ordinary user may still write on the disk of `path`."""
    found = os.statvfs(os.path.dirname(os.path.abspath(path)))
    return found.f_bavail * found.f_frsize


class Ballast:
    """The ballast file of one store, and the watermark.

    Parameters
    ----------
    path
        The database file.
    size_bytes
        Size of the ballast; 0 keeps none.
    free_bytes_min
        The watermark; 0 for none.
    """

    def __init__(self, path: str, size_bytes: int, free_bytes_min: int) -> None:
        self.path = f"{path}.ballast"
        self._folder = os.path.dirname(os.path.abspath(path))
        self._size = size_bytes
        self._free_min = free_bytes_min
        self.is_held = os.path.exists(self.path) and os.path.getsize(self.path) == size_bytes > 0

    def has_room(self) -> bool:
        """Whether the disk is above the watermark; takes the ballast back when it can (1 us)."""
        found = os.statvfs(self._folder)
        free = found.f_bavail * found.f_frsize
        if not self.is_held and self._size and free >= self._size + self._free_min:
            self._fill()
        return free >= self._free_min

    def release(self) -> bool:
        """Give the room up; say whether there was any to give."""
        was_held = self.is_held
        self.is_held = False
        with contextlib.suppress(OSError):
            os.truncate(self.path, 0)
            os.unlink(self.path)
        return was_held

    def _fill(self) -> None:
        try:
            descriptor = os.open(
                self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
            )
            try:
                _reserve(descriptor, self._size)
            finally:
                os.close(descriptor)
        except OSError:
            self.release()
        else:
            self.is_held = True


def _reserve(descriptor: int, size: int) -> None:
    """Take `size` bytes of the disk, also where the file system would not store zeros."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError:
            os.ftruncate(descriptor, 0)
        else:
            return
    for start in range(0, size, _CHUNK):
        os.write(descriptor, os.urandom(min(_CHUNK, size - start)))
