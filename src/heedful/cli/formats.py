"""Files of events as a stream of Segment-shaped items, each with its line and its place.

Four shapes are read. `jsonl`: one Segment call a line. `segment` and `rudderstack`: the raw
archives of the two, one call a line with the service's own fields, which are left out; the
corrected `timestamp` is kept as it stands. `csv`: a header names where each column goes; a column
that is no field of a call is a property of it, or of an identify or group a trait. Names of fields
may be written `userId` or `user_id`.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from heedful.ingest import read_instant
from heedful.kernel import InputError, expected

FORMATS: Final = ("csv", "jsonl", "segment", "rudderstack")
LINE_BYTES_MAX: Final = 1 << 20
"""Longest line that is read, in bytes; a longer one is reported and left out."""

_SHOWN_MAX: Final = 40
"""Characters of a cell that are shown."""

CALLS: Final = ("track", "identify", "page", "screen", "group", "alias")
FIELDS: Final = {
    "type",
    "event",
    "name",
    "category",
    "userId",
    "anonymousId",
    "previousId",
    "groupId",
    "messageId",
    "timestamp",
}
_FOLDED: Final = {name.lower(): name for name in sorted(FIELDS)}
PREFIXES: Final = ("properties.", "traits.", "context.")

_TYPO_MIN: Final = 0.9  # likeness: "usr_id" is meant to be userId, "category_id" is its own
_TIMES: Final = {"originalTimestamp", "receivedAt"}
_CAMEL: Final = {re.sub(r"([A-Z])", r"_\1", name).lower(): name for name in FIELDS | _TIMES}
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,12})?")
_KEPT: Final = FIELDS | {"properties", "traits", "context", "integrations"}


class BinaryStream(Protocol):
    """What is read of a file, compressed or not."""

    def readline(self, size: int, /) -> bytes:
        """Read up to the end of the line, or `size` bytes of it."""


class Line(NamedTuple):
    """One line of a file: an item, or what is wrong with it."""

    number: int
    """From 1, the header of a CSV counted."""
    item: dict[str, Any] | None
    problem: str
    bytes_read: int
    """How much of the file as it stands on the disk has been read."""


def format_of(path: Path) -> str:
    """Tell a file's format by its name."""
    name = path.name.lower().removesuffix(".gz")
    return "csv" if name.endswith((".csv", ".tsv")) else "jsonl"


def read_lines(path: Path, kind: str) -> Iterator[Line]:
    """Read a file of events, gzip or not, line by line.

    Raises
    ------
    InputError
        `bad_header` when a CSV's header does not say where its columns go; `not_gzip` when a
        compressed file is damaged.
    """
    read = _csv if kind == "csv" else _jsonl
    try:
        with open(path, "rb") as raw:
            is_gzip = raw.peek(2)[:2] == b"\x1f\x8b"
            if not is_gzip:
                yield from read(path, raw, raw.tell, kind)
                return
            with gzip.open(raw, "rb") as inflated:
                yield from read(path, inflated, raw.tell, kind)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        what = expected("a whole gzip file", str(error), str(path), "Fetch it again.")
        raise InputError("not_gzip", what) from error


def _jsonl(path: Path, stream: BinaryStream, place: Callable[[], int], kind: str) -> Iterator[Line]:
    number = 0
    while line := stream.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(line) > LINE_BYTES_MAX:
            while line and not line.endswith(b"\n"):
                line = stream.readline(LINE_BYTES_MAX)
            problem = f"Expected a line of at most {LINE_BYTES_MAX:,} bytes, got a longer one."
            yield Line(number, None, problem, place())
        elif text := line.strip():
            yield Line(number, *_item(text, kind), place())


def _item(text: bytes, kind: str) -> tuple[dict[str, Any] | None, str]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, f"Expected JSON, got something else: {error}."
    if not isinstance(said, dict):
        return None, f"Expected an object, got {_named(said)}."
    if kind in ("segment", "rudderstack"):
        said = _from_archive(said)
    return checked(said)


def _from_archive(said: dict[str, Any]) -> dict[str, Any]:
    """Keep what the SDK said and the corrected time; leave out what the service added."""
    said = {_CAMEL.get(name, name): value for name, value in said.items()}
    kept = {name: value for name, value in said.items() if name in _KEPT and value is not None}
    kept.setdefault("timestamp", said.get("originalTimestamp") or said.get("receivedAt"))
    traits = (said.get("context") or {}).get("traits")
    # RudderStack keeps an identify's traits in the context; beside a group stand the person's.
    if said.get("type") == "identify" and "traits" not in kept and traits:
        kept["traits"] = traits
    return kept


def checked(item: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Check what history needs beyond a live event: a call and a time."""
    if item.get("type") is None and item.get("event"):
        item["type"] = "track"
    if item.get("type") not in CALLS:
        return None, f"Expected a type of {', '.join(CALLS)}, got {_named(item.get('type'))}."
    stated = item.get("timestamp") or item.get("originalTimestamp")
    if not stated:
        return None, "Expected a timestamp, got none: history must say when it happened."
    if read_instant(stated) is None:
        what = "a time such as 2026-01-31T12:00:00Z"
        return None, expected(what, repr(str(stated)[:_SHOWN_MAX]), "timestamp")
    # The time of sending belongs to the first sending; kept, it would be taken for a clock's skew.
    item.pop("sentAt", None)
    item.pop("receivedAt", None)
    return item, ""


def _named(value: Any) -> str:
    """Show what was said: a text in quotes, `none`, or of which kind it is."""
    from heedful.ingest.wire import kind_of

    if value is None:
        return "none"
    return repr(value[:_SHOWN_MAX]) if isinstance(value, str) else kind_of(value)


class _Texts:
    """Lines as text; one that is no UTF-8 raises and the next ones are still there."""

    def __init__(self, stream: BinaryStream) -> None:
        self._stream, self._encoding = stream, "utf-8-sig"

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LINE_BYTES_MAX)
        if not line:
            raise StopIteration
        encoding, self._encoding = self._encoding, "utf-8"
        return line.decode(encoding)


def _csv(path: Path, stream: BinaryStream, place: Callable[[], int], kind: str) -> Iterator[Line]:
    delimiter = "\t" if ".tsv" in path.name.lower() else ","
    rows = csv.reader(_Texts(stream), delimiter=delimiter, strict=True)
    columns = _header(next(rows, []), path)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError) as error:
            yield Line(rows.line_num, None, f"Expected CSV in UTF-8: {error}.", place())
            continue
        if not row:
            continue
        if len(row) != len(columns):
            problem = f"Expected {len(columns)} cells, got {len(row)}."
            yield Line(rows.line_num, None, problem, place())
            continue
        yield Line(rows.line_num, *checked(_from_row(columns, row)), place())


def _header(names: list[str], path: Path) -> list[str]:
    columns = [_CAMEL.get(name.strip(), name.strip()) for name in names]
    for column in columns:
        if column in FIELDS or column.startswith(PREFIXES):
            continue
        near = get_close_matches(column.replace("_", "").lower(), _FOLDED, 1, _TYPO_MIN)
        if column and not near:
            continue
        remedy = f"Did you mean {_FOLDED[near[0]]}?" if near else "Give each column a name."
        what = expected("a known column or one of your own", repr(column), f"{path}:1", remedy)
        raise InputError("bad_header", what)
    if "timestamp" not in columns:
        what = expected("a column timestamp", "none", f"{path}:1")
        raise InputError("bad_header", what)
    if not {"type", "event"} & set(columns):
        what = expected("a column type or event", "neither", f"{path}:1")
        raise InputError("bad_header", what)
    return columns


def _from_row(columns: list[str], row: list[str]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for column, cell in zip(columns, row, strict=True):
        if not cell:
            continue
        head, _, rest = column.partition(".")
        if column in FIELDS:
            item[column] = cell
            continue
        if not column.startswith(PREFIXES):
            own[column] = typed(cell)
            continue
        place = item.setdefault(head, {})
        *folders, name = rest.split(".") if head == "context" else [rest]
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = typed(cell)
    if own:
        said = "traits" if item.get("type") in ("identify", "group") else "properties"
        item[said] = own | item.get(said, {})
    return item


def typed(cell: str) -> Any:
    """Read a cell as JSON would have had it; what only looks like a number stays text.

    Examples
    --------
    >>> typed("19.90"), typed("true"), typed("00420"), typed('["a"]'), typed("+49 1")
    (19.9, True, '00420', ['a'], '+49 1')
    """
    if _NUMBER.fullmatch(cell):
        return float(cell) if "." in cell else int(cell)
    if cell in ("true", "false"):
        return cell == "true"
    if cell[0] in "[{":
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell
