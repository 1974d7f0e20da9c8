"""Drift and fairness on the command line, of a strategy with a proxy for a protected trait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.cli.live import Live, living, until
from tests.unit.measure.test_ablation import FILES

PEOPLE = 40


def meet(shop: Live, number: int) -> None:
    """Have somebody known, who agreed and added something to a cart."""
    is_woman = number % 2 == 0
    who = f"u{number}"
    traits = {
        "gender": "f" if is_woman else "m",
        "plan": "plain" if is_woman and number % 8 else "gold",
        "age": 30,
        "email": f"{who}@example.org",
    }
    batch = [
        {"type": "identify", "userId": who, "traits": traits, "messageId": f"{who}:1"},
        {"type": "track", "userId": who, "event": "Product Added", "messageId": f"{who}:2"},
    ]
    shop.api.post("/v1/batch", {"batch": batch[:1]})
    found = shop.api.post("/v1/customers/lookup", {"namespace": "user_id", "value": who})
    consent = {"purpose": "marketing", "channel": "*", "status": "granted"}
    shop.api.post(f"/v1/customers/{found['customer_id']}/consents", consent)
    shop.api.post("/v1/batch", {"batch": batch[1:]})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("fairness") / "shop"
    with living(folder, is_shop=False) as made:
        files = {
            **FILES,
            "policies/fairness.yaml": FILES["policies/fairness.yaml"] + LIMITS,
            "policies/models.yaml": MODELS,
        }
        made.api.post("/v1/strategy/publish", {"files": files})
        for number in range(PEOPLE):
            meet(made, number)
        until(lambda: len(made.api.get("/v1/measure/fairness")["items"]) == 2)
        yield made


LIMITS = "trials_min: 10\n"
MODELS = """
default: arms
models: [{name: arms, kind: logistic, features: {traits: [plan], signals: [], context: []}}]
"""


def test_a_gap_is_told_with_the_rule_that_makes_it(shop: Live) -> None:
    report = shop.gives("fairness", code=1)
    gap = next(item for item in report["items"] if item["action"] == "sale")
    assert (gap["group"], gap["reference"], gap["is_crossed"]) == ("women", "men", True)
    assert gap["since"] is not None
    assert [cause["rule"] for cause in report["causes"]] == ["eligible: traits.plan == 'gold'"]
    assert report["replayed"] == PEOPLE
    looked = report["looked"]
    assert (looked["decisions"], looked["gone"], looked["left"]) == (PEOPLE, 0, 0)
    assert not any(one["is_sure"] for one in report["features"]), "it is the rule"
    said = shop.says("fairness", code=1)
    assert looked["says"] in said
    assert "Without `eligible: traits.plan == 'gold'`, gender women would get sale 100%" in said


def test_counts_stand_behind_it(shop: Live) -> None:
    report = shop.gives("fairness", "--sample", "0", code=1)
    assert report["causes"] == report["features"] == []
    assert report["looked"] is None
    cells = {cell["group"]: cell for cell in report["groups"] if cell["action"] == "sale"}
    assert cells["gender=women"]["asked"] == cells["gender=men"]["asked"] == PEOPLE // 2
    assert cells["gender=women"]["gated"] == {"not_eligible": 15}
    assert report["unknown"] == {"gender": {"not_said": 0, "asked": PEOPLE}}


def test_too_little_is_no_drift(shop: Live) -> None:
    report = shop.gives("drift")
    assert report["items"] == report["alarms"] == []
    assert "Not yet sure" in shop.says("drift")
