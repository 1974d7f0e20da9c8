"""Deciding inside a transaction: what follows from an event, and the rows that it becomes.

The pure room says what follows; this module finds who the person is, keeps what goes on with each
customer while the batch runs, and writes decisions, effects and learning rows beside the events
that made them. Law: a decision sees all events up to its own and none after it, and its only clock
is the time at which that event was received, so that a replay meets the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from heedful import decide
from heedful.core import World
from heedful.customer import Cluster
from heedful.decide import Case, Decision, Person, Step, Surroundings
from heedful.decide.models import Serving
from heedful.effects import Content, OutboundEffect, SendMessage
from heedful.engine import ledger
from heedful.engine.graph import Staged, identifier_key, read_cluster
from heedful.engine.proofs import Proof, append_proofs
from heedful.engine.slices import ONLY_WORKER, Slices
from heedful.engine.surroundings import surroundings_of
from heedful.events import OWN_SOURCE, Event, Identifier, own_event
from heedful.govern import types as govern_types
from heedful.govern.approvals import request_approval
from heedful.govern.audit import AuditValue
from heedful.govern.scopes import Subject
from heedful.govern.types import ApprovalNeeded
from heedful.kernel import (
    DAY_MS,
    hash_key,
    parse_public_id,
    public_id,
)
from heedful.learn import LearningRow
from heedful.ports import DecisionRow, EffectRow, EffectStatus, Transaction

DERIVED: Final = "derived"
"""Flag of an event that a step wrote: a replay makes it anew instead of reading it."""

APPROVAL_REQUIRED: Final = "approval_required"
"""Why an effect is put off until a person has agreed."""

LEASE_MS: Final = 120_000
"""How long a released effect may take before somebody else may try it; beyond every time-out."""

_ABOUT_EFFECTS: Final = {
    decide.EFFECT_DUE: "waiting",
    decide.EFFECT_SETTLED: "released",
    decide.EFFECT_REDRIVEN: "dead",
}
"""Events about an effect, and the status that they find it in unless another one came first."""

_NOTHING: Final = Step()
_DECISIONS: Final = msgspec.msgpack.Encoder()
_LESSONS: Final = msgspec.msgpack.Encoder()
_EFFECTS: Final = msgspec.msgpack.Encoder()
_READ_DECISION: Final = msgspec.msgpack.Decoder(Decision)
_READ_EFFECT: Final = msgspec.msgpack.Decoder(OutboundEffect)


def read_decision(body: bytes) -> Decision:
    """Read a decision from its stored bytes."""
    return _READ_DECISION.decode(body)


def encode_decision(decision: Decision) -> bytes:
    """Write a decision as the bytes that are stored and proved."""
    return _DECISIONS.encode(decision)


def read_effect(row: EffectRow) -> OutboundEffect:
    """Read an effect from its row."""
    return _READ_EFFECT.decode(row.body)


def subject_of(world: World, decision: Decision) -> Subject:
    """Name what a decision is about, as stops and guardrails know it."""
    action = world.rules.actions.get(decision.action)
    model = next(iter(decision.models), None)
    if action is not None:
        model = Serving(tuple(decision.routed.items()), world.rules.scores).model_of(action)
    return Subject(
        action=decision.action, model=model, channel=decision.channel, placement=decision.placement
    )


class Answer(NamedTuple):
    """What somebody who asked is told."""

    decision: Decision
    content: Content | None
    """Its treatment, filled in for the person as they are now; None for silence."""


class Deciding:
    """What one transaction decides; nothing is written before `write`."""

    def __init__(
        self, tx: Transaction, world: World, secret: bytes, worker: str = ONLY_WORKER
    ) -> None:
        self._tx = tx
        self._slices = Slices(tx, world, worker)
        self._world = world
        self._secret = secret
        self._cases: dict[int, Case] = {}
        self._clusters: dict[int, Cluster] = {}
        self._decisions: list[DecisionRow] = []
        self._effects: dict[str, EffectRow] = {}
        self._lessons: list[LearningRow] = []
        self._surroundings: tuple[int, Surroundings] | None = None
        self._proofs: list[Proof] = []
        self._unapproved: dict[int, int] = {}
        self._decided: list[Decision] = []
        self._answers: dict[int, Answer] = {}
        self._released: dict[int, EffectRow] = {}

    def consider(
        self, staged: Staged, event: Event, fragment: int, seq: int
    ) -> Sequence[Event] | None:
        """Find what follows from an event that was just folded.

        Returns
        -------
        sequence of Event
            Events of our own, to be logged and folded right behind it; None where nothing at all
            followed.
        """
        rules = self._world.rules
        case = self._case(staged)
        is_active = case is not None and case.is_active
        if not is_active and not rules.concerns(event):
            return None
        if self._is_overtaken(event):
            return None
        self._settle(event)
        if case is None:
            case = self._cases[staged.row.key] = decide.new_case()
        person = Person(
            staged.row.key,
            staged.state.profile,
            staged.state.senses,
            partial(self._identifiers, staged),
        )
        shared = self._shared(event.received_at)
        step = decide.step(rules, shared, person, case, event, fragment)
        if step == _NOTHING:
            return None
        self._take(step, event, fragment, seq)
        if (answer := step.answer) is not None:
            content = None
            if answer.action != decide.DO_NOTHING:
                content = decide.wording(rules, shared, person, case, event, answer)
            self._answers[event.key] = Answer(answer, content)
        return self._written(step, event)

    def process(self, staged: Staged) -> tuple[bytes, int | None]:
        """Give what goes on with a customer as bytes for their row, and when it goes on."""
        case = self._case(staged)
        if case is None:
            return staged.row.process, None
        return decide.encode_case(case), case.due

    def made(self) -> tuple[list[Decision], dict[int, Answer], dict[int, EffectRow]]:
        """Give the decisions, and by the key of the event that asked: answers, what may go out."""
        return self._decided, self._answers, self._released

    def write(self) -> None:
        """Write all that was decided into the transaction."""
        tx = self._tx
        tx.put_decisions(self._decisions)
        tx.put_effects(list(self._effects.values()))
        if self._lessons:
            numbered = enumerate(self._lessons, tx.last_lesson() + 1)
            tx.append_lessons(
                [_LESSONS.encode(msgspec.structs.replace(row, learn_seq=n)) for n, row in numbered]
            )
        if self._proofs:
            append_proofs(tx, self._proofs)
        for decision, at in self._unapproved.items():
            self._ask_for_approval(public_id("d", decision), at)

    def _ask_for_approval(self, decision_id: str, at: int) -> None:
        """Put a decision that waits for a person into the queue of approvals."""
        rule = self._world.approvals.decision
        needed = ApprovalNeeded("decision", decision_id, max(rule.required, 1))
        reason = "Its decision type demands approval before release."
        asked = request_approval(needed, f"a_{decision_id}", OWN_SOURCE, reason, rule, at)
        name, said = govern_types.write(asked)
        proof = Proof("approval", asked.approval_id, at, {"subject": decision_id})
        ledger.note(self._tx, self._secret, name, said, at, [proof], (DERIVED,))

    def _case(self, staged: Staged) -> Case | None:
        key, held = staged.row.key, staged.row.process
        case = self._cases.get(key)
        if case is None and held:
            case = self._cases[key] = decide.decode_case(held)
        return case

    def _shared(self, now: int) -> Surroundings:
        day = now // DAY_MS  # periods of budgets begin with one
        if self._surroundings is None or self._surroundings[0] != day:
            shared = surroundings_of(self._world, self._secret, self._slices.left(now))
            self._surroundings = day, shared
        return self._surroundings[1]

    def _identifiers(self, staged: Staged) -> tuple[Identifier, ...]:
        key, cluster_key = staged.row.key, staged.row.cluster
        cluster = self._clusters.get(cluster_key)
        if cluster is None:
            cluster = read_cluster(self._tx.clusters([cluster_key])[cluster_key])
            self._clusters[cluster_key] = cluster
        for person in cluster.persons:
            if identifier_key(self._secret, person.anchor) == key:
                rest = (i for i in person.identifiers if i != person.anchor)
                return (person.anchor, *rest)
        return ()

    def _take(self, step: Step, event: Event, fragment: int, seq: int) -> None:
        for decision in step.decisions:
            body = encode_decision(decision)
            self._decisions.append(DecisionRow(decision.id, fragment, decision.at, seq, body))
            self._decided.append(decision)
            said = {"digest": blake2b(body, digest_size=16).hexdigest(), "action": decision.action}
            subject = public_id("d", decision.id)
            self._proofs.append(Proof("decision", subject, decision.at, said))
        for effect in step.effects:
            self._effects[effect.id] = EffectRow(
                effect.id,
                parse_public_id("d", effect.decision_id) or 0,
                fragment,
                effect.destination,
                "waiting",
                effect.due,
                0,
                effect.expires_at,
                "",
                _EFFECTS.encode(effect),
            )
        for effect_id, to in step.readdressed:
            self._readdress(effect_id, to)
        for effect_id, due, reason in step.postponed:
            row = self._move(effect_id, "waiting", reason)
            if row is not None:
                self._effects[effect_id] = row._replace(due=due)
                if reason == APPROVAL_REQUIRED:
                    self._unapproved.setdefault(row.decision, event.received_at)
        for effect_id, reason in step.withdrawn:
            self._move(effect_id, "withdrawn", reason)
        for effect_id in step.released:
            row = self._move(effect_id, "released", "")
            if row is not None:
                row = row._replace(due=event.received_at + LEASE_MS, attempts=row.attempts + 1)
                self._effects[effect_id] = row
                self._released[event.key] = row
                about: dict[str, AuditValue] = {"attempt": row.attempts, "to": row.destination}
                self._proofs.append(Proof("release", effect_id, event.received_at, about))
        self._lessons += step.learned
        for budget, micros in step.spent:
            self._slices.spend(budget, micros, event.received_at)
            self._surroundings = None

    def _written(self, step: Step, event: Event) -> list[Event]:
        return [
            derived_event(self._secret, said.name, said.properties, event.received_at, event.key, n)
            for n, said in enumerate(step.events)
        ]

    def _is_overtaken(self, event: Event) -> bool:
        """Say whether an event is about an effect that another dispatcher has moved on.

        Notes
        -----
        Two that find the same effect due release it once, and what an earlier try comes to late
        ends no later one; only that it did arrive is always true.
        """
        if event.type != "own" or event.name not in _ABOUT_EFFECTS:
            return False
        said = event.properties
        row = self._row(said["effect_id"])
        if row is None:
            return True
        if event.name == decide.EFFECT_SETTLED and said["status"] == "delivered":
            return row.status == "delivered"
        return (row.status, row.attempts) != (_ABOUT_EFFECTS[event.name], said["attempt"])

    def _settle(self, event: Event) -> None:
        """Take into the outbox what another system answered, or what a person drives again."""
        if event.type != "own" or event.name not in (decide.EFFECT_SETTLED, decide.EFFECT_REDRIVEN):
            return
        said = event.properties
        if event.name == decide.EFFECT_REDRIVEN:
            self._redrive(said["effect_id"], said["expires_at"], event.received_at)
            return
        status: EffectStatus = said["status"]
        row = self._move(said["effect_id"], status, said["code"])
        if row is not None and status == "waiting":
            self._effects[row.id] = row._replace(due=said["due"])

    def _redrive(self, effect_id: str, expires_at: int, now: int) -> None:
        row = self._move(effect_id, "waiting", "redriven")
        if row is not None:
            effect = msgspec.structs.replace(
                read_effect(row), expires_at=expires_at, redriven_at=now
            )
            self._effects[effect_id] = row._replace(
                due=now, expires_at=expires_at, body=_EFFECTS.encode(effect)
            )

    def _readdress(self, effect_id: str, to: dict[str, str]) -> None:
        row = self._row(effect_id)
        effect = None if row is None else read_effect(row)
        if row is not None and effect is not None and isinstance(effect.effect, SendMessage):
            sent = msgspec.structs.replace(effect.effect, to=to)
            body = _EFFECTS.encode(msgspec.structs.replace(effect, effect=sent))
            self._effects[effect_id] = row._replace(body=body)

    def _row(self, effect_id: str) -> EffectRow | None:
        return self._effects.get(effect_id) or self._tx.effects([effect_id]).get(effect_id)

    def _move(self, effect_id: str, status: EffectStatus, code: str) -> EffectRow | None:
        row = self._row(effect_id)
        if row is None:
            return None
        moved = self._effects[effect_id] = row._replace(status=status, code=code)
        return moved


def derived_event(
    secret: bytes, name: str, properties: dict[str, Any], now: int, cause: int, ordinal: int
) -> Event:
    """Write the event of our own that follows from another one, as its n-th consequence."""
    message_id = f"{name}:{cause}:{ordinal}"
    key = hash_key(secret, DERIVED, str(cause), str(ordinal))
    return own_event(secret, name, message_id, now, properties, key=key, flags=(DERIVED,))
