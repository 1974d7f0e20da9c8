"""Logistic arms: what outcomes teach, how groups share it, how it fades, and what it is worth."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from heedful.kernel import DAY_MS, MICRO, InputError
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
from heedful.learn.dense import ACTIONS_MAX, DenseBlocks
from heedful.learn.level import Told
from heedful.learn.logistic import chance
from heedful.learn.table import _of_anybody

GOAL = "purchase"
PRIOR = Prior(0.2, 10.0)
BASIS = Basis((1, 2), (0.0, 0.0), (1.0, 1.0))
TIPS = ArmSpec("tips", "help", "tips", prior=PRIOR)


def spec(action: str, group: str = "help", **parts: str) -> ArmSpec:
    name = "/".join((action, *parts.values()))
    return ArmSpec(name, group, action, prior=PRIOR, **parts)


def model_of(**changes: Any) -> LogisticArms:
    return LogisticArms(LogisticSettings(**({"basis": BASIS, "sparse_bits": 10} | changes)))


def row(learn_seq: int, arm: ArmSpec = TIPS, **changes: Any) -> LearningRow:
    fields: dict[str, Any] = {
        "learn_seq": learn_seq,
        "decision_id": f"d_{learn_seq}",
        "arm": arm.arm,
        "goal": GOAL,
        "state": "expired",
        "decided_at": 0,
        "at": learn_seq,
        "parts": arm.parts,
        "prior_p": arm.prior.p,
        "prior_strength": arm.prior.strength,
    }
    return LearningRow(**fields | changes)


def converted(learn_seq: int, arm: ArmSpec = TIPS, **changes: Any) -> LearningRow:
    return row(learn_seq, arm, state="converted", outcome=MICRO, **changes)


def with_features(x: np.ndarray[Any, Any]) -> dict[str, Any]:
    ids = tuple(range(1, len(x) + 1))
    return {"feature_ids": ids, "feature_values": tuple(float(v) for v in x)}


def odds(
    model: LogisticArms, arm: ArmSpec = TIPS, ids: Any = (), values: Any = ()
) -> tuple[float, float]:
    found = ArmTable(model, Panel.of(GOAL, [arm])).score(model.reader.read(ids, values))
    return float(found.mean[0]), float(found.sd[0])


def p_of(model: LogisticArms, arm: ArmSpec = TIPS, ids: Any = (), values: Any = ()) -> float:
    mean, sd = odds(model, arm, ids, values)
    return chance(mean, sd * sd)


def teach(model: LogisticArms, arm: ArmSpec, rate: float, rounds: int, seed: int) -> None:
    draws = np.random.default_rng(seed).random(rounds)
    for reached in (draws < rate).tolist():
        seq = model.learn_seq + 1
        model.learn_one(converted(seq, arm) if reached else row(seq, arm))


def test_an_unknown_arm_starts_at_its_prior() -> None:
    mean, sd = odds(model_of())
    assert mean == pytest.approx(np.log(0.2 / 0.8))
    assert sd**2 == pytest.approx(1.0 / (10.0 * 0.2 * 0.8))


def test_a_feature_that_never_was_seen_widens_the_belief() -> None:
    assert odds(model_of(), TIPS, (1,), (2.0,))[1] > odds(model_of())[1]


def test_outcomes_move_the_chance_to_their_rate() -> None:
    model = model_of()
    teach(model, TIPS, 0.5, 2_000, seed=1)
    assert p_of(model) == pytest.approx(0.5, abs=0.04)
    assert odds(model)[1] == pytest.approx((2_000 * 0.25) ** -0.5, rel=0.2)


def test_the_weights_of_a_logistic_world_are_found_by_features_dense_and_rare() -> None:
    model = model_of(sparse_variance=1.0, sparse_bits=14)
    draws = np.random.default_rng(2)
    truth = np.array([1.2, -0.8, 0.9])  # the third feature is not of the basis
    for seq in range(1, 4_001):
        x = draws.normal(size=3)
        reached = draws.random() < 1.0 / (1.0 + np.exp(0.5 - x @ truth))
        changes = with_features(x)
        model.learn_one(converted(seq, **changes) if reached else row(seq, **changes))
    start = odds(model)[0]
    assert start == pytest.approx(-0.5, abs=0.15)
    for feature in (1, 2, 3):
        step = odds(model, TIPS, (feature,), (1.0,))[0] - start
        assert step == pytest.approx(truth[feature - 1], abs=0.2)


def test_one_outcome_is_counted_beside_what_was_believed() -> None:
    model = LogisticArms()
    mean, sd = odds(model)
    p = chance(mean, sd * sd)
    model.learn_one(converted(1))
    after, narrower = odds(model)
    known = sd**-2 + 1.0 - p
    informed = sd**-2 + p * (1.0 - p)
    # The group moves a new action only from its 32nd outcome, or when it is asked for: here.
    assert narrower**2 == pytest.approx(1.0 / informed, rel=1e-5)
    assert after > mean + np.log(known * sd**2) - 1e-6


def test_a_new_action_starts_from_its_group_and_another_group_does_not() -> None:
    model = model_of(group_strength=3.0)
    for number in range(8):
        teach(model, spec(f"known_{number}"), 0.7, 200, seed=number)
    start = odds(model_of())[0]
    assert odds(model, spec("new"))[0] > start + 1.0
    assert odds(model, spec("new", group="offers"))[0] == pytest.approx(start)


def test_a_known_action_hardly_follows_its_group() -> None:
    model = model_of(group_strength=3.0)
    teach(model, TIPS, 0.2, 1_000, seed=3)
    before = p_of(model)
    for number in range(8):
        teach(model, spec(f"other_{number}"), 0.8, 200, seed=number)
    assert p_of(model) == pytest.approx(before, abs=0.02)


def test_treatments_share_their_action_and_differ_by_what_they_brought() -> None:
    model = model_of(sparse_variance=0.5)
    good, bad = spec("tips", treatment="short"), spec("tips", treatment="long")
    for seed in range(10):
        teach(model, good, 0.6, 100, seed)
        teach(model, bad, 0.2, 100, 50 + seed)
    assert p_of(model, good) == pytest.approx(0.6, abs=0.08)
    assert p_of(model, bad) == pytest.approx(0.2, abs=0.08)
    assert p_of(model, bad) < p_of(model, spec("tips", treatment="new")) < p_of(model, good)


def test_a_channel_is_learned_over_actions() -> None:
    model = model_of(sparse_variance=0.5)
    for number in range(6):
        teach(model, spec(f"a_{number}", channel="push"), 0.5, 100, number)
        teach(model, spec(f"a_{number}", channel="email"), 0.1, 100, 50 + number)
    fresh = [spec("fresh", group="apart", channel=name) for name in ("push", "email")]
    assert p_of(model, fresh[0]) > p_of(model, fresh[1]) + 0.05


def test_rows_seen_before_and_pending_ones_teach_nothing() -> None:
    model = model_of()
    assert not model.learn_one(row(1, state="pending")).is_learned
    assert model.learn_one(converted(2)).is_learned
    before = model.encode()
    assert not model.learn_one(converted(2)).is_learned
    assert not model.learn_one(row(1)).is_learned
    assert model.encode() == before
    assert not model.learn_one(row(3, weight=0)).is_learned
    assert model.learn_seq == 3


def test_maturing_parts_of_a_silence_teach_about_as_much_as_its_expiry() -> None:
    at_once, in_parts = model_of(), model_of()
    for start in range(0, 400, 4):
        for seq in range(start + 1, start + 5):
            in_parts.learn_one(row(seq, state="maturing", weight=MICRO // 4))
        at_once.learn_one(row(start + 1))
    assert p_of(in_parts) == pytest.approx(p_of(at_once), abs=0.005)


def test_a_conversion_takes_back_what_its_silence_taught() -> None:
    early, late = model_of(detects_change=False), model_of(detects_change=False)
    teach(early, TIPS, 0.3, 300, seed=4)
    teach(late, TIPS, 0.3, 300, seed=4)
    silent = p_of(late)
    for seq in range(301, 331):
        early.learn_one(row(seq, state="pending"))
        late.learn_one(row(seq, state="maturing", weight=MICRO // 2))
    assert p_of(late) < silent
    for seq in range(331, 361):
        early.learn_one(converted(seq))
        late.learn_one(converted(seq, retract=MICRO // 2))
    assert p_of(late) == pytest.approx(p_of(early), abs=0.01)


def test_a_withdrawn_message_leaves_the_chance_where_it_was() -> None:
    model = model_of()
    teach(model, TIPS, 0.3, 300, seed=5)
    before = p_of(model)
    model.learn_one(row(301, state="maturing", weight=MICRO // 2))
    assert p_of(model) < before
    model.learn_one(row(302, state="withdrawn", retract=MICRO // 2))
    assert p_of(model) == pytest.approx(before, abs=1e-4)


def test_a_half_life_forgets_down_to_the_prior_however_long_it_was() -> None:
    model = model_of(half_life_ms=DAY_MS)
    teach(model, TIPS, 0.8, 300, seed=6)
    learned, narrow = odds(model, TIPS, (9,), (1.0,))
    model.learn_one(row(301, at=DAY_MS, weight=1))
    mean, sd = odds(model, TIPS, (9,), (1.0,))
    assert mean == pytest.approx(learned, abs=0.01)
    assert sd > narrow
    model.learn_one(row(302, at=1 << 60, weight=1))
    assert odds(model)[1] == pytest.approx(odds(model_of())[1], rel=1e-3)


def test_forgetting_raises_no_belief_above_its_prior() -> None:
    blocks = DenseBlocks(3, 1.0, 10.0)
    slot = blocks.slot(GOAL, "tips", "help", PRIOR, 0)
    draws = np.random.default_rng(7)
    for _ in range(200):
        x = np.array([1.0, *draws.normal(size=2)])
        score = blocks.score(slot, x - blocks.usual_of(slot))
        told = Told(1.0, 0.0, 0.4, score.at, 0.24)
        blocks.update(slot, score, 0.1, 0.2 / (1.0 + 0.2 * score.variance), told, score.apart)
        blocks.forget(slot, 3.0)
    prior = np.diag(1.0 / blocks.precisions(slot))
    of_anybody = _of_anybody(blocks.spread[[slot]], blocks.usual[[slot]])[0]
    assert np.abs(blocks.usual[slot]).max() > 0.0
    assert np.linalg.eigvalsh(prior - of_anybody).min() >= -1e-9
    assert np.linalg.eigvalsh(blocks.spread[slot]).min() > 0.0


def test_a_changed_world_is_noticed_and_relearned_sooner() -> None:
    watching, blind = model_of(), model_of(detects_change=False)
    for model in (watching, blind):
        teach(model, TIPS, 0.6, 2_000, seed=8)
    changes = 0
    for seq in range(2_001, 2_101):
        changes += len(watching.learn_one(row(seq)).changes)
        blind.learn_one(row(seq))
    assert changes >= 1
    assert p_of(watching) < p_of(blind) - 0.1


def test_what_a_model_has_not_learned_yet_is_no_changed_world() -> None:
    ids = tuple(range(1, 21))
    model = model_of(basis=Basis(ids, (0.0,) * 20, (1.0,) * 20), detects_change=True)
    arm = ArmSpec("a", "a", "a", prior=Prior(0.05, 20.0))
    draws, changes = np.random.default_rng(3), 0
    for seq in range(1, 401):
        x = draws.normal(size=20)
        # Far beyond the declared chance, and of people who differ in much that is unknown.
        reached = draws.random() < 1.0 / (1.0 + np.exp(-2.0 - x[0]))
        taught = converted if reached else row
        changes += len(model.learn_one(taught(seq, arm, **with_features(x))).changes)
    assert changes == 0


def test_a_steady_world_seldom_raises_the_alarm() -> None:
    model = model_of()
    draws = np.random.default_rng(9).random(20_000)
    alarms = 0
    for seq, reached in enumerate((draws < 0.1).tolist(), 1):
        alarms += len(model.learn_one(converted(seq) if reached else row(seq)).changes)
    assert alarms <= 8


def test_goals_are_learned_apart() -> None:
    model = model_of()
    for seq in range(1, 200):
        model.learn_one(converted(seq, goal="visit"))
    assert odds(model) == odds(model_of())


@pytest.mark.parametrize("half_life_ms", [None, DAY_MS])
def test_a_model_read_back_learns_on_to_the_same_bytes(half_life_ms: int | None) -> None:
    model = model_of(half_life_ms=half_life_ms)
    draws = np.random.default_rng(10)

    def next_row(seq: int) -> LearningRow:
        arm = spec(f"a_{seq % 5}", channel="push", treatment=f"t_{seq % 3}")
        changes = with_features(draws.normal(size=4)) | {"at": seq * DAY_MS // 50}
        # Wholly retracted: moves means and no variance.
        return converted(seq, arm, retract=MICRO * (seq % 2), **changes)

    for seq in range(1, 100):
        model.learn_one(next_row(seq))
    again = LogisticArms.decode(model.encode())
    assert again.encode() == model.encode()
    for seq in range(100, 200):
        taught = next_row(seq)
        model.learn_one(taught)
        again.learn_one(taught)
    assert again.encode() == model.encode()


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x80", b"\x90"])
def test_other_bytes_are_no_snapshot(body: bytes) -> None:
    with pytest.raises(InputError) as caught:
        LogisticArms.decode(body)
    assert caught.value.code == "bad_snapshot"


def test_a_snapshot_cut_short_inside_is_refused() -> None:
    model = model_of()
    model.learn_one(converted(1))
    body = model.encode()
    for cut in range(0, len(body), 37):
        with pytest.raises(InputError):
            LogisticArms.decode(body[:cut])


def test_a_table_answers_for_many_arms_as_for_each_alone() -> None:
    model = model_of(sparse_variance=0.5)
    arms = [
        spec(f"a_{number % 4}", group=f"g_{number % 2}", channel=channel, treatment=f"t_{number}")
        for number, channel in enumerate(("push", "email", "", "push", "email", ""))
    ]
    draws = np.random.default_rng(11)
    for seq in range(1, 300):
        changes = with_features(draws.normal(size=5))
        taught = converted if seq % 3 else row
        model.learn_one(taught(seq, arms[seq % 6], **changes))
    x = draws.normal(size=5).tolist()
    together = ArmTable(model, Panel.of(GOAL, arms)).score(model.reader.read(range(1, 6), x))
    for place, arm in enumerate(arms):
        alone = odds(model, arm, tuple(range(1, 6)), x)
        assert (together.mean[place], together.sd[place]) == pytest.approx(alone, rel=1e-5)


def test_beliefs_are_the_log_odds_as_wide_as_they_are_explored() -> None:
    model = model_of(exploration=0.5)
    table = ArmTable(model, Panel.of(GOAL, [TIPS, spec("call")]))
    context = model.reader.read((1,), (1.0,))
    mean, sd = table.score(context)
    found = table.beliefs(context)
    assert found.family == "logit_normal"
    assert found.first.tolist() == mean.tolist()
    assert found.second.tolist() == (0.5 * sd).tolist()
    expected = [chance(m, s * s) for m, s in zip(mean, 0.5 * sd, strict=True)]
    assert found.p.tolist() == pytest.approx(expected, rel=1e-12)


def test_one_panel_asks_about_several_goals() -> None:
    model = model_of(sparse_variance=1.0)
    for seq in range(1, 60):
        taught = converted(seq, TIPS) if seq % 2 else row(seq, spec("call"))
        model.learn_one(msgspec.structs.replace(taught, goal=("visit", GOAL)[seq % 3 == 0]))
    both = Panel([(GOAL, TIPS), ("visit", spec("call")), ("visit", TIPS), (GOAL, spec("new"))])
    context = model.reader.read((1, 9), (1.0, 2.0))
    found = ArmTable(model, both).score(context)
    for place, (goal, arm) in enumerate(zip(both.goals, both.arms, strict=True)):
        alone = ArmTable(model, Panel.of(goal, [arm])).score(context)
        assert found.mean[place] == pytest.approx(alone.mean[0], rel=1e-6)
        assert found.sd[place] == pytest.approx(alone.sd[0], rel=1e-6)


def test_silence_is_explored_in_full() -> None:
    silence = ArmSpec("do_nothing", "do_nothing", "do_nothing", prior=PRIOR, is_silence=True)
    for exploration, of_silence in ((0.3, 1.0), (2.0, 2.0)):
        model = model_of(exploration=exploration)
        for seq in range(1, 80):
            model.learn_one(converted(seq, silence) if seq % 3 else row(seq))
        context = model.reader.read((1, 2), (1.0, 2.0))
        table = ArmTable(model, Panel.of(GOAL, [silence, TIPS]))
        sd = table.score(context).sd
        assert table.beliefs(context).second.tolist() == [of_silence * sd[0], exploration * sd[1]]


def test_the_parts_of_an_arm_sum_to_its_log_odds() -> None:
    model = model_of(sparse_variance=1.0)
    arm = spec("tips", channel="push", treatment="short")
    for seq in range(1, 80):
        features = {"feature_ids": (1, 2, 40), "feature_values": (1.0, -0.5, 0.25 * (seq % 4))}
        model.learn_one(converted(seq, arm, **features) if seq % 3 else row(seq, arm, **features))
    table = ArmTable(model, Panel.of(GOAL, [spec("other"), arm]))
    context = model.reader.read((1, 2, 40, 41), (1.0, 2.0, 3.0, 1.0))
    parts = table.parts(context, 1)
    total = parts.start + parts.own + parts.dense.sum() + parts.sparse.sum()
    assert total == pytest.approx(table.score(context).mean[1], rel=1e-5)
    assert parts.sparse[0] != 0.0 != parts.dense[0]


def test_only_what_is_unusual_sets_a_person_apart() -> None:
    model = model_of(sparse_variance=1e-9)
    for seq in range(1, 400):
        pro = float(seq % 4 > 0)  # three of four are, and they alone convert
        features = {"feature_ids": (1, 2), "feature_values": (pro, 1.0)}
        model.learn_one(converted(seq, **features) if pro and seq % 2 else row(seq, **features))
    table = ArmTable(model, Panel.of(GOAL, [TIPS]))
    pro, other = (table.parts(model.reader.read((1, 2), (x, 1.0)), 0) for x in (1.0, 0.0))
    assert abs(pro.dense[1]) < 0.05 * abs(pro.dense[0])  # everybody has it
    assert 0.0 < pro.dense[0] < -other.dense[0]  # a rare one is further from the usual person
    assert pro.own == other.own


def test_a_model_may_be_told_which_fields_to_read() -> None:
    ids = (1 << 32, (2 << 32) + 5, 3 << 32)
    narrow = model_of(basis=Basis(ids[:1], (0.0,), (1.0,)), fields=(1, 2))
    context = narrow.context(ids, (1.0, 2.0, 3.0))
    assert context.dense.tolist() == [1.0, 1.0]
    assert context.sparse_values.tolist() == [2.0]


def test_to_ask_changes_nothing_of_what_is_learned() -> None:
    asked, silent = model_of(), model_of()
    for seq in range(1, 50):
        for model in (asked, silent):
            model.learn_one(converted(seq, spec(f"a_{seq % 3}")))
        odds(asked)
    assert asked.encode() == silent.encode()


def test_a_copy_learns_on_without_its_original() -> None:
    model = model_of()
    teach(model, TIPS, 0.5, 40, seed=3)
    before, copy = model.encode(), model.copy()
    assert copy.encode() == before
    teach(copy, spec("call"), 0.5, 40, seed=4)
    assert model.encode() == before != copy.encode()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outcome": 2 * MICRO}, "bad_learning_row"),
        ({"weight": -1}, "bad_learning_row"),
        ({"retract": -1}, "bad_learning_row"),
        ({"parts": ("a", "b")}, "bad_learning_row"),
        ({"prior_p": 1.5}, "bad_learning_row"),
        ({"feature_ids": (1,)}, "bad_features"),
        ({"feature_ids": (1,), "feature_values": (float("nan"),)}, "bad_features"),
    ],
    ids=["outcome", "weight", "retract", "parts", "prior", "unmatched", "nan"],
)
def test_a_bad_row_is_refused_and_changes_nothing(changes: dict[str, Any], code: str) -> None:
    model = model_of()
    model.learn_one(converted(1))
    before = model.encode()
    with pytest.raises(InputError) as caught:
        model.learn_one(row(2, **changes))
    assert caught.value.code == code
    assert model.encode() == before


def test_a_model_is_bounded_in_actions() -> None:
    blocks = DenseBlocks(1, 1.0, 10.0)
    for number in range(ACTIONS_MAX):
        blocks.slot(GOAL, f"a_{number}", "help", PRIOR, 0)
    with pytest.raises(InputError) as caught:
        blocks.slot(GOAL, "one_more", "help", PRIOR, 0)
    assert caught.value.code == "too_many_arms"


@pytest.mark.parametrize(
    "changes",
    [
        {"feature_variance": 0.0},
        {"group_strength": float("inf")},
        {"group_strength": 0.5},
        {"sparse_variance": -1.0},
        {"sparse_bits": 30},
        {"half_life_ms": 0},
        {"exploration": 0.0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        LogisticSettings(**changes)
