"""Saying a word on the workspace: at once, or once others have agreed to it.

Every word is an event in the log and a link of the audit chain. What others have to agree to is
asked for once; asked for again while it waits, the same request is given.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from heedful.core import World
from heedful.engine import ledger
from heedful.engine.proofs import Proof
from heedful.engine.writer import Writer
from heedful.govern import (
    Approval,
    ApprovalNeeded,
    ApprovalRule,
    allows,
    fold_governance,
    line_of,
    name_of,
    pending_for,
    request_approval,
    status_of,
    subject_of,
)
from heedful.govern.audit import AuditKind, AuditValue
from heedful.govern.types import Statement, write
from heedful.kernel import InputError, expected
from heedful.kernel.names import nearest
from heedful.ports import Store, Transaction


class Approving:
    """What is said about a workspace, and what others have to agree to first."""

    def __init__(self, store: Store, writer: Writer, secret: bytes) -> None:
        self._store = store
        self._writer = writer
        self._secret = secret

    def approvals(self) -> list[Approval]:
        """List all requests, the oldest first."""
        found = self._store.read(ledger.read_approvals)
        return sorted(found.values(), key=lambda approval: approval.at)

    def approval(self, approval_id: str) -> Approval:
        """Read one request; raises `approval_not_found`."""
        found = self._store.read(ledger.read_approvals)
        if approval_id not in found:
            near = nearest(approval_id, found)
            remedy = f"Did you mean {near}?" if near else "`heedful approvals list` names them."
            got = "an id that is not known"
            what = expected("a request for approval", got, "$.approval_id", remedy)
            raise InputError("approval_not_found", what)
        return found[approval_id]

    def is_due(self, approval: Approval) -> bool:
        """Say whether enough agreed to what has not happened yet: a vote may be repeated."""
        now, name = self._writer.now(), name_of(approval.subject)
        if status_of(approval, now) != "approved":
            return False
        governance = self._writer.world.governance
        if approval.kind == "publish":
            return self._publishing_of(name) == approval.subject
        if approval.kind == "switch_on":
            stop = governance.switches.stop_of(name, now)
            return stop is not None and subject_of(name, stop.key) == approval.subject
        if approval.kind == "guardrail_loosen":
            taken = governance.factors.by_name.get(name)
            return taken is not None and subject_of(name, taken.key) == approval.subject
        if approval.kind == "promote":
            route = governance.routes.route(line_of(name)[0])
            return subject_of(name, route.key) == approval.subject
        return False

    def state_where_agreed(
        self,
        make: Callable[[World, int, Approval | None], Statement | ApprovalNeeded],
        rule_of: Callable[[World], ApprovalRule],
        about: tuple[AuditKind, str],
        by: str,
        reason: str,
    ) -> Approval | None:
        """Say what somebody agreed to; else ask for it and give the request."""
        now = self._writer.now()
        asked: list[str] = []

        def say(tx: Transaction, world: World) -> Statement | None:
            said = make(world, now, None)
            known = ledger.read_approvals(tx).values()
            for approval in known:
                if isinstance(said, ApprovalNeeded) and approval.subject == said.subject:
                    said = make(world, now, approval)
            if not isinstance(said, ApprovalNeeded):
                return said
            waiting = pending_for(said, known, now)
            if waiting is not None:
                asked[:] = [waiting.id]
                return None
            name = f"a_{secrets.token_hex(8)}"
            request = request_approval(said, name, by, reason, rule_of(world), now)
            asked[:] = [request.approval_id]
            return request

        self.state(say, *about)
        return self.approval(asked[0]) if asked else None

    def ask_to_publish(
        self, version: str, by: str, reason: str, keep: Callable[[Transaction], None]
    ) -> Approval | None:
        """Ask the others to agree to a strategy; None where they did, or where nobody has to.

        Notes
        -----
        They agree to this version in the place of the one in force: once another one is
        published, what they said is used up.

        Parameters
        ----------
        keep
            Keeps the version's files with the request, for who reads them and for the day on
            which enough have agreed.

        Raises
        ------
        InputError
            As `govern.request_approval`.
        """
        now, rule = self._writer.now(), self._writer.world.approvals.publish
        if rule.required <= 0:
            return None
        needed = ApprovalNeeded("publish", self._publishing_of(version), rule.required)
        known = self.approvals()
        if any(allows(approval, needed, now) for approval in known):
            return None
        waiting = pending_for(needed, known, now)
        if waiting is not None:
            return waiting
        approval_id = f"a_{secrets.token_hex(8)}"
        request = request_approval(needed, approval_id, by, reason, rule, now)

        def say(tx: Transaction, world: World) -> Statement:
            keep(tx)
            return request

        self.state(say, "approval", approval_id)
        return self.approval(approval_id)

    def _publishing_of(self, version: str) -> str:
        before = self._store.read(ledger.publications)
        return subject_of(version, before[-1].key if before else 0)

    def state(
        self,
        make: Callable[[Transaction, World], Statement | None],
        kind: AuditKind,
        subject: str,
        *,
        is_urgent: bool = False,
    ) -> None:
        """Commit a statement and put it in force; None leaves all as it is.

        Parameters
        ----------
        is_urgent
            Whether it is said on a disk that is almost full, too: what stops something is.
        """

        def change(tx: Transaction, world: World) -> World:
            statement = make(tx, world)
            return world if statement is None else self.said(tx, world, statement, kind, subject)

        self._writer.change_world(change, makes_room=is_urgent)

    def said(
        self, tx: Transaction, world: World, statement: Statement, kind: AuditKind, subject: str
    ) -> World:
        """Write a statement into the log and the audit chain; gives the world that obeys it."""
        name, said = write(statement)
        now = self._writer.now()
        proof = Proof(kind, subject, now, {"event": name, "by": _by(said), **_digest(said)})
        event = ledger.note(tx, self._secret, name, said, now, [proof])
        governance = fold_governance(world.governance, event)
        return msgspec.structs.replace(world, governance=governance)


def _digest(said: dict[str, Any]) -> dict[str, AuditValue]:
    return {"digest": str(said["digest"])} if "digest" in said else {}


def _by(said: dict[str, Any]) -> str:
    return str(said.get("by") or said.get("requested_by") or "")
