"""Which model answers: shares that keep their customers, promotion by evidence or by people."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.govern import (
    Approval,
    ApprovalNeeded,
    ApprovalRule,
    Challenger,
    Evidence,
    Governance,
    ModelRouted,
    PromotionRule,
    Routes,
    challenge,
    fold_approval,
    fold_governance,
    line_of,
    place_of,
    promote,
    request_approval,
    roll_back,
    shadow,
    vote,
)
from heedful.kernel import MICRO, InputError
from tests.unit.govern.said import NOW, event

KNOWN = ("beta", "deep", "logistic", "shy", "fifth", "sixth")
SHOWN = Evidence(decisions=1_000, is_better=True)
WHO = ("Ana", "it brings more")


def routed(routes: Routes, said: ModelRouted | ApprovalNeeded, at: int = 0) -> Routes:
    assert isinstance(said, ModelRouted)
    return fold_governance(Governance(routes=routes), event(said, NOW + at, at + 1)).routes


def challenged(*shares: tuple[str, int]) -> Routes:
    routes = Routes()
    for at, (model, share) in enumerate(shares):
        routes = routed(routes, challenge(routes, "beta", model, share, *WHO, KNOWN), at)
    return routes


def promoted(routes: Routes, model: str, at: int = 50, **changes: Any) -> Routes:
    return routed(routes, promotion(routes, model, **changes), at)


def promotion(routes: Routes, model: str = "logistic", **changes: Any) -> Any:
    told: dict[str, Any] = {
        "evidence": SHOWN,
        "rule": PromotionRule(),
        "is_high_risk": False,
        "required": 1,
    }
    return promote(routes, "beta", model, *WHO, KNOWN, NOW, **told | changes)


def test_of_a_line_nobody_spoke_of_its_own_model_is_the_champion() -> None:
    route = Routes().route("beta")
    assert route.at_place(0) == route.at_place(MICRO - 1) == Challenger("beta", MICRO)
    assert not route.is_tried


def test_challengers_answer_for_their_shares() -> None:
    route = challenged(("logistic", 100_000), ("deep", 50_000)).route("beta")
    assert route.at_place(99_999) == Challenger("logistic", 100_000)
    assert route.at_place(100_000) == Challenger("deep", 50_000)
    assert route.at_place(150_000) == Challenger("beta", 850_000)
    assert route.is_tried


def test_a_share_that_grows_keeps_its_customers() -> None:
    small = challenged(("logistic", 100_000), ("deep", 50_000))
    grown = routed(small, challenge(small, "beta", "logistic", 300_000, *WHO, KNOWN), 9)
    places = [place_of(b"salt", "beta", "user_id", str(number)) for number in range(2_000)]
    before, after = (
        {place for place in places if routes.route("beta").at_place(place).model == "logistic"}
        for routes in (small, grown)
    )
    assert before < after
    assert 150 < len(before) < 250
    assert 550 < len(after) < 650


def test_a_share_of_nothing_ends_a_challenge() -> None:
    routes = challenged(("logistic", 100_000))
    ended = routed(routes, challenge(routes, "beta", "logistic", 0, *WHO, KNOWN), 9)
    assert not ended.route("beta").is_tried


def test_lines_do_not_share_their_places() -> None:
    both = [place_of(b"salt", line, "user_id", "u1") for line in ("beta", "logistic")]
    assert both[0] != both[1]


def test_who_looks_on_answers_for_nobody() -> None:
    said = shadow(Routes(), "beta", "shy", True, *WHO, KNOWN)
    routes = routed(Routes(), said)
    assert routes.route("beta").shadows == ("shy",)
    assert {routes.route("beta").at_place(place).model for place in (0, 500_000)} == {"beta"}
    off = routed(routes, shadow(routes, "beta", "shy", False, *WHO, KNOWN), 9)
    assert off.route("beta").shadows == ()


def test_what_a_trial_has_shown_promotes() -> None:
    routes = challenged(("logistic", 100_000), ("deep", 50_000))
    route = promoted(routes, "logistic").route("beta")
    assert (route.champion, route.before) == ("logistic", ("beta",))
    assert route.challengers == (Challenger("deep", 50_000),)


@pytest.mark.parametrize(
    "changes",
    [
        {"evidence": Evidence(decisions=999, is_better=True)},
        {"evidence": Evidence(decisions=9_999, is_better=False)},
        {"is_high_risk": True},
    ],
    ids=["too_few", "not_better", "high_risk"],
)
def test_otherwise_people_have_to_agree(changes: dict[str, Any]) -> None:
    routes = challenged(("logistic", 100_000))
    needed = promotion(routes, **changes)
    assert isinstance(needed, ApprovalNeeded)
    assert line_of(needed.subject.rpartition("@")[0]) == ("beta", "logistic")
    approval = agreed(needed)
    route = promoted(routes, "logistic", approval=approval, **changes).route("beta")
    assert route.champion == "logistic"
    # Once the line has changed, what they agreed to is another thing.
    grown = routed(routes, challenge(routes, "beta", "deep", 10_000, *WHO, KNOWN), 9)
    assert isinstance(promotion(grown, approval=approval, **changes), ApprovalNeeded)


def agreed(needed: ApprovalNeeded) -> Approval:
    asked = request_approval(needed, "a_1", "Ana", "now", ApprovalRule(), NOW)
    approval = fold_approval(None, event(asked))
    assert approval is not None
    said = vote(approval, "Ben", True, "fine", NOW)
    assert said is not None
    settled = fold_approval(approval, event(said, NOW, 2))
    assert settled is not None
    return settled


def test_rolling_back_brings_the_earlier_champion_and_ends_what_was_tried() -> None:
    first = promoted(challenged(("logistic", 100_000), ("deep", 50_000)), "logistic")
    second = promoted(first, "deep", at=60)
    back = routed(second, roll_back(second, "beta", *WHO), 70)
    route = back.route("beta")
    assert (route.champion, route.before, route.challengers) == ("logistic", ("beta",), ())
    first_again = routed(back, roll_back(back, "beta", *WHO), 80)
    assert first_again.route("beta").champion == "beta"
    with pytest.raises(InputError, match="a champion or challenger to take back"):
        roll_back(first_again, "beta", *WHO)


def test_a_challenger_alone_can_be_taken_back() -> None:
    routes = challenged(("logistic", 100_000))
    back = routed(routes, roll_back(routes, "beta", *WHO), 9)
    assert not back.route("beta").is_tried


@pytest.mark.parametrize(
    ("model", "share", "code"),
    [
        ("logistc", 1, "unknown_model"),
        ("beta", 1, "is_champion"),
        ("deep", 400_001, "bad_share"),
        ("logistic", 500_001, "bad_share"),
        ("deep", -1, "bad_share"),
    ],
)
def test_challenges_that_cannot_be_are_refused(model: str, share: int, code: str) -> None:
    routes = challenged(("logistic", 100_000))
    with pytest.raises(InputError) as caught:
        challenge(routes, "beta", model, share, *WHO, KNOWN)
    assert caught.value.code == code


def test_who_is_to_answer_for_most_is_sent_to_a_promotion() -> None:
    routes = challenged(("logistic", 100_000))
    with pytest.raises(InputError) as caught:
        challenge(routes, "beta", "deep", MICRO, *WHO, KNOWN)
    assert str(caught.value) == (
        "Expected a share from 0 to 0.4 of the customers, beside 1 other challenger, got 1 - at "
        "`$.share`. The champion of beta keeps 50% of them to compare with; "
        "`heedful models promote beta deep` makes a model answer for all."
    )
    halved = routed(routes, challenge(routes, "beta", "deep", 400_000, *WHO, KNOWN), 9)
    assert halved.route("beta").at_place(500_000) == Challenger("beta", 500_000)


def test_what_an_older_log_says_beyond_the_limit_stands_and_can_be_ended() -> None:
    said = ModelRouted(
        line="beta",
        change="challenged",
        champion="beta",
        challengers=(Challenger("logistic", 700_000), Challenger("deep", 300_000)),
        by="ann",
        reason="before there was a limit",
    )
    old = routed(Routes(), said)
    assert old.route("beta").at_place(MICRO - 1).model == "deep"
    with pytest.raises(InputError, match="a share from 0 to 0 of the customers"):
        challenge(old, "beta", "deep", 100_000, *WHO, KNOWN)
    one = routed(old, challenge(old, "beta", "deep", 0, *WHO, KNOWN), 9)
    lessened = routed(one, challenge(one, "beta", "logistic", 500_000, *WHO, KNOWN), 10)
    assert lessened.route("beta").challengers == (Challenger("logistic", 500_000),)


def test_too_many_rivals_are_refused() -> None:
    routes = challenged(*((name, 1_000) for name in ("deep", "logistic", "shy", "fifth")))
    with pytest.raises(InputError, match="at most 4 challengers"):
        challenge(routes, "beta", "sixth", 1_000, *WHO, KNOWN)
    routes = Routes()
    for at, name in enumerate(("deep", "logistic", "shy", "fifth")):
        routes = routed(routes, shadow(routes, "beta", name, True, *WHO, KNOWN), at)
    with pytest.raises(InputError, match="at most 4 models that look on"):
        shadow(routes, "beta", "sixth", True, *WHO, KNOWN)


def test_a_workspace_without_routes_keeps_its_revision() -> None:
    plain, tried = Governance(), Governance(routes=challenged(("logistic", 1)))
    assert (plain.revision, tried.routes == plain.routes) == (0, False)
    said = challenge(Routes(), "beta", "deep", 1, *WHO, KNOWN)
    assert fold_governance(plain, event(said)).revision != 0
