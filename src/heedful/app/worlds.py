"""From a strategy to the rules that the engine runs by."""

from __future__ import annotations

from collections.abc import Mapping

from heedful.core import World
from heedful.decide import compile_rules
from heedful.decide.foreseeing import foreseeing
from heedful.sense import FeatureDictionary, compile_signals
from heedful.strategy import Strategy


def world_of(strategy: Strategy, earlier: Mapping[str, frozenset[str]] | None = None) -> World:
    """Compile a strategy; nothing is learned, stopped or seen in this world yet.

    Parameters
    ----------
    earlier
        Which definitions each earlier signal set had, so that those are not folded anew.
    """
    sensed = compile_signals(
        strategy.sensed, strategy.automatic, strategy.sequences, earlier=earlier or {}
    )
    signals = foreseeing(sensed, strategy.models)
    return World(
        identity=strategy.identity.compile(),
        profile=strategy.profile,
        signals=signals,
        dictionary=FeatureDictionary({}, strategy.automatic.features_max),
        rules=compile_rules(
            strategy.definitions, signals, version=strategy.version, profile=strategy.profile
        ),
        budgets=strategy.definitions.contact.budgets,
        approvals=strategy.approvals,
        incidents=strategy.incidents.incidents,
        guardrails=strategy.guardrails.guardrails,
        fairness=strategy.fairness,
        drift=strategy.drift,
    )
