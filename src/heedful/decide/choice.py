"""What a decision chooses between, laid out so that a gate closes many arms at once.

Every arm of a choice has a number, and a set of arms is an integer with a bit for each: what a
consent, a silence, a cap or a condition closes is such a set, worked out when the choice is laid
out or remembered from the last person of whom the same was known. A decision then costs a few
operations on integers per gate, however many actions there are.

Most of what a gate looks at is about the person and not about the action: whether they agreed to
marketing by e-mail is asked once, however many actions want to send some. Arms that share every
such answer form a lane.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import compress, repeat
from operator import or_
from typing import Any, Final, NamedTuple, TypeVar

from heedful.decide.compiled import GROWTH_RANK, ActionRule, ArmRule, GoalRule
from heedful.decide.sieve import Sieve
from heedful.decide.types import Candidate, Terms
from heedful.effects import MessageClass
from heedful.sense.views import INTENT_CATEGORY, INTENT_STRENGTH

K = TypeVar("K")
T = TypeVar("T")
_AS_NUMBERS: Final = bytes.maketrans(b"01", b"\x00\x01")


def members(items: Iterable[T], arms: int) -> Iterator[T]:
    """Pick the items at the bits of a set.

    Examples
    --------
    >>> list(members("abcd", 0b1010))
    ['b', 'd']
    """
    return compress(items, selectors(arms))


def selectors(arms: int) -> bytes:
    """Write a set as a byte for each arm, as `compress` reads it: for many columns of one set."""
    return bin(arms)[:1:-1].encode().translate(_AS_NUMBERS)


def joined(sets: Iterable[int]) -> int:
    """Join sets of arms."""
    return reduce(or_, sets, 0)


class Lane(NamedTuple):
    """What arms have in common for the gates that are about the person."""

    channel: str
    purposes: tuple[str, ...]
    message_class: MessageClass
    is_loud: bool
    expires_ms: int
    wait_ms: int


class Option(NamedTuple):
    """One arm that a decision may choose."""

    action: ActionRule
    arm: ArmRule
    number: int
    """Among the arms of the choice."""
    lane: int


class Row(NamedTuple):
    """One action with the arms that fit a slot, which stand beside each other."""

    action: ActionRule
    first: int
    many: int
    arms: int


class Choice:
    """Actions that a decision chooses between; immutable but for what it remembers.

    Parameters
    ----------
    fitting
        Actions by name, each with its arms that fit the slot.
    """

    def __init__(self, fitting: list[tuple[ActionRule, tuple[ArmRule, ...]]]) -> None:
        lanes: dict[Lane, int] = {}
        rows: list[Row] = []
        options: list[Option] = []
        for action, arms in fitting:
            first = len(options)
            rows.append(Row(action, first, len(arms), ((1 << len(arms)) - 1) << first))
            for arm in arms:
                lane = lanes.setdefault(_lane(action, arm), len(lanes))
                options.append(Option(action, arm, len(options), lane))
        self.rows = tuple(rows)
        self.options = tuple(options)
        self.lanes = tuple(lanes)
        self.all = (1 << len(options)) - 1
        self._is_flat = len(rows) == len(options)
        self._stopped: dict[str, tuple[Candidate, ...]] = {}
        self._names = tuple(zip(*(option.arm.id for option in options), strict=True))
        self.remembered: dict[str, Any] = {}
        """What others worked out of the arms alone, by their name."""
        self.lines = tuple(sorted({row.action.model for row in rows}))
        """Names that its actions ask a model by."""
        self._read_conditions()
        self._file_arms()

    def _read_conditions(self) -> None:
        conditions = [condition for row in self.rows for condition in row.action.conditions]
        self.signals = tuple(sorted({name for c in conditions for name in c.signals}))
        """All that the conditions read, to be read together."""
        self.roots = tuple(sorted({root for c in conditions for root in c.roots}))
        self.paths = tuple(sorted({path for c in conditions for path in c.paths}))
        self.sieve = Sieve(
            (gate, row.arms, condition.expression.tree)
            for row in self.rows
            for gate, condition in enumerate(
                (row.action.eligible, row.action.applicable, row.action.suitable)
            )
            if condition is not None
        )
        if any(row.action.about for row in self.rows):
            self.signals = tuple(sorted({*self.signals, INTENT_CATEGORY, INTENT_STRENGTH}))
            read = (("signals", INTENT_CATEGORY), ("signals", INTENT_STRENGTH))
            self.paths = tuple(sorted({*self.paths, *read}))
        self.is_weighted = any(row.action.weight is not None for row in self.rows)
        """Whether a value depends on the person, by a context weight."""

    def _file_arms(self) -> None:
        """File arms under all that can close them at once."""
        self.by_lane = [0] * len(self.lanes)
        self.by_scope: dict[str, int] = {}
        """By scope of a kill switch or guardrail, as `govern` names them."""
        self.by_cap: dict[tuple[str, str], int] = {}
        """By what everybody's caps count: (per, name)."""
        self.by_class: dict[str, int] = {}
        """Arms that a silence of the class mutes."""
        self.by_language: dict[str, int] = {}
        self.by_budget: dict[tuple[str, int], int] = {}
        """By budget and cost."""
        self.by_about: dict[tuple[str, ...], int] = {}
        """By the categories that an action is about."""
        self.by_hold_out: dict[tuple[str, int, str], int] = {}
        """By an action with a hold-out of its own, the share in millionths, and the tier."""
        self.by_action: dict[str, int] = {}
        self.by_goal: dict[GoalRule, int] = {}
        self.said_once: dict[str, int] = {}
        """By action, the arms that are not said again while a decision stands."""
        self.capped_alone: list[Option] = []
        """Arms with caps of their own."""
        self.opaque = self.agreed = self.harmful = self.growth = self.free = self.spoken = 0
        for option in self.options:
            self._file(option, 1 << option.number)

    def _file(self, option: Option, bit: int) -> None:
        action, arm = option.action, option.arm
        self.by_lane[option.lane] |= bit
        subject = arm.subject._replace(model=action.model)
        for scope in subject.scopes():
            _add(self.by_scope, scope, bit)
        _add(self.by_action, action.name, bit)
        _add(self.by_goal, action.goal, bit)
        self.opaque |= bit * action.needs_person
        self.agreed |= bit * action.needs_approval
        self.harmful |= bit * (action.benefit < 0)
        self.free |= bit * action.is_free
        self.spoken |= bit * bool(arm.channel)
        self.growth |= bit * (action.rank == GROWTH_RANK and not action.is_free)
        if not action.is_free:
            _add(self.by_class, action.message_class, bit)
        if arm.language is not None:
            _add(self.by_language, arm.language[:2].lower(), bit)
        if action.about:
            _add(self.by_about, action.about, bit)
        if action.hold_out_ppm and not action.is_free:
            _add(self.by_hold_out, (action.name, action.hold_out_ppm, action.tier), bit)
        if action.budget is not None:
            _add(self.by_budget, (action.budget, action.cost), bit)
        if not arm.channel:
            return
        if not (action.is_free and action.is_momentary):
            _add(self.said_once, action.name, bit)
        if action.caps and not action.is_free:
            self.capped_alone.append(option)
        if action.is_capped and not action.is_free:
            _add(self.by_cap, ("person", ""), bit)
            _add(self.by_cap, ("action", action.name), bit)
            _add(self.by_cap, ("channel", arm.channel), bit)
            _add(self.by_cap, ("class", action.message_class), bit)
            if action.group is not None:
                _add(self.by_cap, ("group", action.group), bit)

    def goals_of(self, arms: int) -> tuple[GoalRule, ...]:
        """List the goals of a set of arms, in the order of the choice."""
        return tuple(goal for goal, its in self.by_goal.items() if its & arms)

    def stopped(self, closed: list[tuple[int, str]]) -> list[Candidate]:
        """Give the records of arms that gates stopped, in the order of the gates.

        Notes
        -----
        Where one reason stops all arms of an action it stands once, without channel and
        treatment. Records are shared by all decisions.
        """
        found: list[Candidate] = []
        if self._is_flat:
            for arms, code in closed:
                found += members(self._records(code), arms)
            return found
        codes = [""] * len(self.options)
        for arms, code in closed:
            for number in members(range(len(codes)), arms):
                codes[number] = code
        for row in self.rows:
            its = codes[row.first : row.first + row.many]
            if its[0] and all(code == its[0] for code in its):
                found.append(self._records(its[0])[row.first])
                continue
            for option, code in zip(self.options[row.first :], its, strict=False):
                if code:
                    arm = option.arm
                    found.append(Candidate(arm.action, arm.channel, arm.treatment, "gated", code))
        return found

    def scored(
        self, arms: int, code: str, weights: Sequence[int], terms: Sequence[Terms]
    ) -> list[Candidate]:
        """Give the records of arms that passed and were not chosen, with the reason code.

        Parameters
        ----------
        weights, terms
            Of each of the arms, in their order; weights may go on.
        """
        chosen = selectors(arms)
        names = [compress(column, chosen) for column in self._names]
        return list(map(Candidate, *names, repeat("lost"), repeat(code), weights, terms))

    def _records(self, code: str) -> tuple[Candidate, ...]:
        known = self._stopped.get(code)
        if known is None:
            known = tuple(Candidate(o.action.name, "", "", "gated", code) for o in self.options)
            self._stopped[code] = known
        return known


def choice_of(
    actions: tuple[ActionRule, ...], placement: str | None, channel: str | None
) -> Choice:
    """Lay out the actions that fit a slot."""
    fitting = []
    for action in actions:
        if placement is not None and action.placements and placement not in action.placements:
            continue
        arms = tuple(
            arm
            for arm in action.arms
            # Who looks at a place in a page looks now.
            if channel in (None, arm.channel) and not (placement is not None and arm.wait_ms)
        )
        if arms:
            fitting.append((action, arms))
    return Choice(fitting)


def _lane(action: ActionRule, arm: ArmRule) -> Lane:
    return Lane(
        arm.channel,
        arm.purposes,
        action.message_class,
        arm.is_loud,
        action.expires_ms,
        arm.wait_ms,
    )


def _add(filed: dict[K, int], key: K, bit: int) -> None:
    filed[key] = filed.get(key, 0) | bit
