"""Turn REES46 shop events (CSV) into Segment-shaped JSON lines for `heedful import`.

    python examples/rees46/to_jsonl.py [FILE.csv[.gz] or folder] --out rees46.jsonl

Streams: a month of the full set is several gigabytes and none of it is kept in memory.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

EVENTS: Final = {
    "view": "Product Viewed",
    "cart": "Product Added",
    "remove_from_cart": "Product Removed",
    "purchase": "Order Completed",
}
CURRENCY: Final = "USD"
FOLDER: Final = "rees46_ecommerce_events"
CONSOLE: Final = Console(stderr=True, highlight=False)

Row = Mapping[str, str]


def default_data() -> Path:
    """Say where the data is unless the caller names it."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("HEEDFUL_DATA") or beside) / FOLDER


def find_files(path: Path) -> list[Path]:
    """List the event files at a path in the order of their names; empty when there are none."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.name.endswith((".csv", ".csv.gz")))
    return [path] if path.is_file() else []


def to_call(row: Row, copy: int) -> dict[str, Any] | None:
    """Turn one row into one call, or None when it names no event or nobody.

    Parameters
    ----------
    row
        A line of the file by column.
    copy
        How many equal rows stood before it: two equal rows are two events.
    """
    event = EVENTS.get(row["event_type"])
    if event is None or not (row["user_id"] or row["user_session"]):
        return None
    timestamp = row["event_time"].removesuffix(" UTC").replace(" ", "T") + "Z"
    product = _product(row)
    if event == "Order Completed":
        # One row is one article: the shop's order number is not in the data.
        order_id = f"{row['user_session']}:{timestamp}:{row['product_id']}"
        amount = (
            {"revenue": product["price"], "total": product["price"]} if "price" in product else {}
        )
        properties = {
            "order_id": order_id,
            "currency": CURRENCY,
            **amount,
            "products": [{**product, "quantity": 1}],
        }
    else:
        properties = product | ({"quantity": 1} if event != "Product Viewed" else {})
    return {
        "type": "track",
        "event": event,
        "userId": row["user_id"] or None,
        "anonymousId": row["user_session"] or None,
        "properties": properties,
        "timestamp": timestamp,
        "messageId": _message_id(row, copy),
    }


def _product(row: Row) -> dict[str, Any]:
    product: dict[str, Any] = {"product_id": row["product_id"]}
    # Many rows have no category and no brand: absent is not the same as empty.
    for column, name in (
        ("category_code", "category"),
        ("category_id", "category_id"),
        ("brand", "brand"),
    ):
        if row[column]:
            product[name] = row[column]
    if row["price"]:
        product["price"] = float(row["price"])
    product["currency"] = CURRENCY
    return product


def _message_id(row: Row, copy: int) -> str:
    text = "\x1f".join([*row.values(), str(copy)])
    return "rees46-" + blake2b(text.encode(), digest_size=12).hexdigest()


def to_calls(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Turn rows, in the order of time in which they come, into calls."""
    second, seen = "", Counter[tuple[str, ...]]()
    for row in rows:
        if row["event_time"] != second:
            # Equal rows have equal times, so only the current second needs remembering.
            second = row["event_time"]
            seen.clear()
        content = tuple(row.values())
        call = to_call(row, seen[content])
        seen[content] += 1
        if call is not None:
            yield call


def read_rows(raw: BinaryIO, *, zipped: bool) -> Iterator[Row]:
    """Read the rows of an open file."""
    stream = gzip.GzipFile(fileobj=raw) if zipped else raw
    yield from csv.DictReader(io.TextIOWrapper(stream, "utf-8", newline=""))


def read_files(files: list[Path]) -> Iterator[dict[str, Any]]:
    """Give the calls of all files, one after the other."""
    with Progress(console=CONSOLE) as progress:
        for file in files:
            with progress.open(file, "rb", description=file.name) as raw:
                yield from to_calls(read_rows(raw, zipped=file.suffix == ".gz"))


def convert(files: list[Path], out: BinaryIO) -> int:
    """Write the calls of all files, one JSON object a line, and return their number."""
    written, encode = 0, msgspec.json.encode
    for call in read_files(files):
        out.write(encode(call) + b"\n")
        written += 1
    return written


def require_files(data: Path | None) -> list[Path]:
    """Find the event files at a path; ends in words where there are none."""
    path = data or default_data()
    files = find_files(path)
    if not files:
        CONSOLE.print(
            f"Expected REES46 events (.csv or .csv.gz), got nothing at {path}. "
            "Give the path, or set HEEDFUL_DATA to the folder that holds "
            f"{FOLDER}; README.md says where the data comes from."
        )
        raise typer.Exit(1)
    return files


def main(
    data: Annotated[
        Path | None, typer.Argument(help="File or folder; by default in HEEDFUL_DATA.")
    ] = None,
    out: Annotated[
        str, typer.Option("--out", "-o", help="File to write; - for standard output.")
    ] = "rees46.jsonl",
) -> None:
    """Turn REES46 shop events into Segment-shaped JSON lines for `heedful import`."""
    files = require_files(data)
    if out == "-":
        written = convert(files, sys.stdout.buffer)
    else:
        with Path(out).open("wb") as file:
            written = convert(files, file)
    CONSOLE.print(f"{written:,} events written to {out}.")


if __name__ == "__main__":
    typer.run(main)
