"""The sample shop's strategy files hang together and fit the events that the shop sends."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from examples.shop.calls import SOURCES, Call
from examples.shop.population import Population

STRATEGY = Path(__file__).resolve().parents[3] / "examples" / "shop" / "strategy"
KINDS = {
    "count",
    "sum",
    "rate",
    "distinct",
    "last",
    "first",
    "recency",
    "gap",
    "dwell",
    "sequence",
    "absence",
    "ratio",
}
FIELDS = {
    "name",
    "kind",
    "on",
    "of",
    "to",
    "where",
    "window",
    "by",
    "after",
    "not",
    "within",
    "holds",
    "steps",
    "reset_on",
}
SPAN = re.compile(r"\d+[smhd]")


class Loader(yaml.SafeLoader):
    """YAML as in its version 1.2: `on` is a word and no truth value."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, shape) for tag, shape in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(name: str) -> dict[str, Any]:
    content = yaml.load((STRATEGY / f"{name}.yaml").read_text("utf-8"), Loader)
    assert isinstance(content, dict)
    return content


SIGNALS = read("signals")["signals"]


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    return list(islice(Population(Random(7), 200).calls(), 20_000))


def test_twenty_signals_are_declared_under_names_of_their_own() -> None:
    assert len(SIGNALS) == 20
    assert len({signal["name"] for signal in SIGNALS}) == 20


def test_every_kind_is_shown_and_every_field_known() -> None:
    assert {signal["kind"] for signal in SIGNALS} == KINDS
    for signal in SIGNALS:
        assert set(signal) <= FIELDS
        for field in ("window", "within", "holds"):
            assert SPAN.fullmatch(signal.get(field, "1d"))


def patterns(on: Any) -> set[tuple[str, str]]:
    """List the (kind of call, name) that a signal's field means; a bare name is a track call."""
    if isinstance(on, list):
        return {pattern for part in on for pattern in patterns(part)}
    return set(on.items()) if isinstance(on, dict) else {("track", on)}


def test_every_event_that_a_signal_names_is_sent(calls: list[Call]) -> None:
    sent = {(call.kind, call.name) for call in calls}
    for signal in SIGNALS:
        for field in ("on", "after", "not", "reset_on", "steps"):
            assert patterns(signal.get(field, [])) <= sent, (signal["name"], field)


def test_every_property_that_a_signal_reads_is_sent(calls: list[Call]) -> None:
    for signal in SIGNALS:
        if signal["kind"] == "ratio":
            assert {signal["of"], signal["to"]} <= {other["name"] for other in SIGNALS}
            continue
        text = " ".join(str(signal.get(key, "")) for key in ("of", "where", "by"))
        read_names = re.findall(r"event\.properties\.(\w+)", text)
        for call in calls:
            if read_names and call.name == signal["on"]:
                assert set(read_names) <= set(call.fields), signal["name"]


def test_every_trait_that_the_shop_sends_has_a_rule_and_a_purpose(calls: list[Call]) -> None:
    rules = {rule["name"]: rule for rule in read("traits")["traits"]}
    sent = {name for call in calls if call.kind == "identify" for name in call.fields}
    # People of the service desk set these; the shop never guesses them.
    assert sent | {"hardship", "bereaved", "timezone"} == set(rules)
    purposes = {"service", *read("consent")["purposes"]}
    assert all(rule["purpose"] in purposes for rule in rules.values())


def test_every_consent_category_of_the_banner_maps_to_a_purpose(calls: list[Call]) -> None:
    consent = read("consent")
    sent = {
        category
        for call in calls
        for category in call.context.get("consent", {}).get("categoryPreferences", {})
    }
    assert sent == set(consent["categories"])
    assert set(consent["categories"].values()) <= set(consent["purposes"])


def test_the_sources_are_those_of_the_shop() -> None:
    assert [source["name"] for source in read("sources")["sources"]] == list(SOURCES)


def test_the_values_that_name_nobody_are_blocked(calls: list[Call]) -> None:
    blocked = read("identity")["blocked"]
    assert "null" in blocked["user_id"]
    assert any(call.user_id == "null" for call in calls)
    guests = {call.fields.get("email") for call in calls if call.kind == "identify"}
    assert guests >= set(blocked["email"])
