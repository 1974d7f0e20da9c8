"""Drift and fairness of what is decided, counted in the background from decisions and outcomes.

Law: what crosses a limit is an event in the log, and a limit that tightens on it is one too, in
force between two batches, so that a replay meets both at the same place and never counts again.
What is counted names nobody: a person is looked up for their groups alone, as they are then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from heedful import core
from heedful.core import World
from heedful.decide import DO_NOTHING, Candidate, Decision
from heedful.engine import alarming, ledger, reading
from heedful.engine.crossing import Crossing, Since, crossings_of, news
from heedful.engine.deciding import read_decision, subject_of
from heedful.engine.forgetting import ERASED
from heedful.engine.proofs import Proof
from heedful.engine.stream import Notice
from heedful.engine.writer import Writer
from heedful.govern import UNLIMITED_PPM, fold_governance, write
from heedful.govern.monitors import group_of
from heedful.govern.types import GuardrailTightened
from heedful.kernel import MICRO, canonical, parse_public_id
from heedful.learn import Alarm, AlarmChange, DriftAlarms, LearningRow, unpack_features
from heedful.measure import (
    Drift,
    DriftCounts,
    FairnessCounts,
    Gap,
    drift_counts,
    drifts,
    fairness_counts,
    gaps,
    slot_of,
)
from heedful.measure.drift import MODEL, watched_paths
from heedful.measure.fairness import group_key
from heedful.measure.watched import feature_slots, watched_fields
from heedful.ports import Store, Transaction

MEASURE_WAIT_S: Final = 5.0
"""How often decisions and outcomes are counted: a gap is seen about so long after it is there."""

ROWS: Final = 2_000
"""Decisions, and learning rows, that are counted at once."""

_META: Final = "measured"
_LESSONS: Final = msgspec.msgpack.Decoder(LearningRow)
_SETTLED: Final = ("converted", "expired")
_NAMES: Final = {"drift": ledger.DRIFT_NOTICED, "fairness": ledger.GAP_NOTICED}
_LEFT_OUT: Final = frozenset(("qa", ERASED))


class _Kept(msgspec.Struct):
    policy: str
    seq: int
    lesson: int
    drift: bytes
    fairness: bytes
    crossed: dict[str, Since]
    alarms: bytes = b""


class Counted(NamedTuple):
    """What was counted, up to where, and what was beyond its limit then."""

    policy: str
    """Digest of what is counted: one that is written anew begins anew."""
    seq: int
    lesson: int
    drift: DriftCounts
    fairness: FairnessCounts
    crossed: dict[str, Since]
    """By what it is."""
    alarms: DriftAlarms
    changes: tuple[AlarmChange, ...] = ()
    """Alarms that are to be told."""


class Found(NamedTuple):
    """What is concluded from the counts."""

    drifts: list[Drift]
    gaps: list[Gap]
    crossed: dict[str, Since]
    """What is beyond its limit, and since when."""
    alarms: list[Alarm]
    """Whose chances do not come true, the surest first."""


class Measurer:
    """Counts decisions and outcomes, and says what lies beyond its limit."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        announce: Callable[[list[Notice]], None] = lambda notices: None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._announce = announce
        self._lock = threading.Lock()
        self._counted: Counted | None = None
        self._found: Found | None = None

    def step(self) -> bool:
        """Count what is new; False when nothing was."""
        with self._lock:
            return self._step()

    def _step(self) -> bool:
        world = self._writer.world
        if world.rules.is_empty:
            return False
        before = self._now_counted(world)
        newer, rows = self._store.read(lambda tx: _counted_on(tx, world, before))
        if not rows:
            return False
        now = self._writer.now()
        moved = drifts(newer.drift, world.drift, now)
        wide = gaps(newer.fairness, world.fairness, now)
        crossings = news(crossings_of(world, moved, wide), newer.crossed)
        kept = self._kept(newer, crossings)
        if crossings or kept.changes:
            notices: list[Notice] = []
            self._writer.change_world(lambda tx, w: self._told(tx, w, crossings, kept, notices))
            self._announce(notices)
        else:
            self._writer.transact(lambda tx: _keep(tx, kept)).result()
        self._counted, self._found = kept._replace(changes=()), None
        return rows >= ROWS

    def found(self) -> Found:
        """Give what is concluded from all that was counted, the worst first."""
        if self._found is None:
            world = self._writer.world
            counted, now = self._now_counted(world), self._writer.now()
            self._found = Found(
                drifts(counted.drift, world.drift, now),
                gaps(counted.fairness, world.fairness, now),
                counted.crossed,
                counted.alarms.standing(),
            )
        return self._found

    def counted(self) -> Counted:
        """Give the counts themselves."""
        return self._now_counted(self._writer.world)

    def _now_counted(self, world: World) -> Counted:
        if self._counted is None:
            self._counted = self._store.read(lambda tx: _read(tx, world))
        known = self._counted
        if known is None or known.policy != _policy_of(world):
            self._found = None
            # What was told of is not told again, though all else is counted anew.
            alarms = alarming.begin(world) if known is None else known.alarms
            known = self._counted = _nothing(world, alarms)
        return known

    def _kept(self, counted: Counted, crossings: Sequence[Crossing]) -> Counted:
        now, crossed = self._writer.now(), dict(counted.crossed)
        for one in crossings:
            if one.is_crossed:
                crossed[one.key] = Since(now, one.said)
            else:
                del crossed[one.key]
        return counted._replace(crossed=crossed)

    def _told(
        self,
        tx: Transaction,
        world: World,
        crossings: Sequence[Crossing],
        kept: Counted,
        notices: list[Notice],
    ) -> World:
        now, secret, governance = self._writer.now(), self._writer.secret, world.governance
        notices.clear()  # of an attempt that another writer forestalled
        for change in kept.changes:
            event = ledger.note(tx, secret, *alarming.written(change), now)
            notices.append(alarming.announced(change, tx.last_seq(), event.at))
        for one in crossings:
            event = ledger.note(tx, secret, _NAMES[one.kind], one.said, now)
            notices.append(alarming.crossed(one, tx.last_seq(), event.at))
            if one.factor is None or not one.is_crossed:
                continue
            known = governance.factors.by_name.get(one.key)
            factor_ppm = UNLIMITED_PPM if known is None else known.ppm
            tightened = GuardrailTightened(
                guardrail=one.key,
                scope=one.scope,
                factor_ppm=round(factor_ppm * one.factor),
                trials=one.trials,
                hits=round(one.trials * abs(one.said["amount"])),
                limit_ppm=round(one.said["limit"] * MICRO),
                crossed=one.kind,
            )
            name, said = write(tightened)
            proof = Proof("guardrail", one.key, now, {"event": name, "by": "heedful"})
            event = ledger.note(tx, secret, name, said, now, [proof])
            governance = fold_governance(governance, event)
        _keep(tx, kept)
        return msgspec.structs.replace(world, governance=governance)


# Counting


def _nothing(world: World, alarms: DriftAlarms) -> Counted:
    drift, fairness = drift_counts(world.drift), fairness_counts(world.fairness)
    return Counted(_policy_of(world), 0, 0, drift, fairness, {}, alarms)


def _policy_of(world: World) -> str:
    fairness = world.fairness
    return canonical.digest((world.drift.window, fairness.window, fairness.protected))


def _counted_on(tx: Transaction, world: World, before: Counted) -> tuple[Counted, int]:
    """Count a page of what is new into a copy, and say how long it was."""
    decisions = tx.decisions_after(before.seq, ROWS)
    lessons = tx.lessons(before.lesson, ROWS)
    if not decisions and not lessons:
        return before, 0
    drift = DriftCounts.decode(before.drift.encode())
    fairness = FairnessCounts.decode(before.fairness.encode())
    made = [(row.fragment, read_decision(row.body)) for row in decisions]
    rows = [_LESSONS.decode(body) for _, body in lessons]
    about = tx.decisions(sorted({k for r in rows if (k := _decision_key(r)) is not None}))
    known = {key: read_decision(row.body) for key, row in about.items()}
    fragments = {fragment for fragment, _ in made} | {row.fragment for row in about.values()}
    groups = _groups_of(tx, world, sorted(fragments))
    watched = _watched(world)
    for fragment, decision in made:
        if not _LEFT_OUT.isdisjoint(decision.flags):
            continue
        slots = _slots(watched, decision)
        drift.add(decision.at, {**slots, **_model_slot(world, decision)}, seen=1)
        fairness.decided(decision, groups.get(fragment, ()))
    alarms = alarming.begin(world, before.alarms.encode())
    changes: list[AlarmChange] = []
    for row in rows:
        key = _decision_key(row)
        if key not in known or row.is_beside:
            continue
        if _LEFT_OUT.isdisjoint(known[key].flags):
            changes += alarms.learn_one(alarming.foreseen(world, row, known[key]))
        if known[key].action != DO_NOTHING:
            whose = groups.get(about[key].fragment, ())
            _learn(world, drift, fairness, row, known[key], watched, whose)
    newer = before._replace(
        seq=decisions[-1].seq if decisions else before.seq,
        lesson=lessons[-1][0] if lessons else before.lesson,
        drift=drift,
        fairness=fairness,
        alarms=alarms,
        changes=(*changes, *alarms.settle()),
    )
    return newer, max(len(decisions), len(lessons))


class _Watched(NamedTuple):
    """Which values are watched for drift."""

    paths: frozenset[str]
    """Those that conditions read."""
    fields: Mapping[int, str]
    """Features that contextual models see beside them."""
    always: frozenset[int]
    """Features that stand in every row."""


def _watched(world: World) -> _Watched:
    paths = watched_paths(c for condition in world.rules.conditions for c in condition.paths)
    plan = world.rules.features
    if plan is None:
        return _Watched(paths, {}, frozenset())
    return _Watched(paths, watched_fields(plan.names, paths), plan.dense)


def _slots(watched: _Watched, decision: Decision) -> dict[str, int]:
    slots = {name: slot_of(v) for name, v in decision.seen.items() if name in watched.paths}
    if watched.fields and decision.features:
        row = unpack_features(decision.features)
        slots |= feature_slots(watched.fields, watched.always, *row)
    return slots


def _learn(
    world: World,
    drift: DriftCounts,
    fairness: FairnessCounts,
    row: LearningRow,
    decision: Decision,
    watched: _Watched,
    groups: Iterable[str],
) -> None:
    """Count an outcome that is waited for, or became known."""
    model = _model_slot(world, decision)
    if row.state == "pending":
        drift.add(decision.at, model, waiting=1)
        return
    if row.state == "withdrawn":
        drift.add(decision.at, model, waiting=-1)
        return
    if row.state not in _SETTLED or not _LEFT_OUT.isdisjoint(decision.flags):
        return
    believed, is_hit = _believed(decision), row.state == "converted"
    drift.add(decision.at, model, waiting=-1)
    slots = _slots(watched, decision)
    what = {"known": 1, "hits": int(is_hit), "believed": believed, "value": row.value}
    drift.add(decision.at, {**slots, **model}, **what)
    fairness.became_known(decision, groups, is_hit=is_hit, value=row.value, believed=believed)


def _decision_key(row: LearningRow) -> int | None:
    return parse_public_id("d", row.decision_id)


def _model_slot(world: World, decision: Decision) -> dict[str, int]:
    model = subject_of(world, decision).model
    if decision.action == DO_NOTHING or model is None:
        return {}
    return {MODEL + model: slot_of(_believed(decision) / MICRO)}


def _believed(decision: Decision) -> int:
    chosen: Candidate | None = next((c for c in decision.candidates if c.verdict == "chosen"), None)
    return 0 if chosen is None else chosen.terms.get("p_ppm", 0)


def _groups_of(
    tx: Transaction, world: World, fragments: Sequence[int]
) -> Mapping[int, tuple[str, ...]]:
    """Say which groups the people behind fragments are in; nobody for one who is erased."""
    protected = world.fairness.protected
    if not protected or not fragments:
        return {}
    places = tx.fragments(fragments)
    rows = tx.customers(sorted({place.customer for place in places.values()}))
    by_person = {}
    for key, row in rows.items():
        state = core.read(world, row.body)
        traits: dict[str, Any] = reading.traits(state, world.profile, state.profile.last_at)
        by_person[key] = tuple(
            group_key(one.trait, group_of(one, traits.get(one.trait))) for one in protected
        )
    return {key: by_person.get(place.customer, ()) for key, place in places.items()}


# Keeping


def _read(tx: Transaction, world: World) -> Counted | None:
    body = tx.get_meta(_META)
    if body is None:
        return None
    kept = msgspec.msgpack.decode(body, type=_Kept)
    return Counted(
        kept.policy,
        kept.seq,
        kept.lesson,
        DriftCounts.decode(kept.drift),
        FairnessCounts.decode(kept.fairness),
        kept.crossed,
        alarming.begin(world, kept.alarms),
    )


def _keep(tx: Transaction, counted: Counted) -> None:
    kept = _Kept(
        counted.policy,
        counted.seq,
        counted.lesson,
        counted.drift.encode(),
        counted.fairness.encode(),
        counted.crossed,
        counted.alarms.encode(),
    )
    tx.put_meta(_META, msgspec.msgpack.encode(kept))
