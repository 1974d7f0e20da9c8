"""What makes a gap: the same moments decided again without one condition, gate or weight at a time.

Law: each moment is decided under every ablation from the same state, so what differs is the one
rule that was left out, and not what came of leaving it out before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from heedful import decide
from heedful.decide import Decision
from heedful.decide.definitions import Action
from heedful.decide.readings import Readings
from heedful.decide.sieve import parts_of
from heedful.decide.telling import written
from heedful.events import Event
from heedful.expr import tree
from heedful.govern.monitors import FairnessFile, group_of
from heedful.measure.fairness import ANY
from heedful.strategy.differences import play_history
from heedful.strategy.load import Strategy
from heedful.strategy.stage import Moment, Stage

ABLATIONS_MAX: Final = 40
"""Rules that are left out one at a time for one action; those of the first conditions and gates."""

_CONDITIONS: Final = ("eligible", "applicable", "suitable")
_CONDITION_CODES: Final = frozenset(("not_eligible", "not_applicable", "not_suitable"))
_FRAGMENT: Final = 1


class Cause(NamedTuple):
    """How far a gap would close without one rule."""

    trait: str
    group: str
    reference: str
    """The group that fared best with the rule."""
    action: str
    rule: str
    """A condition or a part of it, such as `eligible: traits.plan == 'gold'`, a gate, such as
    `gate: no_consent`, or `weight`."""
    ratio: float
    """Of the chances to be chosen, group over reference."""
    ratio_without: float
    asked: int
    """Decisions about the group that were made again."""

    @property
    def says(self) -> str:
        """Tell it in a sentence."""
        whom = f"{self.trait} {self.group}"
        return (
            f"Without `{self.rule}`, {whom} would get {self.action} {self.ratio_without:.0%} as "
            f"often as {self.reference}, instead of {self.ratio:.0%}."
        )


class Suspect(NamedTuple):
    """A gap to be explained."""

    trait: str
    action: str


def causes(
    strategy: Strategy,
    histories: Iterable[Sequence[Event]],
    policy: FairnessFile,
    suspects: Iterable[Suspect],
) -> list[Cause]:
    """Play what happened to people, decide each moment again without one rule, and compare.

    Parameters
    ----------
    histories
        Events of each person.

    Returns
    -------
    list of Cause
        For each suspect and group the rules whose absence brings it closer to the group that
        fares best, the one that closes the most first.

    Notes
    -----
    Chances are those of the policy (`p_choose` of all arms), not draws, so a sample of people
    tells rules apart. Nothing is learned here: what a model adds to a gap is the calibration of
    `measure.fairness`.
    """
    wanted = list(dict.fromkeys(suspects))
    actions = sorted({one.action for one in wanted if one.action != ANY})
    stage, tables = Stage(strategy), {action: _Table() for action in actions}
    ablated = {action: list(_ablations(strategy, action)) for action in actions}

    def beside(moment: Moment) -> None:
        groups = _groups(stage, moment, policy)
        for action in actions:
            base = _chance(moment.decisions, action)
            if base is None:
                continue
            chances = [(rule, _again(other, moment, action)) for rule, other in ablated[action]]
            for trait, group in groups:
                tables[action].add(trait, group, base, chances)

    for events in histories:
        play_history(stage, events, beside)
    found = [
        cause
        for trait, action in wanted
        if action in tables
        for cause in tables[action].causes(trait, action, policy)
    ]
    return sorted(found, key=lambda c: (c.ratio - c.ratio_without, c.trait, c.action, c.group))


def _ablations(strategy: Strategy, name: str) -> Iterator[tuple[str, Stage]]:
    """Give the strategy without each part of an action's conditions, its weight, and each gate."""
    rule = Stage(strategy).rules.actions[name]
    left_out: list[tuple[str, dict[str, str | float | None]]] = []
    for field in _CONDITIONS:
        condition = getattr(rule, field)
        if condition is None:
            continue
        parts = list(parts_of(condition.expression.tree))
        for part in parts:
            rest = tuple(other for other in parts if other is not part)
            text = written(rest[0] if len(rest) == 1 else tree.Logic("and", rest)) if rest else None
            left_out.append((f"{field}: {written(part)}", {field: text}))
    if rule.weight is not None:
        left_out.append(("weight", {"weight": 1.0}))
    for label, change in left_out[:ABLATIONS_MAX]:
        yield label, Stage(_changed(strategy, name, change))
    for code in decide.REASONS:
        if code not in _CONDITION_CODES:
            yield f"gate: {code}", Stage(strategy, ignored=frozenset((code,)))


def _changed(strategy: Strategy, name: str, change: dict[str, str | float | None]) -> Strategy:
    def of(action: Action) -> Action:
        return msgspec.structs.replace(action, **change) if action.action == name else action

    definitions = strategy.definitions
    actions = tuple(of(action) for action in definitions.actions)
    definitions = msgspec.structs.replace(definitions, actions=actions)
    return msgspec.structs.replace(strategy, definitions=definitions)


def _again(stage: Stage, moment: Moment, action: str) -> float:
    case = decide.decode_case(moment.case)
    step = decide.step(
        stage.rules, moment.surroundings, moment.person, case, moment.event, _FRAGMENT
    )
    return _chance(step.decisions, action) or 0.0


def _chance(decisions: Sequence[Decision], action: str) -> float | None:
    """Give the chance that decisions gave to an action; None where none looked at it."""
    looked = [c.weight for d in decisions for c in d.candidates if c.action == action]
    return sum(looked) / (1 << 32) if looked else None


def _groups(stage: Stage, moment: Moment, policy: FairnessFile) -> list[tuple[str, str]]:
    rules = stage.rules
    readings = Readings(
        moment.surroundings, rules.signals, rules.profile, moment.person, moment.event, 0
    )
    return [(p.trait, group_of(p, readings.traits.get(p.trait))) for p in policy.protected]


class _Table:
    """Chances of one action, summed by group, as it is and under each ablation."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, str], int] = {}
        self._sums: dict[tuple[str, str], dict[str, float]] = {}

    def add(
        self, trait: str, group: str, base: float, chances: Sequence[tuple[str, float]]
    ) -> None:
        """Add one moment."""
        key = trait, group
        self._asked[key] = self._asked.get(key, 0) + 1
        sums = self._sums.setdefault(key, {})
        for rule, chance in (("", base), *chances):
            sums[rule] = sums.get(rule, 0.0) + chance

    def causes(self, trait: str, action: str, policy: FairnessFile) -> Iterator[Cause]:
        """Compare each group with the one that fares best."""
        declared = next((p for p in policy.protected if p.trait == trait), None)
        names = [g.name for g in declared.groups] if declared is not None else []
        rates = {
            name: {rule: total / self._asked[trait, name] for rule, total in sums.items()}
            for name in names
            if (sums := self._sums.get((trait, name)))
        }
        best = max(rates, key=lambda name: (rates[name][""], name), default=None)
        if best is None or rates[best][""] <= 0.0:
            return
        for name, own in rates.items():
            ratio = own[""] / rates[best][""]
            for rule, rate in own.items():
                other = rates[best][rule]
                if not rule or name == best or other <= 0.0:
                    continue  # where nobody of the others gets it, there is nothing to compare with
                if (without := rate / other) > ratio:
                    asked = self._asked[trait, name]
                    yield Cause(trait, name, best, action, rule, ratio, without, asked)
