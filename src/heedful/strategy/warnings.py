"""What a strategy may say and likely should not: told by `check`, and never a reason to refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from heedful.decide.definitions import Action, ContactPolicy, Tier
from heedful.kernel import expected
from heedful.sense.ahead import TIRING
from heedful.sense.models import ModelFile
from heedful.strategy.parts import Part, Parts
from heedful.strategy.yaml import StrategyProblem

_WEIGHED: Final[frozenset[Tier]] = frozenset(("retention", "growth"))
_CODE: Final = "counted_twice"


def warnings_of(parts: Parts) -> Iterator[StrategyProblem]:
    """Find what counts the same harm of a message twice.

    Notes
    -----
    A model of the long game says what a message changes about later by where a person stands: of
    tiers that are weighed against silence, for messages that tire. A figure of the action's own
    for the same, or a price of every contact, is added to it once the model is in force.
    """
    models = [part for part in parts.of(ModelFile) if part.section.ahead is not None]
    if not models or parts.only(ContactPolicy).value == "product":
        return  # the product formula has no room for later
    line = models[0].document.locate("$.ahead").line
    place = f"the long game of {models[0].file}:{line}"
    after = f"Once `heedful train {models[0].section.model}` has put it in force, leave"
    for part in parts.of(Action):
        if part.section.d_clv and _is_weighed(part.section):
            got = f"{part.section.d_clv:g} beside {place}"
            yield _twice(part, "$.d_clv", got, f"{after} `d_clv` out.")
    for policy in parts.of(ContactPolicy):
        if policy.section.fatigue_cost:
            got = f"{policy.section.fatigue_cost:g} beside {place}"
            yield _twice(policy, "$.fatigue_cost", got, f"{after} `fatigue_cost` out.")


def _is_weighed(action: Action) -> bool:
    return action.tier in _WEIGHED and action.message_class in TIRING and bool(action.channels)


def _twice(
    part: Part[Action] | Part[ContactPolicy], path: str, got: str, remedy: str
) -> StrategyProblem:
    what = "what a message changes about later to be counted once"
    at = part.document.locate_key(path)
    text = expected(what, got, path, remedy)
    return StrategyProblem(part.file, at.line, at.column, text, path, _CODE)
