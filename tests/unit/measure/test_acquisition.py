"""Bid ceilings by origin: drawn means, intervals, and who counts."""

from __future__ import annotations

import numpy as np
import pytest

from heedful.measure.acquisition import Acquired, bids


def came(source: str, payback: float, *, is_mature: bool = True, value: float = 50.0) -> Acquired:
    return Acquired(source, "spring", "runners", payback, is_mature, value)


def world(seed: int = 5) -> list[Acquired]:
    draws = np.random.default_rng(seed)
    good = [came("search", float(x)) for x in draws.gamma(2.0, 10.0, 300)]
    return good + [came("banner", float(x)) for x in draws.gamma(2.0, 2.0, 300)]


def test_the_better_source_may_cost_more_and_the_interval_holds_its_mean() -> None:
    search, banner = bids(world(), "source", 1)
    assert (search.source, banner.source) == ("search", "banner")
    assert search.ceiling_low < 20.0 < search.ceiling_high
    assert search.ceiling_low > banner.ceiling_high
    assert (search.campaign, search.audience, search.customers) == ("", "", 300)
    assert bids(world(), "source", 1) == [search, banner]


def test_one_lucky_customer_sets_no_bid() -> None:
    found = bids([*world(), came("blog", 5_000.0)], "source", 1)
    lucky = next(bid for bid in found if bid.source == "blog")
    assert lucky.ceiling == pytest.approx((5_000.0 + 20 * 20.3) / 21, rel=0.1)
    assert lucky.ceiling_high >= lucky.ceiling


def test_a_group_of_two_is_as_little_known_as_it_is() -> None:
    # Origins differ as the pull assumes: by a twentieth of the variance of customers.
    draws = np.random.default_rng(8)
    truth = {f"s{k}": 50.0 + 10.0 / np.sqrt(20.0) * draws.standard_normal() for k in range(100)}
    customers = [
        came(
            name, mean + 10.0 * draws.standard_normal(), value=mean + 10.0 * draws.standard_normal()
        )
        for name, mean in truth.items()
        for _ in range(2)
    ]
    found = bids(customers, "source", 1)
    held = sum(bid.ceiling_low < truth[bid.source] < bid.ceiling_high for bid in found)
    valued = sum(bid.value_low < truth[bid.source] < bid.value_high for bid in found)
    assert min(held, valued) >= 90


def test_young_customers_count_only_where_few_are_old_enough() -> None:
    young = [came("search", 0.0, is_mature=False)] * 40
    old = [came("search", 10.0)] * 30
    assert bids([*old, *young], "source", 1)[0].ceiling == pytest.approx(10.0)
    assert bids([*old[:29], *young], "source", 1)[0].ceiling < 10.0
    assert bids([*old, *young], "source", 1)[0].mature == 30


def test_finer_groups_keep_all_their_names() -> None:
    (bid,) = bids([came("search", 1.0)], "audience", 1)
    assert (bid.source, bid.campaign, bid.audience) == ("search", "spring", "runners")
    assert bids([], "campaign", 1) == []
