"""Drift and fairness as they stand: what is beyond its limit, by how much, and what makes it so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from heedful import strategy as strategies
from heedful.app.publishing import read_histories
from heedful.app.worlds import world_of
from heedful.core import World
from heedful.decide import DO_NOTHING
from heedful.engine import Engine
from heedful.engine.alarming import forgotten
from heedful.engine.crossing import Since, drift_key, gap_key
from heedful.engine.proxies import Progress, Traced, trace
from heedful.kernel import MICRO, InputError, format_instant, parse_span
from heedful.learn import Alarm
from heedful.measure import Drift, Gap
from heedful.measure.ablation import Cause, Suspect, causes
from heedful.measure.fairness import ANY, not_said
from heedful.measure.proxies import FieldCause

if TYPE_CHECKING:
    from heedful.app.application import App

T = TypeVar("T")

SUSPECTS_MAX: Final = 5
"""Gaps that are explained at once, the widest first: each costs a replay under every rule."""


class DriftShown(msgspec.Struct, frozen=True, kw_only=True):
    """How far one series has moved."""

    series: str
    """`model:NAME`, the path of a value that conditions read, or `feature:` and that of one that
    contextual models alone see."""
    measure: str
    """`psi`, `calibration` or `reward`."""
    amount: float
    limit: float
    is_crossed: bool
    """Whether it lies beyond the limit and surely beyond chance."""
    since: str | None
    """When it was first seen beyond its limit; null where it is not."""
    now: int
    """Decisions, or known outcomes, in the window."""
    before: int
    """Those in the reference."""
    says: str


class AlarmShown(msgspec.Struct, frozen=True, kw_only=True):
    """An action whose outcomes come otherwise than a model foresees."""

    model: str
    action: str
    goal: str
    direction: str
    """`more` or `less` often than foreseen."""
    evidence: float
    """In nats, as the alarm was raised."""
    since: str
    """When the first of the decisions was made that tell of it."""
    outcomes: int
    """Known outcomes of decisions since then."""
    reached: int
    foreseen: float
    """Mean chance that the model gave to reach the goal."""
    decision_id: str
    """One of these decisions."""
    learn_seq: int
    """Newest row that it was raised by."""
    says: str
    remedy: str
    """What a person can do about it."""


class ForgotShown(msgspec.Struct, frozen=True, kw_only=True):
    """An action of which a model forgot what it knew, since outcomes showed that to be gone."""

    model: str
    action: str
    goal: str
    direction: str
    """`more` or `less` often than foreseen."""
    forgot_at: str
    since: str
    """When the first of the decisions was made that showed it."""
    outcomes: int
    """Known outcomes of decisions since then."""
    reached: int
    foreseen: float
    """Mean chance that the model gave to reach the goal, as it learned them."""
    decision_id: str
    """One of these decisions."""
    says: str
    remedy: str
    """What a person can do about it."""


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """How far models and what they see have moved, the nearest to its limit first."""

    window: str
    reference: str
    alarms: list[AlarmShown]
    """The surest first."""
    forgot: list[ForgotShown]
    """In the window, by models in force, the newest first."""
    watched: int
    """Models, actions and goals whose outcomes are weighed one by one."""
    items: list[DriftShown]


class GapShown(msgspec.Struct, frozen=True, kw_only=True):
    """How one group fares beside the one that fares best."""

    trait: str
    group: str
    reference: str
    action: str
    """`*` for all actions together."""
    measure: str
    """`selection`, `outcome`, `value` or `calibration`."""
    amount: float
    best: float
    ratio: float
    """The one over the other; of `calibration` their distance."""
    limit: float | None
    is_crossed: bool
    since: str | None
    """When it was first seen beyond its limit; null where it is not."""
    asked: int
    """Decisions of the group, or known outcomes."""
    declared: str | None
    """Why the action may read the trait, where its decision type says so."""
    says: str


class CauseShown(msgspec.Struct, frozen=True, kw_only=True):
    """How far a gap would close without one rule."""

    trait: str
    group: str
    reference: str
    action: str
    rule: str
    """A part of a condition, a gate, or `weight`."""
    ratio: float
    ratio_without: float
    asked: int
    """Decisions about the group that were made again."""
    says: str


class FeatureShown(msgspec.Struct, frozen=True, kw_only=True):
    """How far a gap would close were one field of what models see as it usually is."""

    trait: str
    group: str
    reference: str
    action: str
    """`*` for all actions together."""
    field: str
    """Such as `traits.postcode`; `*` for all fields together."""
    ratio: float
    ratio_usual: float
    low: float
    """Of the interval of how much the ratio rises, 99 % for all fields of a gap together."""
    high: float
    explained: float
    """Part of the gap; above 1 where it would turn around."""
    is_sure: bool
    people: int
    """In the smaller of the two groups."""
    asked: int
    """Decisions about the group that were weighed again."""
    says: str


class FeaturesLooked(msgspec.Struct, frozen=True, kw_only=True):
    """What was weighed again to find the fields behind gaps."""

    decisions: int
    weighed: int
    """Valued by a model that looks at the person, and made again exactly."""
    gone: int
    """Those whose strategy or model is not kept."""
    left: int
    """More that were not looked at, so that the work stays bounded."""
    fields: list[str]
    says: str


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions about people of whom the trait is not known; they are compared with nobody."""

    not_said: int
    asked: int


class GroupShown(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted of one group and action."""

    action: str
    group: str
    """As `TRAIT=GROUP`."""
    asked: int
    chosen: int
    known: int
    reached: int
    value: float
    """Money that the known ones brought."""
    gated: dict[str, int]
    """By reason, decisions in which a gate stopped the action."""


class FairnessReport(msgspec.Struct, frozen=True, kw_only=True):
    """How groups fare beside each other, what is beyond its limit first."""

    window: str
    items: list[GapShown]
    causes: list[CauseShown]
    """Of the gaps below their limit, where people were replayed."""
    features: list[FeatureShown]
    """Fields of what models see behind the same gaps, the one that explains the most first."""
    looked: FeaturesLooked | None
    """Null where there is no gap to explain, or nobody was to be looked at."""
    groups: list[GroupShown]
    unknown: dict[str, Unknown]
    """By trait."""
    replayed: int
    """People whose past was decided again."""


def drift_report(app: App) -> DriftReport:
    """Say how far models and what they see have moved."""
    policy, found = app.engine.world.drift, app.engine.measuring.found()

    def shown(one: Drift) -> DriftShown:
        since = found.crossed.get(drift_key(one))
        return DriftShown(
            **one._asdict(),
            since=None if since is None else format_instant(since.at),
            says=one.says,
        )

    return DriftReport(
        window=policy.window,
        reference=policy.reference,
        alarms=[alarm_shown(alarm, app.engine.world) for alarm in found.alarms],
        forgot=forgot_shown(app.engine),
        watched=len(app.engine.measuring.counted().alarms),
        items=[shown(d) for d in found.drifts],
    )


def alarm_shown(alarm: Alarm, world: World) -> AlarmShown:
    """Tell an alarm, and what a person can do."""
    action = world.rules.actions.get(alarm.action)
    line = alarm.model if action is None else action.model
    remedy = (
        f"See `heedful why {alarm.decision_id}`. `heedful models rollback {line}` lets the "
        "champion before answer again, where there was one; "
    )
    if alarm.action == DO_NOTHING:
        remedy += "what people do unasked has changed: look at the goal, the season, the source."
    else:
        remedy += f"`heedful stop action:{alarm.action}` rests the action while you look."
    return AlarmShown(
        **{**alarm._asdict(), "since": format_instant(alarm.since)},
        says=alarm.says,
        remedy=remedy,
    )


def forgot_shown(engine: Engine) -> list[ForgotShown]:
    """Tell what models forgot of late, and what a person can do."""
    return [
        ForgotShown(
            model=one.alarm.model,
            action=one.alarm.action,
            goal=one.alarm.goal,
            direction=one.alarm.direction,
            forgot_at=format_instant(one.at),
            since=format_instant(one.alarm.since),
            outcomes=one.alarm.outcomes,
            reached=one.alarm.reached,
            foreseen=one.alarm.foreseen,
            decision_id=one.alarm.decision_id,
            says=one.says,
            remedy=(
                "It learns anew from what comes. Where not the world changed but a message, a "
                f"price or an event broke, mend that: see `heedful why {one.alarm.decision_id}`."
            ),
        )
        for one in forgotten(engine.world, engine.now())
    ]


def fairness_report(
    app: App, people: int = 0, progress: Progress = lambda done, total: None
) -> FairnessReport:
    """Say how groups fare, and what makes the gaps that are below their limit.

    Parameters
    ----------
    people
        Customers whose past is decided again without one rule at a time, and whose decisions are
        weighed again with one field of what models see as usual; 0 explains nothing.
    progress
        Is told how many of the people, then of the decisions, are done.
    """
    world, measuring = app.engine.world, app.engine.measuring
    found, counts, now = measuring.found(), measuring.counted().fairness, app.engine.now()
    reasons = {name: a.decision_type.reads_protected for name, a in world.rules.actions.items()}
    wide = [
        Suspect(gap.trait, gap.action)
        for gap in found.gaps
        if gap.measure == "selection" and gap.ratio < (gap.limit or 0.0)
    ]
    suspects = list(dict.fromkeys(s for s in wide if s.action == ANY or s.action in reasons))
    named = [s for s in suspects if s.action != ANY][:SUSPECTS_MAX]
    histories = read_histories(app.store, world, people) if people and named else {}
    made: list[Cause] = []
    if histories:
        pasts = _told(list(histories.values()), progress)
        made = causes(app.strategy, pasts, world.fairness, named)
    traced = _traced(app, suspects[:SUSPECTS_MAX], now, people, progress) if people else None
    return FairnessReport(
        window=world.fairness.window,
        items=[_gap_shown(gap, reasons, found.crossed) for gap in found.gaps],
        causes=[_cause_shown(cause) for cause in made],
        features=[] if traced is None else [_feature_shown(cause) for cause in traced.causes],
        looked=None if traced is None else _looked(traced),
        groups=[
            GroupShown(
                action=action,
                group=group,
                asked=cell.asked,
                chosen=cell.chosen,
                known=cell.known,
                reached=cell.hits,
                value=cell.value / MICRO,
                gated=cell.gated,
            )
            for action, cells in sorted(counts.window(now).items())
            for group, cell in sorted(cells.items())
        ],
        unknown={
            trait: Unknown(not_said=missing, asked=asked)
            for trait, (missing, asked) in not_said(counts, world.fairness, now).items()
        },
        replayed=len(histories),
    )


def _gap_shown(
    gap: Gap, reasons: Mapping[str, Mapping[str, str]], crossed: Mapping[str, Since]
) -> GapShown:
    since = crossed.get(gap_key(gap))
    return GapShown(
        **gap._asdict(),
        since=None if since is None else format_instant(since.at),
        declared=reasons.get(gap.action, {}).get(gap.trait),
        says=gap.says,
    )


def _cause_shown(cause: Cause) -> CauseShown:
    return CauseShown(**cause._asdict(), says=cause.says)


def _told(pasts: Sequence[T], progress: Progress) -> Iterator[T]:
    for done, past in enumerate(pasts):
        progress(done, len(pasts))
        yield past


def _feature_shown(cause: FieldCause) -> FeatureShown:
    return FeatureShown(**cause._asdict(), explained=cause.explained, says=cause.says)


def _looked(traced: Traced) -> FeaturesLooked:
    return FeaturesLooked(
        decisions=traced.decisions,
        weighed=traced.weighed,
        gone=traced.gone,
        left=traced.left,
        fields=list(traced.fields),
        says=traced.says,
    )


def _traced(
    app: App, suspects: list[Suspect], now: int, people: int, progress: Progress
) -> Traced | None:
    if not suspects:
        return None
    world = app.engine.world

    @cache
    def compiled(version: str) -> World | None:
        # Each apart from what is in force: what runs remembers what it laid out, on its own thread.
        try:
            return world_of(strategies.load(app.strategy_files(version)))
        except InputError:  # never published here, or accepted by an older release only
            return None

    since = now - parse_span(world.fairness.window)
    return trace(app.store, world, compiled, suspects, since, people, progress)
