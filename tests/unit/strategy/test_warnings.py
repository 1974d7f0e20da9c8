"""What is allowed and likely not meant is told at its place, and refused nowhere."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from heedful.strategy import check, load, warn
from tests.unit.strategy.samples import BASE, action, contact

AHEAD = {"models/far.yaml": "model: far\nahead: {horizon: 365d}\n"}
SALE = "actions/sale.yaml"
LATER = {SALE: BASE[SALE] + "d_clv: -0.35\n"}
BESIDE = "beside the long game of models/far.yaml:2"
ONCE = "Once `heedful train far` has put it in force, leave"


def warned(*written: Mapping[str, str]) -> list[str]:
    files = dict(BASE)
    for one in written:
        files |= one
    assert check(files) == []
    assert load(files).version
    return [str(one) for one in warn(files)]


def test_d_clv_beside_the_long_game_counts_the_same_twice() -> None:
    assert warned(AHEAD, LATER) == [
        "actions/sale.yaml:8:1: Expected what a message changes about later to be counted once, "
        f"got -0.35 {BESIDE} - at `$.d_clv`. {ONCE} `d_clv` out."
    ]


def test_so_does_a_price_of_every_contact() -> None:
    assert warned(AHEAD, contact("caps: []\nfatigue_cost: 0.2\n")) == [
        "policies/contact.yaml:2:1: Expected what a message changes about later to be counted "
        f"once, got 0.2 {BESIDE} - at `$.fatigue_cost`. {ONCE} `fatigue_cost` out."
    ]


@pytest.mark.parametrize(
    "written",
    [
        pytest.param((LATER,), id="no_long_game"),
        pytest.param((AHEAD,), id="no_figure"),
        pytest.param((AHEAD, {SALE: BASE[SALE] + "d_clv: 0\n"}), id="a_figure_of_0"),
        pytest.param((AHEAD, action(d_clv="2")), id="help_is_not_weighed_so"),
        pytest.param((AHEAD, LATER, contact("value: product\n")), id="no_room_for_later"),
    ],
)
def test_what_counts_once_is_left_alone(written: tuple[Mapping[str, str], ...]) -> None:
    assert warned(*written) == []


def test_a_strategy_with_a_problem_is_told_of_that_first() -> None:
    files = {**BASE, **AHEAD, **LATER, "trait.yaml": ""}
    assert (len(check(files)), warn(files)) == (1, [])
