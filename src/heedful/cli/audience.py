"""Deciding for an audience: a run, or several for a long list, into a file or onto the screen."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from heedful.cli.answers import WRONG, end

if TYPE_CHECKING:
    from heedful.cli.client import Api

LISTED: Final = 50_000
"""People of a list who are asked about in one run."""

LISTED_CHARS: Final = 3_000_000
"""Characters of a list that are sent at once, whoever they name."""

FIELDS: Final = (
    "customer_id", "action", "channel", "treatment", "tier", "need", "reason", "p_choose", "value",
)  # fmt: skip
"""Columns of the file, in their order."""

Write = Callable[[str], object]


class Told(NamedTuple):
    """What came of it."""

    actions: Counter[str]
    """People by action."""
    looked: int
    alone: int
    """People who were decided one by one."""
    processes: int
    hints: list[str]


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
    if path.suffix in (".txt", ".csv"):
        end(WRONG, f"Expected a file of ids, got none - at `{said}`.")
    return said, None


def decide_audience(api: Api, said: str, asked: dict[str, Any], out: Path | None) -> Told:
    """Ask about everybody of an audience and write each answer down.

    Notes
    -----
    What is written stands under another name until it is whole: a run that ends early, in whatever
    way, leaves no file.
    """
    condition, whom = read_audience(said)
    actions: Counter[str] = Counter()
    looked = alone = processes = 0
    hints: list[str] = []
    with _writing(out) as (form, write), _bar() as advance:
        given = {**asked, "audience": condition, "rows": form}
        for part in [None] if whom is None else _parts(whom):
            listed = {} if part is None else {"customers": part}
            before, total = looked, None if whom is None else len(whom)
            messages = api.messages("POST", "/v1/audiences/run", {**given, **listed})
            told = None
            for name, data in messages:
                if name == "rows":
                    write(data["text"])
                elif name == "progress":
                    advance(before + data["done"], total or data["total"])
                else:
                    told = _result(name, data)
            if told is None:
                raise _cut_short()
            actions.update(told["actions"])
            looked, alone = looked + told["looked"], alone + told["alone"]
            processes, hints = max(processes, told["processes"]), told["hints"]
    return Told(actions, looked if whom is None else len(whom), alone, processes, hints)


def _parts(whom: list[str]) -> Iterator[list[str]]:
    """Cut a list into parts of one run each."""
    part: list[str] = []
    size = 0
    for name in whom:
        if len(part) == LISTED or size + len(name) > LISTED_CHARS:
            yield part
            part, size = [], 0
        part.append(name)
        size += len(name) + 3
    yield part


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    from heedful.cli.screen import console

    err = console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("people"),
        Remaining(),
    )  # fmt: skip
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("deciding", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _writing(out: Path | None) -> Iterator[tuple[str | None, Write]]:
    """Open what answers are written to, by the ending of its name; it is there once it is whole."""
    if out is None:
        yield None, lambda text: None
        return
    if out.suffix not in (".csv", ".jsonl", ".parquet"):
        end(WRONG, f"{out}: expected a name that ends in .csv, .jsonl or .parquet.")
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        if out.suffix == ".parquet":
            with _parquet(part) as write:
                yield "csv", write
        else:
            with part.open("w", encoding="utf-8", newline="") as file:
                form = out.suffix[1:]
                if form == "csv":
                    file.write(",".join(FIELDS) + "\r\n")
                yield form, file.write
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _parquet(file: Path) -> Iterator[Write]:
    from heedful.store import require_archive_extra

    require_archive_extra()
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    lines = import_module("pyarrow.csv")
    types = {
        field: arrow.float64() if field in ("p_choose", "value") else arrow.string()
        for field in FIELDS
    }
    named = lines.ReadOptions(column_names=list(FIELDS))
    typed = lines.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    with parquet.ParquetWriter(str(file), arrow.schema(list(types.items()))) as writer:

        def write(text: str) -> None:
            read = arrow.BufferReader(text.encode())
            writer.write_table(lines.read_csv(read, named, convert_options=typed))

        yield write


def _cut_short() -> Exception:
    from heedful.kernel import PeerError, expected

    what = expected("a result", "an answer that ended early", "the audience", "Try again.")
    return PeerError("cut_short", what)


def _result(name: str, data: Any) -> Any:
    """Take the last message of a run.

    Raises
    ------
    PeerError
        The run ended early.
    """
    from heedful.kernel import PeerError

    if name == "error":
        raise PeerError(str(data.get("code", "failed")), str(data.get("message", data)))
    return data
