"""Reports of models as users of commercial decision hubs know them: responses, base rate, AUC.

One shape for our own models and for those that were brought along, so that they stand in one table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import msgspec

from heedful.kernel import MICRO
from heedful.learn import BinCounts, Tally, auc, grouped, lift, weighted_auc, z_ratio
from heedful.learn.waiting import OpenKey

Kind = Literal["numeric", "symbolic"]

AUC_ACTIVE_MIN: Final = 0.52
"""AUC from which a predictor of our own is called active; commercial hubs begin there, too."""


_THOUSAND: Final = 1_000.0
_DECIMALS: Final = 6


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One arm as one model knows it."""

    model: str
    goal: str = ""
    group: str = ""
    action: str
    channel: str = ""
    treatment: str = ""
    responses: float
    positives: float
    auc: float
    """Area under the ROC curve of its scores, in [0, 1]; 0.5 tells nothing apart."""
    predictors: int = 0
    """How many predictors it found of use."""
    open: int = 0
    """Decisions whose window is open: they are responses once it closes, so that before that the
    positive ones, which are told at once, weigh too much."""

    @property
    def base_rate(self) -> float:
        """Share of positive responses; 0 before the first."""
        return self.positives / self.responses if self.responses else 0.0


class PredictorBin(msgspec.Struct, frozen=True, kw_only=True):
    """Values of a predictor that are counted together."""

    label: str
    """As people read it: a symbol, or a range such as `[1, 2)`."""
    positives: float
    negatives: float
    lift: float
    """Its base rate as a multiple of the arm's."""
    z_ratio: float
    """Standard errors between its shares of the positive and of the negative responses."""


class PredictorRow(msgspec.Struct, frozen=True, kw_only=True):
    """One predictor of one arm, whichever model decided."""

    model: str = ""
    """The model that it belongs to, where each has its own."""
    goal: str = ""
    action: str
    channel: str = ""
    treatment: str = ""
    predictor: str
    kind: Kind
    is_active: bool
    auc: float
    """Of the predictor alone, its bins in the order of their base rates: never below 0.5."""
    bins: tuple[PredictorBin, ...]


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of models at one time."""

    source: str
    """`heedful` for our own, else the system that it came from."""
    at: int
    """When the newest of it was true, ms since 1970."""
    models: tuple[ModelRow, ...] = ()
    predictors: tuple[PredictorRow, ...] = ()

    @property
    def auc(self) -> float:
        """AUC over all models, weighted by their responses."""
        return weighted_auc((row.auc, row.responses) for row in self.models)

    @property
    def open(self) -> int:
        return sum(row.open for row in self.models)

    @property
    def responses(self) -> float:
        return sum(row.responses for row in self.models)

    @property
    def positives(self) -> float:
        return sum(row.positives for row in self.models)


class Named(NamedTuple):
    """What a feature's id stands for."""

    predictor: str
    symbol: str | None = None
    """Which symbol of the predictor it marks; None for a number."""
    natural: Callable[[float], float] = float
    """What a number that a model reads stands for, as people know it."""


class ArmName(NamedTuple):
    """An arm by its parts."""

    group: str
    action: str
    channel: str
    treatment: str


def report_of(
    counts: BinCounts,
    at: int,
    arm_of: Callable[[str], ArmName],
    named: Callable[[int], Named],
    waiting: Mapping[OpenKey, int] = MappingProxyType({}),
) -> ModelReport:
    """Report on what was counted: a row for each model, goal and arm.

    Parameters
    ----------
    counts
        Responses by goal, arm, predictor and bin, and by the chance that models gave.
    arm_of
        Reads an arm's name.
    named
        Says what a feature's id stands for.
    waiting
        Decisions whose window is open, by model, goal and arm.
    """
    predictors: list[PredictorRow] = []
    active: dict[tuple[str, str], int] = {}
    for goal, arm in counts.arms():
        found = _predictors(counts, goal, arm, arm_of(arm), named)
        active[goal, arm] = sum(one.is_active for one in found)
        predictors += found
    rows = []
    for model, goal, arm in sorted({*counts.scored(), *waiting}):
        bins = [one.tally for one in counts.scores(model, goal, arm)]
        whole, of = _sum(bins), arm_of(arm)
        rows.append(
            ModelRow(
                model=model,
                goal=goal,
                group=of.group,
                action=of.action,
                channel=of.channel,
                treatment=of.treatment,
                responses=max(whole.responses, 0) / MICRO,
                positives=max(whole.positives, 0) / MICRO,
                auc=auc(bins, is_ranked=True),
                predictors=active.get((goal, arm), 0),
                open=waiting.get((model, goal, arm), 0),
            )
        )
    return ModelReport(source="heedful", at=at, models=tuple(rows), predictors=tuple(predictors))


def _predictors(
    counts: BinCounts,
    goal: str,
    arm: str,
    of: ArmName,
    named: Callable[[int], Named],
) -> list[PredictorRow]:
    whole = counts.tally(goal, arm)
    numbers: dict[str, list[tuple[str, Tally]]] = {}
    symbols: dict[str, list[tuple[str, Tally]]] = {}
    for id_ in counts.predictors(goal, arm):
        name = named(id_)
        bins = counts.bins(goal, arm, id_)
        if name.symbol is None:
            shown = [(_range(b.lower, b.upper, name.natural), b.tally) for b in grouped(bins)]
            numbers.setdefault(name.predictor, []).extend(shown)
        else:
            total = _sum(b.tally for b in bins)
            symbols.setdefault(name.predictor, []).append((name.symbol, total))
    found = []
    for kind, by_name in (("numeric", numbers), ("symbolic", symbols)):
        for predictor, shown in sorted(by_name.items()):
            seen = _sum(tally for _, tally in shown)
            rest = Tally(whole.positives - seen.positives, whole.negatives - seen.negatives)
            every = [*shown, ("none", rest)] if rest.responses > 0 else shown
            area = auc([tally for _, tally in every])
            found.append(
                PredictorRow(
                    goal=goal,
                    action=of.action,
                    channel=of.channel,
                    treatment=of.treatment,
                    predictor=predictor,
                    kind="numeric" if kind == "numeric" else "symbolic",
                    is_active=area >= AUC_ACTIVE_MIN,
                    auc=area,
                    bins=tuple(_bin(label, tally, whole) for label, tally in every),
                )
            )
    return found


def _range(lower: float, upper: float, natural: Callable[[float], float]) -> str:
    low, high = _figure(natural(lower)), _figure(natural(upper))
    return low if low == high else f"[{low}, {high})"


def _figure(value: float) -> str:
    if abs(value) >= _THOUSAND:
        return f"{value:.0f}"
    return f"{round(value, _DECIMALS) + 0.0:.4g}"  # + 0.0: no -0


def _bin(label: str, tally: Tally, whole: Tally) -> PredictorBin:
    return PredictorBin(
        label=label,
        positives=max(tally.positives, 0) / MICRO,
        negatives=max(tally.negatives, 0) / MICRO,
        lift=lift(tally, whole),
        z_ratio=z_ratio(tally, whole, MICRO),
    )


def _sum(tallies: Iterable[Tally]) -> Tally:
    positives = negatives = 0
    for tally in tallies:
        positives += tally.positives
        negatives += tally.negatives
    return Tally(positives, negatives)
