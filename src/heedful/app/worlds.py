"""From a strategy to the rules that the engine runs by."""

from __future__ import annotations

from heedful.core import World
from heedful.decide import Definitions, builtin_signals, compile_rules
from heedful.sense import FeatureDictionary, SignalSet, compile_signals
from heedful.strategy import Strategy


def definitions_of(strategy: Strategy) -> Definitions:
    """Gather what a strategy says about deciding."""
    return Definitions(
        needs=strategy.needs,
        goals=dict(strategy.goals),
        currency=strategy.currency,
        actions=strategy.actions,
        rules=strategy.rules.rules,
        builtin=strategy.rules.builtin,
        contact=strategy.contact,
        decision_types=strategy.decision_types.decision_types,
        models=strategy.decision_types.models,
        fallback_model=strategy.decision_types.fallback_model,
    )


def world_of(strategy: Strategy, earlier: dict[str, frozenset[str]] | None = None) -> World:
    """Compile a strategy; nothing is learned, stopped or seen in this world yet.

    Parameters
    ----------
    earlier
        Which definitions each earlier signal set had, so that those are not folded anew.
    """
    definitions = definitions_of(strategy)
    decides = bool(definitions.needs or definitions.actions or definitions.rules)
    own = builtin_signals(definitions.builtin) if decides else ()
    signals: SignalSet = compile_signals(
        (*strategy.signals, *own), strategy.automatic, earlier=earlier or {}
    )
    return World(
        identity=strategy.identity.compile(),
        profile=strategy.profile,
        signals=signals,
        dictionary=FeatureDictionary({}, strategy.automatic.features_max),
        rules=compile_rules(
            definitions, signals, version=strategy.version, profile=strategy.profile
        ),
        budgets=strategy.contact.budgets,
    )
