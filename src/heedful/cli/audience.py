"""Deciding for an audience: page after page, into a file or onto the screen."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from heedful.cli.answers import WRONG, end

if TYPE_CHECKING:
    from heedful.cli.client import Api

PAGE: Final = 5_000
"""Customers that are asked about at once."""

FIELDS: Final = (
    "customer_id", "action", "channel", "treatment", "tier", "need", "reason", "p_choose", "value",
)  # fmt: skip
"""Columns of the file, in their order."""

Write = Callable[[list[dict[str, Any]]], None]


def read_audience(said: str) -> tuple[str | None, list[str] | None]:
    """Read who is meant: a condition, `all`, or the people that a file lists, one a line.

    Returns
    -------
    The condition or None, and the people or None.
    """
    path = Path(said)
    if said == "all":
        return None, None
    if len(said) < 256 and path.is_file():
        lines = [
            line.split(",")[0].strip().strip('"') for line in path.read_text("utf-8").split("\n")
        ]
        whom = [line for line in lines if line and line not in ("customer_id", "user_id")]
        if not whom:
            end(WRONG, f"{path} lists nobody: one customer id, or NAMESPACE:VALUE, a line.")
        return None, whom
    return said, None


def decide_audience(
    api: Api, said: str, asked: dict[str, Any], out: Path | None
) -> tuple[Counter[str], int, int]:
    """Ask about everybody of an audience and write each answer down.

    Returns
    -------
    How many get each action, how many were looked at, and how many of the answers took people one
    by one.
    """
    condition, whom = read_audience(said)
    counted: Counter[str] = Counter()
    looked = alone = 0
    with _writing(out) as write, _bar() as advance:
        for page in _pages(api, {**asked, "audience": condition}, whom):
            items = page["items"]
            write(items)
            counted.update(item["action"] for item in items)
            alone += sum(not item["is_columnar"] for item in items)
            looked += page["looked"]
            advance(looked, page["total"] if whom is None else len(whom))
    return counted, looked, alone


def _pages(api: Api, asked: dict[str, Any], whom: list[str] | None) -> Iterator[dict[str, Any]]:
    if whom is not None:
        for start in range(0, len(whom), PAGE):
            yield api.post(
                "/v1/audiences/decide", {**asked, "customers": whom[start : start + PAGE]}
            )
        return
    after: str | None = None
    while True:
        page = api.post("/v1/audiences/decide", {**asked, "after": after}, limit=PAGE)
        yield page
        after = page["next_after"]
        if after is None:
            return


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    from rich.progress import Progress

    from heedful.cli.screen import console

    err = console(stderr=True)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("deciding", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _writing(out: Path | None) -> Iterator[Write]:
    """Open what answers are written to, by the ending of its name."""
    if out is None:
        yield lambda items: None
    elif out.suffix == ".csv":
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, extrasaction="ignore")
            writer.writeheader()
            yield writer.writerows
    elif out.suffix == ".jsonl":
        with out.open("w", encoding="utf-8") as file:

            def write(items: list[dict[str, Any]]) -> None:
                file.writelines(json.dumps({f: i[f] for f in FIELDS}) + "\n" for i in items)

            yield write
    elif out.suffix == ".parquet":
        yield from _parquet(out)
    else:
        end(WRONG, f"{out}: expected a name that ends in .csv, .jsonl or .parquet.")


def _parquet(out: Path) -> Iterator[Write]:
    from heedful.store import require_archive_extra

    require_archive_extra()
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    numbers = ("p_choose", "value")
    schema = arrow.schema(
        [(f, arrow.float64() if f in numbers else arrow.string()) for f in FIELDS]
    )
    with parquet.ParquetWriter(str(out), schema) as writer:

        def write(items: list[dict[str, Any]]) -> None:
            rows = [{f: item[f] for f in FIELDS} for item in items]
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))

        yield write
