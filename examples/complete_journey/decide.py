"""Let the sample shop's strategy decide over the Complete Journey households.

python -m examples.complete_journey.decide [FOLDER]
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

if not __package__:  # run as a file: the package `examples` is two folders up
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.complete_journey.to_jsonl import Call, find_tables, in_time_order, read_calls
from examples.histories import CONSENT, report, sample

LOOKS_BEFORE: Final = timedelta(minutes=1)


def with_visits(calls: Iterable[Call]) -> list[Call]:
    """Add what the tables leave out: that who buys comes and looks first, and who is mailed agreed.

    Notes
    -----
    A minute before each basket its household looks at the first product of it. A household has
    agreed to advertising from its first campaign on: the campaigns were sent to those on the list.
    """
    return in_time_order(_with_visits(calls))


def _with_visits(calls: Iterable[Call]) -> Iterator[Call]:
    agreed: set[str] = set()
    for call in calls:
        if call.get("event") == "Order Completed":
            at = datetime.fromisoformat(call["timestamp"]) - LOOKS_BEFORE
            product = call["properties"]["products"][0]["product_id"]
            yield {
                "type": "track",
                "event": "Product Viewed",
                "userId": call["userId"],
                "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "messageId": f"{call['messageId']}-looks",
                "properties": {"product_id": product},
            }
        if call.get("event") == "Campaign Received" and call["userId"] not in agreed:
            agreed.add(call["userId"])
            call = call | {"context": CONSENT}
        yield call


def place_of(call: Call) -> str | None:
    """Fill the front page when a household comes to look."""
    return "home" if call.get("event") == "Product Viewed" else None


def main(
    data: Annotated[
        Path | None, typer.Argument(help="Folder with the tables; by default in HEEDFUL_DATA.")
    ] = None,
    households: Annotated[
        int, typer.Option(min=1, help="So many, spread over all; there are some 2,500.")
    ] = 250,
) -> None:
    """Print what the sample shop's strategy would have done for the Complete Journey households."""
    calls = sample(with_visits(read_calls(find_tables(data))), households)
    for line in report("Complete Journey", calls, place_of):
        print(line, flush=True)


if __name__ == "__main__":
    typer.run(main)
