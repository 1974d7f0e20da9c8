"""Scenarios: what is as expected passes, and each kind of difference is told at its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from heedful import strategy
from heedful.kernel import InputError
from heedful.strategy import play_scenarios

ROOT = Path(__file__).resolve().parents[3]
SHOP = ROOT / "examples" / "shop" / "strategy"
TEMPLATES = ROOT / "src" / "heedful" / "strategy" / "templates"
PAGE = (ROOT / "docs" / "reference" / "strategy-files.md").read_text("utf-8")


def folder(path: Path) -> dict[str, str]:
    return {p.relative_to(path).as_posix(): p.read_text("utf-8") for p in path.rglob("*.yaml")}


FILES = {path: text for path, text in folder(TEMPLATES).items() if path != "tests/first.yaml"}
TROUBLE = """\
scenarios:
  - scenario: Trouble
    customer: {traits: {name: Ada, email: ada@example.org}, consents: {marketing: granted}}
    events:
      - {at: 0m, track: Payment Failed}
      - at: 1m
        track: Payment Failed
"""


def failures(expect: str, story: str = TROUBLE, **files: str) -> list[str]:
    """Play one story and list what is told, without the place of the path."""
    (verdict,) = play_scenarios({**FILES, **files, "tests/a.yaml": story + expect})
    return [re.sub(r" - at `[^`]*`", "", str(problem)) for problem in verdict.failures]


@pytest.mark.parametrize(
    "files",
    [folder(TEMPLATES), dict(re.findall(r'```yaml title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL))],
    ids=["templates", "reference page"],
)
def test_the_stories_of_every_shipped_strategy_pass(files: dict[str, str]) -> None:
    verdicts = play_scenarios(files)
    assert verdicts
    assert [str(problem) for verdict in verdicts for problem in verdict.failures] == []


MET = (
    "        expect: {decision: offer_help}\n",
    "        expect: {decision: {need: cannot_pay, tier: service, class: service}}\n",
    "        expect: {decision: {action: offer_help, channel: inapp, reason: best_value}}\n",
    "        expect: {needs: [cannot_pay], silences: {promotional: 48h}}\n",
    "        expect: {effects: [{action: offer_help, channel: inapp, says: Hello Ada}]}\n",
    "    until: 2d\n    expect: {silences: {promotional: 1m}, needs: [cannot_pay]}\n",
    "    until: 2d1m\n    expect: {silences: {}, needs: []}\n",
    "    never: [cart_reminder, {class: promotional}, {channel: email}]\n",
    "      - {at: 2m, expect: {decision: none, quiet: true}}\n",
)


@pytest.mark.parametrize("expect", MET)
def test_what_is_as_expected_passes(expect: str) -> None:
    assert failures(expect) == []


UNMET = {
    "        expect: {decision: cart_reminder}\n": "tests/a.yaml:8:28: Expected the decision "
    "action cart_reminder, got offer_help (inapp, cannot_pay, best_value).",
    "        expect: {decision: {action: offer_help, tier: growth}}\n": "tests/a.yaml:8:28: "
    "Expected the decision action offer_help, tier growth, got offer_help (inapp, cannot_pay, "
    "best_value). offer_help: chosen.",
    "        expect: {decision: none}\n": "tests/a.yaml:8:28: Expected no decision, got "
    "offer_help (inapp, cannot_pay, best_value).",
    "        expect: {gates: {offer_help: silenced}}\n": "tests/a.yaml:8:38: Expected "
    "offer_help stopped as silenced, got chosen.",
    "        expect: {gates: {cart_reminder: silenced}}\n": "tests/a.yaml:8:41: Expected "
    "cart_reminder stopped as silenced, got no decision that looked at it.",
    "        expect: {needs: []}\n": "tests/a.yaml:8:25: Expected open needs: nothing, "
    "got cannot_pay.",
    "        expect: {silences: {}}\n": "tests/a.yaml:8:28: Expected promotional messages not "
    "muted, got muted for 2d.",
    "        expect: {silences: {promotional: 48h, service: 1h}}\n": "tests/a.yaml:8:56: "
    "Expected service messages muted for 1h, got not muted.",
    "        expect: {effects: [{channel: email}]}\n": "tests/a.yaml:8:28: Expected channel "
    "email to go out, got offer_help (inapp, service).",
    "        expect: {effects: [{says: Goodbye}]}\n": "tests/a.yaml:8:28: Expected says "
    "Goodbye to go out, got offer_help (inapp, service).",
    "        expect: {effects: [{webhook: desk}]}\n": "tests/a.yaml:8:28: Expected webhook "
    "desk to go out, got offer_help (inapp, service).",
    "        expect: {withdrawn: {offer_help: refused}}\n": "tests/a.yaml:8:42: Expected "
    "offer_help withdrawn as refused, got nothing.",
    "        expect: {quiet: true}\n": "tests/a.yaml:8:25: Expected nothing to go out, got "
    "offer_help (inapp, service).",
    "    never: [offer_help]\n": "tests/a.yaml:8:13: Expected never action offer_help, got "
    "offer_help (inapp, service).",
    "    never: [{class: service}]\n": "tests/a.yaml:8:13: Expected never class service, got "
    "offer_help (inapp, service).",
    "      - {at: 2m, refuse: cart_reminder}\n    never: [cart_reminder]\n": (
        "tests/a.yaml:8:26: Expected a decision for cart_reminder, got none so far."
    ),
}


@pytest.mark.parametrize(("expect", "said"), UNMET.items(), ids=map(str.strip, UNMET))
def test_each_difference_is_told_at_its_line(expect: str, said: str) -> None:
    assert failures(expect) == [said]


def test_a_story_that_fails_does_not_spoil_the_next_one() -> None:
    again = TROUBLE.replace("scenarios:\n", "").replace("Trouble", "Again")
    story = f"{TROUBLE}    never: [offer_help]\n{again}    never: [cart_reminder]\n"
    verdicts = play_scenarios({**FILES, "tests/a.yaml": story})
    assert [(v.scenario, v.line, len(v.failures)) for v in verdicts] == [
        ("Trouble", 2, 1),
        ("Again", 9, 0),
    ]


def test_the_same_stories_give_the_same_verdicts() -> None:
    files = folder(SHOP)
    assert play_scenarios(files) == play_scenarios(dict(reversed(list(files.items()))))


def test_a_strategy_with_a_problem_is_not_played() -> None:
    with pytest.raises(InputError) as caught:
        play_scenarios({**FILES, "needs.yaml": "needs: {}"})
    assert caught.value.code == "bad_strategy"


def test_stories_are_no_part_of_the_version() -> None:
    files = folder(TEMPLATES)
    assert strategy.load(files).version == strategy.load(FILES).version
    changed = {**files, "needs.yaml": files["needs.yaml"] + "# more\n"}
    assert strategy.load(changed).version != strategy.load(files).version


def test_a_stranger_and_channels_and_switches_are_played() -> None:
    story = """\
at: 2026-03-02T09:00:00Z
customer: {user_id: null, traits: {email: x@example.org}, consents: {marketing: {email: granted}}}
scenarios:
  - scenario: A stranger
    events:
      - {at: 0m, stop: "channel:inapp"}
      - {at: 0m, track: Product Added}
      - {at: 1m, track: Checkout Started}
      - {at: 2m, decide: {channel: email}, expect: {decision: {action: cart_reminder}}}
      - {at: 3m, outcome: {of: cart_reminder, outcome: accepted, value: 3}}
      - {at: 4m, consent: {purpose: marketing, status: objected, channel: email}}
      - {at: 5m, start: "channel:inapp"}
    until: 3h
    expect: {gates: {cart_reminder: objected}}
"""
    assert failures("", story) == []
