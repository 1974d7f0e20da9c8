"""Deciding for many people at once: what `preview` would answer to each, many times faster.

Conditions are evaluated over columns. All other gates depend on little: which consents, addresses,
hours, language, caps and limits a person has. People who are alike in all of that form a kind, and
the gates themselves are asked once for each kind. Chances depend on the arms that pass, so they
are worked out once for each set of these, where no model looks at the person.

Law: every answer is the one that `preview` gives. Whoever has something under way that a decision
looks at (an open need, a message that waits, a decision that stands, an incident) is decided by
`preview` itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from heedful.decide.ahead import Point
from heedful.decide.case import Case
from heedful.decide.choice import Choice
from heedful.decide.choose import choose_drawn
from heedful.decide.definitions import DO_NOTHING, Tier
from heedful.decide.gates import Gates
from heedful.decide.holdout import held
from heedful.decide.rules import Rules, Slot
from heedful.decide.run import Run
from heedful.decide.step import preview, slot_of
from heedful.decide.types import Decision, Person, Surroundings
from heedful.decide.value import Chances, Stakes
from heedful.events import Event
from heedful.expr.columns import Columns, columns_of
from heedful.learn import PROBABILITY_ONE

SETS_MAX: Final = 50_000
"""Sets of arms whose chances are remembered; beyond that they are worked out again."""

Bools: TypeAlias = npt.NDArray[np.bool_]
_TIER: Final[Tier] = "growth"


class Asking(NamedTuple):
    """One person and the question about them; all of one batch ask for the same slot."""

    person: Person
    case: Case
    event: Event


class Answer(NamedTuple):
    """What would be decided."""

    customer: int
    action: str
    channel: str
    treatment: str
    tier: str
    need: str
    reason: str
    p_choose: int
    """In units of 2**-32."""
    value: int
    """Micros that the arm is expected to be worth more than doing nothing; 0 for that."""
    is_columnar: bool
    """Whether it came from columns; else the person was decided alone."""


class ColumnarDecider:
    """Decides for batches of people; remembers kinds and chances from one batch to the next.

    Parameters
    ----------
    rules, surroundings
        In force for all batches.
    """

    def __init__(self, rules: Rules, surroundings: Surroundings) -> None:
        self.rules = rules
        self._shared = surroundings
        self.kinds: dict[tuple[Any, ...], tuple[int, int]] = {}
        """By all that gates look at: the arms of growth, and the free ones, that they let pass."""
        self._chances: dict[tuple[Choice, int, int, Point | None], Chances] = {}
        self._is_contextual = any(
            rules.models[a.model].settings is not None
            for a in rules.actions.values()
            if a.model in rules.models
        )

    def decide(self, asked: Sequence[Asking]) -> list[Answer]:
        """Give what `preview` would answer to each, in their order.

        Parameters
        ----------
        asked
            Questions for one slot at one instant.
        """
        answers: list[Answer | None] = [None] * len(asked)
        places = [i for i, one in enumerate(asked) if self._is_plain(one)]
        if places:
            runs = [self._run(asked[i]) for i in places]
            batch = _Batch(self, runs, slot_of(asked[places[0]].event))
            for place, answer in zip(places, batch.answers(), strict=True):
                answers[place] = answer
        return [
            self._alone(one) if answer is None else answer
            for one, answer in zip(asked, answers, strict=True)
        ]

    def _is_plain(self, asked: Asking) -> bool:
        """Say whether nothing is under way that a decision looks at."""
        case, now = asked.case, asked.event.received_at
        governance = self._shared.governance
        # Which model answers is a matter of the person where models are tried.
        if governance.incidents.by_id or governance.routes.by_line or self._shared.is_rehearsal:
            return False
        if case.standing and self._is_contextual:
            return False
        return not case.open_needs() and all(
            one.stands_until <= now and not one.is_waiting for one in case.standing
        )

    def _run(self, asked: Asking) -> Run:
        # The one thing that is written: a draw of the hold-out is kept.
        case = msgspec.structs.replace(asked.case, holdouts=list(asked.case.holdouts))
        return Run(self.rules, self._shared, asked.person, case, asked.event, 0)

    def alone(self, run: Run) -> Answer:
        """Decide for one person as a request does."""
        return self._alone(Asking(run.person, run.case, run.event))

    def chances(self, choice: Choice, passed: int, recent: int, run: Run) -> Chances | Stakes:
        """Give the chances of the arms that passed, as `Valuer.chances`; remembers more sets."""
        valuer = self.rules.valuer(self._shared, run.now)
        if not valuer.is_shared(choice):
            return valuer.stakes(choice, passed, recent, run)
        key = choice, passed, recent, valuer.point(run)
        known = self._chances.get(key)
        if known is None:
            if len(self._chances) >= SETS_MAX:
                self._chances.clear()
            known = self._chances[key] = valuer.chances(choice, passed, recent, run)
        return known

    def _alone(self, asked: Asking) -> Answer:
        decision = preview(self.rules, self._shared, asked.person, asked.case, asked.event)
        return answer_of(decision)


class _Open(Gates):
    """The gates with every condition taken as true: those are evaluated over columns.

    Hold-outs of single actions are drawn for each person, behind all that a kind has in common.
    """

    draws_alone = False

    def closed_by_conditions(self, choice: Choice) -> tuple[int, ...]:
        """Close nothing."""
        return 0, 0, 0


class _Batch:
    """One batch of people of whom nothing is under way."""

    def __init__(self, decider: ColumnarDecider, runs: list[Run], slot: Slot) -> None:
        self._decider = decider
        self._rules = rules = decider.rules
        self._runs = runs
        self._slot = slot
        self._growth = rules.choice("", slot)
        self._free = rules.free_choice(slot)
        self._columns = self._read()
        contact = rules.contact
        self._tires = bool(contact.fatigue_micros)
        channels = {lane.channel for c in (self._growth, self._free) for lane in c.lanes}
        self._channels = sorted(channels - {""})
        self._about = tuple(dict.fromkeys((*self._growth.by_about, *self._free.by_about)))
        self._lanes = tuple(dict.fromkeys((*self._growth.lanes, *self._free.lanes)))

    def _read(self) -> Columns:
        """Lay out all that conditions read, each value as the scalar path reads it."""
        opens = [need.opens for need in self._rules.needs]
        choices = (self._growth, self._free)
        roots = sorted(
            {*(r for c in choices for r in c.roots), *(r for o in opens for r in o.roots)}
        )
        signals = sorted(
            {*(s for c in choices for s in c.signals), *(s for o in opens for s in o.signals)}
        )
        read = tuple(roots), tuple(signals)
        scopes = [run.readings.filled(*read) for run in self._runs]
        return columns_of(scopes)

    def answers(self) -> list[Answer]:
        """Answer everybody."""
        in_need = np.zeros(len(self._runs), dtype=bool)
        for need in self._rules.needs:
            in_need |= self._columns.holds(need.opens.expression.tree)
        growth, free = self._passing(self._growth), self._passing(self._free)
        return [
            self._answer(run, growth[i], free[i], is_in_need)
            for i, (run, is_in_need) in enumerate(zip(self._runs, in_need.tolist(), strict=True))
        ]

    def _passing(self, choice: Choice) -> list[int]:
        """Give the arms of a choice whose conditions hold, for each person."""
        if not choice.options:
            return [0] * len(self._runs)
        passed = np.ones((len(choice.options), len(self._runs)), dtype=bool)
        for row in choice.rows:
            for condition in row.action.conditions:
                passed[row.first : row.first + row.many] &= self._columns.holds(
                    condition.expression.tree
                )
        packed = np.packbits(passed, axis=0, bitorder="little").T
        return [int.from_bytes(bits.tobytes(), "little") for bits in np.ascontiguousarray(packed)]

    def _answer(self, run: Run, growth: int, free: int, is_in_need: bool) -> Answer:
        if is_in_need or run.is_qa:
            return self._decider.alone(run)
        gates = _Open(run, self._slot)
        open_growth, open_free = self._kind(run, gates)
        if free & open_free:
            return self._decider.alone(run)
        passed = growth & open_growth
        passed ^= gates.held_out(self._growth, passed)
        if not passed:
            return _nothing(run, "all_gated" if self._growth.rows else "no_action")
        if held(run, _TIER).is_held:
            return _nothing(run, "holdout")
        recent = gates.contact.recent() if self._tires else 0
        chances = self._decider.chances(self._growth, passed, recent, run)
        chosen = choose_drawn(chances, run.surroundings.secret, run.next_id(self._slot.key))
        p_choose = chosen.weights[chosen.place]
        if chosen.place == len(chances.options):
            return _nothing(run, "drawn", p_choose)
        arm, value = chances.options[chosen.place].arm, chances.value_of(chosen.place)
        return Answer(
            run.person.customer,
            arm.action,
            arm.channel,
            arm.treatment,
            _TIER,
            "",
            "drawn",
            p_choose,
            value,
            True,
        )

    def _kind(self, run: Run, gates: _Open) -> tuple[int, int]:
        """Give the arms that all gates but the conditions let through, growth's and the free."""
        kind = self._kind_of(run, gates)
        known = self._decider.kinds.get(kind)
        if known is None:
            growth = gates.pass_through(self._growth)[0] if self._growth.rows else 0
            free = gates.pass_through(self._free)[0] if self._free.rows else 0
            known = self._decider.kinds[kind] = growth, free
        return known

    def _kind_of(self, run: Run, gates: _Open) -> tuple[Any, ...]:
        """List all that the gates look at of a person, other than conditions."""
        contact, case, now = gates.contact, run.case, run.now
        silenced: tuple[bool, ...] = ()
        if case.silences:
            silenced = tuple(case.silenced_until(c, now) > 0 for c in ("promotional", "service"))
        capped: tuple[Any, ...] = ()
        if self._rules.contact.caps or self._growth.capped_alone or self._free.capped_alone:
            alone = (*self._growth.capped_alone, *self._free.capped_alone)
            capped = (
                contact.reached(),
                tuple(contact.is_capped(option.action, option.arm) for option in alone),
            )
        factors = run.surroundings.governance.factors.by_name.values()
        return (
            self._slot,
            tuple(
                gates.consent(lane.purposes, lane.channel, lane.message_class)
                for lane in self._lanes
            ),
            tuple(contact.reaches(channel) for channel in self._channels),
            run.place,
            contact.language,
            silenced,
            capped,
            tuple(run.readings.is_beside(about) for about in self._about),
            tuple(contact.is_kept_back(factor.ppm, now) for factor in factors),
        )


def _nothing(run: Run, reason: str, p_choose: int = PROBABILITY_ONE) -> Answer:
    return Answer(run.person.customer, DO_NOTHING, "", "", _TIER, "", reason, p_choose, 0, True)


def answer_of(decision: Decision, *, is_columnar: bool = False) -> Answer:
    """Take from a record what a batch keeps of it."""
    chosen = next((c for c in decision.candidates if c.verdict == "chosen"), None)
    return Answer(
        decision.customer,
        decision.action,
        decision.channel or "",
        decision.treatment or "",
        decision.tier,
        decision.need or "",
        decision.reason,
        decision.p_choose,
        0 if chosen is None else chosen.terms.get("value", 0),
        is_columnar,
    )
