"""Stopping, starting, approving, declaring, proving: the workspace's own levers.

Every word is an event in the log and a link of the audit chain, in force between two batches: the
next decision and the next release obey it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

import msgspec

from heedful.core import World
from heedful.decide import DECISION_APPROVED, DECISION_REFUSED
from heedful.engine.batch import Inner
from heedful.engine.exchange import Exchange
from heedful.engine.guarding import counts_of, read_watched
from heedful.events import own_event
from heedful.govern import (
    UNLIMITED_PPM,
    Approval,
    ApprovalNeeded,
    GuardrailLoosened,
    Head,
    Incident,
    SignedHead,
    Stop,
    audit,
    declare,
    end,
    loosen,
    name_of,
    status_of,
    stop,
    switch_on,
    unknown_name,
    vote,
)
from heedful.govern.types import IncidentScope, Statement, SwitchSet
from heedful.govern.verify import Verification, verify
from heedful.kernel import InputError, expected, parse_public_id
from heedful.kernel.names import nearest
from heedful.ports import AuditRow, Transaction

PAGE: Final = 1_000
"""Links of the audit chain read at once."""


class GuardrailState(NamedTuple):
    """Where one guardrail stands."""

    name: str
    scope: str
    factor_ppm: int
    """What its limit is multiplied by, in millionths."""
    trials: int
    hits: int


class Governing(Exchange):
    """The levers of one workspace."""

    # -- switches -------------------------------------------------------------------------------

    def stops(self) -> tuple[Stop, ...]:
        """List what is stopped now."""
        return self._writer.world.governance.switches.stops(self._writer.now())

    def stop(self, scope: str, by: str, reason: str, expires_at: int | None = None) -> str | None:
        """Stop a scope at once, for what is decided and for what waits in the outbox.

        Returns
        -------
        A hint where the strategy in force has nothing of that name: it is stopped all the same,
        since what an earlier strategy began may still go on.

        Raises
        ------
        InputError
            As `govern.stop`.
        """
        now = self._writer.now()

        def make(tx: Transaction, world: World) -> Statement:
            return stop(world.governance.switches, scope, by, reason, now, expires_at)

        self.state(make, "switch", scope, is_urgent=True)
        return self.unknown_name(scope)

    def unknown_name(self, scope: str) -> str | None:
        """Say in words that the strategy in force has nothing of this name; None where it has."""
        return unknown_name(scope, self._writer.world.rules.stoppable)

    def switch_on(self, scope: str, by: str, reason: str) -> Approval | None:
        """Switch a scope on where that is approved; else ask for it and give the request.

        Notes
        -----
        Asked again while it waits, it gives the request that waits.

        Raises
        ------
        InputError
            As `govern.switch_on`.
        """

        def make(world: World, now: int, approval: Approval | None) -> SwitchSet | ApprovalNeeded:
            switches, required = world.governance.switches, world.approvals.switch_on.required
            return switch_on(switches, scope, by, reason, now, required=required, approval=approval)

        return self.state_where_agreed(
            make, lambda world: world.approvals.switch_on, ("switch", scope), by, reason
        )

    # -- approvals ------------------------------------------------------------------------------

    def vote(self, approval_id: str, by: str, is_approved: bool, reason: str) -> Approval:
        """Agree or refuse; what was asked for then happens, or never does.

        Notes
        -----
        A strategy is put in force by `App.vote`, which knows how to read one.

        Raises
        ------
        InputError
            `approval_not_found`, and as `govern.vote`.
        """
        now = self._writer.now()
        said = vote(self.approval(approval_id), by, is_approved, reason, now)
        if said is not None:
            self.state(lambda tx, world: said, "approval", approval_id)
        approval = self.approval(approval_id)
        status = status_of(approval, now)
        if approval.kind == "decision" and status in ("approved", "rejected"):
            self._settle(approval.subject, status == "approved", reason, now)
        elif approval.kind != "publish" and self.is_due(approval):
            acts = {"switch_on": self.switch_on, "promote": self.promote_by_name}
            act = acts.get(approval.kind, self.loosen)
            act(name_of(approval.subject), approval.requested_by, approval.reason)
        return approval

    def _settle(self, decision_id: str, is_approved: bool, reason: str, now: int) -> None:
        key = parse_public_id("d", decision_id) or 0
        row = self._store.read(lambda tx: tx.decisions([key])).get(key)
        if row is None:
            return
        name = DECISION_APPROVED if is_approved else DECISION_REFUSED
        message_id = f"{name}:{decision_id}"
        said = {"decision_id": decision_id, "reason": reason}
        event = own_event(self._secret, name, message_id, now, said)
        # Said once, whenever it is said: the time is no part of what makes it new.
        event = msgspec.structs.replace(event, original_at=0)
        self._writer.submit([Inner(event, row.fragment)]).result()

    # -- guardrails -----------------------------------------------------------------------------

    def guardrails(self) -> list[GuardrailState]:
        """List every limit that tightens by itself, by name, with what it has counted.

        Notes
        -----
        What drift or a gap has taken stands behind the guardrails, under a name of its own.
        """
        world = self._writer.world
        watched = self._store.read(read_watched)
        taken = world.governance.factors.by_name
        states = []
        for one in sorted(world.guardrails, key=lambda guardrail: guardrail.name):
            bins = counts_of(watched, one).bins
            factor = taken[one.name].ppm if one.name in taken else UNLIMITED_PPM
            trials, hits = sum(b[1] for b in bins), sum(b[2] for b in bins)
            states.append(GuardrailState(one.name, one.scope, factor, trials, hits))
        watched_names = {one.name for one in world.guardrails}
        states += [
            GuardrailState(name, factor.scope, factor.ppm, 0, 0)
            for name, factor in taken.items()
            if name not in watched_names and factor.ppm < UNLIMITED_PPM
        ]
        return states

    def loosen(self, guardrail: str, by: str, reason: str) -> Approval | None:
        """Give back all that a guardrail took where that is approved; else ask for it.

        Notes
        -----
        Asked again while it waits, it gives the request that waits.

        Raises
        ------
        InputError
            As `govern.loosen`.
        """

        def make(
            world: World, now: int, approval: Approval | None
        ) -> GuardrailLoosened | ApprovalNeeded:
            factors, required = world.governance.factors, world.approvals.guardrail_loosen.required
            return loosen(factors, guardrail, by, reason, now, required=required, approval=approval)

        return self.state_where_agreed(
            make,
            lambda world: world.approvals.guardrail_loosen,
            ("guardrail", guardrail),
            by,
            reason,
        )

    # -- incidents ------------------------------------------------------------------------------

    def incidents(self) -> tuple[Incident, ...]:
        """List the incidents that run, the strictest first."""
        return self._writer.world.governance.incidents.open_ones(self._writer.now())

    def declare(
        self,
        plan: str,
        scope: IncidentScope,
        by: str,
        reason: str,
        expires_at: int | None = None,
    ) -> str:
        """Declare an incident by a published plan; gives its id.

        Raises
        ------
        InputError
            `incident_plan_not_found`, and as `govern.declare`.
        """
        incident_id = f"i_{secrets.token_hex(8)}"
        now = self._writer.now()

        def make(tx: Transaction, world: World) -> Statement:
            known = {one.name: one for one in world.incidents}
            if plan not in known:
                near = nearest(plan, known)
                remedy = "Write one there and publish it."
                if known:
                    remedy = f"Did you mean {near}?" if near else f"It has {', '.join(known)}."
                what = expected("a plan of policies/incidents.yaml", repr(plan), "$.plan", remedy)
                raise InputError("incident_plan_not_found", what)
            incidents = world.governance.incidents
            return declare(incidents, known[plan], incident_id, scope, by, reason, now, expires_at)

        self.state(make, "incident", incident_id, is_urgent=True)
        return incident_id

    def end(self, incident_id: str, by: str, reason: str) -> None:
        """End an incident before its expiry; raises as `govern.end`."""
        now = self._writer.now()

        def make(tx: Transaction, world: World) -> Statement:
            return end(world.governance.incidents, incident_id, by, reason, now)

        self.state(make, "incident", incident_id)

    # -- audit ----------------------------------------------------------------------------------

    def audit_lines(self) -> Iterator[bytes]:
        """Read the audit chain, line by line."""
        after = 0
        while rows := self._store.read(partial(_links, after=after)):
            yield from (row.body for row in rows)
            after = rows[-1].number

    def signed_head(self, private_key: bytes) -> SignedHead:
        """Sign the newest link, to be kept elsewhere."""
        row = self._store.read(lambda tx: tx.audit_head())
        if row is None:
            return audit.sign_head(private_key, Head())
        head = Head(seq=row.number, hash=row.hash.decode(), at=audit.describe(row.body)["at"])
        return audit.sign_head(private_key, head)

    def verify_audit(self, anchors: Iterable[SignedHead], public_key: bytes) -> Verification:
        """Check the chain against heads that were kept elsewhere."""
        return verify(self.audit_lines(), anchors, public_key)


def _links(tx: Transaction, after: int) -> list[AuditRow]:
    return tx.audit(after, PAGE)
