"""Declared models to signals that conditions read, and what they say of one customer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from heedful.customer import Profile, ProfileRules
from heedful.decide.limits import MONEY_MAX
from heedful.decide.readings import names_of, read_consents, read_traits
from heedful.expr import Expression, Names, Type, compile_expression
from heedful.kernel import DAY_MS, WEEK_MS, InputError, canonical, parse_span, to_micros
from heedful.learn import GammaGamma, LifetimeModel, ParetoNbd, Trained
from heedful.sense import (
    FeatureDictionary,
    Foresight,
    Senses,
    SignalDefinition,
    SignalSet,
    Value,
    ahead,
    evaluate,
)
from heedful.sense.ahead import AheadForeseen
from heedful.sense.definitions import fault, read_patterns
from heedful.sense.foreseen import Foreseen, LifetimeForeseen, PropensityForeseen
from heedful.sense.models import (
    AheadDefinition,
    Assumed,
    LifetimeDefinition,
    ModelFile,
    PropensityDefinition,
)

FEATURES_MAX: Final = 500
"""Features of one propensity; more are refused."""
LOOKS_MIN: Final = 3
"""Days on which training looks at customers, at least: to learn, to calibrate and to judge."""
LOOKS_MAX: Final = 60
"""The same, at most."""
MODELS_MAX: Final = 50
"""Trained models of one strategy; more are refused."""

_LOGIC_VERSION: Final = 1
"""Part of every definition's digest: a change of what is served makes models untrained."""
_ROOTS: Final = ("signals", "traits", "consents", "now")
_YEAR_WEEKS: Final = 365.25 / 7.0


def foreseeing(
    signals: SignalSet,
    models: Sequence[ModelFile],
    *,
    faults: list[tuple[int, InputError]] | None = None,
) -> SignalSet:
    """Give signals with those that the declared models add.

    Parameters
    ----------
    faults
        Where given, every fault is appended with the place of its model, whose signals are left
        out.

    Raises
    ------
    InputError
        The first fault, when `faults` is absent. `detail.path` says where in the model's file.
    """
    found: list[tuple[int, InputError]] = []
    names = Names({root: names_of(signals).roots[root] for root in _ROOTS})
    made: list[Foreseen] = []
    for place, model in enumerate(models[:MODELS_MAX]):
        compiler = _Compiler(model, signals, names)
        compiled = compiler.compiled()
        found += [(place, fault) for fault in compiler.faults]
        if compiled is not None:
            taken = {name for one in made for name in one.outputs} | set(signals.signals)
            if clash := sorted(taken.intersection(compiled.outputs)):
                what, got = "signals with names of their own", f"a second {clash[0]!r}"
                found.append((place, fault("repeated_name", what, got, "$.model")))
            else:
                made.append(compiled)
    if len(models) > MODELS_MAX:
        what = f"at most {MODELS_MAX} models"
        found.append((MODELS_MAX, fault("too_many", what, str(len(models)), "$.model")))
    if faults is not None:
        faults += found
    elif found:
        raise found[0][1]
    return signals.foreseeing(made)


def signals_beside(models: Sequence[ModelFile]) -> tuple[SignalDefinition, ...]:
    """List the signals that models bring along, to be compiled with the strategy's own."""
    return ahead.SIGNALS if any(model.ahead is not None for model in models) else ()


class _Compiler:
    """Reads one model, and collects what is wrong with it."""

    def __init__(self, model: ModelFile, signals: SignalSet, names: Names) -> None:
        self.faults: list[InputError] = []
        self._model = model
        self._signals = signals
        self._names = names

    def compiled(self) -> Foreseen | None:
        model = self._model
        parts = (model.lifetime, model.propensity, model.ahead)
        given = [part for part in parts if part is not None]
        if len(given) != 1:
            got = "several" if given else "none of them"
            what = "either `lifetime`, `propensity` or `ahead`"
            self._fault("bad_model", what, got, "$.model")
            return None
        match given[0]:
            case LifetimeDefinition() as said:
                made = self._lifetime(said)
            case PropensityDefinition() as said:
                made = self._propensity(said)
            case said:
                made = self._ahead(said)
        return None if self.faults else made

    def _lifetime(self, said: LifetimeDefinition) -> Foreseen | None:
        path = "$.lifetime"
        known = self._signals.signals.get(said.buying)
        if known is None or known.definition.kind != "buying":
            what = "the name of a signal of kind `buying`"
            self._fault("unknown_signal", what, repr(said.buying), f"{path}.buying")
            return None
        for i, setback in enumerate(said.setbacks):
            self._number(setback.costs, 0.0, 0.99, f"{path}.setbacks[{i}].costs")
            self._number(setback.strength, 1e-3, 1e9, f"{path}.setbacks[{i}].strength")
        self._number(said.margin, 1e-6, 1.0, f"{path}.margin")
        self._number(said.discount, 0.0, 1.0, f"{path}.discount")
        buying = self._expression(f"signals.{said.buying}", f"{path}.buying", Type.MAP)
        setbacks = [
            self._expression(one.of, f"{path}.setbacks[{i}].of", Type.NUMBER)
            for i, one in enumerate(said.setbacks)
        ]
        horizon = self._span(said.horizon, f"{path}.horizon")
        read = [one for one in (buying, *setbacks) if one is not None]
        if self.faults:
            return None
        return LifetimeForeseen(
            self._model.model,
            _digest([canonical_part(said), self._signals.signals[said.buying].key]),
            tuple(read),
            None if said.assumed is None else self._assumed(said, said.assumed),
            horizon / WEEK_MS,
            (1.0 + said.discount) ** (1.0 / _YEAR_WEEKS) - 1.0,
            said.margin,
        )

    def _assumed(self, said: LifetimeDefinition, assumed: Assumed) -> LifetimeModel | None:
        for name in assumed.__struct_fields__:
            self._number(getattr(assumed, name), 1e-6, 1e9, f"$.lifetime.assumed.{name}")
        lost = tuple(-math.log1p(-one.costs) for one in said.setbacks)
        return LifetimeModel(
            ParetoNbd(assumed.r, assumed.alpha, assumed.s, assumed.beta),
            GammaGamma(assumed.p, assumed.q, assumed.v),
            lost,
        )

    def _propensity(self, said: PropensityDefinition) -> Foreseen | None:
        path = "$.propensity"
        if not 1 <= len(said.features) <= FEATURES_MAX:
            what = f"1 to {FEATURES_MAX} features"
            self._fault("too_many", what, str(len(said.features)), f"{path}.features")
            return None
        features = [
            self._expression(text, f"{path}.features[{i}]", None)
            for i, text in enumerate(said.features)
        ]
        for i, feature in enumerate(features):
            if feature is not None and feature.type not in (Type.NUMBER, Type.BOOL, Type.ANY):
                place = f"{path}.features[{i}]"
                self._fault("bad_feature", "a number, or true or false", feature.type, place)
        population = None
        if said.population is not None:
            population = self._expression(said.population, f"{path}.population", Type.BOOL)
        self._span(said.target.within, f"{path}.target.within", DAY_MS)
        self._span(said.every, f"{path}.every", DAY_MS)
        self._number(said.looks, LOOKS_MIN, LOOKS_MAX, f"{path}.looks")
        try:
            read_patterns(said.target.on, f"{path}.target.on")
        except InputError as error:
            self.faults.append(error)
        if self.faults:
            return None
        return PropensityForeseen(
            self._model.model,
            _digest(canonical_part(said)),
            tuple(one for one in features if one is not None),
            population,
        )

    def _ahead(self, said: AheadDefinition) -> Foreseen | None:
        path = "$.ahead"
        horizon = self._span(said.horizon, f"{path}.horizon", DAY_MS)
        self._number(said.at_most, 1e-6, MONEY_MAX, f"{path}.at_most")
        read = [self._expression(text, f"{path}", None) for text in ahead.READ]
        if self.faults:
            return None
        keys = [self._signals.signals[signal.name].key for signal in ahead.SIGNALS]
        at_most = to_micros(said.at_most)
        assert at_most is not None  # a number within bounds
        return AheadForeseen(
            self._model.model,
            _digest([canonical_part(said), keys]),
            tuple(one for one in read if one is not None),
            at_most,
            horizon,
            by_value=said.by_value,
        )

    def _expression(self, text: str, path: str, expects: Type | None) -> Expression | None:
        try:
            return compile_expression(text, self._names, path=path, expects=expects)
        except InputError as error:
            self.faults.append(error)
            return None

    def _number(self, value: float, least: float, most: float, path: str) -> None:
        if not least <= value <= most:
            self._fault("bad_number", f"a number from {least:g} to {most:g}", repr(value), path)

    def _span(self, text: str, path: str, least: int = 1) -> int:
        try:
            span = parse_span(text, path)
        except InputError as error:
            error.detail.setdefault("path", path)
            self.faults.append(error)
            return 1
        if span < least:
            what = "a span of a day or more" if least > 1 else "a span longer than 0"
            self._fault("bad_span", what, repr(text), path)
        return span

    def _fault(self, code: str, what: str, got: str, path: str) -> None:
        self.faults.append(fault(code, what, got, path))


def canonical_part(said: LifetimeDefinition | PropensityDefinition | AheadDefinition) -> Any:
    """Write a definition as plain data, for its digest."""
    return msgspec.to_builtins(said)


def _digest(form: Any) -> str:
    return canonical.digest([_LOGIC_VERSION, form])[:16]


def scope_of(
    model: Foreseen,
    signals: SignalSet,
    profile_rules: ProfileRules,
    profile: Profile,
    senses: Senses,
    now: int,
    dictionary: FeatureDictionary | None = None,
    foresight: Foresight | None = None,
) -> dict[str, Any]:
    """Read what a model reads of a customer."""
    scope: dict[str, Any] = {"now": now}
    if "signals" in model.roots:
        scope["signals"] = evaluate(senses, signals, now, model.signals, dictionary, foresight)
    if "traits" in model.roots:
        scope["traits"] = read_traits(profile, profile_rules, now)
    if "consents" in model.roots:
        scope["consents"] = read_consents(profile)
    return scope


def foresee(
    signals: SignalSet,
    profile_rules: ProfileRules,
    profile: Profile,
    senses: Senses,
    now: int,
    trained: Mapping[str, Trained],
    dictionary: FeatureDictionary | None = None,
    foresight: Foresight | None = None,
) -> dict[str, Value]:
    """Say all that is foreseen of a customer, by the name of the signal."""
    said: dict[str, Value] = {}
    for name, model in signals.foreseen.items():
        if name not in said:
            scope = scope_of(
                model, signals, profile_rules, profile, senses, now, dictionary, foresight
            )
            said |= model.values(scope, trained.get(model.model))
    return said
