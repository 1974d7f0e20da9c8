"""Deciding as others see it: ask, report an outcome, read why, stop and start.

Every question is an event in the log, and every answer is given after its commit.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Final

import msgspec

from heedful import core, decide
from heedful.core import World
from heedful.customer import apply, identifiers_of
from heedful.decide import Case, Decision, Explanation, Person, Surroundings
from heedful.effects import Content
from heedful.engine.aftermath import Aftermath, aftermath
from heedful.engine.audience import Audience, AudienceDecider, Page, keys_of
from heedful.engine.batch import BatchResult, Filing, Inner
from heedful.engine.deciding import Answer, read_decision
from heedful.engine.reading import Found, find, lookup
from heedful.engine.slices import Slices
from heedful.engine.surroundings import surroundings_of
from heedful.engine.writer import Writer
from heedful.events import Event, Identifier, own_event
from heedful.ingest.context import said_by_device
from heedful.kernel import (
    HOUR_MS,
    InputError,
    InvariantError,
    expected,
    format_instant,
    parse_public_id,
    public_id,
)
from heedful.ports import DecisionRow, EffectRow, EffectStatus, Store, Transaction

DECISIONS_PAGE_MAX: Final = 500
"""Most decisions of one page."""

REDRIVEN_FOR_MS: Final = HOUR_MS
"""How long a dead letter that is driven again is of use, where it was not for longer."""

OUTCOMES: Final = (
    "shown", "accepted", "rejected", "ignored", "converted", "unsubscribed", "complained",
)  # fmt: skip
"""What may be reported of a decision."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question: what to do for this person, here and now."""

    user_id: str | None = None
    anonymous_id: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    """Others that name them, such as an e-mail address."""
    placement: str | None = None
    channel: str | None = None
    context: dict[str, Any] = {}
    """What the asker knows; `timezone` and `locale` count as what the person's device says."""


class Decisions:
    """The decisions of one workspace, live."""

    def __init__(self, store: Store, writer: Writer, secret: bytes) -> None:
        self._store = store
        self._writer = writer
        self._secret = secret

    # -- deciding -------------------------------------------------------------------------------

    def ask(self, asked: Asked) -> Future[Decision]:
        """Decide; as `ask_in_words`, without the words."""
        answered: Future[Decision] = Future()

        def hand_on(answer: Future[Answer]) -> None:
            try:
                answered.set_result(answer.result().decision)
            except BaseException as error:
                answered.set_exception(error)

        self.ask_in_words(asked).add_done_callback(hand_on)
        return answered

    def ask_in_words(self, asked: Asked) -> Future[Answer]:
        """Decide, and say it; the future is done once the decision is durable.

        Notes
        -----
        A question that is asked again gets the decision that still stands.

        Raises
        ------
        InputError
            `nothing_to_decide` where the strategy has no actions; `no_usable_identifier`.
        Overloaded
            Too much waits already.
        """
        if self._writer.world.rules.is_empty:
            raise _no_rules()
        event = self._question(asked)
        if not identifiers_of(event, self._writer.world.identity):
            raise _nobody()
        answered: Future[Answer] = Future()

        def hand_on(landed: Future[BatchResult | None]) -> None:
            try:
                answered.set_result(self._answer(event, landed.result()))
            except BaseException as error:
                answered.set_exception(error)

        landed = self._writer.submit([event], is_urgent=True, is_question=True)
        landed.add_done_callback(hand_on)
        return answered

    def preview(self, asked: Asked) -> Decision:
        """Say what would be decided now; nothing is kept, and nobody is created."""
        event = self._question(asked)
        world = self._writer.world

        def work(tx: Transaction) -> Decision:
            return self._previewed(tx, world, event)

        return self._store.read(work)

    def _previewed(self, tx: Transaction, world: World, event: Event) -> Decision:
        filed = Filing(world, self._secret).file(event)
        if filed is None:
            raise _nobody()
        try:
            key = lookup(tx, world, self._secret, *filed.identifiers[0])
        except InputError:
            state, names = core.new_customer(world), filed.identifiers
            person = Person(0, state.profile, state.senses, lambda: names)
            case = decide.new_case()
        else:
            person, case = _person(find(tx, world, key))
        if event.context:
            apply(person.profile, event, world.profile)  # read for this question alone
        return decide.preview(world.rules, self._shared(world), person, case, event)

    def audience(
        self, about: Audience, after: int, limit: int, whom: Sequence[str] | None = None
    ) -> Page:
        """Say what would be decided for a page of people; nothing is kept.

        Parameters
        ----------
        after
            Key beyond which the page begins.
        whom
            People by name, instead of the next ones.
        """
        world, now = self._writer.world, self._writer.now()
        if world.rules.is_empty:
            raise _no_rules()
        decider = AudienceDecider(world, self._shared(world), about, now)

        def work(tx: Transaction) -> Page:
            if whom is None:
                return decider.page(tx, after, limit)
            page = decider.keyed(tx, keys_of(tx, world, self._secret, whom))
            return page._replace(looked=len(whom))

        return self._store.read(work)

    def prepared(self) -> tuple[World, Surroundings, int]:
        """Give all that a run for many people is decided under: one state, one instant."""
        world = self._writer.world
        if world.rules.is_empty:
            raise _no_rules()
        return world, self._shared(world), self._writer.now()

    def withheld(self, customer: int) -> list[tuple[str, str]]:
        """List why a person gets nothing now, as codes and sentences; empty where they would."""
        world = self._writer.world

        def work(tx: Transaction) -> list[tuple[str, str]]:
            person, case = _person(find(tx, world, customer))
            now = self._writer.now()
            return decide.why_nothing(world.rules, self._shared(world), person, case, now)

        return self._store.read(work)

    def _shared(self, world: World) -> Surroundings:
        def left(tx: Transaction) -> dict[str, int]:
            return Slices(tx, world, self._writer.worker).left(self._writer.now())

        return surroundings_of(world, self._secret, self._store.read(left))

    def _question(self, asked: Asked) -> Event:
        now = self._writer.now()
        message_id = f"decide:{secrets.token_hex(12)}"
        said: dict[str, Any] = {"context": asked.context}
        if asked.placement is not None:
            said["placement"] = asked.placement
        if asked.channel is not None:
            said["channel"] = asked.channel
        device, flags = said_by_device(asked.context)
        return msgspec.structs.replace(
            own_event(self._secret, decide.DECISION_REQUESTED, message_id, now, said, flags=flags),
            context=device,
            user_id=asked.user_id,
            anonymous_id=asked.anonymous_id,
            identifiers=asked.identifiers,
        )

    def _answer(self, event: Event, result: BatchResult | None) -> Answer:
        if result is None:
            what = expected("a decision", "an error, now in the quarantine", "the engine")
            raise InvariantError("decision_failed", what)
        answer = result.answers.get(event.key)
        if answer is not None:
            return answer
        raise _nobody()

    def report(
        self,
        decision_id: str,
        outcome: str,
        value: float | None = None,
        currency: str | None = None,
        at: int | None = None,
        message_id: str | None = None,
    ) -> Future[BatchResult | None]:
        """Report what became of a decision; repeating a `message_id` changes nothing.

        Raises
        ------
        InputError
            `decision_not_found`, `bad_outcome`.
        """
        if outcome not in OUTCOMES:
            what = expected(f"one of {', '.join(OUTCOMES)}", repr(outcome), "$.outcome")
            raise InputError("bad_outcome", what)
        row = self._row(decision_id)
        now = self._writer.now()
        message_id = message_id or f"outcome:{secrets.token_hex(12)}"
        decision = read_decision(row.body)
        said: dict[str, Any] = {
            "decision_id": decision_id,
            "outcome": outcome,
            "action": decision.action,
            "channel": decision.channel,
            "treatment": decision.treatment,
            "class": decision.message_class,
        }
        if value is not None:
            said["value"] = value
        if currency is not None:
            said["currency"] = currency
        event = msgspec.structs.replace(
            own_event(self._secret, decide.OUTCOME_REPORTED, message_id, now, said),
            at=min(now, at if at is not None else now),
            original_at=at if at is not None else 0,
        )
        return self._writer.submit([Inner(event, row.fragment)])

    # -- reading --------------------------------------------------------------------------------

    def read(self, decision_id: str) -> Decision:
        """Read a decision; raises `decision_not_found`."""
        return read_decision(self._row(decision_id).body)

    def aftermath(self, decision_id: str) -> Aftermath:
        """Say what went out of a decision, and what was reported; raises `decision_not_found`."""
        row = self._row(decision_id)
        return self._store.read(lambda tx: aftermath(tx, row))

    def explain(self, decision: Decision) -> Explanation:
        """Say why, in words and numbers."""
        return decide.explain(decision, self._writer.world.rules)

    def of(
        self, fragments: Sequence[int], limit: int, before: tuple[int, int] | None
    ) -> list[Decision]:
        """Read a person's decisions, the newest first."""
        limit = max(1, min(limit, DECISIONS_PAGE_MAX))
        rows = self._store.read(lambda tx: tx.decisions_of(fragments, before=before, limit=limit))
        return [read_decision(row.body) for row in rows]

    # -- the outbox -----------------------------------------------------------------------------

    def effects(self, status: EffectStatus, after: str, limit: int) -> list[dict[str, Any]]:
        """Read a page of the outbox, by status."""
        rows = self._store.read(lambda tx: tx.effects_in(status, after, limit))
        return [
            {
                "effect_id": row.id,
                "decision_id": public_id("d", row.decision),
                "destination": row.destination,
                "status": row.status,
                "code": row.code,
                "attempts": row.attempts,
                "due": format_instant(row.due),
                "expires_at": format_instant(row.expires_at),
            }
            for row in rows
        ]

    def redrive(self, effect_id: str) -> None:
        """Send a dead letter once more, within `REDRIVEN_FOR_MS`; all gates are asked again.

        Notes
        -----
        What it had not arrived by is over, also of a mail that was of use only so long: a person
        says that it still is. Needs, consents, silences and all else are as they are then.

        Raises
        ------
        InputError
            `effect_not_found`, `effect_not_dead`.
        """

        def find(tx: Transaction) -> EffectRow:
            row = tx.effects([effect_id]).get(effect_id)
            if row is None:
                remedy = "`heedful effects list` names them."
                what = expected("a known effect", "one that is not known", "$.effect_id", remedy)
                raise InputError("effect_not_found", what)
            if row.status != "dead":
                what = expected("a dead letter", f"an effect that is {row.status}", "$.effect_id")
                raise InputError("effect_not_dead", what)
            return row

        now, row = self._writer.now(), self._store.read(find)
        said = {
            "effect_id": row.id,
            "decision_id": row.decision,
            "attempt": row.attempts,
            "expires_at": max(row.expires_at, now + REDRIVEN_FOR_MS),
        }
        message_id = f"{decide.EFFECT_REDRIVEN}:{row.id}:{row.attempts}"
        event = own_event(self._secret, decide.EFFECT_REDRIVEN, message_id, now, said)
        self._writer.submit([Inner(event, row.fragment)], is_urgent=True).result()

    def note_mark(self, effect_id: str, mark: str) -> None:
        """Take it as an outcome that a person saw a message, or put it away."""
        row = self._store.read(lambda tx: tx.effects([effect_id])).get(effect_id)
        if row is not None:
            outcome = "rejected" if mark == "dismissed" else "shown"
            name = f"{effect_id}:{mark}"
            self.report(public_id("d", row.decision), outcome, message_id=name).result()

    def _row(self, decision_id: str) -> DecisionRow:
        key = parse_public_id("d", decision_id)
        row = None if key is None else self._store.read(lambda tx: tx.decisions([key])).get(key)
        if row is None:
            remedy = "`heedful decisions CUSTOMER` lists a person's."
            what = expected("a known decision", "one that is not known", "$.decision_id", remedy)
            raise InputError("decision_not_found", what)
        return row


def shown(decision: Decision, content: Content | None) -> dict[str, Any]:
    """Show a decision as the API answers it."""
    return {
        "decision_id": public_id("d", decision.id),
        "customer_id": public_id("c", decision.customer),
        "action": decision.action,
        "need": decision.need,
        "tier": decision.tier,
        "class": decision.message_class,
        "channel": decision.channel,
        "treatment": decision.treatment,
        "placement": decision.placement,
        "content": None if content is None else msgspec.to_builtins(content),
        "p_choose": decision.p_choose / (1 << 32),
        "reason": decision.reason,
        "strategy_version": decision.strategy_version,
        "expires_at": format_instant(decision.expires_at),
    }


def _person(found: Found) -> tuple[Person, Case]:
    anchor = found.person.anchor
    names = (anchor, *(i for i in found.person.identifiers if i != anchor))
    person = Person(found.row.key, found.state.profile, found.state.senses, lambda: names)
    held = found.row.process
    return person, decide.decode_case(held) if held else decide.new_case()


def _nobody() -> InputError:
    what = expected("an identifier that names somebody", "none that is usable", "$.customer")
    return InputError("no_usable_identifier", what)


def _no_rules() -> InputError:
    what = expected("a strategy that decides", "one that only keeps facts", "the strategy")
    return InputError("nothing_to_decide", what + " Add needs.yaml or actions/*.yaml and publish.")
