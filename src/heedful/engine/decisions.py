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
from heedful.decide import Decision, Explanation, Person, Surroundings
from heedful.engine.batch import BatchResult, Filing, Inner
from heedful.engine.deciding import read_decision
from heedful.engine.reading import Found, find, lookup
from heedful.engine.writer import Writer
from heedful.events import OWN_SOURCE, Event, Identifier
from heedful.kernel import (
    InputError,
    InvariantError,
    expected,
    hash_key,
    parse_public_id,
    public_id,
)
from heedful.ports import DecisionRow, Store, Transaction

DECISIONS_PAGE_MAX: Final = 500
"""Most decisions of one page."""

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


class Decisions:
    """The decisions of one workspace, live."""

    def __init__(self, store: Store, writer: Writer, secret: bytes) -> None:
        self._store = store
        self._writer = writer
        self._secret = secret

    # -- deciding -------------------------------------------------------------------------------

    def ask(self, asked: Asked) -> Future[Decision]:
        """Decide; the future is done once the decision is durable.

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
        answered: Future[Decision] = Future()

        def hand_on(landed: Future[BatchResult | None]) -> None:
            try:
                answered.set_result(self._answer(event, landed.result()))
            except BaseException as error:
                answered.set_exception(error)

        self._writer.submit([event], is_urgent=True).add_done_callback(hand_on)
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
        state, case, names = core.new_customer(world), decide.new_case(), filed.identifiers
        key = 0
        try:
            found = find(tx, world, lookup(tx, world, self._secret, *filed.identifiers[0]))
        except InputError:
            pass
        else:
            key, state = found.row.key, found.state
            names = _anchor_first(found)
            if found.row.process:
                case = decide.decode_case(found.row.process)
        person = Person(key, state.profile, state.senses, lambda: names)
        shared = Surroundings(
            secret=self._secret,
            models=world.models,
            governance=world.governance,
            budgets={},
            dictionary=world.dictionary,
        )
        return decide.preview(world.rules, shared, person, case, event)

    def _question(self, asked: Asked) -> Event:
        now = self._writer.now()
        message_id = f"decide:{secrets.token_hex(12)}"
        said: dict[str, Any] = {"context": asked.context}
        if asked.placement is not None:
            said["placement"] = asked.placement
        if asked.channel is not None:
            said["channel"] = asked.channel
        return Event(
            type="own",
            name=decide.DECISION_REQUESTED,
            at=now,
            key=hash_key(self._secret, "event", OWN_SOURCE, message_id),
            source=OWN_SOURCE,
            message_id=message_id,
            received_at=now,
            original_at=now,
            user_id=asked.user_id,
            anonymous_id=asked.anonymous_id,
            identifiers=asked.identifiers,
            properties=said,
        )

    def _answer(self, event: Event, result: BatchResult | None) -> Decision:
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
        said: dict[str, Any] = {"decision_id": decision_id, "outcome": outcome}
        if value is not None:
            said["value"] = value
        if currency is not None:
            said["currency"] = currency
        event = Event(
            type="own",
            name=decide.OUTCOME_REPORTED,
            at=min(now, at if at is not None else now),
            key=hash_key(self._secret, "event", OWN_SOURCE, message_id),
            source=OWN_SOURCE,
            message_id=message_id,
            received_at=now,
            original_at=at if at is not None else 0,
            properties=said,
        )
        return self._writer.submit([Inner(event, row.fragment)])

    # -- reading --------------------------------------------------------------------------------

    def read(self, decision_id: str) -> Decision:
        """Read a decision; raises `decision_not_found`."""
        return read_decision(self._row(decision_id).body)

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

    def _row(self, decision_id: str) -> DecisionRow:
        key = parse_public_id("d", decision_id)
        row = None if key is None else self._store.read(lambda tx: tx.decisions([key])).get(key)
        if row is None:
            what = expected("a known decision", "one that is not known", "$.decision_id")
            raise InputError("decision_not_found", what)
        return row


def shown(decision: Decision) -> dict[str, Any]:
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
        "p_choose": decision.p_choose / (1 << 32),
        "reason": decision.reason,
        "strategy_version": decision.strategy_version,
        "expires_at": decision.expires_at,
    }


def _anchor_first(found: Found) -> tuple[Identifier, ...]:
    anchor = found.person.anchor
    return (anchor, *(i for i in found.person.identifiers if i != anchor))


def _nobody() -> InputError:
    what = expected("an identifier that names somebody", "none that is usable", "$.customer")
    return InputError("no_usable_identifier", what)


def _no_rules() -> InputError:
    what = expected("a strategy that decides", "one that only keeps facts", "the strategy")
    return InputError("nothing_to_decide", what + " Add needs.yaml or actions/*.yaml and publish.")
