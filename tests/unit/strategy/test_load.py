"""What a strategy declares arrives in the rules, and its version follows its texts alone."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful import strategy
from heedful.customer import IdentityRules, ProfileRules, TraitRule
from heedful.ingest import EventPlan, IngestLimits, PropertyRule, SourceRules, TrackingPlan
from heedful.kernel import DAY_MS, InputError
from heedful.sense import Automatic, compile_signals

ROOT = Path(__file__).resolve().parents[3]
SHOP = ROOT / "examples" / "shop" / "strategy"
TEMPLATES = ROOT / "src" / "heedful" / "strategy" / "templates"
PAGE = (ROOT / "docs" / "reference" / "strategy-files.md").read_text("utf-8")


def folder(path: Path) -> dict[str, str]:
    """Read the files of a folder as a strategy takes them."""
    return {p.relative_to(path).as_posix(): p.read_text("utf-8") for p in path.rglob("*.yaml")}


def examples() -> dict[str, str]:
    """Cut the examples out of the reference page."""
    return dict(re.findall(r'```yaml title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL))


def test_nothing_gives_the_defaults() -> None:
    loaded = strategy.load({})
    assert loaded.identity == IdentityRules(blocked={})
    assert loaded.profile == ProfileRules(traits={}, categories={})
    assert loaded.purposes == ("marketing", "analytics", "personalisation")
    assert (loaded.signals, loaded.automatic) == ((), Automatic())
    assert (loaded.sources, loaded.webhooks) == ({}, {})


@pytest.mark.parametrize("name", ["identity", "traits", "consent", "sources", "signals"])
def test_an_empty_file_gives_the_defaults(name: str) -> None:
    loaded = strategy.load({f"{name}.yaml": "# nothing yet\n"})
    assert msgspec.structs.replace(loaded, version="") == msgspec.structs.replace(
        strategy.load({}), version=""
    )


def test_the_shops_files_have_no_problem() -> None:
    files = folder(SHOP)
    assert strategy.check(files) == []
    loaded = strategy.load(files)
    assert list(loaded.sources) == ["app", "backend", "web"]
    assert loaded.profile.traits["interests"].expires_after_ms == 365 * DAY_MS
    assert loaded.profile.categories["Advertising"] == "marketing"
    assert len(compile_signals(loaded.signals, loaded.automatic).signals) == 23


def test_a_webhook_of_the_examples_is_a_source_of_its_own_name() -> None:
    text = (ROOT / "examples" / "webhooks" / "payment-provider.yaml").read_text("utf-8")
    loaded = strategy.load({"webhooks/pay.yaml": text})
    name = "payment-provider"
    assert loaded.webhooks[name].delivery_id == "id"
    assert loaded.sources == {name: SourceRules(name=name, kind="webhook")}


def test_the_templates_have_no_problem_and_one_file_of_each_root_kind() -> None:
    files = folder(TEMPLATES)
    assert strategy.check(files) == []
    roots = {p for kind in strategy.FILE_KINDS for p in kind.patterns if "/" not in p}
    assert {path for path in files if "/" not in path} == roots
    assert all(text.startswith("# ") for text in files.values())


def test_the_templates_identity_is_the_default_but_for_the_blocked_example() -> None:
    loaded = strategy.load(folder(TEMPLATES)).identity
    assert loaded.namespaces == IdentityRules().namespaces
    assert loaded.blocked == {"email": ("test@example.com",)}


def test_the_examples_of_the_page_are_one_strategy_with_every_kind_of_file() -> None:
    files = examples()
    loaded = strategy.load(files)
    assert list(loaded.sources) == ["app", "backend", "payments", "web"]
    assert all(any(kind.matches(path) for path in files) for kind in strategy.FILE_KINDS)


def test_the_problem_on_the_page_is_what_check_says() -> None:
    shown = re.search(r"```text\n(.*?)\n```", PAGE, re.DOTALL)
    text = "# what is kept\ntraits:\n  - {name: interests, keep: union, purpose: marketting}\n"
    (problem,) = strategy.check({"traits.yaml": text})
    assert shown is not None
    assert str(problem) == shown.group(1)


def test_a_trait_arrives_with_its_span_parsed() -> None:
    text = "traits: [{name: plan, keep: union, top: 3, purpose: analytics, expires_after: 1d12h}]"
    assert strategy.load({"traits.yaml": text}).profile.traits["plan"] == TraitRule(
        "plan", keep="union", purpose="analytics", top=3, expires_after_ms=36 * 3_600_000
    )


def test_a_source_arrives_with_its_plan_and_limits() -> None:
    files = {
        "sources.yaml": """
sources:
  - name: web
    kind: browser
    tracking_plan: tracking-plans/web.yaml
    limits: {event_bytes_max: 1000}
    enabled: false
""",
        "tracking-plans/web.yaml": "events: {Paid: {properties: {total: {type: number}}}}",
    }
    plan = TrackingPlan(
        events={"Paid": EventPlan(properties={"total": PropertyRule(type="number")})}
    )
    assert strategy.load(files).sources["web"] == SourceRules(
        name="web",
        kind="browser",
        limits=IngestLimits(event_bytes_max=1000),
        plan=plan,
        enabled=False,
    )


def test_a_plan_may_stand_in_place() -> None:
    text = "sources: [{name: web, tracking_plan: {unplanned_event: warn}}]"
    plan = strategy.load({"sources.yaml": text}).sources["web"].plan
    assert plan == TrackingPlan(unplanned_event="warn")


def test_signals_of_several_files_are_one_set() -> None:
    files = {
        "signals.yaml": "signals: [{name: a, kind: count, on: A}]",
        "signals/b.yaml": "automatic: {properties: [x]}\n"
        "signals: [{name: b, kind: ratio, of: a, to: a}]",
    }
    loaded = strategy.load(files)
    assert [signal.name for signal in loaded.signals] == ["a", "b"]
    assert loaded.automatic == Automatic(properties=("x",))


def test_on_and_yes_are_words() -> None:
    text = "signals: [{name: a, kind: last, on: 'yes', of: event.properties.x, default: no}]"
    assert strategy.load({"signals.yaml": text}).signals[0].default == "no"


def test_the_version_is_pinned() -> None:
    # A change here makes every running workspace publish anew.
    text = {"consent.yaml": "purposes: [marketing]\n"}
    assert strategy.load(text).version == "d737ad98062deb6e16d5a1725804e9e5"


SIGNAL = st.sampled_from("abc").map(lambda n: f"signals: [{{name: {n}, kind: count, on: A}}]\n")
FILES = st.dictionaries(
    st.sampled_from(["consent.yaml", "traits.yaml", "sources.yaml"]),
    st.sampled_from(["", "# a\n", "# b\n"]),
) | st.builds(lambda text: {"signals.yaml": text}, SIGNAL)


@given(FILES, FILES)
def test_the_version_changes_when_and_only_when_a_text_does(
    one: dict[str, str], other: dict[str, str]
) -> None:
    reordered = dict(reversed(list(one.items())))
    assert strategy.load(one).version == strategy.load(reordered).version
    assert (strategy.load(one).version == strategy.load(other).version) == (one == other)


def test_a_file_that_is_no_yaml_is_no_part_of_the_strategy() -> None:
    assert strategy.load({"README.md": "words"}) == strategy.load({})


def test_load_names_the_first_problem_and_lists_all() -> None:
    files = {"traits.yaml": "traits: [{name: a, top: 0}]", "consent.yaml": "purposes: [a, a]"}
    with pytest.raises(InputError) as caught:
        strategy.load(files)
    assert caught.value.code == "bad_strategy"
    assert caught.value.message == str(strategy.check(files)[0])
    assert [p["file"] for p in caught.value.detail["problems"]] == ["consent.yaml", "traits.yaml"]


def test_every_kind_of_file_has_a_json_schema_that_closes_it() -> None:
    schemas = strategy.json_schema()
    assert list(schemas) == [kind.name for kind in strategy.FILE_KINDS]
    for kind in strategy.FILE_KINDS:
        schema = schemas[kind.name]
        top = schema["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        assert top["additionalProperties"] is False
        assert "\n" not in top["description"]
    assert msgspec.json.decode(msgspec.json.encode(schemas)) == schemas


def test_a_schema_names_the_fields_as_they_are_written() -> None:
    schemas = strategy.json_schema()
    assert "from" in schemas["identity"]["$defs"]["Namespace"]["properties"]
    assert "not" in schemas["signals"]["$defs"]["SignalDefinition"]["properties"]
