"""Contextual models in decisions: what they see, what they choose, what the record says of it."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from heedful.customer import ProfileRules, TraitRule
from heedful.decide import (
    DO_NOTHING,
    Decision,
    compile_rules,
    decode_case,
    encode_case,
    explain,
    step,
)
from heedful.decide.definitions import (
    Action,
    ContactPolicy,
    Goal,
    ModelEntry,
    ModelFeatures,
    Prior,
    Treatment,
)
from heedful.decide.features import FATIGUE, TIME, TRUST, dense_id, field_id, value_id
from heedful.decide.lessons import with_features
from heedful.decide.limits import FEATURES_MAX
from heedful.kernel import DAY_MS, HOUR_MS, InputError, public_id
from heedful.learn import (
    PROBABILITY_ONE,
    BetaArms,
    LearningRow,
    LogisticArms,
    Model,
    unpack_features,
)
from heedful.sense import SignalDefinition, compile_signals
from tests.unit.decide.world import LOAN_TYPE, NOON, World, offer, written

ARMS = ModelEntry(name="arms", features=ModelFeatures(traits=("plan",)))
PRIOR = Prior(0.1, 10.0)
LOOKED = SignalDefinition(name="looked", kind="count", on="Product Viewed", window="7d")


def world(
    *actions: Action,
    models: Any = None,
    entry: ModelEntry = ARMS,
    profile: ProfileRules | None = None,
    **more: Any,
) -> World:
    given = {"contact": ContactPolicy(caps=(), floor=0.02), **more}
    definitions = written(
        actions=actions or (offer(prior=PRIOR), offer("other", prior=PRIOR)),
        model_entries=(entry,),
        default_model=entry.name,
        **given,
    )
    made = World(definitions, [LOOKED], models=models, profile=profile)
    made.consent()
    return made


def rule(entry: ModelEntry = ARMS) -> Any:
    return world(entry=entry).rules.models[entry.name]


def taught(
    good: dict[str, str], rounds: int = 200, entry: ModelEntry = ARMS, best: str = DO_NOTHING
) -> Model:
    """Let each arm be asked of people of two plans; `good` says which arm wins whom."""
    model: Model = rule(entry).new()
    plan = field_id("traits", "plan")
    for seq in range(1, rounds + 1):
        said, arm = ("pro", "basic")[seq % 2], ("offer", "other", DO_NOTHING)[seq % 3]
        won = good.get(said, best) == arm
        parts = (DO_NOTHING, DO_NOTHING, "", "", "")
        if arm != DO_NOTHING:
            parts = ("growth", arm, "inapp", "default", "")
        row = LearningRow(
            learn_seq=seq,
            decision_id="d",
            arm=arm if arm == DO_NOTHING else f"{arm}/inapp/default",
            goal="purchase",
            state="converted" if won else "expired",
            outcome=1_000_000 if won else 0,
            decided_at=NOON,
            at=NOON,
            parts=parts,
            feature_ids=(value_id(plan, said),),
            feature_values=(1.0,),
        )
        model.learn_one(row)
    return model


def decided(model: Model, plan: str, **more: Any) -> Decision:
    asked = world(models={"arms": model}, **more)
    asked.identify(plan=plan)
    return asked.ask(placement="home")


def shares(decision: Decision) -> dict[str, float]:
    return {c.action: c.weight / PROBABILITY_ONE for c in decision.candidates}


def test_a_model_that_learned_nothing_values_by_the_declared_beliefs() -> None:
    decision = world(models={"arms": rule().new()}).ask(placement="home")
    scored = {c.action: c.terms for c in decision.candidates}
    assert scored["offer"]["p_ppm"] == pytest.approx(100_000, rel=0.15)
    assert scored["offer"]["p_nothing_ppm"] == pytest.approx(20_000, rel=0.15)
    assert sum(c.weight for c in decision.candidates) == PROBABILITY_ONE


def test_people_of_one_kind_get_what_won_them_and_others_something_else() -> None:
    model = taught({"pro": "offer", "basic": "other"}, 400)
    pro, basic = (shares(decided(model, plan)) for plan in ("pro", "basic"))
    assert pro["offer"] > 0.6 > 0.4 > pro["other"]
    assert basic["other"] > 0.6 > 0.4 > basic["offer"]


def test_silence_wins_where_messages_bring_nothing() -> None:
    model = taught({"basic": "offer"}, 600)
    assert shares(decided(model, "pro"))[DO_NOTHING] > 0.9
    assert shares(decided(model, "basic"))[DO_NOTHING] < 0.1


def test_silence_is_as_unsure_as_the_goal_that_is_most_so_even_where_that_one_costs() -> None:
    goals = {
        "purchase": Goal(on="Order Completed", within="3d", value=1.0),
        "complaint": Goal(on="Complained", within="3d", value=-50.0),
    }
    actions = (offer(prior=PRIOR), offer("loud", goal="complaint", prior=PRIOR))
    decision = world(*actions, goals=goals).ask(placement="home")
    (silent,) = (c.terms for c in decision.candidates if c.action == DO_NOTHING)
    assert silent["margin"] == -50_000_000
    assert silent["p_nothing_ppm"] > 0


def test_the_terms_of_a_record_add_up_in_integers() -> None:
    decision = decided(taught({"pro": "offer"}), "pro")
    for candidate in decision.candidates:
        terms = candidate.terms
        if candidate.action == DO_NOTHING:
            continue
        increment = (terms["p_ppm"] - terms["p_nothing_ppm"]) * terms["margin"] // 1_000_000
        assert terms["increment"] == increment
        rest = terms["d_clv"] + terms["benefit"] - terms["cost"] - terms["fatigue"]
        assert terms["value"] == (increment + rest) * terms["lever_ppm"] // 1_000_000


def test_the_record_names_the_model_and_what_moved_the_chance() -> None:
    model = taught({"pro": "offer"}, 300)
    decision = decided(model, "pro", contact=ContactPolicy(caps=(), floor=0.0))
    assert decision.models == {"arms": 300}
    assert {"start", "arm", "traits"} <= set(decision.because)
    total = sum(decision.because.values())
    chosen = next(c for c in decision.candidates if c.verdict == "chosen")
    odds = chosen.terms["p_ppm"] / (1e6 - chosen.terms["p_ppm"])
    assert decision.action == "offer"
    assert decision.because["traits"] > 100
    assert total / 1_000 == pytest.approx(math.log(odds), abs=0.2)


def test_why_says_in_words_what_moved_the_chance() -> None:
    asked = world(models={"arms": taught({"pro": "offer"}, 300)}, contact=ContactPolicy(floor=0.0))
    asked.identify(plan="pro")
    decision = asked.ask(placement="home")
    told = explain(decision, asked.rules).because
    assert told[0].startswith("offer began at a declared chance of ")
    assert any(one.startswith("Who the person is (traits) raised its odds ") for one in told)
    plain = World(written(actions=(offer(),)), models={"beta": BetaArms()})
    plain.consent()
    assert explain(plain.ask(placement="home"), plain.rules).because == ()


def test_a_record_of_counts_keeps_nothing_of_the_person() -> None:
    plain = World(written(actions=(offer(),)), models={"beta": BetaArms()})
    plain.consent()
    decision = plain.ask(placement="home")
    assert (decision.because, decision.features) == ({}, b"")


def test_features_are_bounded_ascending_and_of_declared_fields() -> None:
    asked = world(entry=ModelEntry(name="arms"), models={})
    asked.identify(plan="pro", email="ada@example.com")
    for _ in range(5):
        asked.track("Product Viewed")
    context = {f"key_{n}": n for n in range(20)} | {"deep": {"a": 1}}
    decision = asked.ask(placement="home", context=context)
    ids, values = unpack_features(decision.features)
    assert list(ids) == sorted(set(ids))
    assert len(ids) <= 48
    assert all(-8.0 <= value <= 8.0 for value in values)
    found = dict(zip(ids, values, strict=True))
    assert found[dense_id("signals", "looked")] == pytest.approx(0.448, abs=1e-3)
    named = {dense_id("fatigue", name) for name in FATIGUE}
    named |= {dense_id("trust", name) for name in TRUST} | {dense_id("time", n) for n in TIME}
    assert named <= set(ids)
    keys = [id_ for id_ in ids if id_ >> 32 == field_id("context", "*")]
    assert len(keys) == 8
    # Traits that were not declared are taken by nobody, and who somebody is by no model.
    assert {id_ >> 32 for id_ in ids} <= set(asked.rules.features.groups)  # type: ignore[union-attr]


def test_a_trait_that_is_declared_a_number_is_read_as_one_and_as_a_word() -> None:
    traits = {"age": TraitRule("age", type="number"), "vip": TraitRule("vip", type="bool")}
    traits["plan"] = TraitRule("plan", type="text")
    seen = ModelFeatures(traits=tuple(traits), signals=())
    asked = world(
        entry=ModelEntry(name="arms", features=seen), models={}, profile=ProfileRules(traits)
    )
    asked.identify(age=41, vip=True, plan="pro")
    ids, values = unpack_features(asked.ask(placement="home").features)
    found = dict(zip(ids, values, strict=True))
    assert found[dense_id("traits", "age")] == pytest.approx(math.log1p(41) / 4.0, abs=1e-3)
    assert found[dense_id("traits", "vip")] == 1.0
    assert found[value_id(field_id("traits", "age"), "#10")] == 1.0
    assert found[value_id(field_id("traits", "plan"), "pro")] == 1.0
    plan = asked.rules.features
    assert plan is not None
    dense = set(plan.basis(0).ids)
    assert {dense_id("traits", name) for name in traits} & dense == {
        dense_id("traits", "age"),
        dense_id("traits", "vip"),
    }


def test_of_too_many_features_hashed_ones_are_left_out() -> None:
    names = tuple(f"trait_{n}" for n in range(60))
    entry = ModelEntry(name="arms", features=ModelFeatures(traits=names))
    asked = world(entry=entry, models={})
    asked.identify(**{name: name for name in names})
    ids, _ = unpack_features(asked.ask(placement="home").features)
    assert len(ids) == FEATURES_MAX
    plan = asked.rules.features
    assert plan is not None
    assert plan.dense <= set(ids)


def test_fatigue_is_read_from_what_was_released() -> None:
    tired = world(offer(prior=PRIOR), models={})
    first = unpack_features(tired.ask(placement="home").features)
    for day in range(3):
        said = {"channel": "email", "class": "promotional", "action": f"a{day}"}
        tired.say("Message Released", said)
    tired.now += HOUR_MS
    after = unpack_features(tired.ask(placement="other").features)
    was, now = (dict(zip(*found, strict=True)) for found in (first, after))
    week, since = dense_id("fatigue", "contacts_7d"), dense_id("fatigue", "since_contact")
    assert was.get(week) == 0.0 != now[week]
    assert was[since] == 1.0 > now[since]


def test_a_new_treatment_starts_from_its_action() -> None:
    model = taught({"pro": "offer", "basic": "offer"}, 300)
    two = offer(prior=PRIOR, treatments=(Treatment(name="default"), Treatment(name="fresh")))
    asked = world(two, offer("other", prior=PRIOR), models={"arms": model})
    asked.identify(plan="pro")
    found = {c.treatment: c.terms for c in asked.ask(placement="home").candidates[:3]}
    weak = found["default" if "other" in found else "fresh"]
    assert found["fresh"]["p_ppm"] > 300_000
    assert weak["p_ppm"] > 300_000


def test_until_a_model_is_in_force_the_fallback_decides() -> None:
    counts = BetaArms()
    for seq in range(1, 50):
        counts.learn_one(
            LearningRow(
                learn_seq=seq,
                decision_id="d",
                arm="offer/inapp/default",
                goal="purchase",
                state="converted",
                outcome=1_000_000,
                decided_at=0,
                at=0,
            )
        )
    decision = world(models={"beta": counts}).ask(placement="home")
    scored = {c.action: c.terms.get("p_ppm", 0) for c in decision.candidates}
    assert scored["offer"] > 800_000 > scored["other"]


def test_a_decision_type_that_asks_for_more_transparency_is_left_to_counts() -> None:
    loan = LOAN_TYPE.name
    asked = world(offer(decision_type=loan), models={"arms": rule().new(), "beta": BetaArms()})
    assert asked.rules.actions["offer"].model == "beta"
    assert asked.rules.actions["offer"].is_fallback
    assert world(offer()).rules.actions["offer"].model == "arms"


def test_arms_of_two_models_are_drawn_together() -> None:
    asked = world(
        offer(prior=PRIOR),
        offer("counted", prior=PRIOR, model="beta"),
        models={"arms": taught({"pro": "offer", "basic": "offer"}), "beta": BetaArms()},
    )
    asked.identify(plan="pro")
    found = shares(asked.ask(placement="home"))
    assert sum(found.values()) == pytest.approx(1.0)
    assert found["offer"] > found["counted"] > 0.0


@pytest.mark.parametrize("policy", ["thompson", "inverse_gap", "greedy"])
def test_every_policy_gives_every_arm_its_floor(policy: Any) -> None:
    entry = ModelEntry(name="arms", policy=policy, floor=0.3, features=ARMS.features)
    model = taught({"pro": "offer"}, entry=entry)
    asked = world(models={"arms": model}, entry=entry)
    asked.identify(plan="pro")
    decision = asked.ask(placement="home")
    assert sum(c.weight for c in decision.candidates) == PROBABILITY_ONE
    assert all(c.weight >= 0.3 / 3 * PROBABILITY_ONE - 1 for c in decision.candidates)
    assert max(shares(decision), key=shares(decision).__getitem__) == "offer"


def test_fixed_shares_are_kept_whatever_arms_are_worth() -> None:
    entry = ModelEntry(name="arms", policy="fixed", shares={"offer": 3.0, DO_NOTHING: 1.0})
    decision = world(models={}, entry=entry).ask(placement="home")
    assert shares(decision) == {"offer": 0.75, "other": 0.0, DO_NOTHING: 0.25}


def test_a_learning_row_brings_the_features_that_its_decision_saw() -> None:
    asked = world(models={"arms": rule().new()})
    asked.identify(plan="pro")
    decision = asked.ask(placement="home")
    asked.now += 4 * DAY_MS
    asked.track("Anything")
    asked.wait("1d")
    rows = [row for row in asked.learned if row.state == "expired"]
    seen = {public_id("d", decision.id): decision.features}
    found = with_features(rows, seen)
    assert [row.feature_ids for row in rows] == [()]
    assert found[0].feature_ids == unpack_features(decision.features)[0]
    assert found[0].prior_strength > 0.0
    model = rule().new()
    assert model.learn_one(msgspec.structs.replace(found[0], learn_seq=1)).is_learned
    erased = with_features(rows, {public_id("d", decision.id): b""})
    assert erased == rows


def late(**more: Any) -> World:
    asked = world(models={"arms": rule().new()}, **more)
    asked.ask(placement="home")
    return asked


def told(asked: World) -> list[tuple[str, int, int]]:
    return [(row.state, row.weight, row.retract) for row in asked.learned if row.weight]


def test_a_late_outcome_teaches_a_part_of_a_miss_before_its_window_closes() -> None:
    asked = late()
    asked.wait("4d")
    # Of the window of three days 1/16, 3/16 more, quarters: nothing is known of delays yet.
    assert told(asked) == [
        ("pending", 1_000_000, 0),
        ("maturing", 62_500, 0),
        ("maturing", 187_500, 0),
        ("maturing", 250_000, 0),
        ("maturing", 250_000, 0),
        ("expired", 250_000, 0),
    ]
    at = [row.at - NOON for row in asked.learned]
    ripe = [3 * DAY_MS * parts // 16 for parts in (1, 4, 8, 12)]
    assert at == [0, *ripe, 3 * DAY_MS + 1]


def test_what_was_learned_of_a_miss_is_taken_back_when_the_outcome_comes() -> None:
    asked = late()
    asked.wait("20h")
    asked.track("Order Completed")
    assert told(asked)[-1] == ("converted", 1_000_000, 250_000)
    asked.wait("4d")
    assert len(told(asked)) == 4


def test_outcomes_that_come_soon_make_a_silence_tell_the_more() -> None:
    asked = world(models={"arms": rule().new()})
    asked.delays = {"purchase": (90, 95, 98, 99, 100)}
    asked.ask(placement="home")
    asked.wait("4d")
    weights = [weight for state, weight, _ in told(asked) if state != "pending"]
    assert weights == [760_416, 72_917, 66_667, 50_000, 50_000]


def test_without_a_declared_model_or_when_asked_so_nothing_is_learned_early() -> None:
    plain = World(written(actions=(offer(),)), models={"beta": BetaArms()})
    plain.consent()
    plain.ask(placement="home")
    for asked in (plain, late(weighs_delay=False)):
        asked.wait("4d")
        assert [state for state, _, _ in told(asked)] == ["pending", "expired"]


def test_the_same_moment_is_decided_to_the_same_bytes() -> None:
    model = taught({"pro": "offer"}, 150)
    asked = world(models={"arms": model})
    asked.identify(plan="pro")
    event = asked.event("own", "Decision Requested", properties={"placement": "home"})
    made = []
    for its in (model, LogisticArms.decode(model.encode()), model.copy()):
        asked.models = {"arms": its}
        case = decode_case(encode_case(asked.case))
        found = step(asked.rules, asked.surroundings, asked.person, case, event, 1)
        made.append(msgspec.msgpack.encode(found.decisions))
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (ModelEntry(name="arms", features=ModelFeatures(signals=("loked",))), "unknown_name"),
        (ModelEntry(name="arms", policy="fixed"), "bad_share"),
        (ModelEntry(name="arms", policy="fixed", shares={"nobody": 1.0}), "unknown_name"),
        (ModelEntry(name="arms", shares={"offer": 1.0}), "bad_policy"),
        (ModelEntry(name="arms", floor=1.5), "bad_number"),
        (ModelEntry(name="arms", half_life="soon"), "bad_span"),
    ],
    ids=["signal", "no_shares", "share_of_nobody", "shares", "floor", "half_life"],
)
def test_a_model_that_makes_no_sense_is_refused(entry: ModelEntry, code: str) -> None:
    definitions = written(actions=(offer(),), model_entries=(entry,))
    with pytest.raises(InputError) as caught:
        compile_rules(definitions, compile_signals([LOOKED]), version="v1")
    assert caught.value.code == code


def test_a_default_that_nobody_declared_is_refused() -> None:
    definitions = written(actions=(offer(),), model_entries=(ARMS,), default_model="amrs")
    with pytest.raises(InputError) as caught:
        compile_rules(definitions, compile_signals([]), version="v1")
    assert "arms" in caught.value.message


def test_a_protected_trait_is_seen_by_no_model_whoever_names_it() -> None:
    definitions = written(actions=(offer(),), model_entries=(ARMS,), protected=("plan",))
    with pytest.raises(InputError) as caught:
        compile_rules(definitions, compile_signals([LOOKED]), version="v1")
    assert caught.value.code == "protected_feature"
    blind = ModelEntry(name="arms", features=ModelFeatures(traits=()))
    asked = world(models={}, entry=blind, protected=("plan",))
    seeing = world(models={}, entry=blind)
    seen = [
        unpack_features(one.ask(placement="home", context={"plan": "pro"}).features)
        for one in (seeing, asked)
    ]
    assert len(seen[0][0]) == len(seen[1][0]) + 1
