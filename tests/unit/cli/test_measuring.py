"""What people ask of a workspace that has run for weeks, through the command line as they would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.cli.live import Live, living
from tests.unit.cli.measured import PEOPLE, living_for_weeks


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with living_for_weeks(tmp_path_factory.mktemp("measuring") / "shop") as made:
        yield made


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with living(tmp_path_factory.mktemp("measuring") / "empty") as made:
        yield made


# Lift


def test_lift_finds_what_offers_brought(shop: Live) -> None:
    answer = shop.gives("lift", "--since", "20d")
    [hold_out] = answer["hold_outs"]
    assert answer["people"] == hold_out["treated"] + hold_out["held"] == PEOPLE
    assert (hold_out["name"], hold_out["contaminated"]) == ("2026", 0)
    [purchase] = [one for one in hold_out["goals"] if one["goal"] == "purchase"]
    # Nineteen in twenty were made an offer each week: two weeks of +0.4 orders.
    assert purchase["outcomes"]["difference"] == pytest.approx(0.76, abs=0.15)
    assert purchase["outcomes"]["is_sure"]
    low, high = purchase["outcomes"]["watched"]
    assert low <= 0.76 <= high
    # A third of about 100 euros.
    assert purchase["value"]["difference"] == pytest.approx(0.76 * 33, rel=0.3)
    said = shop.says("lift", "--since", "20d")
    assert "Hold-out 2026: " in said
    assert "purchase: Acting brought about" in said
    assert "Reached by nobody: answered" in said


def test_lift_is_not_sure_of_a_handful(shop: Live) -> None:
    said = shop.says("lift", "--people", "20")
    assert "purchase: Not yet sure: " in said
    assert "each group takes 30 people at least" in said


def test_without_a_hold_out_lift_says_how_to_get_one(empty: Live) -> None:
    assert "set `holdout` in policies/contact.yaml" in empty.says("lift", code=1)


def test_a_span_that_is_none_is_refused_in_words(shop: Live) -> None:
    assert "Write a number and one of" in shop.says("lift", "--since", "soon", code=2)
    assert "up to 3650d" in shop.says("lift", "--since", "9999d", code=2)


# Attribution


@pytest.mark.parametrize("by", ["action", "channel"])
def test_every_method_shares_out_all_conversions(shop: Live, by: str) -> None:
    answer = shop.gives("attribution", "purchase", "--since", "20d", "--by", by)
    assert answer["conversions"] > 100
    methods = answer["channels"][0]["conversions"]
    assert list(methods) == [
        "first", "last", "linear", "time_decay", "shapley", "markov", "next_event",
    ]  # fmt: skip
    for method in methods:
        total = sum(one["conversions"][method] for one in answer["channels"])
        assert total == pytest.approx(answer["conversions"])
        money = sum(one["value"][method] for one in answer["channels"])
        assert money == pytest.approx(answer["value"])
    named = {one["name"] for one in answer["channels"]}
    ours = "member_evening" if by == "action" else "inapp"
    assert named == {ours, "campaign:magazine", "campaign:search"}


def test_credit_stands_beside_what_the_hold_out_shows(shop: Live) -> None:
    answer = shop.gives("attribution", "purchase", "--since", "20d", "--order", "2")
    [incremental] = answer["incremental"]
    assert incremental["hold_out"] == "2026"
    brought = incremental["outcomes"]["total"]
    # Most who ordered had seen an offer, and a good part would have ordered anyway.
    [offer] = [one for one in answer["channels"] if one["name"] == "member_evening"]
    assert 60 < brought < offer["conversions"]["last"]
    said = shop.says("attribution", "purchase", "--since", "20d")
    assert "outcomes are credited" in said
    assert "By the hold-out 2026, acting brought about" in said


def test_an_unknown_goal_is_named_with_the_nearest(shop: Live) -> None:
    assert "Did you mean purchase?" in shop.says("attribution", "purchas", code=2)


def test_where_nothing_was_reached_there_is_no_credit(empty: Live) -> None:
    said = empty.says("attribution", "purchase")
    assert "0 outcomes are credited" in said
    assert "no hold-out says yet" in said
