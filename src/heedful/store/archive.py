"""Old events in Parquet files beside the database, found by fragment and by `seq`.

A file holds a run of the log, sorted by fragment: what one person did stands together, and the
statistics of the row groups say where. Its name carries the digest of its bytes, so a file proves
itself when it is first opened, and a file that was rewritten has another name. Files are written
whole, synced and then renamed; nothing is ever changed in place.

Notes
-----
`body` is the event as the log holds it. The columns beside it are for whoever analyses the files:
names, times in int64 milliseconds, and what was said as JSON.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from heedful.kernel import InputError, expected
from heedful.ports import LogRow, StoreFull, StoreUnavailable

FOLDER_SUFFIX: Final = ".archive"
"""What the folder of the files is called, after the database."""

ARCHIVE_ROWS: Final = 65_536
"""Events of one file: about 10 MB, and what is in memory while it is written."""

GROUP_ROWS: Final = 1_024
"""Events of one row group: what is unpacked to find one person's events in a file."""

_OPEN_FILES: Final = 16
_HELD_GROUPS: Final = 32
_HASH_BYTES: Final = 1 << 20
_NAME: Final = re.compile(r"events-(\d{12})-(\d{12})-(\d{4})-([0-9a-f]{16})\.parquet")

Describe = Callable[[bytes], Mapping[str, str | int | None]]
"""Names what an event says, for columns of their own: numbers end in `_at`, the rest is text."""


class ArchiveFile(NamedTuple):
    """One file, as the database lists it."""

    first_seq: int
    last_seq: int
    name: str
    row_count: int
    byte_count: int
    from_at: int
    to_at: int


class Archives:
    """The files of one store; any thread may read.

    Parameters
    ----------
    path
        The database file.
    """

    def __init__(self, path: str) -> None:
        self.folder = Path(f"{path}{FOLDER_SUFFIX}")
        self._lock = threading.RLock()
        self._files: OrderedDict[str, Any] = OrderedDict()
        self._groups: OrderedDict[tuple[str, int], dict[int, LogRow]] = OrderedDict()
        self._run: tuple[str, list[LogRow]] = ("", [])

    # -- writing --------------------------------------------------------------------------------

    def write(self, rows: Sequence[LogRow], describe: Describe) -> ArchiveFile:
        """Write events into a new file; it counts once the database lists it.

        Raises
        ------
        InputError
            `archive_extra_missing`.
        StoreFull
            When there is no room; nothing is left behind.
        """
        arrow = _arrow("pyarrow")
        ordered = sorted(rows, key=lambda row: row[:4])
        columns: dict[str, Any] = {
            name: arrow.array([row[place] for row in ordered], arrow.int64())
            for place, name in enumerate(LogRow._fields[:4])
        }
        columns["body"] = arrow.array([row.body for row in ordered], arrow.binary())
        said = [describe(row.body) for row in ordered]
        for name in said[0]:
            kind = arrow.int64() if name.endswith("_at") else arrow.string()
            columns[name] = arrow.array([one[name] for one in said], kind)
        return self._put(arrow.table(columns), 0)

    def without(self, file: ArchiveFile, holes: Collection[int]) -> ArchiveFile | None:
        """Write a file anew without some events; None where none are left."""
        found = _NAME.fullmatch(file.name)
        table = self._file(file.name).read()
        gone = _arrow("pyarrow").array(sorted(holes), "int64")
        is_gone = _arrow("pyarrow.compute").is_in(table["seq"], value_set=gone)
        kept = table.filter(_arrow("pyarrow.compute").invert(is_gone))
        if not kept.num_rows or found is None:
            return None
        run = (file.first_seq, file.last_seq)
        return self._put(kept, int(found.group(3)) + 1, run)

    def _put(self, table: Any, generation: int, run: tuple[int, int] | None = None) -> ArchiveFile:
        compute = _arrow("pyarrow.compute")
        first, last = run or _ends(compute.min_max(table["seq"]).as_py())
        partial = self.folder / f"{first:012}.partial"
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            _arrow("pyarrow.parquet").write_table(
                table, partial, row_group_size=GROUP_ROWS, compression="zstd"
            )
            partial.chmod(0o600)
            digest = _sync_and_hash(partial)
            name = f"events-{first:012}-{last:012}-{generation:04}-{digest}.parquet"
            size = partial.stat().st_size
            partial.rename(self.folder / name)
            _sync(self.folder)
        except OSError as error:
            raise StoreFull(f"{error.strerror} for `{self.folder}`") from error
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()
        ends = _ends(compute.min_max(table["at"]).as_py())
        return ArchiveFile(first, last, name, table.num_rows, size, *ends)

    def keep_only(self, names: Collection[str]) -> None:
        """Remove every file that the database does not list: rewritten, or never listed."""
        if not self.folder.is_dir():
            return
        with self._lock:
            for path in sorted(self.folder.iterdir()):
                if path.name not in names:
                    path.unlink(missing_ok=True)
                    self._files.pop(path.name, None)
            self._groups.clear()
            self._run = ("", [])
        _sync(self.folder)

    # -- reading --------------------------------------------------------------------------------

    def find(self, file: ArchiveFile, wanted: Sequence[tuple[int, int]]) -> dict[int, LogRow]:
        """Read events by (fragment, seq); those that were erased are absent."""
        with self._lock:
            opened = self._file(file.name)
            found: dict[int, LogRow] = {}
            for group, (least, most) in enumerate(opened.fragments):
                seqs = [seq for fragment, seq in wanted if least <= fragment <= most]
                if seqs:
                    rows = self._group(file.name, opened, group)
                    found.update((seq, rows[seq]) for seq in seqs if seq in rows)
            return found

    def rows(self, file: ArchiveFile, after_seq: int) -> Iterator[LogRow]:
        """Read the events of a file beyond a `seq`, ascending."""
        with self._lock:
            if self._run[0] != file.name:
                table = self._file(file.name).read()
                self._run = (file.name, sorted(_rows(table), key=lambda row: row.seq))
            run = self._run[1]
        return iter(run[bisect_right(run, after_seq, key=lambda row: row.seq) :])

    def _group(self, name: str, opened: Any, group: int) -> dict[int, LogRow]:
        held = self._groups.get((name, group))
        if held is None:
            table = opened.file.read_row_group(group, columns=list(LogRow._fields))
            held = self._groups[name, group] = {row.seq: row for row in _rows(table)}
            while len(self._groups) > _HELD_GROUPS:
                self._groups.popitem(last=False)
        self._groups.move_to_end((name, group))
        return held

    def _file(self, name: str) -> Any:
        with self._lock:
            opened = self._files.get(name)
            if opened is None:
                opened = self._files[name] = _Opened(self._path(name))
                while len(self._files) > _OPEN_FILES:
                    self._files.popitem(last=False)
            self._files.move_to_end(name)
            return opened

    def _path(self, name: str) -> Path:
        """Find a file, or what an erasure left of it after a reader's snapshot was taken."""
        path = self.folder / name
        if path.is_file():
            return path
        found = _NAME.fullmatch(name)
        newer = found and sorted(self.folder.glob(f"events-{found[1]}-{found[2]}-*.parquet"))
        if not newer:
            raise missing(path)
        return newer[-1]


def missing(path: Path) -> StoreUnavailable:
    """Say that an archive is not where it should be."""
    return StoreUnavailable(
        "archive_missing",
        f"Expected the archive that the store lists, got none - at `{path}`. "
        "Put it back from a backup, beside the database.",
        retryable=False,
    )


class _Opened:
    """An open file that has proved itself."""

    def __init__(self, path: Path) -> None:
        found = _NAME.fullmatch(path.name)
        if found is None or _sync_and_hash(path) != found[4]:
            raise StoreUnavailable(
                "archive_damaged",
                f"Expected the bytes that the name promises, got others - at `{path}`. "
                "Put it back from a backup.",
                retryable=False,
            )
        self.file = _arrow("pyarrow.parquet").ParquetFile(path)
        metadata = self.file.metadata
        place = self.file.schema_arrow.names.index("fragment")
        statistics = [
            metadata.row_group(group).column(place).statistics
            for group in range(metadata.num_row_groups)
        ]
        self.fragments = [(one.min, one.max) for one in statistics]

    def read(self) -> Any:
        return self.file.read()


def _rows(table: Any) -> list[LogRow]:
    columns = [table[name].to_pylist() for name in LogRow._fields]
    return [LogRow(*values) for values in zip(*columns, strict=True)]


def _ends(found: Mapping[str, int]) -> tuple[int, int]:
    return found["min"], found["max"]


def _sync_and_hash(path: Path) -> str:
    hashed = blake2b(digest_size=8)
    with path.open("rb") as file:
        while piece := file.read(_HASH_BYTES):
            hashed.update(piece)
        os.fsync(file.fileno())
    return hashed.hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_archive_extra() -> None:
    """Refuse in words where the package that writes and reads archives is missing.

    Raises
    ------
    InputError
        `archive_extra_missing`.
    """
    _arrow("pyarrow.parquet")


def _arrow(module: str) -> Any:
    """Import a part of Arrow, which only workspaces with archives need."""
    try:
        return import_module(module)
    except ImportError as error:
        remedy = "Install it: pip install 'heedful[archive]'."
        what = expected("the package pyarrow", "none", "archive", remedy)
        raise InputError("archive_extra_missing", what) from error
