"""What trained models say of a customer, as signals: read like any other, never folded.

Law: a forecast is a function of other readings of the same customer at the same instant and of the
numbers in force, so it needs no state, is the same in every order of events, and replays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final

from heedful.expr import UNKNOWN, Expression
from heedful.kernel import SECOND_MS, WEEK_MS
from heedful.learn import Bought, ChanceModel, LifetimeModel, Outlook, Trained
from heedful.sense.types import Value

MODEL_UNTRAINED: Final = "model_untrained"
"""Why a forecast is unknown: the model was never trained for what the strategy says now."""

P_ALIVE: Final = "p_alive"
CLV: Final = "clv"
CLV_PEAK: Final = "clv_peak"
CLV_DROP: Final = "clv_drop"
LIFETIME_SIGNALS: Final = (P_ALIVE, CLV, CLV_PEAK, CLV_DROP)
"""Signals that a model of lifetime value gives."""

PROPENSITY: Final = "propensity_"
"""How the signal of a trained propensity begins; the name of the model follows."""

_WEEK_S: Final = WEEK_MS / SECOND_MS
_DIGITS: Final = 6  # beyond a millionth nobody acts on a difference, and processors disagree


class Foreseen(ABC):
    """A model that the strategy declares, as the signals it gives.

    Parameters
    ----------
    model
        Its name.
    definition
        Digest of what it is trained for.
    outputs
        Names of the signals.
    expressions
        All that it reads.
    """

    def __init__(
        self,
        model: str,
        definition: str,
        outputs: tuple[str, ...],
        expressions: tuple[Expression, ...],
    ) -> None:
        self.model = model
        self.definition = definition
        self.outputs = outputs
        self.expressions = expressions
        paths = [path for one in expressions for path in one.paths]
        self.roots = tuple(sorted({path[0] for path in paths}))
        named = [path[1] for path in paths if path[0] == "signals" and len(path) > 1]
        self.signals = tuple(sorted(set(named)))

    def values(self, scope: Mapping[str, Any], trained: Trained | None) -> dict[str, Value]:
        """Say what is foreseen.

        Parameters
        ----------
        scope
            Holds what `expressions` read.
        trained
            The model in force; one of another definition says nothing.
        """
        if trained is not None and trained.definition != self.definition:
            trained = None
        return self._values(scope, trained)

    @abstractmethod
    def _values(self, scope: Mapping[str, Any], trained: Trained | None) -> dict[str, Value]: ...

    def _all(self, value: Value) -> dict[str, Value]:
        return dict.fromkeys(self.outputs, value)


class LifetimeForeseen(Foreseen):
    """How likely a customer still buys, and what they are still worth.

    Parameters
    ----------
    expressions
        The buying of a customer, then every setback.
    assumed
        What is believed before anything was learned; None where nothing is.
    horizon, discount, margin
        See `LifetimeModel.outlook`.
    """

    def __init__(
        self,
        model: str,
        definition: str,
        expressions: tuple[Expression, ...],
        assumed: LifetimeModel | None,
        horizon: float,
        discount: float,
        margin: float,
    ) -> None:
        super().__init__(model, definition, LIFETIME_SIGNALS, expressions)
        self.assumed = assumed
        self.horizon = horizon
        self.discount = discount
        self.margin = margin

    def _values(self, scope: Mapping[str, Any], trained: Trained | None) -> dict[str, Value]:
        model = self.assumed if trained is None else trained.model
        buying, *setbacks = [one.evaluate(scope) for one in self.expressions]
        if not isinstance(model, LifetimeModel) or buying is UNKNOWN:
            return self._all(UNKNOWN)
        if buying is None:
            return self._all(None)
        if UNKNOWN in setbacks:
            return self._all(UNKNOWN)
        units = [0.0 if one is None else float(one) for one in setbacks]
        seen = self.outlook(model, bought_of(buying), units)
        return {name: round(v, _DIGITS) for name, v in zip(self.outputs, seen, strict=True)}

    def outlook(
        self, model: LifetimeModel, bought: Bought, units: Sequence[float], horizon: float = 0.0
    ) -> Outlook:
        """Foresee one customer over the declared horizon, or another one in weeks."""
        return model.outlook(bought, units, horizon or self.horizon, self.discount, self.margin)


class PropensityForeseen(Foreseen):
    """How likely something happens to a customer, or does not.

    Parameters
    ----------
    features
        In the order of training.
    population
        Whom the model is about; of others it says nothing.
    """

    def __init__(
        self,
        model: str,
        definition: str,
        features: tuple[Expression, ...],
        population: Expression | None,
    ) -> None:
        read = features if population is None else (*features, population)
        super().__init__(model, definition, (f"{PROPENSITY}{model}",), read)
        self.features = features
        self.population = population

    def vector(self, scope: Mapping[str, Any]) -> list[float] | None:
        """Read the features, NaN where there is none; None while one is unknown."""
        read = []
        for feature in self.features:
            value = feature.evaluate(scope)
            if value is UNKNOWN:
                return None
            read.append(float(value) if isinstance(value, int | float) else float("nan"))
        return read

    def concerns(self, scope: Mapping[str, Any]) -> bool:
        """Say whether the model is about a customer."""
        return self.population is None or self.population.holds(scope)

    def _values(self, scope: Mapping[str, Any], trained: Trained | None) -> dict[str, Value]:
        if trained is None or not isinstance(trained.model, ChanceModel):
            return self._all(UNKNOWN)
        if not self.concerns(scope):
            return self._all(None)
        features = self.vector(scope)
        if features is None:
            return self._all(UNKNOWN)
        return self._all(round(trained.model.chance(features), _DIGITS))


def bought_of(buying: Mapping[str, Any]) -> Bought:
    """Read a signal of buying in weeks, as models take it."""
    return Bought(
        purchases=buying["purchases"],
        since_first=buying["since_first"] / _WEEK_S,
        since_last=buying["since_last"] / _WEEK_S,
        spent=buying["spent"],
    )
