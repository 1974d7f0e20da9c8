"""One workspace at work: what the server and the command line both stand on."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from heedful import strategy as strategies
from heedful.app import keeping, publishing, readiness
from heedful.app import quarantine as kept_aside
from heedful.app.backups import require_own_secret
from heedful.app.keys import Identity, KeyRing
from heedful.app.settings import Settings, read_settings
from heedful.app.workspace import (
    read_audit_key,
    read_connectors_file,
    read_secret,
    read_strategy_files,
    read_webhook_secrets,
    require_file_names,
    write_strategy_files,
)
from heedful.app.worlds import world_of
from heedful.connectors import (
    Surroundings,
    Unsubscription,
    open_connectors,
    read_connectors,
    read_unsubscribe_token,
)
from heedful.core import World
from heedful.engine import Engine, read_lineage
from heedful.engine.routing import require_promoted
from heedful.govern import Approval, SignedHead, name_of
from heedful.govern.verify import Verification
from heedful.ingest import SourceRules
from heedful.kernel import DAY_MS, InputError, PeerError, expected
from heedful.ports import KeyRow, Store, Transaction
from heedful.store import OwnerLock, SqliteSettings, SqliteStore, require_archive_extra
from heedful.strategy import Strategy

IMPORT_SOURCE: Final = "import"
"""Source of history that the owner brings in; its timestamps are believed as they stand."""

SWEEP_WAIT_S: Final = 3_600
"""How often the quarantine is looked through for what is too old."""

CLEAN_WAIT_S: Final = 60
"""How long an erasure that found no room for rewriting the store waits for the next try."""

_PROBE_META: Final = "probed_at"


def wall_clock() -> int:
    """Read the machine's clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class App:
    """A workspace's store, strategy, engine and keys.

    Parameters
    ----------
    directory
        The workspace.
    settings
        Its settings.
    store
        Open, and owned by this process.
    secret
        The workspace's secret.
    files
        The texts of its strategy.
    lock
        The lock of the store, let go of by `close`.

    Raises
    ------
    InputError
        `bad_strategy`, with every problem in `detail`.
    """

    def __init__(
        self,
        directory: Path,
        settings: Settings,
        store: Store,
        secret: bytes,
        files: Mapping[str, str],
        *,
        clock: Callable[[], int] = wall_clock,
        lock: OwnerLock | None = None,
    ) -> None:
        self.directory = directory
        self.settings = settings
        self.store = store
        self.secret = secret
        self.clock = clock
        self.files: Mapping[str, str] = dict(files)
        self.strategy: Strategy = strategies.load(files)
        self.owner_token = secrets.token_urlsafe(32)
        self._lock = lock
        self._is_running = False
        self._publishing = threading.Lock()
        self._closing = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="heedful-sweeper", daemon=True)
        require_own_secret(store, secret)
        self.engine = Engine(store, self._world(self.strategy), secret, clock)
        self.keys = KeyRing(store, secret, self._change)
        self.keys.admit_owner(self.owner_token)
        if lock is not None:
            lock.announce("", self.owner_token)

    # -- its life -------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the engine; a second call does nothing.

        Raises
        ------
        InputError
            `archive_extra_missing` without the package that archives need.
        """
        if self._is_running:
            return
        if self.settings.archive_days:
            require_archive_extra()
        connectors = open_connectors(
            read_connectors(read_connectors_file(self.directory), os.environ),
            Surroundings(self.secret, self.settings.public_url, self.engine.inbox, self.clock),
        )
        self.engine.start(connectors)
        self._is_running = True
        version = self.strategy.version
        if self.engine.published() != version:
            self._remember_strategy(version, self.files)
            self.engine.publish(self.engine.world, version)
        self._sweeper.start()

    def close(self) -> None:
        """Finish what was accepted, then let go of everything; a second call does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._is_running:
            self._is_running = False
            self._sweeper.join()
            self.engine.close()
        self.store.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def announce(self, url: str) -> None:
        """Tell the command line, through the lock file, where the server listens."""
        if self._lock is not None:
            self._lock.announce(url, self.owner_token)

    # -- strategy -------------------------------------------------------------------------------

    def publish_strategy(
        self, files: Mapping[str, str], by: str = "", reason: str = ""
    ) -> Approval | None:
        """Put a strategy in force and keep it in the workspace's folder, or ask for approval.

        Returns
        -------
        Approval or None
            The request that others have to agree to first; their agreement then publishes it.

        Raises
        ------
        InputError
            `bad_strategy`, `bad_file_name`, `whatif_missing`, `model_not_promoted`, and as
            `Governing.ask_to_publish`; the strategy in force stays.
        """
        require_file_names(files)
        loaded = strategies.load(files)
        with self._publishing:
            version, now = loaded.version, self.clock()
            if version == self.strategy.version:  # it is in force: nobody has to agree
                write_strategy_files(self.directory, files)
                return None
            within = self.strategy.approvals.whatif_within
            publishing.require_whatif(self.store, version, within, now)
            require_promoted(self.engine.world, self._world(loaded))
            keep = partial(publishing.remember, version=version, files=files, now=now)
            asked = self.engine.governing.ask_to_publish(version, by, reason, keep)
            if asked is None:
                self._put_in_force(loaded, files, by)
        return asked

    def vote(self, approval_id: str, by: str, is_approved: bool, reason: str) -> Approval:
        """Agree or refuse; what enough have agreed to happens at once, also a publication.

        Raises
        ------
        InputError
            As `Governing.vote`; `bad_strategy` where this release refuses what was asked for, and
            `model_not_promoted`.
        """
        governing = self.engine.governing
        approval = governing.vote(approval_id, by, is_approved, reason)
        if approval.kind == "publish":
            with self._publishing:
                if governing.is_due(approval):
                    files = self.strategy_files(name_of(approval.subject))
                    self._put_in_force(strategies.load(files), files, approval.requested_by)
        return approval

    def _put_in_force(self, loaded: Strategy, files: Mapping[str, str], by: str) -> None:
        world = self._world(loaded)
        require_promoted(self.engine.world, world)
        write_strategy_files(self.directory, files)
        self._remember_strategy(loaded.version, files)
        self.engine.publish(world, loaded.version, by)
        self.strategy, self.files = loaded, dict(files)

    def compare_strategy(self, files: Mapping[str, str], people: int) -> publishing.Replayed:
        """Replay what a sample of people did under the strategy in force and under another.

        Raises
        ------
        InputError
            `bad_strategy`.
        """
        world, old, new = self.engine.world, self.strategy, strategies.load(files)
        return publishing.replay_under(self.store, world, old, new, people)

    def source_rules(self, name: str) -> SourceRules:
        """Give the rules of a source; one that is not listed has the defaults."""
        rules = self.strategy.sources.get(name)
        if rules is not None:
            return rules
        return SourceRules(name=name, kind="import" if name == IMPORT_SOURCE else "server")

    def webhook_secrets(self, name: str) -> list[str]:
        """Read the signing secrets of a webhook: the lines of `webhook-secrets/NAME`."""
        return read_webhook_secrets(self.directory, name)

    def _world(self, strategy: Strategy) -> World:
        return world_of(strategy, read_lineage(self.store))

    def strategy_files(self, version: str) -> dict[str, str]:
        """Read the texts of a version that was in force once, or that others were asked about.

        Raises
        ------
        InputError
            `strategy_not_found`.
        """
        files = self.store.read(lambda tx: publishing.remembered(tx, version))
        if files is None:
            what, remedy = (
                "a version that was published or asked for",
                "`heedful versions` lists them.",
            )
            raise InputError("strategy_not_found", expected(what, version, "$.version", remedy))
        return files

    def _remember_strategy(self, version: str, files: Mapping[str, str]) -> None:
        now = self.clock()
        self._change(lambda tx: publishing.remember(tx, version, files, now), makes_room=True)

    # -- keys -----------------------------------------------------------------------------------

    def create_key(self, role: str, name: str, key: str | None = None) -> str:
        """Make a key and give it, this once; see `KeyRing.create`."""
        return self.keys.create(role, name, self.clock(), key)

    def revoke_key(self, name: str) -> None:
        """Take a key out of force; see `KeyRing.revoke`."""
        self.keys.revoke(name, self.clock())

    def authenticate(self, key: str) -> Identity | None:
        """Find who holds a key; None for nobody."""
        return self.keys.authenticate(key)

    def list_keys(self) -> list[KeyRow]:
        """List all keys, the oldest first, revoked ones included."""
        return self.keys.rows()

    # -- operations -----------------------------------------------------------------------------

    def unsubscription(self, token: str) -> Unsubscription:
        """Read what the bearer of an unsubscribe link wants to leave.

        Raises
        ------
        InputError
            `bad_token`.
        """
        found = read_unsubscribe_token(self.secret, token)
        if found is None:
            what = expected("a link from one of our messages", "another one", "path.token")
            raise InputError("bad_token", what)
        return found

    def unsubscribe(self, token: str) -> None:
        """Withdraw the consent that a message rested on, and note it as the decision's outcome."""
        found = self.unsubscription(token)
        statement = {
            "purpose": found.purpose,
            "channel": found.channel,
            "status": "withdrawn",
            "source": "unsubscribe_link",
        }
        self.engine.state_consent(found.customer_id, statement)
        if found.decision_id:
            name = f"{found.decision_id}:unsubscribed"
            decisions = self.engine.decisions
            with contextlib.suppress(PeerError):  # no room for it: what the person asked for holds
                decisions.report(found.decision_id, "unsubscribed", message_id=name).result()

    def audit_head(self) -> dict[str, Any]:
        """Sign the newest link of the audit chain with the workspace's own key."""
        private, public = read_audit_key(self.directory)
        signed = self.engine.governing.signed_head(private)
        return {**msgspec.structs.asdict(signed), "public_key": public.hex()}

    def verify_audit(self, anchors: Sequence[SignedHead]) -> Verification:
        """Check the audit chain against heads that were kept elsewhere."""
        _, public = read_audit_key(self.directory)
        return self.engine.governing.verify_audit(anchors, public)

    def quarantine(self, after: int = 0, limit: int = 100) -> list[kept_aside.Held]:
        """Read a page of the quarantine, in the order of arrival."""
        return kept_aside.page(self.store, after, limit)

    def quarantined(self, id_: int) -> kept_aside.Held:
        """Read one row of the quarantine; raises `quarantine_not_found`."""
        return kept_aside.one(self.store, id_)

    def discard(self, ids: Sequence[int]) -> None:
        """Delete rows of the quarantine for good."""
        self._change(lambda tx: tx.delete_quarantined(list(ids)), makes_room=True)

    def redrive(self, ids: Sequence[int] = (), reason: str | None = None) -> kept_aside.Redriven:
        """Send what waits through ingest again; see `quarantine.redrive`."""
        return kept_aside.redrive(self, ids, reason)

    def doctor(self) -> dict[str, Any]:
        """Say how ready the data is, and what will run out; see `readiness.examine`."""
        report = readiness.examine(self.store, self.engine, self.strategy, self.clock())
        secrets = {name: bool(self.webhook_secrets(name)) for name in self.strategy.webhooks}
        disk = {**report["disk"], "bytes_free_min": self.settings.free_bytes_min}
        return {**report, "disk": disk, "webhooks": secrets}

    def probe(self) -> None:
        """Make one empty transaction durable: raises what would keep events from landing."""
        body = msgspec.msgpack.encode(self.clock())
        self.engine.transact(lambda tx: tx.put_meta(_PROBE_META, body))

    def _change(self, work: Callable[[Transaction], Any], *, makes_room: bool = False) -> Any:
        # Before the engine runs nobody else writes, so the command line may write at once.
        run = self.engine.transact if self._is_running else self.store.write
        return run(work, makes_room=makes_room)

    def _sweep(self) -> None:
        days = self.settings.quarantine_days
        while not self._closing.is_set():
            is_clean = self.engine.clean()
            with contextlib.suppress(PeerError):  # the store is away: what is old waits an hour
                if days:
                    kept_aside.forget(self, self.clock() - days * DAY_MS)
                if self.settings.archive_days:
                    keeping.archive(self, self.settings.archive_days, only_full=True)
            if self._closing.wait(SWEEP_WAIT_S if is_clean else CLEAN_WAIT_S):
                return


def open_app(
    directory: Path,
    db: Path | None = None,
    clock: Callable[[], int] = wall_clock,
    own: bool = True,
    *,
    settings: Settings | None = None,
) -> App:
    """Open a workspace; `start` starts its engine.

    Parameters
    ----------
    db
        File of the store, when not the one of the settings.
    own
        Take the store's lock; False only where the caller holds it.

    Raises
    ------
    InputError
        `no_workspace`, `bad_settings`, `bad_strategy`.
    StoreUnavailable
        `already_owned`: another process serves this workspace.
    """
    secret = read_secret(directory)
    settings = settings or read_settings(directory, os.environ)
    path = os.fspath(db if db is not None else directory / settings.database)
    lock = OwnerLock(path).take() if own else None
    try:
        store = SqliteStore(
            path,
            SqliteSettings(
                free_bytes_min=settings.free_bytes_min, ballast_bytes=settings.ballast_bytes
            ),
        )
        try:
            files = publishing.opening_files(store, read_strategy_files(directory))
            return App(directory, settings, store, secret, files, clock=clock, lock=lock)
        except BaseException:
            store.close()
            raise
    except BaseException:
        if lock is not None:
            lock.release()
        raise
