"""Turn the Complete Journey households (CSV) into Segment-shaped JSON lines for `heedful import`.

    python examples/complete_journey/to_jsonl.py [FOLDER] --out complete_journey.jsonl

Households are people, baskets are orders, redemptions are coupons, campaigns are events.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

FOLDER: Final = "complete_journey"
CURRENCY: Final = "USD"
FIRST_DAY: Final = "2017-01-01T00:00:00.000Z"
"""Start of the study: demographics have no date of their own."""
NOON: Final = timedelta(hours=12)
"""Redemptions and campaigns have a day and no time of day."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NEEDED: Final = ("transactions_sample", "coupon_redemptions", "campaigns", "campaign_descriptions")
ALSO: Final = ("demographics",)
CONSOLE: Final = Console(stderr=True, highlight=False)

Row = Mapping[str, str]
Call = dict[str, Any]


def default_data() -> Path:
    """Say where the data is unless the caller names it."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("HEEDFUL_DATA") or beside) / FOLDER


def find_file(folder: Path, table: str) -> Path | None:
    """Find a table as `.csv.gz` or `.csv`; `transactions` stands in for its sample."""
    for name in (table, table.removesuffix("_sample")):
        for suffix in (".csv.gz", ".csv"):
            if (folder / (name + suffix)).is_file():
                return folder / (name + suffix)
    return None


def find_tables(data: Path | None) -> dict[str, Path]:
    """Find all tables that are there; ends in words where one that is needed is missing."""
    folder = data or default_data()
    found = {table: find_file(folder, table) for table in (*NEEDED, *ALSO)}
    missing = [table for table in NEEDED if found[table] is None]
    if missing:
        CONSOLE.print(
            f"Expected the Complete Journey tables, got no {', '.join(missing)} (.csv or .csv.gz) "
            f"at {folder}. Give the folder, or set HEEDFUL_DATA to the folder that holds "
            f"{FOLDER}; README.md says where the data comes from."
        )
        raise typer.Exit(1)
    return {table: file for table, file in found.items() if file is not None}


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _day(number: str) -> str:
    return _instant(EPOCH + timedelta(days=int(float(number))) + NOON)


def _cents(amount: str) -> int:
    return round(float(amount) * 100)


def _household(row: Row) -> str:
    return f"household-{row['household_id']}"


def _track(event: str, user_id: str, at: str, message_id: str, properties: dict[str, Any]) -> Call:
    return {
        "type": "track",
        "event": event,
        "userId": user_id,
        "properties": properties,
        "timestamp": at,
        "messageId": f"cj-{message_id}",
    }


def households(rows: Iterable[Row]) -> Iterator[Call]:
    """Turn demographics into identify calls; a blank answer is left out."""
    for row in rows:
        traits = {name: value for name, value in row.items() if value and name != "household_id"}
        yield {
            "type": "identify",
            "userId": _household(row),
            "traits": traits,
            "timestamp": FIRST_DAY,
            "messageId": f"cj-household-{row['household_id']}",
        }


def orders(rows: Iterable[Row]) -> Iterator[Call]:
    """Turn the lines of each basket into one `Order Completed`.

    Notes
    -----
    `revenue` is what the household's lines sold for; the discounts stand beside it. Sums are of
    integer cents, so they do not depend on the order of the lines.
    """
    baskets: dict[str, list[Row]] = {}
    for row in rows:
        baskets.setdefault(row["basket_id"], []).append(row)
    for basket_id, lines in baskets.items():
        at = max(float(line["transaction_timestamp"]) for line in lines)
        paid = sum(_cents(line["sales_value"]) for line in lines) / 100
        properties: dict[str, Any] = {
            "order_id": basket_id,
            "store_id": lines[0]["store_id"],
            "revenue": paid,
            "total": paid,
            "currency": CURRENCY,
            "retail_discount": sum(_cents(line["retail_disc"]) for line in lines) / 100,
            "coupon_discount": sum(
                _cents(line["coupon_disc"]) + _cents(line["coupon_match_disc"]) for line in lines
            )
            / 100,
            "products": [_line(line) for line in lines],
        }
        moment = _instant(EPOCH + timedelta(seconds=at))
        yield _track(
            "Order Completed", _household(lines[0]), moment, f"basket-{basket_id}", properties
        )


def _line(row: Row) -> dict[str, Any]:
    quantity = int(float(row["quantity"]))
    cents = _cents(row["sales_value"])
    line = {"product_id": row["product_id"], "quantity": quantity, "sales_value": cents / 100}
    # Segment's `price` is for one piece; a line of none has no such price.
    return line | ({"price": round(cents / quantity) / 100} if quantity else {})


def coupons(rows: Iterable[Row]) -> Iterator[Call]:
    """Turn redemptions into `Coupon Applied`; equal rows are so many coupons of one kind."""
    seen = Counter[tuple[str, ...]]()
    for row in rows:
        content = tuple(row.values())
        seen[content] += 1
        day = int(float(row["redemption_date"]))
        key = f"{row['household_id']}-{row['coupon_upc']}-{row['campaign_id']}-{day}"
        message_id = f"coupon-{key}-{seen[content]}"
        properties = {"coupon_id": row["coupon_upc"], "campaign_id": row["campaign_id"]}
        at = _day(row["redemption_date"])
        yield _track("Coupon Applied", _household(row), at, message_id, properties)


def campaigns(rows: Iterable[Row], descriptions: Iterable[Row]) -> Iterator[Call]:
    """Turn each household's campaign into `Campaign Received` on the campaign's first day.

    `Campaign Received` is ours: Segment's catalogue has no name for a mailing that is not e-mail.
    """
    by_id = {row["campaign_id"]: row for row in descriptions}
    for row in rows:
        campaign = by_id.get(row["campaign_id"])
        if campaign is None:
            continue
        properties = {
            "campaign_id": row["campaign_id"],
            "campaign_type": campaign["campaign_type"],
            "starts_at": _day(campaign["start_date"]),
            "ends_at": _day(campaign["end_date"]),
        }
        message_id = f"campaign-{row['campaign_id']}-{row['household_id']}"
        at = _day(campaign["start_date"])
        yield _track("Campaign Received", _household(row), at, message_id, properties)


def in_time_order(calls: Iterable[Call]) -> list[Call]:
    """Sort calls by time, then message id: the same data gives the same bytes."""
    return sorted(calls, key=lambda call: (call["timestamp"], call["messageId"]))


def read_rows(raw: BinaryIO, *, zipped: bool) -> Iterator[Row]:
    """Read the rows of an open file."""
    stream = gzip.GzipFile(fileobj=raw) if zipped else raw
    yield from csv.DictReader(io.TextIOWrapper(stream, "utf-8", newline=""))


def read_calls(files: Mapping[str, Path]) -> list[Call]:
    """Read all tables that are there and give their calls in the order of time."""
    tables: dict[str, list[Row]] = {}
    with Progress(console=CONSOLE) as progress:
        for table, file in files.items():
            with progress.open(file, "rb", description=table) as raw:
                tables[table] = list(read_rows(raw, zipped=file.suffix == ".gz"))
    return in_time_order(
        (
            *households(tables.get("demographics", [])),
            *orders(tables["transactions_sample"]),
            *coupons(tables["coupon_redemptions"]),
            *campaigns(tables["campaigns"], tables["campaign_descriptions"]),
        )
    )


def write(calls: Iterable[Call], out: BinaryIO) -> None:
    """Write calls as JSON, one a line."""
    for call in calls:
        out.write(msgspec.json.encode(call) + b"\n")


def main(
    data: Annotated[
        Path | None, typer.Argument(help="Folder with the tables; by default in HEEDFUL_DATA.")
    ] = None,
    out: Annotated[
        str, typer.Option("--out", "-o", help="File to write; - for standard output.")
    ] = "complete_journey.jsonl",
) -> None:
    """Turn the Complete Journey into Segment-shaped JSON lines for `heedful import`."""
    calls = read_calls(find_tables(data))
    if out == "-":
        write(calls, sys.stdout.buffer)
    else:
        with Path(out).open("wb") as file:
            write(calls, file)
    CONSOLE.print(f"{len(calls):,} events written to {out}.")


if __name__ == "__main__":
    typer.run(main)
