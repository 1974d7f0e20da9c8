"""Agreement with Open Bandit Pipeline 0.4.1 on its own data, to the last figure."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heedful.measure import Estimator, estimate, rounds

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
FOLDER = Path(os.environ.get("HEEDFUL_DATA") or BESIDE) / "open_bandit"
PLACES = 3

# What `obp.ope` gives for the target below on the log of the uniform policy, by campaign.
FROZEN: dict[str, dict[Estimator, float]] = {
    "all": {
        "ips": 0.0035006553453693565,
        "snips": 0.0035035870508256027,
        "dm": 0.002200764368686368,
        "dr": 0.0035037087504940813,
        "sndr": 0.0035047999316520275,
    },
    "men": {
        "ips": 0.0041891160948427245,
        "snips": 0.004214580454323666,
        "dm": 0.002170725714857795,
        "dr": 0.00421792853097169,
        "sndr": 0.004230372852699633,
    },
    "women": {
        "ips": 0.004746394768928322,
        "snips": 0.0047221900866459025,
        "dm": 0.002171610997220476,
        "dr": 0.004728562022907501,
        "sndr": 0.004715522612955,
    },
}


def columns(campaign: str) -> tuple[Any, Any, Any, Any]:
    """Read items, places, clicks and selection probabilities of a log."""
    path = FOLDER / f"random_{campaign}_{campaign}.csv.gz"
    if not path.is_file():
        pytest.skip(f"no Open Bandit data at {FOLDER}")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    place = np.array([int(row["position"]) for row in rows])
    return (
        np.array([int(row["item_id"]) for row in rows]),
        place - place.min(),
        np.array([float(row["click"]) for row in rows]),
        np.array([float(row["propensity_score"]) for row in rows]),
    )


@pytest.mark.parametrize("campaign", sorted(FROZEN))
def test_estimates_agree_with_the_peer(campaign: str) -> None:
    item, place, click, p_choose = columns(campaign)
    items, places = np.arange(item.max() + 1)[:, None], np.arange(PLACES)[None, :]
    liking = 1.0 + (items * 7 + places * 3) % 11
    target = liking / liking.sum(axis=0)
    model = 0.001 + 0.0005 * (items % 5) + 0.0002 * places
    expected = (target * model).sum(axis=0)
    log = rounds(click, p_choose, target[item, place], model[item, place], expected[place])
    for name, figure in FROZEN[campaign].items():
        assert estimate(log, name) == pytest.approx(figure, abs=1e-9)
