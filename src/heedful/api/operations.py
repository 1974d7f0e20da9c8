"""Running a workspace: quarantine, keys, strategy, replay, backup, doctor."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter
from litestar.response import Stream

from heedful import strategy as strategies
from heedful.api import answers, sse
from heedful.api.bodies import INT_MAX, Archive, Backup, MadeKey, NewKey, Redrive, StrategyFiles
from heedful.api.context import CALLER, Context, Here
from heedful.api.paging import PageSize, page_of
from heedful.app import keeping, read_strategy_files
from heedful.app.publishing import SAMPLE_PEOPLE_MAX, Replayed
from heedful.app.quarantine import Held, Redriven
from heedful.app.workspace import require_backup_name, require_file_names
from heedful.engine.reading import customer_id
from heedful.kernel import InputError, expected, format_instant
from heedful.sense import moment_definitions

RowNumber = Annotated[int, PathParameter(ge=1, le=INT_MAX)]
After = Annotated[
    int,
    QueryParameter(
        ge=0, le=INT_MAX, schema_extra={"minimum": 0}, description="Only rows beyond this id."
    ),
]
Sample = Annotated[
    int,
    QueryParameter(
        ge=0,
        le=SAMPLE_PEOPLE_MAX,
        schema_extra={"minimum": 0},
        description="People whose past is replayed under the strategy in force and under this.",
    ),
]
Done = dict[str, bool]


class QuarantinePage(msgspec.Struct, frozen=True):
    """A page of the quarantine."""

    items: list[Held]


class KeyShown(msgspec.Struct, frozen=True):
    """A key without the key."""

    name: str
    role: str
    created_at: str
    revoked_at: str | None


class KeyList(msgspec.Struct, frozen=True):
    """All keys, the oldest first."""

    items: list[KeyShown]


class StrategyAnswer(msgspec.Struct, frozen=True):
    """A strategy's version, or why it has none."""

    version: str | None
    problems: list[strategies.StrategyProblem] = []
    replayed: Replayed | None = None
    """What it would decide differently over what a sample of people did, where that was asked."""
    warnings: list[strategies.StrategyProblem] = []
    """What is allowed and likely not meant."""


class Wanted(msgspec.Struct, frozen=True):
    """An approval that is waited for."""

    id: str
    required: int
    """People who have to agree beside the one who asked."""
    expires_at: str


class Published(msgspec.Struct, frozen=True):
    """A strategy's version, in force unless others have to agree first."""

    version: str
    approval: Wanted | None = None
    """What others have to agree to; their agreement publishes it."""


@get("/v1/quarantine", sync_to_thread=True)
def list_quarantine(context: Here, after: After = 0, limit: PageSize = 100) -> QuarantinePage:
    """Read what arrived and could not become an event, in the order of arrival."""
    return QuarantinePage(context.app.quarantine(after, page_of(limit)))


@get("/v1/quarantine/{row:int}", sync_to_thread=True)
def show_quarantined(context: Here, row: RowNumber) -> Held:
    """Show one row with what was sent."""
    return context.app.quarantined(row)


@delete("/v1/quarantine/{row:int}", status_code=200, answer=answers.Success, sync_to_thread=True)
def delete_quarantined(context: Here, row: RowNumber) -> Done:
    """Delete one row for good."""
    context.app.quarantined(row)
    context.app.discard([row])
    return {"success": True}


@post("/v1/quarantine/redrive", status_code=200, sync_to_thread=True)
def redrive(context: Here, data: JSONBody[Redrive]) -> Redriven:
    """Send rows through ingest again under the rules in force: by id, by reason, or all."""
    return context.app.redrive(data.ids, data.reason)


@get("/v1/keys", sync_to_thread=True)
def list_keys(context: Here) -> KeyList:
    """List the keys by what they are for; the keys themselves are not kept."""
    shown = [
        KeyShown(
            row.name,
            row.role,
            format_instant(row.created_at),
            None if row.revoked_at is None else format_instant(row.revoked_at),
        )
        for row in context.app.list_keys()
    ]
    return KeyList(shown)


@post("/v1/keys", status_code=201, sync_to_thread=True)
def create_key(context: Here, data: JSONBody[NewKey]) -> MadeKey:
    """Make a key and show it, this once."""
    key = context.app.create_key(data.role, data.name, data.key)
    return MadeKey(key=key, role=data.role, name=data.name)


@delete("/v1/keys/{name:str}", status_code=200, answer=answers.Success, sync_to_thread=True)
def revoke_key(context: Here, name: FromPath[str]) -> Done:
    """Take a key out of force; its next request is refused."""
    context.app.revoke_key(name)
    return {"success": True}


@get("/v1/strategy", answer=answers.StrategyInForce, sync_to_thread=False)
def show_strategy(context: Here) -> dict[str, Any]:
    """Show the strategy in force: its version and the texts of its files."""
    app = context.app
    return {"version": app.strategy.version, "files": dict(app.files)}


@get("/v1/strategy/versions", answer=answers.StrategyVersions, sync_to_thread=True)
def list_versions(context: Here) -> dict[str, Any]:
    """List what was published, the oldest first; a version may stand in it more than once."""
    items = [
        {**event.properties, "at": format_instant(event.at)}
        for event in context.app.engine.publications()
    ]
    return {"items": items}


@get("/v1/strategy/versions/{version:str}", answer=answers.StrategyInForce, sync_to_thread=True)
def show_version(context: Here, version: FromPath[str]) -> dict[str, Any]:
    """Show a version that was published, or that others are asked about: its files."""
    return {"version": version, "files": context.app.strategy_files(version)}


@get("/v1/signals", answer=answers.Signals, sync_to_thread=False)
def list_signals(context: Here) -> dict[str, Any]:
    """List the signals that the strategy in force declares, those of `sequences` last."""
    strategy = context.app.strategy
    listed = (*strategy.signals, *moment_definitions(strategy.sequences))
    return {"items": [msgspec.to_builtins(one) for one in listed]}


@post("/v1/strategy/check", status_code=200, sync_to_thread=True)
def check_strategy(
    context: Here, data: JSONBody[StrategyFiles | None] = None, sample: Sample = 0
) -> StrategyAnswer:
    """Check a strategy: the files sent, or without a body those in the workspace's folder."""
    files = sent_files(context, data)
    problems = strategies.check(files)
    if problems:
        return StrategyAnswer(None, problems)
    replayed = context.app.compare_strategy(files, sample) if sample else None
    version, warnings = strategies.load(files).version, strategies.warn(files)
    return StrategyAnswer(version, problems, replayed, warnings)


@post("/v1/strategy/publish", status_code=200, sync_to_thread=True)
def publish_strategy(
    context: Here,
    request: Request[Any, Any, Any],
    data: JSONBody[StrategyFiles | None] = None,
    reason: FromQuery[str] = "",
) -> Published:
    """Put a strategy in force between two events: the files sent, or those in the folder.

    Where the policy in force asks for it, somebody else has to agree first; the last one who
    has to agree puts it in force.
    """
    files, by = sent_files(context, data), str(request.scope["state"][CALLER].name)
    asked = context.app.publish_strategy(files, by, reason)
    version = strategies.load(files).version
    if asked is None:
        return Published(version)
    return Published(version, Wanted(asked.id, asked.required, format_instant(asked.expires_at)))


def sent_files(context: Context, data: StrategyFiles | None) -> dict[str, str]:
    """Take the files of a strategy that were sent, or those in the workspace's folder."""
    if data is None:
        return read_strategy_files(context.app.directory)
    require_file_names(data.files)
    return data.files


@post("/v1/replay", status_code=200, sync_to_thread=False)
def replay(context: Here) -> Stream:
    """Fold all facts anew from the log and compare every byte; progress, then `result`."""

    def work(progress: sse.Progress) -> dict[str, Any]:
        if not context.replaying.acquire(blocking=False):
            what = expected("no other replay at work", "one that is", "server", "Wait for it.")
            raise InputError("job_running", what)
        try:
            verdict = context.app.engine.verify(progress)
        finally:
            context.replaying.release()
        return {
            "is_equal": verdict.is_equal,
            "customers": verdict.customers,
            "events": verdict.events,
            "clusters": verdict.clusters,
            "waiting": verdict.waiting,
            "differing": [customer_id(key) for key in verdict.differing],
            "graph_differing": [str(key) for key in verdict.graph_differing],
            "digest": verdict.digest,
        }

    return sse.working(context, work)


@post("/v1/backup", status_code=200, sync_to_thread=False)
def backup(context: Here, data: JSONBody[Backup]) -> Stream:
    """Write a consistent copy into the folder `backups`; progress in pages, then `result`."""
    require_backup_name(data.target)

    def work(progress: sse.Progress) -> dict[str, str]:
        return {"file": keeping.backup(context.app, data.target, progress, data.folder).name}

    return sse.working(context, work)


@get("/v1/backups", answer=answers.Backups, sync_to_thread=True)
def list_backups(context: Here) -> dict[str, Any]:
    """List the backups that were written, and how many of the people in each were erased since."""
    return {"items": keeping.backups(context.app)}


@post("/v1/archive", status_code=200, sync_to_thread=False)
def archive(context: Here, data: JSONBody[Archive]) -> Stream:
    """Move old events into Parquet files, where they are read as before; progress, then `result`.

    Moved events leave room in the database that is used again; `shrink` gives it back to the disk.
    """

    days = keeping.require_archive_days(context.app, data.days)

    def work(progress: sse.Progress) -> dict[str, int]:
        moved = keeping.archive(context.app, days, progress=progress)
        if data.shrink:
            context.app.store.vacuum()
        return moved._asdict()

    return sse.working(context, work)


@get("/v1/doctor", sync_to_thread=True)
def doctor(context: Here) -> dict[str, Any]:
    """Say how ready the data is and what will run out."""
    return context.app.doctor()


HANDLERS: Final = (
    list_quarantine,
    show_quarantined,
    delete_quarantined,
    redrive,
    list_keys,
    create_key,
    revoke_key,
    show_strategy,
    list_versions,
    show_version,
    list_signals,
    check_strategy,
    publish_strategy,
    replay,
    backup,
    list_backups,
    archive,
    doctor,
)
