"""The filter of logistic arms against the same sums written out, one outcome after the other."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import numpy as np
import pytest

from heedful.kernel import MICRO
from heedful.learn import (
    ArmSpec,
    ArmTable,
    Basis,
    LearningRow,
    LogisticArms,
    LogisticSettings,
    Panel,
    Prior,
)
from heedful.learn.level import Level, start_at, start_of
from heedful.learn.logistic import chance
from heedful.learn.snapshot import _DECODER
from heedful.learn.sparse import Read

GOALS = ("buy", "visit")
STRENGTH, VARIANCE, SPARSE = 10.0, 0.25, 0.02
REFRESH = 32
ARMS = tuple(
    ArmSpec(
        f"a{number}",
        f"group_{number % 3}",
        f"a{number % 5}",
        channel="mail" if number % 4 else "",
        treatment="warm" if number % 2 else "",
        moment="later" if number % 3 else "",
        prior=Prior(0.05 + 0.02 * (number % 5), 20.0),
    )
    for number in range(15)
)


def model_of(width: int) -> LogisticArms:
    ids = tuple(range(1, width))
    basis = Basis(ids, (0.0,) * len(ids), (1.0,) * len(ids))
    return LogisticArms(
        LogisticSettings(
            basis=basis,
            feature_variance=VARIANCE,
            group_strength=STRENGTH,
            sparse_variance=SPARSE,
            sparse_bits=12,
            detects_change=False,
        )
    )


def rows_of(width: int, count: int) -> list[LearningRow]:
    """Outcomes with the features of the basis, every third with some beside or without a part."""
    draws, rows = np.random.default_rng(width), []
    for seq in range(1, count + 1):
        arm = ARMS[int(draws.integers(len(ARMS)))]
        ids = list(range(1, width))
        if seq % 3 == 0:
            ids = ids[: width // 2] + [100 + int(n) for n in sorted(draws.integers(9, size=2))]
        values = draws.normal(scale=1.5, size=len(ids)).round(3).tolist()
        state = ("expired", "converted", "maturing")[int(draws.integers(3))]
        rows.append(
            LearningRow(
                learn_seq=seq,
                decision_id=f"d_{seq}",
                arm=arm.arm,
                goal=GOALS[seq % 2],
                state=state,  # type: ignore[arg-type]
                outcome=MICRO if state == "converted" else 0,
                weight=int(draws.integers(1, MICRO)),
                retract=int(draws.integers(MICRO)) if state == "converted" else 0,
                decided_at=0,
                at=seq,
                parts=arm.parts,
                prior_p=arm.prior.p,
                prior_strength=arm.prior.strength,
                feature_ids=tuple(ids),
                feature_values=tuple(values),
            )
        )
    return rows


class WrittenOut:
    """The same filter with a matrix for each sum, and no order or place left to chance."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.blocks: dict[tuple[str, str], dict[str, Any]] = {}
        self.groups: dict[tuple[str, str], dict[str, Any]] = {}
        self.mean: dict[int, float] = {}
        self.variance: dict[int, float] = {}

    def learn(self, row: LearningRow, arm: ArmSpec, read: Read) -> None:
        """Take in a row; of the hashed weights only where they stand is read."""
        x = np.zeros(self.width)
        x[0] = 1.0
        for feature, value in zip(row.feature_ids, row.feature_values, strict=True):
            if feature < self.width:
                x[feature] = max(-8.0, min(value, 8.0))
        block, group = self._block(row.goal, arm), self._group(row.goal, arm)
        diagonal = np.diag(block["precision"])
        x[1:] -= block["usual"][1:]
        pull = diagonal @ group["mean"]
        at = block["offset"] + block["learned"][0] + block["S"][0, 0] * pull[0]
        apart = x[1:] @ (block["learned"][1:] + block["S"][1:, 1:] @ pull[1:])
        variance = of_dense = x @ block["S"] @ x
        centres = read.centres.tolist()
        around = [*centres, None]
        read_as = read.places.tolist(), read.values.tolist(), read.centre.tolist()
        sparse = [(place, value, around[c]) for place, value, c in zip(*read_as, strict=True)]
        hashed = sum(self.mean.get(place, 0.0) for place in centres)
        for place, value, centre in sparse:
            hashed += self.mean.get(place, 0.0) * value
            variance += self.variance.get(place, SPARSE) * value**2
            apart += self.mean.get(place, 0.0) * value if centre is None else 0.0
        of_all = x[1:] @ (block["learned"][1:] + block["S"][1:, 1:] @ pull[1:]) + hashed
        begin = block["offset"] + group["mean"][0]
        other = block["after_lost" if row.outcome else "after_won"]
        against = float(np.median([at, other, begin]))
        p = chance(float(of_all + against), float(variance))
        weight, retract = row.weight / MICRO, row.retract / MICRO
        curvature = max(weight - retract, 0.0) * max(p * (1.0 - p), 1e-4)
        slope = weight * (row.outcome / MICRO - p) + retract * p
        slope, curvature = (
            slope / (1 + curvature * variance),
            curvature / (1 + curvature * variance),
        )
        before = {name: block[name].copy() for name in ("S", "learned")}
        reach = block["S"] @ x
        reach[0] = 0.0
        block["S"] = block["S"] - curvature * np.outer(reach, reach)
        block["learned"] = block["learned"] + (slope + curvature * (reach @ pull)) * reach
        self._count(block, row, p, against, variance, begin, x, apart, variance - of_dense)
        block["learned"][0] -= block["offset"] + block["S"][0, 0] * pull[0]
        group["weight"] = group["weight"] + diagonal @ (before["S"] - block["S"]) @ diagonal
        group["total"] = group["total"] + diagonal @ (block["learned"] - before["learned"])
        group["stale"] += 1
        if group["stale"] == REFRESH:
            prior = np.eye(self.width) * STRENGTH / VARIANCE
            group["mean"] = np.linalg.inv(group["weight"] + prior) @ group["total"]
            group["stale"] = 0
        self._hash(centres, sparse, slope, curvature)

    def _hash(
        self, centres: list[int], sparse: list[tuple[Any, ...]], slope: float, curvature: float
    ) -> None:
        """Move hashed weights, and what they are around."""
        means, variances = {}, {}
        for place in centres if sparse else ():
            before = self.variance.get(place, SPARSE)
            means[place] = self.mean.get(place, 0.0)
            variances[place] = before - curvature * before**2
        for place, value, centre in sparse:
            before = self.variance.get(place, SPARSE)
            share = 0.0 if centre is None else self._share(place, centre)
            step = slope * before * value * (1.0 - share)
            if centre is not None:
                means[centre] -= share * step
            if place not in centres:  # where they fall together, it is a centre
                means[place] = self.mean.get(place, 0.0) + step
                variances[place] = max(before - curvature * (before * value) ** 2, SPARSE / 256.0)
        self.mean |= means
        self.variance |= variances

    def usual(self, row: LearningRow, arm: ArmSpec) -> Any:
        """Give the usual person of an action."""
        return self._block(row.goal, arm)["usual"]

    def _count(
        self,
        block: dict[str, Any],
        row: LearningRow,
        p: float,
        against: float,
        variance: float,
        begin: float,
        x: Any,
        apart: float,
        hashed: float,
    ) -> None:
        """Count an outcome: the level in place of its first weight, and whom is usual."""
        precision = block["precision"][0]
        outcome, weight = row.outcome / MICRO, row.weight / MICRO
        won, lost = weight * outcome, weight * (1 - outcome) - row.retract / MICRO
        information = max(won + lost, 0.0) * max(p * (1 - p), 1e-4)
        information /= 1 + information * hashed
        block["informed"] += information
        part = information / block["informed"]
        block["usual"][1:] += part * x[1:]
        sum_won, sum_lost = block["won"], block["lost"] * np.exp(-part * apart)
        sum_lost += lost * p * (1 + np.exp(-against))
        sum_lost = max(sum_lost, 0.0)
        begun_won, begun_lost = precision * (1 + np.exp(begin)), precision * (1 + np.exp(-begin))
        step = won * (1 - p) * (1 + np.exp(against))
        odds = (sum_won + begun_won + step) / (sum_lost + begun_lost)
        block["won"], block["lost"] = sum_won + step, sum_lost
        if won > 0:
            block["after_won"] = np.log(odds)
        elif lost > 0:
            block["after_lost"] = np.log(odds)
        block["S"][0, 0] = 1 / block["informed"]
        block["learned"][0] = np.log(odds)

    def _share(self, place: int, centre: int) -> float:
        had, seen = (1.0 / self.variance.get(p, SPARSE) - 1.0 / SPARSE for p in (place, centre))
        return min(had / max(seen, 1e-9), 1.0)

    def _block(self, goal: str, arm: ArmSpec) -> dict[str, Any]:
        if (goal, arm.action) not in self.blocks:
            offset, bias = start_of(arm.prior)
            precision = np.full(self.width, 1.0 / VARIANCE)
            precision[0] = bias
            self.blocks[goal, arm.action] = {
                "offset": offset,
                "precision": precision,
                "S": np.diag(1.0 / precision),
                "learned": np.zeros(self.width),
                "group": arm.group,
                "usual": np.zeros(self.width),
                "informed": bias,
                "won": 0.0,
                "lost": 0.0,
                "after_won": offset,
                "after_lost": offset,
            }
        return self.blocks[goal, arm.action]

    def _group(self, goal: str, arm: ArmSpec) -> dict[str, Any]:
        # An action stays in the group in which it was first seen.
        name = self.blocks[goal, arm.action]["group"]
        if (goal, name) not in self.groups:
            self.groups[goal, name] = {
                "weight": np.zeros((self.width, self.width)),
                "total": np.zeros(self.width),
                "mean": np.zeros(self.width),
                "stale": 0,
            }
        return self.groups[goal, name]


def read_of(model: LogisticArms, row: LearningRow, usual: Any) -> Read:
    """Find which hashed weights a row is about, by an update of a model that saw nothing else."""
    fresh = model_of(model.dense.width)
    fresh.learn_one(row)
    key = (row.arm, row.goal, row.parts, row.prior_p, row.prior_strength)
    context = fresh.reader.read(row.feature_ids, row.feature_values)
    led = context.led.copy()
    led[-len(usual) :] -= usual
    return fresh._read(fresh._known[key], context, led)


@pytest.mark.parametrize("width", [1, 2, 9, 22])
def test_the_filter_is_the_one_that_is_written_out(width: int) -> None:
    model, plain = model_of(width), WrittenOut(width)
    arms = {arm.arm: arm for arm in ARMS}
    for row in rows_of(width, 700):
        model.learn_one(row)
        plain.learn(row, arms[row.arm], read_of(model, row, plain.usual(row, arms[row.arm])))
    dense = model.dense
    dense.settle()
    for key, slot in dense.slots.items():
        block = plain.blocks[key]
        assert dense.spread[slot] == pytest.approx(block["S"], abs=1e-12)
        assert dense.learned[slot] == pytest.approx(block["learned"], abs=1e-12)
        assert dense.usual[slot] == pytest.approx(block["usual"], abs=1e-12)
    for key, number in dense.groups.items():
        group = plain.groups[key]
        assert dense.weight[number] == pytest.approx(group["weight"], abs=1e-11)
        assert dense.total[number] == pytest.approx(group["total"], abs=1e-11)
        assert dense.mean[number] == pytest.approx(group["mean"], abs=1e-12)
        assert dense.stale[number] == group["stale"]
    for place, mean in plain.mean.items():
        assert model.sparse.mean[place] == pytest.approx(mean, abs=1e-12)
        assert model.sparse.variance[place] == pytest.approx(plain.variance[place], abs=1e-12)


@pytest.mark.parametrize("width", [1, 2, 9, 22])
def test_a_table_scores_every_arm_as_the_filter_would(width: int) -> None:
    model, rows = model_of(width), rows_of(width, 400)
    for row in rows[:370]:  # the last arms may be ones that nobody tried
        model.learn_one(row)
    dense, means = model.dense, model.dense.means()
    asked = [(goal, arm) for goal in GOALS for arm in (*ARMS, ArmSpec("new", "group_1", "new"))]
    table = ArmTable(model, Panel(asked))
    for row in rows[370:]:
        context = model.reader.read(row.feature_ids, row.feature_values)
        found = table.score(context)
        for place, (goal, arm) in enumerate(asked):
            mean, variance = _score(model.copy(), means, goal, arm, context)
            assert found.mean[place] == pytest.approx(mean, abs=1e-9)
            assert found.sd[place] ** 2 == pytest.approx(variance, rel=1e-4)
            parts = table.parts(context, place)
            whole = parts.start + parts.own + parts.dense.sum() + parts.sparse.sum()
            assert whole == pytest.approx(mean, abs=1e-9)
    assert len(dense.slots) == len(model.dense.slots)


def _score(
    model: LogisticArms, means: Any, goal: str, arm: ArmSpec, context: Any
) -> tuple[float, float]:
    """Score one arm as `learn_one` does, under what its group has learned by now."""
    model.dense.mean[: len(means)] = means
    named = model._named(goal, arm, 0)
    led = context.led.copy()
    led[-model.dense.width :] -= model.dense.usual_of(named.slot)
    score = model.dense.score(named.slot, led[-model.dense.width :])
    read = model._read(named, context, led)
    mean, variance = read.score
    return score.mean + mean, score.variance + variance


@pytest.mark.parametrize("width", [1, 2, 22])
def test_who_asks_in_between_changes_no_bit(width: int) -> None:
    quiet, asked = model_of(width), model_of(width)
    panel = Panel.of(GOALS[0], ARMS)
    for number, row in enumerate(rows_of(width, 300)):
        quiet.learn_one(row)
        asked.learn_one(row)
        match number % 7:
            case 1:
                ArmTable(asked, panel)
            case 3:
                asked.encode()
            case 5:
                asked = asked.copy()
    assert asked.encode() == quiet.encode()


def test_a_copy_goes_on_where_the_model_stood() -> None:
    rows = rows_of(5, 120)
    whole, first = model_of(5), model_of(5)
    for row in rows:
        whole.learn_one(row)
    for row in rows[:50]:
        first.learn_one(row)
    second = copy.deepcopy(first)
    for row in rows[50:]:
        second.learn_one(row)
    assert second.encode() == whole.encode()
    assert first.encode() != whole.encode()


def test_what_forgets_goes_on_from_all_that_was_learned() -> None:
    rows = rows_of(5, 90)
    whole = model_of(5)
    for row in rows[:45]:
        whole.learn_one(row)
    again = LogisticArms.decode(whole.encode())
    for model in (whole, again):
        model.dense.forget(0, 8.0)
        for row in rows[45:]:
            model.learn_one(row)
    assert whole.encode() == again.encode()


def of_before_levels(model: LogisticArms) -> bytes:
    """Write a model as one was written whose blocks were filtered whole."""
    dense = model.dense
    dense.settle()
    spread, learned = dense.spread.copy(), dense.learned.copy()
    for slot in range(len(dense.slots)):
        pull, usual = dense.pull(slot), dense.usual[slot]
        guess = dense.learned[slot] + dense.spread[slot] @ pull
        turn = np.eye(dense.width)
        turn[0] -= usual
        spread[slot] = turn @ dense.spread[slot] @ turn.T
        learned[slot] = turn @ guess - spread[slot] @ pull
    rows, columns = np.tril_indices(dense.width)
    count = len(dense.slots)
    old = msgspec.to_builtins(_DECODER.decode(model.encode()), builtin_types=(bytes,))
    arrays = dict(old["slot_arrays"])
    for name in ("usual", "informed", "level"):
        del arrays[name]
    arrays |= {
        "spread": spread[:count, rows, columns].tobytes(),
        "learned": learned[:count].tobytes(),
    }
    return msgspec.msgpack.encode(old | {"schema": 3, "slot_arrays": arrays})


def of_before_counts(model: LogisticArms) -> bytes:
    """Write a model as one was written whose levels were sums of surprise."""
    dense = model.dense
    dense.settle()
    levels = dense.level[: len(dense.slots)].copy()
    for slot, row in enumerate(levels):
        precision, mean = dense.bias_precision[slot], dense.mean[dense.group[slot], 0]
        start = start_at(dense.offset[slot] + mean, precision)
        odds = np.exp(Level(*row).log_odds(start))
        known = (row[0] + start.won) / (1.0 + odds)
        row[:2] = known - precision, known / odds - precision * np.exp(-start.log_odds)
    old = msgspec.to_builtins(_DECODER.decode(model.encode()), builtin_types=(bytes,))
    arrays = old["slot_arrays"] | {"level": levels.tobytes()}
    return msgspec.msgpack.encode(old | {"schema": 4, "slot_arrays": arrays})


@pytest.mark.parametrize("width", [1, 9])
def test_a_snapshot_of_before_counts_believes_the_same_and_goes_on(width: int) -> None:
    model, rows = model_of(width), rows_of(width, 400)
    for row in rows[:300]:
        model.learn_one(row)
    read, panel = LogisticArms.decode(of_before_counts(model)), Panel.of(GOALS[0], ARMS)
    assert read.dense.level == pytest.approx(model.dense.level, rel=1e-2)
    for row in rows[300:]:
        context = model.reader.read(row.feature_ids, row.feature_values)
        was, found = model.scorer(panel).score(context), read.scorer(panel).score(context)
        assert found.mean == pytest.approx(was.mean, abs=1e-2)
        assert found.sd == pytest.approx(was.sd, rel=1e-4)
        assert model.learn_one(row).is_learned
        assert read.learn_one(row).is_learned


@pytest.mark.parametrize("width", [1, 9])
def test_a_snapshot_of_before_levels_believes_the_same_and_goes_on(width: int) -> None:
    model, rows = model_of(width), rows_of(width, 400)
    for row in rows[:300]:
        model.learn_one(row)
    read = LogisticArms.decode(of_before_levels(model))
    panel = Panel([(goal, arm) for goal in GOALS for arm in ARMS])
    for row in rows[300:]:
        context = model.reader.read(row.feature_ids, row.feature_values)
        was, found = model.scorer(panel).score(context), read.scorer(panel).score(context)
        assert found.mean == pytest.approx(was.mean, abs=1e-6)
        assert found.sd == pytest.approx(was.sd, rel=1e-4)
    for row in rows[300:]:
        assert read.learn_one(row).is_learned
