"""Reports of models: what was counted of ours, and what was brought along from elsewhere."""

from __future__ import annotations

from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Final

import msgspec

from heedful.decide import Rules
from heedful.decide.definitions import DO_NOTHING
from heedful.engine.routing import Line, Rival
from heedful.govern import model_score
from heedful.kernel import MICRO, canonical
from heedful.measure import (
    ArmName,
    BroughtPrior,
    ModelReport,
    ModelRow,
    Named,
    PredictorRow,
    priors_of,
    report_of,
)
from heedful.ports import Transaction

if TYPE_CHECKING:
    from heedful.app.application import App

BROUGHT: Final = "models brought along"
"""Name under which the report of another system's models is kept."""

_REPORTS: Final = msgspec.msgpack.Decoder(ModelReport)


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of models, with what they come to together."""

    source: str
    """`heedful` for our own, else the system that they came from."""
    at: int
    """As of when, ms since 1970; 0 where nothing is known."""
    auc: float
    """Over all models, weighted by their responses."""
    responses: float
    positives: float
    open: int
    """Decisions that wait for an outcome still."""
    models: tuple[ModelRow, ...]
    predictors: tuple[PredictorRow, ...]


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """What was read from a file of another system."""

    models: int
    predictors: int
    auc: float
    priors: tuple[BroughtPrior, ...]
    """What it says of actions of the same name, to be written into the strategy."""


class RivalShown(msgspec.Struct, frozen=True, kw_only=True):
    """A model beside the champion."""

    model: str
    share: float
    """Of the customers; 0 for one that only looks on."""
    decisions: float
    """Decisions whose outcome is known, weighed where it only looked on."""
    value: float
    """Money for each of them."""
    champion_value: float
    difference: float
    low: float | None
    """Lower end of the difference, which holds at all times at once; null while nothing is sure."""
    high: float | None
    is_better: bool
    says: str


class LineShown(msgspec.Struct, frozen=True, kw_only=True):
    """A name that actions ask a model by."""

    name: str
    champion: str
    before: tuple[str, ...]
    """Earlier champions, the latest last."""
    actions: int
    """How many ask by this name."""
    is_high_risk: bool
    """Whether people have to agree to any promotion."""
    rivals: tuple[RivalShown, ...]


class ModelShown(msgspec.Struct, frozen=True, kw_only=True):
    """A model in force."""

    name: str
    kind: str
    transparency: int
    """1 (opaque) to 5 (readable as it stands)."""
    learn_seq: int
    """Up to which learning row it has learned: its version."""


class ModelsShown(msgspec.Struct, frozen=True, kw_only=True):
    """Which models there are, and who answers."""

    lines: tuple[LineShown, ...]
    models: tuple[ModelShown, ...]


def models(app: App) -> ModelsShown:
    """List who answers, and the models in force."""
    world = app.engine.world
    rules = world.rules
    return ModelsShown(
        lines=tuple(map(shown, app.engine.governing.lines())),
        models=tuple(
            ModelShown(
                name=name,
                kind=rules.models[name].kind,
                transparency=model_score(rules.scores, name),
                learn_seq=model.learn_seq,
            )
            for name, model in sorted(world.models.items())
            if name in rules.models
        ),
    )


def shown(line: Line) -> LineShown:
    """Show one line."""
    return LineShown(
        name=line.name,
        champion=line.route.champion,
        before=line.route.before,
        actions=line.actions,
        is_high_risk=line.is_high_risk,
        rivals=tuple(map(_rival, line.rivals)),
    )


def _rival(rival: Rival) -> RivalShown:
    found = rival.found
    ends = (found.watched.low, found.watched.high)
    low, high = (end if isfinite(end) else None for end in ends)
    return RivalShown(
        model=rival.model,
        share=rival.share_ppm / MICRO,
        decisions=found.decisions,
        value=found.value,
        champion_value=found.against,
        difference=found.difference,
        low=low,
        high=high,
        is_better=found.is_better,
        says=found.says,
    )


def report(app: App, *, is_brought: bool = False, action: str | None = None) -> Reported:
    """Report on our models, or on those that were brought along.

    Parameters
    ----------
    action
        Only this one, with the bins of its predictors; without it there are none.
    """
    whole = _brought(app) if is_brought else _own(app)
    wanted = [row for row in whole.models if action in (None, row.action)]
    shown = [row for row in whole.predictors if row.action == action]
    of = ModelReport(source=whole.source, at=whole.at, models=tuple(wanted))
    return Reported(
        source=of.source,
        at=of.at,
        auc=of.auc,
        responses=of.responses,
        positives=of.positives,
        open=of.open,
        models=of.models,
        predictors=tuple(shown),
    )


def bring(app: App, brought: ModelReport) -> Brought:
    """Keep the report of another system's models, in the place of an earlier one."""
    body = canonical.encode(brought)
    app.store.write(lambda tx: tx.put_meta(BROUGHT, body))
    return Brought(
        models=len(brought.models),
        predictors=len(brought.predictors),
        auc=brought.auc,
        priors=priors_of(brought, app.engine.world.rules.actions),
    )


def _brought(app: App) -> ModelReport:
    def read(tx: Transaction) -> ModelReport:
        body = tx.get_meta(BROUGHT)
        return ModelReport(source="none", at=0) if body is None else _REPORTS.decode(body)

    return app.store.read(read)


def _own(app: App) -> ModelReport:
    rules = app.engine.world.rules
    counting, now = app.engine.counting, app.clock()
    return report_of(
        counting.bins(),
        now,
        lambda arm: _arm(rules, arm),
        lambda id_: _named(rules, id_),
        counting.waiting(now),
    )


def _named(rules: Rules, feature: int) -> Named:
    """Name a predictor; one that no model of this strategy reads is known by its number."""
    plan = rules.features
    known = None if plan is None else plan.named(feature)
    if plan is None or known is None:
        return Named(f"#{feature}")
    return Named(*known, partial(plan.natural, feature))


def _arm(rules: Rules, arm: str) -> ArmName:
    if arm == DO_NOTHING:
        return ArmName("", DO_NOTHING, "", "")
    action, channel, treatment = arm.split("/", 2)
    known = rules.actions.get(action)
    group = "" if known is None or known.group is None else known.group
    return ArmName(group, action, channel, treatment)
