"""The sample shop's strategy has all that a strategy can have, and its stories prove it."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.shop.workspace import new_desk_secret
from heedful import strategy
from heedful.connectors import Surroundings, open_connectors, read_connectors
from heedful.kernel import InputError
from heedful.strategy import play_scenarios

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "shop" / "strategy"
FILES = {p.relative_to(FOLDER).as_posix(): p.read_text("utf-8") for p in FOLDER.rglob("*.yaml")}


def failing(files: dict[str, str]) -> list[str]:
    return [verdict.scenario for verdict in play_scenarios(files) if verdict.failures]


def test_every_story_comes_true() -> None:
    verdicts = play_scenarios(FILES)
    assert len(verdicts) >= 12
    assert [str(problem) for verdict in verdicts for problem in verdict.failures] == []


def test_the_strategy_has_every_tier_class_and_policy() -> None:
    loaded = strategy.load(FILES)
    told = loaded.definitions
    assert (len(loaded.signals), len(told.needs), len(told.actions)) == (23, 9, 22)
    tiers = {"hardship", "service", "retention", "growth"}
    assert {need.tier for need in told.needs} == {action.tier for action in told.actions} == tiers
    classes = {"promotional", "service", "transactional", "mandatory"}
    assert {action.message_class for action in told.actions} == classes
    types = {one.name: one for one in told.decision_types}
    assert len(types) == 5
    credit = types["credit_terms"]
    assert (credit.oversight, credit.explanation) == ("approve_before", "full")
    assert {cap.per for cap in told.contact.caps} == {"person", "class", "channel", "group"}
    assert told.contact.quiet_hours is not None
    silences = {a.action: a.effects.silence for a in told.actions if a.effects.silence}
    assert {name: silence.span for name, silence in silences.items()} == {
        "offer_help": "48h",
        "pause_reminders": "30d",
        "personal_care": "90d",
    }
    assert [rule.name for rule in told.rules if rule.silence] == ["complained"]
    assert told.contact.holdout.share > 0
    assert all(any(t.body for t in a.treatments) for a in told.actions if a.channels)
    assert loaded.values.values
    assert loaded.guardrails.guardrails


CHANGES = {
    "help mutes nobody": ("actions/offer-help.yaml", "silence: {of: promotional, for: 48h}", ""),
    "help mutes for a day": ("actions/offer-help.yaml", "for: 48h", "for: 24h"),
    "the desk is not told": ("actions/offer-help.yaml", "customer.needs_help", "customer.other"),
    "help comes late": ("needs.yaml", "in_a_row >= 3", "in_a_row >= 4"),
    "an order closes nothing": ("needs.yaml", "    closes_on: Order Completed\n", ""),
    "hardship is not heard": ("needs.yaml", "traits.hardship\n", "traits.hardship == false\n"),
    "hardship is a service": ("needs.yaml", "    tier: hardship", "    tier: service"),
    "credit without a person": (
        "policies/decision-types.yaml",
        "approve_before, fallback",
        "review_after, fallback",
    ),
    "credit for everybody": ("actions/payment-plan.yaml", "['DE', 'AT', 'NL']", "['FR', 'NL']"),
    "no night": ("policies/contact.yaml", '{start: "21:00", end: "08:00"}', "null"),
    "no zones": ("policies/contact.yaml", "zone_trait: timezone", "zone_trait: zone"),
    "no cap on a group": ("policies/contact.yaml", "within: 3d, per: group", "within: 1h"),
    "attention is free": ("policies/contact.yaml", "fatigue_cost: 0.60", "fatigue_cost: 0"),
    "a recall is a mere service": ("actions/recall-notice.yaml", "mandatory", "service"),
    "an incident leaves growth on": (
        "policies/incidents.yaml",
        "growth_off: true, e",
        "growth_off: false, e",
    ),
    "an incident says nothing": ("policies/incidents.yaml", "payments_down_notice", "answer_first"),
    "codes need no asking": ("actions/one-time-code.yaml", "'Code Requested'", "'Code Sent'"),
    "carts are never left": ("signals.yaml", "within: 3m", "within: 30d"),
    "rentals are told to all": ("signals.yaml", "within: 5m", "within: 1m"),
    "returns tell nothing": ("needs.yaml", "return_rate >= 0.5", "return_rate >= 0.9"),
}


@pytest.mark.parametrize(("file", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_a_story_fails_when_the_strategy_gets_worse(file: str, old: str, new: str) -> None:
    assert old in FILES[file]
    changed = {**FILES, file: FILES[file].replace(old, new)}
    try:
        told = failing(changed)
    except InputError as error:  # or check refuses it before anything is played
        told = [error.message]
    assert told


def test_every_way_out_that_an_action_takes_is_declared() -> None:
    told = strategy.load(FILES).definitions
    text = (FOLDER.parent / "connectors.yaml").read_text("utf-8")
    secret = {"SHOP_DESK_SECRET": new_desk_secret()}
    surroundings = Surroundings(bytes(32), "", NoInbox())  # type: ignore[arg-type]
    ways = open_connectors(read_connectors(text, secret), surroundings)
    try:
        called = {w.destination for a in told.actions if a.effects for w in a.effects.webhooks}
        assert called == {"service_desk"} == set(ways.by_destination)
        assert set(ways.by_channel) == {"inapp", "email"}
        # Whatever else an action can be said on, it can be said on one of these.
        assert all(set(a.channels) & set(ways.by_channel) for a in told.actions if a.channels)
    finally:
        ways.close()


class NoInbox:
    """Nothing is put into it here."""
