"""Which model answers: tried on a share, promoted, rolled back, and replayed byte for byte."""

from __future__ import annotations

import pytest

from heedful.app.worlds import world_of
from heedful.decide import Decision
from heedful.engine.engine import Engine
from heedful.engine.replay import decisions_differing, rebuild, verify
from heedful.govern import Challenger, GuardrailTightened, ModelRouted, audit
from heedful.kernel import DAY_MS, HOUR_MS, MICRO, MINUTE_MS, InputError
from heedful.learn import PROBABILITY_ONE, TrialCounts
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.strategies import SHOP, changed

GIFT = """
action: gift
tier: growth
class: promotional
decision_type: offer
goal: purchase
channels: [email, inapp]
prior: {p: 0.5, strength: 10}
cost: 3
stands_for: 1m
"""
MODELS = """
models:
  - {name: arms, kind: logistic, features: {traits: [firstName]}}
  - {name: quick, kind: beta, half_life: 9d}
promotion: {outcomes_min: 50}
"""
FILES = {
    **changed(SHOP, "policies/contact.yaml", "floor: 0", "floor: 0.05"),
    "actions/gift.yaml": GIFT,
    "policies/models.yaml": MODELS,
}
WHY = ("ann", "let us see")


def people(here: Acting, count: int, place: str = "home") -> list[Decision]:
    """Let people ask, some of whom buy; everything is learned."""
    decided = []
    for number in range(count):
        who = f"u{number}"
        here.now += MINUTE_MS
        here.meet(who)
        decided.append(here.ask(who, placement=place))
        if number % 3 == 0:
            here.track("Order Completed", user_id=who, properties={"revenue": 30})
    learn(here)
    return decided


def learn(here: Acting) -> None:
    """Learn until every model that is declared is in force."""
    while here.learner.step():
        pass


def answers_for_all(here: Acting) -> None:
    """Let a challenger answer for everybody, as logs may say from before shares had a limit."""
    said = ModelRouted(
        line="beta",
        change="challenged",
        champion="beta",
        challengers=(Challenger("arms", MICRO),),
        by="ann",
        reason="let us see",
    )
    here.engine.governing.state(lambda tx, world: said, "model", "beta")


def test_a_challenger_answers_for_its_share_and_stays_with_its_customers() -> None:
    with acting(FILES) as here:
        learn(here)
        governing = here.engine.governing
        before = people(here, 3)
        assert all(not one.trials and not one.routed for one in before)
        governing.challenge("beta", "arms", 400_000, *WHY)
        here.now += HOUR_MS
        decided = people(here, 40)
        by_model = {
            name: [d for d in decided if d.trials[0].model == name] for name in ("arms", "beta")
        }
        assert 8 <= len(by_model["arms"]) <= 24
        assert len(by_model["arms"]) + len(by_model["beta"]) == 40
        assert {d.trials[0].share_ppm for d in by_model["arms"]} == {400_000}
        assert {d.trials[0].share_ppm for d in by_model["beta"]} == {600_000}
        assert all(d.routed == {"beta": "arms"} and d.because for d in by_model["arms"])
        assert all(not d.routed and not d.because for d in by_model["beta"])
        for one in decided:
            assert sum(candidate.weight for candidate in one.candidates) == PROBABILITY_ONE
        here.now += HOUR_MS
        again = people(here, 40)
        assert [d.trials[0] for d in again] == [d.trials[0] for d in decided]
        models = {row.model for row in here.lessons() if row.decided_at >= decided[0].at}
        assert models == {"arms", "beta"}


def test_who_tries_things_out_is_in_no_trial() -> None:
    with acting(FILES) as here:
        learn(here)
        here.engine.governing.challenge("beta", "arms", 500_000, *WHY)
        here.meet("tester", qa=True)
        decided = here.ask("tester", placement="home")
        assert (decided.trials, decided.routed) == ((), {})


def test_a_shadow_is_recorded_and_changes_nothing() -> None:
    with acting(FILES) as plain, acting(FILES) as looked:
        for here in (plain, looked):
            learn(here)
            here.now += HOUR_MS
        looked.engine.governing.shadow("beta", "arms", True, *WHY)
        pairs = list(zip(people(plain, 12), people(looked, 12), strict=True))
        for left, right in pairs:
            weighed = [[(c.weight, c.terms) for c in one.candidates] for one in (left, right)]
            assert weighed[0] == weighed[1]
            assert left.shadows == ()
            (shadow,) = right.shadows
            assert (shadow.line, shadow.model) == ("beta", "arms")
            assert 0 < shadow.p_choose < PROBABILITY_ONE
        (line,) = [one for one in looked.engine.governing.lines() if one.name == "beta"]
        (rival,) = line.rivals
        assert (rival.model, rival.share_ppm) == ("arms", 0)
        assert rival.found.decisions > 0.0


def test_a_stopped_challenger_answers_for_nobody() -> None:
    with acting(FILES) as here:
        learn(here)
        answers_for_all(here)
        here.meet()
        assert here.ask(placement="a").routed == {"beta": "arms"}
        here.engine.governing.stop("model:arms", "ann", "it errs")
        here.now += HOUR_MS
        decided = here.ask(placement="b")
        assert (decided.routed, decided.trials[0].model) == ({}, "beta")


def test_a_model_that_is_too_opaque_for_a_type_leaves_it_to_the_lines_own() -> None:
    strict = changed(FILES, "policies/decision-types.yaml", "transparency: 1}", "transparency: 5}")
    with acting(strict) as here:
        learn(here)
        here.meet()
        # Help may be decided by it, offers may not.
        answers_for_all(here)
        assert here.ask(placement="home").because == {}
        here.fail_to_pay()
        helped = next(d for d in here.decided() if d.action == "offer_help")
        assert helped.because
    for_all = changed(
        strict, "policies/decision-types.yaml", "service}", "service, transparency: 5}"
    )
    with acting(for_all) as here:
        learn(here)
        with pytest.raises(InputError, match="a model of transparency 5 or more"):
            here.engine.governing.challenge("beta", "arms", 500_000, *WHY)


def test_what_was_not_shown_is_promoted_by_agreement_and_rolled_back_alone() -> None:
    with acting(FILES) as here:
        learn(here)
        governing = here.engine.governing
        asked = governing.promote("beta", "arms", *WHY)
        assert asked is not None
        waiting = governing.promote("beta", "arms", *WHY)
        assert waiting is not None
        assert waiting.id == asked.id
        assert governing.line("beta").route.champion == "beta"
        governing.vote(asked.id, "bob", True, "agreed")
        assert governing.line("beta").route.champion == "arms"
        here.meet()
        assert here.ask(placement="home").routed == {"beta": "arms"}
        restarted = Engine(here.store, here.world, SECRET, lambda: here.now)
        assert restarted.world.governance == here.engine.world.governance
        governing.roll_back("beta", *WHY)
        here.now += HOUR_MS
        assert here.ask(placement="search").routed == {}
        links = [audit.describe(line) for line in governing.audit_lines()]
        told = [
            (one["kind"], one["subject"], one["body"]["by"])
            for one in links
            if one["kind"] == "model"
        ]
        assert told == [("model", "beta", "ann")] * 3  # asked, promoted, rolled back


def test_a_trial_that_has_shown_more_promotes_by_the_rule() -> None:
    ruled = changed(
        FILES, "policies/models.yaml", "outcomes_min: 50", "outcomes_min: 50, is_automatic: true"
    )
    with acting(ruled) as here:
        learn(here)
        governing = here.engine.governing
        governing.challenge("beta", "quick", 500_000, *WHY)
        assert not governing.promote_shown()
        here.engine.counting._bins, here.engine.counting._trials = (
            here.engine.counting.bins(),
            shown(),
        )
        assert governing.promote_shown()
        assert governing.line("beta").route.champion == "quick"
        assert not governing.promote_shown()


def shown() -> TrialCounts:
    """Sums in which the challenger brings twice as much in every slice."""
    counts = TrialCounts()
    for slice_ in range(200):
        for model, micros in (("quick", 20), ("beta", 10)):
            worth = (micros + slice_ % 3) * MICRO
            counts._sums.setdefault(("beta", model), {})[slice_] = counts.total("", "")._replace(
                decisions=MICRO, value=worth
            )
    return counts


@pytest.mark.parametrize(
    ("line", "model"), [("beta", "nobody"), ("nobody", "arms")], ids=["model", "line"]
)
def test_unknown_models_are_refused(line: str, model: str) -> None:
    with acting(FILES) as here:
        learn(here)
        with pytest.raises(InputError) as caught:
            here.engine.governing.challenge(line, model, 1, *WHY)
        assert caught.value.code == "model_not_found"
        with pytest.raises(InputError) as caught:
            here.engine.governing.line("nobody")
        assert caught.value.code == "model_not_found"


def test_decisions_on_both_sides_of_a_promotion_replay_byte_for_byte() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(FILES, store=store) as here:
        learn(here)
        governing = here.engine.governing
        people(here, 4)
        governing.challenge("beta", "arms", 500_000, *WHY)
        governing.shadow("beta", "quick", True, *WHY)
        here.later(DAY_MS)
        people(here, 8)
        here.later(4 * DAY_MS)
        learn(here)
        asked = governing.promote("beta", "arms", *WHY)
        assert asked is not None
        governing.vote(asked.id, "bob", True, "agreed")
        people(here, 8, "search")
        here.later(DAY_MS)
        governing.roll_back("beta", *WHY)
        people(here, 8, "cart")
        made = [d for n in range(8) for d in here.decided(f"u{n}")]
        world = here.engine.world
    assert {bool(d.routed) for d in made} == {True, False}
    assert {d.trials[0].model for d in made if d.trials} == {"arms", "beta"}
    assert sum(bool(d.shadows) for d in made) > 5
    begun = world_of(load(FILES))
    rebuilt = rebuild(store, again, begun, SECRET, 20 * DAY_MS)
    assert decisions_differing(store, again) == []
    assert rebuilt.governance == world.governance
    assert verify(again, rebuilt).is_equal
    logs = [s.read(lambda tx: tx.log(0, 1_000_000)) for s in (store, again)]
    assert logs[0] == logs[1]


def test_what_was_decided_is_counted_with_what_came_of_it() -> None:
    with acting(FILES) as here:
        learn(here)
        here.engine.governing.challenge("beta", "arms", 500_000, *WHY)
        people(here, 12)
        here.later(4 * DAY_MS)
        counting = here.engine.counting
        counted = counting.trials()
        total = [counted.total("beta", model) for model in ("arms", "beta")]
        assert all(one.decisions > 0 for one in total)
        assert sum(one.decisions for one in total) >= 12 * MICRO
        bins = counting.bins()
        arms = {arm.split("/")[0] for _, arm in bins.arms()}
        assert arms & {"sale", "gift"}
        scored = {model for model, _, _ in bins.scored()}
        assert scored == {"arms", "beta"}
        for model, goal, arm in bins.scored():
            assert all(one.lower > 0.0 for one in bins.scores(model, goal, arm))
        assert any(bins.predictors(goal, arm) for goal, arm in bins.arms())
        assert not counting.step()


def tighten(here: Acting, scope: str) -> None:
    """Let a guardrail take everything from a scope."""
    said = GuardrailTightened(
        guardrail=scope, scope=scope, factor_ppm=0, trials=9, hits=9, limit_ppm=1,
        crossed="ratio_max",
    )  # fmt: skip
    here.engine.governing.state(lambda tx, world: said, "guardrail", scope)


@pytest.mark.parametrize(
    ("scope", "is_stopped"), [("model:arms", True), ("model:beta", False)], ids=["own", "line"]
)
def test_a_guardrail_of_a_model_binds_what_that_model_answers_for(
    scope: str, is_stopped: bool
) -> None:
    with acting(FILES) as here:
        learn(here)
        answers_for_all(here)
        here.meet()
        tighten(here, scope)
        codes = {c.reason_code for c in here.ask(channel="inapp").candidates}
        assert ("guardrail" in codes) == is_stopped


@pytest.mark.parametrize(
    ("scope", "codes"), [("model:arms", {"guardrail"}), ("model:beta", set())], ids=["own", "line"]
)
def test_a_guardrail_of_a_model_stops_what_waits_of_that_model(scope: str, codes: set[str]) -> None:
    with acting(FILES) as here:
        learn(here)
        answers_for_all(here)
        for number in range(6):
            here.meet(f"u{number}")
        waiting = [here.ask(f"u{number}", channel="inapp") for number in range(6)]
        assert any(one.routed == {"beta": "arms"} and one.channel for one in waiting)
        tighten(here, scope)
        here.dispatch()
        assert {code for _, status, code in here.states() if status == "withdrawn"} == codes
