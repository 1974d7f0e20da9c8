"""Lines of an export: plain, as gzip, or as the one data file of a ZIP archive."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from heedful.kernel import InputError, expected


def snapshot_lines(path: Path) -> Iterator[str]:
    """Read an export line by line.

    Raises
    ------
    InputError
        `bad_export` when the archive is damaged, holds no or several data files, or is no text.
    """
    try:
        with open(path, "rb") as raw:
            magic = raw.read(4)
            raw.seek(0)
            if magic.startswith(b"PK"):
                with zipfile.ZipFile(raw) as archive, archive.open(_data_file(archive)) as inner:
                    yield from io.TextIOWrapper(inner, "utf-8")
            elif magic.startswith(b"\x1f\x8b"):
                with gzip.open(raw, "rt", encoding="utf-8") as inflated:
                    yield from inflated
            else:
                yield from io.TextIOWrapper(raw, "utf-8")
    except UnicodeError as error:
        what = expected("lines of text, JSON or CSV", "bytes that are no UTF-8", str(path))
        raise InputError("bad_export", what) from error
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError) as error:
        what = expected("a whole export", str(error), str(path), "Fetch it again.")
        raise InputError("bad_export", what) from error


def _data_file(archive: zipfile.ZipFile) -> str:
    """Find the file with the rows; archives of a data mart hold a manifest beside it."""
    names = [name for name in archive.namelist() if name.lower().endswith((".json", ".csv"))]
    names = [name for name in names if not name.split("/")[-1].startswith((".", "MANIFEST", "_"))]
    if len(names) != 1:
        got = f"{len(names)}"
        what = expected("one .json or .csv file in the archive", got, str(archive.filename))
        raise InputError("bad_export", what)
    return names[0]
