"""`heedful import`: history from files, in batches, resumable, each event at most once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from heedful.cli.answers import NO, WRONG, end, say
from heedful.cli.options import HERE, Db, Dir, Json

if TYPE_CHECKING:
    from heedful.cli.client import Api
    from heedful.cli.formats import Line
    from heedful.cli.resume import Point

BATCH_EVENTS_MAX: Final = 500
"""Events of one request."""
BATCH_BYTES_MAX: Final = 2 * 1024 * 1024
"""Bytes of one request, before it is sent; the server takes 4 MiB."""
TRIES_MAX: Final = 20
"""How often one batch is sent while the server says that it is busy."""
WAIT_S_MAX: Final = 30
"""Longest wait between two tries."""
SOURCE: Final = "import"
"""The source of events of which nobody says another."""
REPORTED_MAX: Final = 20
"""Bad lines that are named one by one; the rest are counted."""

_COUNTED: Final = ("events", "refused", "suppressed", "problems")

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="May be compressed (.gz).")]


def import_(
    files: Files,
    source: Annotated[str, typer.Option(help="The source that the events belong to.")] = SOURCE,
    kind: Annotated[
        str | None,
        typer.Option(
            "--format", help="csv, jsonl, segment or rudderstack; by default by the file's name."
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="From the first line, whatever was done before.")
    ] = False,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Import events from files; interrupted, it goes on where it was.

    Exit code 1 where a line was left out or an event refused, now or before an interruption: the
    others are in. Events of people who were erased are counted and kept nowhere, as they should be.

    A line of JSON is one call of Segment's specification. A CSV names its columns: timestamp, event
    or type, userId (or user_id), anonymousId; others are properties, or traits of an identify.
    """
    from heedful.cli.client import connect
    from heedful.cli.formats import FORMATS
    from heedful.cli.screen import print_json
    from heedful.cli.sources import meant_source
    from heedful.kernel import PeerError

    if kind is not None and kind not in FORMATS:
        end(WRONG, f"Expected {', '.join(FORMATS)}, got {kind!r} - at `--format`.")
    for file in files:
        if not file.is_file():
            end(WRONG, f"Expected a file, got none - at `{file}`.")
    with connect(directory, db) as api:
        if source != SOURCE and (meant := meant_source(api, source)):
            say(f"Nothing has come from the source {source} before. Did you mean {meant}?")
        work = _Import(api, directory, source)
        try:
            for file in files:
                work.run(file, kind, again)
        except (KeyboardInterrupt, PeerError):
            work.close()
            say("Stopped. The same command goes on from here.")
            raise
        finally:
            work.close()
        is_held = work.has_refused and bool(api.get("/v1/quarantine", limit=1)["items"])
    if as_json:
        print_json(work.summary())
    else:
        work.report()
        if is_held:
            print("What the server could not take stands in `heedful quarantine list`.")
    if not work.is_whole:
        end(NO)


class _Import:
    """One run over several files."""

    def __init__(self, api: Api, workspace: Path, source: str) -> None:
        from heedful.cli.progress import transfer

        self._api, self._workspace, self._source = api, workspace, source
        self._stack = ExitStack()
        self._bar = self._stack.enter_context(transfer())
        self.events = self.refused = self.suppressed = self.problems = self.skipped = 0
        self._before = dict.fromkeys(_COUNTED, 0)
        self._files: list[dict[str, Any]] = []

    @property
    def has_refused(self) -> bool:
        """Whether the server refused any of the files, in this run or an earlier one."""
        return bool(self.refused or self._before["refused"])

    @property
    def is_whole(self) -> bool:
        """Whether all of the files is in, whichever run brought it there."""
        return not (self.has_refused or self.problems or self._before["problems"])

    def close(self) -> None:
        self._stack.close()

    def run(self, file: Path, kind: str | None, again: bool) -> None:
        """Import one file from its resume point on."""
        from heedful.cli import resume
        from heedful.cli.formats import format_of, read_lines

        place = resume.point_path(self._workspace, file, self._source)
        fresh = resume.Point(file=str(file), source=self._source)
        point = fresh if again else resume.load(place, file, self._source)
        before = {name: getattr(point, name) for name in _COUNTED}
        for name, count in before.items():
            self._before[name] += count
        if point.is_done:
            self.skipped += 1
            landed = f"{before['events']:,} events"
            say(f"{file} was imported before ({landed}); --again sends it again.")
            self._file(file, point, before, was_done=True)
            return
        if point.lines_done:
            say(f"{file}: going on after line {point.lines_done:,}.")
        task = self._bar.add_task(file.name, total=file.stat().st_size, events=point.events)
        for lines in _batches(read_lines(file, kind or format_of(file)), point.lines_done):
            items = [line.item for line in lines if line.item is not None]
            for line in lines:
                if line.item is None:
                    self._bad(file, line)
                    point.problems += 1
            refused, suppressed = self._send(items) if items else (0, 0)
            point.events += len(items) - refused - suppressed
            point.refused += refused
            point.suppressed += suppressed
            point.lines_done = lines[-1].number
            resume.save(place, point)
            self._bar.update(task, completed=lines[-1].bytes_read, events=point.events)
        point.is_done = True
        resume.save(place, point)
        self._bar.update(task, completed=file.stat().st_size, events=point.events)
        self._file(file, point, before)

    def _file(self, file: Path, point: Point, before: dict[str, int], **more: bool) -> None:
        """Note what this run brought of a file, and what earlier ones had."""
        now = {name: getattr(point, name) - count for name, count in before.items()}
        self.events += now["events"]
        self.refused += now["refused"]
        self.suppressed += now["suppressed"]
        self._files.append({"file": str(file), **now, "before": before, **more})

    def _bad(self, file: Path, line: Line) -> None:
        self.problems += 1
        if self.problems <= REPORTED_MAX:
            say(f"{file}:{line.number}: {line.problem}")
        elif self.problems == REPORTED_MAX + 1:
            say("Further bad lines are counted, not named.")

    def _send(self, items: list[dict[str, Any]]) -> tuple[int, int]:
        """Send a batch until it is durable, a busy server is waited for.

        Gives how many of it were refused, and how many suppressed.
        """
        import time

        from heedful.kernel import PeerError

        tries_left = TRIES_MAX
        while True:
            tries_left -= 1
            try:
                said = self._api.post("/v1/import", {"batch": items}, source=self._source)
                return int(said.get("refused", 0)), int(said.get("suppressed", 0))
            except PeerError as error:
                wait_s = error.detail.get("retry_after_s")
                if wait_s is None or not tries_left:
                    raise
                time.sleep(min(int(wait_s), WAIT_S_MAX))

    def summary(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in _COUNTED}
        return {**counts, "before": self._before, "files": self._files}

    def report(self) -> None:
        from heedful.cli.screen import count

        files = count(len(self._files) - self.skipped, "file")
        print(f"{count(self.events, 'event')} from {files}.")
        now = {name: getattr(self, name) for name in _COUNTED}
        for counts, when in ((now, ""), (self._before, " before")):
            if counts["refused"]:
                print(f"{count(counts['refused'], 'event')} refused{when}.")
            if counts["suppressed"]:
                print(f"{count(counts['suppressed'], 'event')} of erased people kept out{when}.")
            if counts["problems"]:
                print(f"{count(counts['problems'], 'line')} left out{when}.")


def _batches(lines: Iterator[Line], done: int) -> Iterator[list[Line]]:
    """Group lines into requests, those up to `done` left out."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        if line.number <= done:
            continue
        size += len(json.dumps(line.item)) if line.item is not None else 0
        if batch and (len(batch) >= BATCH_EVENTS_MAX or size > BATCH_BYTES_MAX):
            yield batch
            batch, size = [], len(json.dumps(line.item))
        batch.append(line)
    if batch:
        yield batch
