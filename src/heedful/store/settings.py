"""What may be set on the embedded store, with units and the measurements behind the defaults."""

from __future__ import annotations

import msgspec

MIB = 1 << 20
"""Bytes of a mebibyte."""


class SqliteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes and waits of one SQLite store.

    Notes
    -----
    `synchronous` is no setting: an acknowledgement means that the disk has it.
    """

    page_bytes: int = 8192
    """Size of a page of a new file; an existing file keeps its own. An active customer of 6 to 7 KB
    then is one page: a commit took a quarter less CPU than with two of 4096."""
    cache_bytes: int = 64 * MIB
    """Page cache of the writer."""
    reader_cache_bytes: int = 8 * MIB
    """Page cache of each reader."""
    mmap_bytes: int = 0
    """How much of the file is read through a memory map; 0 since an I/O error in a map is a
    SIGBUS, which ends the process, and the map measured no faster."""
    readers_max: int = 8
    """Reads that run at once; a further one waits for its turn."""
    busy_wait_ms: int = 5_000
    """How long a lock of another process is waited for."""
    checkpoint_pages: int = 1_000
    """Pages of the WAL after which a commit also checkpoints; at 4,000 the wait doubles."""
    wal_bytes_kept: int = 64 * MIB
    """Size to which the WAL file is cut when it starts anew after a burst."""
    ballast_bytes: int = 16 * MIB
    """Size of the file that is given up when the disk is full; 0 keeps none."""
    free_bytes_min: int = 64 * MIB
    """Free bytes of the disk below which nothing but what makes room is written; 0 for none."""
    vacuum_memory_bytes: int = 256 * MIB
    """A larger store is rewritten through a temporary file instead of memory."""
    file_bytes_max: int = 0
    """Size beyond which the database file may not grow; 0 for no bound."""
