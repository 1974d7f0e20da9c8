"""A strategy's rules about deciding, compiled."""

from __future__ import annotations

from typing import Final

from heedful.decide.definitions import Definitions
from heedful.decide.types import (
    DECISION_APPROVED,
    DECISION_REFUSED,
    DECISION_REQUESTED,
    EFFECT_DUE,
    EFFECT_SETTLED,
    OUTCOME_REPORTED,
    SILENCE_SET,
    TIME_PASSED,
)
from heedful.events import Event
from heedful.kernel import InputError
from heedful.sense import SignalSet

OWN_NAMES: Final = frozenset(
    {
        DECISION_REQUESTED,
        OUTCOME_REPORTED,
        TIME_PASSED,
        EFFECT_DUE,
        EFFECT_SETTLED,
        SILENCE_SET,
        DECISION_APPROVED,
        DECISION_REFUSED,
    }
)


class Rules:
    """Everything that a strategy says about deciding, ready to be used; immutable once made."""

    def __init__(self, definitions: Definitions, signals: SignalSet, version: str) -> None:
        self.definitions = definitions
        self.signals = signals
        self.version = version
        self.is_empty = not (definitions.needs or definitions.actions or definitions.rules)

    def concerns(self, event: Event) -> bool:
        """Say whether an event can matter to deciding for a person of whom nothing is under way."""
        return event.type == "own" and event.name in OWN_NAMES


def compile_rules(
    definitions: Definitions,
    signals: SignalSet,
    *,
    version: str,
    faults: list[InputError] | None = None,
) -> Rules:
    """Check definitions and compile them.

    Parameters
    ----------
    definitions
        As written.
    signals
        The signals that conditions read.
    version
        Of the strategy; every decision names it.
    faults
        Where given, every fault is appended, and the rules are made of what has none.

    Raises
    ------
    InputError
        The first fault, when `faults` is absent. `detail.path` says where, as in `Definitions`.
    """
    return Rules(definitions, signals, version)
