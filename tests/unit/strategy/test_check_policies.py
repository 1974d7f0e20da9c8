"""Each planted fault of rules, policies and scenarios is told once, at its place."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from heedful.strategy import check
from tests.unit.strategy.samples import BASE, action, contact, need, rules, story


def fairness(
    trait: str = "age", group: str = "{name: young, below: 30}", more: str = ""
) -> dict[str, str]:
    """Compare two groups."""
    groups = f"[{group}, {{name: old, at_least: 30}}]"
    return {"policies/fairness.yaml": f"protected: [{{trait: {trait}, groups: {groups}}}]\n{more}"}


CASES: dict[str, tuple[Mapping[str, str], str]] = {
    # Rules
    "rule without trigger": (
        rules("name: a"),
        "rules.yaml:2:5: Expected `on` or `when`, got neither - at `$.rules[0]`. Without them "
        "it would answer every event.",
    ),
    "rule twice": (
        rules("name: a, on: A", "name: a, on: B"),
        "rules.yaml:3:12: Expected each rule once, got 'a' - at `$.rules[1].name`. It stands at "
        "rules.yaml:2, too.",
    ),
    "unknown built-in rule": (
        {"rules.yaml": "builtin: [hesitate]\n"},
        "rules.yaml:1:11: Expected a built-in rule, got 'hesitate' - at `$.builtin[0]`. Did you "
        "mean hesitation?",
    ),
    "rule that never holds": (
        rules("name: a, when: 1 > 2"),
        "rules.yaml:2:21: Expected a condition that can hold, got one that never holds - at "
        "`$.rules[0].when`.",
    ),
    "two silences of one class": (
        rules("name: a, on: A, silence: {for: 1d}", "name: b, on: [B, A], silence: {for: 2d}"),
        "rules.yaml:3:36: Expected `for: 1d` as in a, which answers the same event, got `for: "
        "2d` - at `$.rules[1].silence`.",
    ),
    "silence and sale": (
        rules("name: a, on: A, when: signals.orders > 1, silence: {}", "name: b, on: A"),
        "rules.yaml:3:5: Expected a rule that decides something else than promotional messages, "
        "got one on the same event that a answers with their silence - at `$.rules[1]`.",
    ),
    # Contact policy
    "promotion without caps": (
        contact("capped: [service]\n"),
        "policies/contact.yaml:1:9: Expected `promotional` among the classes that are capped, got "
        "others - at `$.capped`. Where nothing is to be capped, leave no caps: `caps: []`.",
    ),
    "hours that are none": (
        contact('quiet_hours: {start: "24:00"}\n'),
        "policies/contact.yaml:1:22: Expected a time such as 21:00, got '24:00' - at "
        "`$.quiet_hours.start`.",
    ),
    "hours of no length": (
        contact('quiet_hours: {start: "08:00", end: "08:00"}\n'),
        "policies/contact.yaml:1:36: Expected another time than the start, got 08:00 - at "
        "`$.quiet_hours.end`. Leave `quiet_hours` out for the default, or write `quiet_hours: "
        "null` for none.",
    ),
    "quiet on an unknown channel": (
        contact("quiet_hours: {channels: [emial]}\n"),
        "policies/contact.yaml:1:26: Expected a known channel, got 'emial' - at "
        "`$.quiet_hours.channels[0]`. Did you mean email?",
    ),
    "everybody held out": (
        contact("holdout: {share: 0.6}\n"),
        "policies/contact.yaml:1:18: Expected a share of 0 to 0.5, got 0.6 - at `$.holdout.share`.",
    ),
    "service held out": (
        contact("holdout: {tiers: [growth, service]}\n"),
        "policies/contact.yaml:1:27: Expected retention or growth, got service - at "
        "`$.holdout.tiers[1]`. Help is never withheld to prove a point.",
    ),
    "empty budget": (
        contact("budgets: {gifts: {amount: 0}}\n"),
        "policies/contact.yaml:1:27: Expected an amount above 0, got 0 - at "
        "`$.budgets.gifts.amount`.",
    ),
    "unknown purpose of a channel": (
        contact("purposes: {email: newsleter}\n"),
        "policies/contact.yaml:1:19: Expected a known purpose, got 'newsleter' - at "
        "`$.purposes.email`. consent.yaml declares them.",
    ),
    "purpose of an unknown channel": (
        contact("purposes: {emal: marketing}\n"),
        "policies/contact.yaml:1:18: Expected a known channel, got 'emal' - at "
        "`$.purposes.emal`. Did you mean email?",
    ),
    "negative fatigue": (
        contact("fatigue_cost: -1\n"),
        "policies/contact.yaml:1:15: Expected a cost of 0 or more, got -1 - at `$.fatigue_cost`.",
    ),
    "floor of everything": (
        contact("floor: 1\n"),
        "policies/contact.yaml:1:8: Expected a probability of at least 0 and below 1, got 1 - "
        "at `$.floor`.",
    ),
    "negative weight": (
        contact("benefit_weight: -1\n"),
        "policies/contact.yaml:1:17: Expected a weight of 0 or more, got -1 - at "
        "`$.benefit_weight`.",
    ),
    # Governing
    "high risk without oversight": (
        {
            "policies/decision-types.yaml": BASE["policies/decision-types.yaml"]
            + "  - {name: credit, owner: A, risk: high, explanation: full}\n"
        },
        "policies/decision-types.yaml:4:5: Expected `review_after` or `approve_before` where "
        "the risk is high, got `none` - at `$.decision_types[2].oversight`.",
    ),
    "guardrail without bound": (
        {"policies/guardrails.yaml": "guardrails: [{name: a, watches: complained}]\n"},
        "policies/guardrails.yaml:1:14: Expected one of ratio_max, ratio_min, drift_max, got "
        "none, so nothing ever tightens - at `$.guardrails[0]`.",
    ),
    "approvals of nobody": (
        {"policies/approvals.yaml": "publish: {required: 9}\n"},
        "policies/approvals.yaml:1:21: Expected 0 to 5 approvals, got 9 - at `$.publish.required`.",
    ),
    "unknown message of an incident": (
        {"policies/incidents.yaml": "incidents: [{name: down, message: sal}]\n"},
        "policies/incidents.yaml:1:35: Expected a known action, got 'sal' - at "
        "`$.incidents[0].message`. Did you mean sale?",
    ),
    "value without a proof that is there": (
        {
            "policies/values.yaml": "values:\n  - {name: a, statement: We help., gates: [class], "
            "metrics: [lift], proofs: [tests/b.yaml]}\n",
            **story("    until: 1h\n"),
        },
        "policies/values.yaml:2:78: Expected a known proof, got 'tests/b.yaml' - at "
        "`$.values[0].proofs[0]`. Did you mean tests/a.yaml?",
    ),
    # Fairness and drift
    "fairness by an unknown trait": (
        fairness(trait="aeg"),
        "policies/fairness.yaml:1:21: Expected a declared trait, got aeg - at "
        "`$.protected[0].trait`. Did you mean age?",
    ),
    "one group alone": (
        {
            "policies/fairness.yaml": "protected: [{trait: age, groups: [{name: all, "
            "at_least: 0}]}]\n"
        },
        "policies/fairness.yaml:1:34: Expected 2 to 32 groups, to compare them, got 1 - at "
        "`$.protected[0].groups`.",
    ),
    "group of nobody": (
        fairness(group="{name: young}"),
        "policies/fairness.yaml:1:35: Expected `values`, or `at_least` and `below`, got neither "
        "- at `$.protected[0].groups[0]`.",
    ),
    "ratio of fairness beyond 1": (
        fairness(more="ratio_min: 1.2\n"),
        "policies/fairness.yaml:2:12: Expected a share above 0 and up to 1, got 1.2 - at "
        "`$.ratio_min`. Four fifths are 0.8.",
    ),
    "condition by a protected trait": (
        {**fairness(), **action(eligible="traits.age >= 18")},
        "actions/help.yaml:7:11: Expected a condition that reads no protected trait, got one "
        "that reads the protected trait age - at `$.eligible`. Leave it out, or say why under "
        "`reads_protected` of marketing_offer in policies/decision-types.yaml.",
    ),
    "need by a protected trait": (
        {**fairness(), **need(opens_when="signals.orders > 2 and traits.age > 60")},
        "needs.yaml:3:48: Expected a condition that reads no protected trait, got one that "
        "reads the protected trait age - at `$.needs[1].opens_when`. Protected traits are for "
        "measuring; ask for it in an action with a reason.",
    ),
    "signal by a protected trait": (
        {
            **fairness(),
            "signals.yaml": BASE["signals.yaml"].replace("}]", ", where: event.traits.age > 60}]"),
        },
        "signals.yaml:1:67: Expected a condition that reads no protected trait, got one that "
        "reads the protected trait age - at `$.signals[0].where`. Protected traits are for "
        "measuring; ask for it in an action with a reason.",
    ),
    "alarms without a limit": (
        {"policies/drift.yaml": "evidence_max: 0\n"},
        "policies/drift.yaml:1:15: Expected a limit above 0, got 0.0 - at `$.evidence_max`.",
    ),
    "drift without a limit": (
        {"policies/drift.yaml": "psi_max: 0\n"},
        "policies/drift.yaml:1:10: Expected a limit above 0, got 0.0 - at `$.psi_max`.",
    ),
    # Scenarios
    "story out of order": (
        story("    events: [{at: 2h, track: A}, {at: 1h, track: B}]\n"),
        "tests/a.yaml:4:39: Expected a time not before the event above, got '1h' - at "
        "`$.scenarios[0].events[1].at`.",
    ),
    "story cut short": (
        story("    events: [{at: 2h, track: A}]\n    until: 1h\n"),
        "tests/a.yaml:5:12: Expected a time not before the event above, got '1h' - at "
        "`$.scenarios[0].until`.",
    ),
    "two things at once": (
        story("    events: [{at: 2h, track: A, page: B}]\n"),
        "tests/a.yaml:4:14: Expected one thing that happens, got track and page - at "
        "`$.scenarios[0].events[0]`.",
    ),
    "nothing happens": (
        story("    events: [{at: 2h}]\n"),
        "tests/a.yaml:4:14: Expected one of track, page, screen, identify, consent, decide, "
        "outcome, approve, refuse, stop, start, incident, or `expect`, got neither - at "
        "`$.scenarios[0].events[0]`.",
    ),
    "story of no time": (
        story("    at: today\n"),
        "tests/a.yaml:4:9: Expected a time such as 2026-01-07T10:00:00Z, got 'today' - at "
        "`$.scenarios[0].at`.",
    ),
    "story that proves nothing": (
        {"tests/a.yaml": "scenarios:\n  - scenario: A story\n    until: 1h\n"},
        "tests/a.yaml:2:5: Expected `expect` or `never`, got neither, so nothing is proved - at "
        "`$.scenarios[0]`.",
    ),
    "story twice": (
        story("  - scenario: A story\n    never: [sale]\n"),
        "tests/a.yaml:4:15: Expected each scenario once, got 'A story' - at "
        "`$.scenarios[1].scenario`. It stands at tests/a.yaml:2, too.",
    ),
    "unknown action expected": (
        story("    expect: {decision: sail}\n"),
        "tests/a.yaml:4:24: Expected an action, got 'sail' - at "
        "`$.scenarios[0].expect.decision`. Did you mean sale?",
    ),
    "unknown need expected": (
        story("    expect: {needs: [can_pay]}\n"),
        "tests/a.yaml:4:22: Expected a need, got 'can_pay' - at "
        "`$.scenarios[0].expect.needs[0]`. Did you mean cannot_pay?",
    ),
    "unknown action gated": (
        story("    expect: {gates: {sael: silenced}}\n"),
        "tests/a.yaml:4:28: Expected an action, got 'sael' - at "
        "`$.scenarios[0].expect.gates.sael`. Did you mean sale?",
    ),
    "unknown channel expected": (
        story("    expect: {decision: {channel: mail}}\n"),
        "tests/a.yaml:4:34: Expected a known channel, got 'mail' - at "
        "`$.scenarios[0].expect.decision.channel`. Did you mean email?",
    ),
    "unknown action in an effect": (
        story("    expect: {effects: [{action: sell}]}\n"),
        "tests/a.yaml:4:33: Expected an action, got 'sell' - at "
        "`$.scenarios[0].expect.effects[0].action`.",
    ),
    "quiet and loud": (
        story("    expect: {effects: [{action: sale}], quiet: true}\n"),
        "tests/a.yaml:4:48: Expected `effects` or `quiet`, got both - at "
        "`$.scenarios[0].expect.quiet`.",
    ),
    "silence of no span": (
        story("    expect: {silences: {promotional: long}}\n"),
        "tests/a.yaml:4:38: Expected a span of time, got 'long' - at "
        "`$.scenarios[0].expect.silences.promotional`. Write a number and one of ms, s, m, h, "
        "d, w, for example 48h.",
    ),
    "unknown incident": (
        story("    events: [{at: 0s, incident: down}]\n"),
        "tests/a.yaml:4:33: Expected an incident, got 'down' - at "
        "`$.scenarios[0].events[0].incident`. policies/incidents.yaml declares them.",
    ),
    "unknown switch": (
        story("    events: [{at: 0s, stop: 'chanel:email'}]\n"),
        "tests/a.yaml:4:29: Expected a scope, got 'chanel:email' - at "
        "`$.scenarios[0].events[0].stop`. Did you mean channel:email?",
    ),
    "outcome of an unknown action": (
        story("    events: [{at: 0s, outcome: {of: sell, outcome: shown}}]\n"),
        "tests/a.yaml:4:37: Expected an action, got 'sell' - at "
        "`$.scenarios[0].events[0].outcome.of`.",
    ),
}


@pytest.mark.parametrize(("files", "said"), CASES.values(), ids=CASES)
def test_a_fault_is_told_in_one_sentence_at_its_place(files: dict[str, str], said: str) -> None:
    assert [str(problem) for problem in check({**BASE, **files})] == [said]


SOUND = {
    "silences of two spans on events that never meet": rules(
        "name: a, on: A, silence: {for: 1d}", "name: b, on: B, silence: {for: 2d}"
    ),
    "silences of two spans under conditions that never meet": rules(
        "name: a, on: A, when: signals.orders > 2, silence: {for: 1d}",
        "name: b, on: A, when: signals.orders <= 2, silence: {for: 2d}",
    ),
    "silences of two classes": rules(
        "name: a, on: A, silence: {for: 1d}", "name: b, on: A, silence: {of: service, for: 2d}"
    ),
    "a silence and a decision that may help": {
        **rules("name: a, on: A, silence: {}", "name: b, on: A"),
        **action(),
    },
    "a page and a call of one name": rules(
        "name: a, on: {page: A}, silence: {for: 1d}", "name: b, on: A, silence: {for: 2d}"
    ),
    "no caps at all": contact("caps: []\ncapped: [service]\n"),
    "growth of service that is worth no money": action(tier="growth"),
    "a protected trait with its reason": {
        **fairness(),
        "policies/decision-types.yaml": BASE["policies/decision-types.yaml"]
        + "  - {name: credit, owner: A, reads_protected: {age: The law forbids it below 18.}}\n",
        **action(eligible="traits.age >= 18", decision_type="credit"),
    },
    "no quiet hours": contact("quiet_hours: null\n"),
    "caps of every kind": {
        **action(group="care"),
        **contact(
            "caps:\n  - {at_most: 1, within: 1d}\n  - {at_most: 1, within: 1d, per: group}\n"
            "  - {at_most: 1, within: 1d, per: group, of: care}\n"
            "  - {at_most: 1, within: 1d, per: channel, of: email}\n"
            "  - {at_most: 1, within: 1d, per: action, of: sale}\n"
            "  - {at_most: 1, within: 1d, per: class, of: promotional}\n"
        ),
    },
}


@pytest.mark.parametrize("files", SOUND.values(), ids=SOUND)
def test_what_is_sound_is_left_alone(files: dict[str, str]) -> None:
    assert check({**BASE, **files}) == []


def test_names_of_a_broken_file_are_not_missed_elsewhere() -> None:
    broken = {name: f"{name}: [" for name in BASE if not name.startswith("actions/")}
    files = {
        **BASE,
        **broken,
        **action(needs="[a]", goal="b", decision_type="c", eligible="traits.x"),
    }
    assert {problem.file for problem in check(files)} == set(broken)


def test_what_only_compiling_finds_has_its_place_too() -> None:
    found = [str(p) for p in check({**BASE, **contact("floor: 0.1\nzones_assumed: [Mars/Base]\n")})]
    assert found == [
        "policies/contact.yaml:2:17: Expected an IANA zone such as Europe/Berlin, "
        "got 'Mars/Base' - at `$.zones_assumed[0]`."
    ]
    money = action(cost="1e12")
    assert [(p.file, p.line) for p in check({**BASE, **money})] == [("actions/help.yaml", 7)]
