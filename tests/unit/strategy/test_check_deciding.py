"""Each planted fault of needs, goals and actions is told once, at its place."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from heedful.strategy import check
from tests.unit.strategy.samples import BASE, action, contact, need, story

CASES: dict[str, tuple[Mapping[str, str], str]] = {
    # Spans without their unit
    "a bare number of time": (
        action(stands_for="30"),
        "actions/help.yaml:7:13: Expected a text, got a whole number (30) - at `$.stands_for`. "
        "Write its unit, too: 30m, 30h or 30d.",
    ),
    "half a number of time": (
        action(stands_for="1.5"),
        "actions/help.yaml:7:13: Expected a text, got a number (1.5) - at `$.stands_for`. "
        "Write a number and one of ms, s, m, h, d, w, for example 48h.",
    ),
    "a bare number of time in a list": (
        action(may_wait="[12h, 24]"),
        "actions/help.yaml:7:17: Expected a text, got a whole number (24) - at `$.may_wait[1]`. "
        "Write its unit, too: 24m, 24h or 24d.",
    ),
    "a bare number of time where there may be none": (
        story("    until: 2\n"),
        "tests/a.yaml:4:12: Expected a text or nothing, got a whole number (2) - at "
        "`$.scenarios[0].until`. Write its unit, too: 2m, 2h or 2d.",
    ),
    # Purposes that nobody can agree to
    "consent of a story to an unknown purpose": (
        story("    events:\n      - {at: 0s, consent: {purpose: marketng, status: granted}}\n"),
        "tests/a.yaml:5:37: Expected a known purpose, got 'marketng' - at "
        "`$.scenarios[0].events[0].consent.purpose`. "
        "Did you mean marketing?",
    ),
    "withdrawal of a story of an unknown purpose": (
        story("    customer: {consents: {zzz: withdrawn}}\n"),
        "tests/a.yaml:4:32: Expected a known purpose, got 'zzz' - at "
        "`$.scenarios[0].customer.consents.zzz`. "
        "Known are service, marketing, analytics; consent.yaml declares them.",
    ),
    "consent of a story on an unknown channel": (
        story("    customer: {consents: {marketing: {emal: granted}}}\n"),
        "tests/a.yaml:4:45: Expected a known channel, got 'emal' - at "
        "`$.scenarios[0].customer.consents.marketing.emal`. "
        "Did you mean email?",
    ),
    # What an action is about
    "about without sequences": (
        action(tier="growth", class_="promotional", goal="purchase", about="[boots]"),
        "actions/help.yaml:7:8: Expected `sequences` in signals.yaml, got none - at `$.about`. "
        "Declare `sequences: {}` there, so that the intent of the moment is known.",
    ),
    "about in a service": (
        action(about="[boots]"),
        "actions/help.yaml:7:8: Expected a promotional action, got one of the class service - at "
        "`$.about`. What people are owed or need is said whatever they look at.",
    ),
    # Names that stand nowhere
    "unknown need": (
        action(needs="[canot_pay]"),
        "actions/help.yaml:7:9: Expected a need, got 'canot_pay' - at `$.needs[0]`. Did you "
        "mean cannot_pay?",
    ),
    "need of another tier": (
        action(tier="retention", needs="[cannot_pay]"),
        "actions/help.yaml:7:9: Expected a need of the action's tier, retention, got cannot_pay "
        "of tier service - at `$.needs[0]`.",
    ),
    "unknown goal": (
        action(goal="purchse"),
        "actions/help.yaml:5:7: Expected a goal, got 'purchse' - at `$.goal`. Did you mean "
        "purchase?",
    ),
    "no goal alike": (
        action(goal="x"),
        "actions/help.yaml:5:7: Expected a goal, got 'x' - at `$.goal`. goals.yaml declares them.",
    ),
    "unknown decision type": (
        action(decision_type="marketing_ofer"),
        "actions/help.yaml:4:16: Expected a decision type, got 'marketing_ofer' - at "
        "`$.decision_type`. Did you mean marketing_offer?",
    ),
    "prohibited decision type": (
        action(decision_type="by_distress"),
        "actions/help.yaml:4:16: Expected a decision type that a system may decide, got "
        "by_distress, which is prohibited - at `$.decision_type`.",
    ),
    "unknown model": (
        action(model="bata"),
        "actions/help.yaml:7:8: Expected a listed model, got 'bata' - at `$.model`. Did you "
        "mean beta?",
    ),
    "unknown channel": (
        action(channels="[inap]"),
        "actions/help.yaml:6:12: Expected a known channel, got 'inap' - at `$.channels[0]`. Did "
        "you mean inapp?",
    ),
    "channel twice": (
        action(channels="[inapp, inapp]"),
        "actions/help.yaml:6:19: Expected each channel once, got 'inapp' - at `$.channels[1]`. "
        "It stands at actions/help.yaml:6, too.",
    ),
    "unknown purpose": (
        action(purpose="marketting"),
        "actions/help.yaml:7:10: Expected a known purpose, got 'marketting' - at `$.purpose`. "
        "Did you mean marketing?",
    ),
    "unknown budget": (
        {**action(budget="shiping"), **contact("budgets: {shipping: {amount: 5}}\n")},
        "actions/help.yaml:7:9: Expected a budget, got 'shiping' - at `$.budget`. Did you mean "
        "shipping?",
    ),
    "unknown group": (
        {
            **action(group="care"),
            **contact("caps: [{at_most: 1, within: 1d, per: group, of: car}]"),
        },
        "policies/contact.yaml:1:49: Expected a known group, got 'car' - at `$.caps[0].of`. Did "
        "you mean care?",
    ),
    "unknown action in a cap": (
        contact("caps: [{at_most: 1, within: 1d, per: action, of: sales}]"),
        "policies/contact.yaml:1:50: Expected a known action, got 'sales' - at `$.caps[0].of`. "
        "Did you mean sale?",
    ),
    "unknown class in a cap": (
        contact("caps: [{at_most: 1, within: 1d, per: class, of: promotion}]"),
        "policies/contact.yaml:1:49: Expected one of promotional, service, transactional, "
        "mandatory, got 'promotion' - at `$.caps[0].of`. Did you mean promotional?",
    ),
    "unknown channel in a cap": (
        contact("caps: [{at_most: 1, within: 1d, per: channel, of: e-mail}]"),
        "policies/contact.yaml:1:51: Expected a known channel, got 'e-mail' - at "
        "`$.caps[0].of`. Did you mean email?",
    ),
    "a person's cap of somebody": (
        contact("caps: [{at_most: 1, within: 1d, of: ada}]"),
        "policies/contact.yaml:1:37: Expected no `of` beside `per: person`, got 'ada' - at "
        "`$.caps[0].of`.",
    ),
    "unknown signal": (
        action(applicable="signals.order > 1"),
        "actions/help.yaml:7:21: Expected a field of signals, got order - at `$.applicable`. "
        "Did you mean orders?",
    ),
    "unknown trait": (
        action(eligible="traits.contry == 'DE'"),
        "actions/help.yaml:7:18: Expected a field of traits, got contry - at `$.eligible`. Did "
        "you mean country?",
    ),
    "unknown purpose in a condition": (
        action(eligible="consents.marketin == 'granted'"),
        "actions/help.yaml:7:20: Expected a field of consents, got marketin - at `$.eligible`. "
        "Did you mean marketing?",
    ),
    "unknown automatic signal": (
        action(applicable="signals.orders > 1 and signals['auto.event.Order Completed.cuont'] > 1"),
        "actions/help.yaml:7:44: Expected a field of signals, got auto.event.Order "
        "Completed.cuont - at `$.applicable`.",
    ),
    "type error": (
        action(eligible="traits.age > 'old'"),
        "actions/help.yaml:7:24: Expected two values of one type for >, got a number and a text "
        "- at `$.eligible`.",
    ),
    "no condition": (
        action(suitable="signals.orders"),
        "actions/help.yaml:7:11: Expected a bool, got a number - at `$.suitable`.",
    ),
    "unknown trait in words": (
        action(treatments="[{title: 'Hi {traits.country}', body: 'Dear {traits.contry|you}'}]"),
        "actions/help.yaml:7:65: Expected a field of traits, got contry - at "
        "`$.treatments[0].body`. Did you mean country?",
    ),
    "no name in words": (
        action(treatments="[{body: 'Dear {first name}'}]"),
        "actions/help.yaml:7:27: Expected a name such as {traits.firstName|there}, got '{first "
        "name}' - at `$.treatments[0].body`. Braces themselves are written {{ and }}.",
    ),
    "a brace alone": (
        action(treatments="[{body: 'Dear {you'}]"),
        "actions/help.yaml:7:27: Expected a name such as {traits.firstName|there}, got '{' - at "
        "`$.treatments[0].body`. Braces themselves are written {{ and }}.",
    ),
    "unknown trait in a call": (
        action(effects="{webhooks: [{destination: d, event: e, data: {who: '{traits.nam}'}}]}"),
        "actions/help.yaml:7:70: Expected a field of traits, got nam - at "
        "`$.effects.webhooks[0].data.who`.",
    ),
    "treatment of another channel": (
        action(treatments="[{channel: email, body: a}]"),
        "actions/help.yaml:7:24: Expected one of the action's channels, got 'email' - at "
        "`$.treatments[0].channel`.",
    ),
    "treatment twice": (
        action(treatments="[{body: a}, {body: b}]"),
        "actions/help.yaml:7:25: Expected one treatment for each name, channel and language, "
        "got 'default' - at `$.treatments[1]`. It stands at actions/help.yaml:7, too.",
    ),
    "no treatment": (
        action(treatments="[]"),
        "actions/help.yaml:7:13: Expected at least one treatment, got none - at `$.treatments`. "
        "Without one there is nothing to say; leave the field out for the default.",
    ),
    # What can never pass
    "eligible is false": (
        action(eligible="'false'"),
        "actions/help.yaml:7:11: Expected a condition that can hold, got one that never holds - "
        "at `$.eligible`.",
    ),
    "eligible is no text": (
        action(eligible="false"),
        "actions/help.yaml:7:11: Expected a text or nothing, got true or false (false) - at "
        "`$.eligible`.",
    ),
    "a condition against itself": (
        action(eligible="traits.age > 18 and traits.age < 18"),
        "actions/help.yaml:7:11: Expected a condition that can hold, got one that asks the "
        "impossible of traits.age - at `$.eligible`.",
    ),
    "conditions against each other": (
        action(eligible="traits.age >= 18", suitable="signals.orders > 3 and traits.age < 16"),
        "actions/help.yaml:8:11: Expected a condition that can hold beside `eligible`, got one "
        "that asks the impossible of traits.age - at `$.suitable`.",
    ),
    "none compares with nothing": (
        action(eligible="traits.country is none", applicable="traits.country != 'DE'"),
        "actions/help.yaml:8:13: Expected a condition that can hold beside `eligible`, got one "
        "that asks the impossible of traits.country - at `$.applicable`.",
    ),
    "tier without need": (
        action(tier="hardship"),
        "actions/help.yaml:2:7: Expected a need of tier hardship in needs.yaml, got none - at "
        "`$.tier`. Without one the action can never be chosen.",
    ),
    "incident message of no incident": (
        action(only_in_incidents="true"),
        "actions/help.yaml:7:20: Expected an incident of policies/incidents.yaml whose message "
        "is help, got none - at `$.only_in_incidents`. Without one the action can never be "
        "chosen.",
    ),
    "dearer than its budget": (
        {
            **action(cost="6", budget="shipping"),
            **contact("budgets: {shipping: {amount: 5, per: week}}\n"),
        },
        "actions/help.yaml:7:7: Expected a cost within the budget shipping, 5 a week, got 6 - at "
        "`$.cost`. With it the action can never be done.",
    ),
    "harm": (
        action(benefit="-1"),
        "actions/help.yaml:7:10: Expected a benefit of 0 or more, got -1 - at `$.benefit`. What "
        "harms the person is never chosen.",
    ),
    "negative cost": (
        action(cost="-1"),
        "actions/help.yaml:7:7: Expected a cost of 0 or more, got -1 - at `$.cost`.",
    ),
    "lever out of bounds": (
        action(lever="20"),
        "actions/help.yaml:7:8: Expected a factor of 0.1 to 10, got 20 - at `$.lever`.",
    ),
    "certain prior": (
        action(prior="{p: 1}"),
        "actions/help.yaml:7:12: Expected a probability above 0 and below 1, got 1 - at "
        "`$.prior.p`. 4 % is 0.04.",
    ),
    "prior worth nothing": (
        action(prior="{p: 0.5, strength: 0}"),
        "actions/help.yaml:7:27: Expected more than 0 observations, got 0 - at `$.prior.strength`.",
    ),
    "nothing done": (
        action(channels="[]"),
        "actions/help.yaml:6:11: Expected a channel, a webhook or a silence, got none - at "
        "`$.channels`. Without any of them it does nothing.",
    ),
    "cap of nothing": (
        action(caps="[{at_most: 0, within: 1d}]"),
        "actions/help.yaml:7:18: Expected at least 1 message, got 0 - at `$.caps[0].at_most`. "
        "With 0 nothing is ever sent; switch the action or the channel off instead.",
    ),
    "silence of no time": (
        action(effects="{silence: {for: 0h}}"),
        "actions/help.yaml:7:26: Expected a span longer than 0, got '0h' - at "
        "`$.effects.silence.for`.",
    ),
    "silence of itself": (
        action(effects="{silence: {of: service, for: 1h}}"),
        "actions/help.yaml:7:20: Expected the silence of another class than the action's own, "
        "service, got service - at `$.effects.silence`. The action would mute itself and never "
        "go out.",
    ),
    "stands for no span": (
        action(stands_for="a while"),
        "actions/help.yaml:7:13: Expected a span of time, got 'a while' - at `$.stands_for`. "
        "Write a number and one of ms, s, m, h, d, w, for example 48h.",
    ),
    # Files and names
    "action in a file of another name": (
        {"actions/other.yaml": BASE["actions/sale.yaml"].replace("sale", "offer")},
        "actions/other.yaml:1:9: Expected the name of its file, actions/other.yaml, got 'offer' "
        "- at `$.action`.",
    ),
    "do nothing": (
        action("do_nothing"),
        "actions/do-nothing.yaml:1:9: Expected another name, got `do_nothing` - at `$.action`. "
        "Silence is always there; it is no file.",
    ),
    "name with capitals": (
        {"actions/Help.yaml": action()["actions/help.yaml"].replace(": help", ": Help")},
        "actions/Help.yaml:1:9: Expected a name such as cannot_pay, got 'Help' - at `$.action`. "
        "Use small letters, digits and `_`, at most 64, a letter first.",
    ),
    # Classes that dodge
    "transactional that is worth money": (
        action(class_="transactional", goal="purchase"),
        "actions/help.yaml:3:8: Expected `class: promotional` or `class: service` for an action "
        "whose goal purchase is worth money, got `class: transactional`, which passes every cap "
        "and silence - at `$.class`.",
    ),
    "mandatory growth": (
        action(class_="mandatory", tier="growth"),
        "actions/help.yaml:3:8: Expected `class: promotional` or `class: service` for an action "
        "of tier growth, got `class: mandatory`, which passes every cap and silence - at "
        "`$.class`.",
    ),
    "service that sells": (
        action(tier="growth", goal="purchase"),
        "actions/help.yaml:3:8: Expected `class: promotional` for growth whose goal purchase is "
        "worth money, got `class: service`, which needs no consent and passes the silence of "
        "promotion - at `$.class`.",
    ),
    "transactional with a promotional goal": (
        {
            **action(class_="transactional"),
            "actions/sale.yaml": BASE["actions/sale.yaml"].replace("purchase", "answered"),
        },
        "actions/help.yaml:3:8: Expected `class: promotional` or `class: service` for an action "
        "with the goal of the promotional sale, got `class: transactional`, which passes every "
        "cap and silence - at `$.class`.",
    ),
    "transactional with promotional words": (
        action(class_="transactional", treatments="[{body: Buy now}]"),
        "actions/help.yaml:3:8: Expected `class: promotional` or `class: service` for an action "
        "with the words of the promotional sale, got `class: transactional`, which passes every "
        "cap and silence - at `$.class`.",
    ),
    "promotion without a purpose": (
        {"consent.yaml": "purposes: [analytics]\n"},
        "actions/sale.yaml:6:11: Expected a purpose that people consent to before promotion on "
        "inapp, email, got none - at `$.channels`. Give `purpose`, or list `marketing` in "
        "consent.yaml.",
    ),
    "promotion by service": (
        {"actions/sale.yaml": BASE["actions/sale.yaml"] + "purpose: service\n"},
        "actions/sale.yaml:8:10: Expected a purpose that people consent to before promotion on "
        "inapp, email, got `service` - at `$.purpose`. Nobody is asked for it; name one of "
        "consent.yaml.",
    ),
    # Needs
    "need twice": (
        need(name="cannot_pay"),
        "needs.yaml:3:12: Expected each need once, got 'cannot_pay' - at `$.needs[1].name`. It "
        "stands at needs.yaml:2, too.",
    ),
    "need with a bad name": (
        need(name="Cannot pay"),
        "needs.yaml:3:12: Expected a name such as cannot_pay, got 'Cannot pay' - at "
        "`$.needs[1].name`. Use small letters, digits and `_`, at most 64, a letter first.",
    ),
    "need that never opens": (
        need(opens_when="signals.orders > 2 and signals.orders < 1"),
        "needs.yaml:3:48: Expected a condition that can hold, got one that asks the impossible "
        "of signals.orders - at `$.needs[1].opens_when`.",
    ),
    "need that never closes": (
        need(expires_after="181d"),
        "needs.yaml:3:83: Expected `closes_on`, `closes_when`, or an expiry within 180d, got "
        "181d - at `$.needs[1].expires_after`. A need that stays open keeps every lower tier "
        "shut.",
    ),
    "need whose closing never holds": (
        need(closes_when="false"),
        "needs.yaml:3:101: Expected a text or nothing, got true or false (false) - at "
        "`$.needs[1].closes_when`.",
    ),
    "need whose closing asks the impossible": (
        need(closes_when="signals.orders > 9 and signals.orders < 9"),
        "needs.yaml:3:101: Expected a condition that can hold, got one that asks the impossible "
        "of signals.orders - at `$.needs[1].closes_when`.",
    ),
    "need that closes as it opens": (
        need(closes_when="signals.orders > 2"),
        "needs.yaml:3:101: Expected another condition than the one that opens the need, got the "
        "same - at `$.needs[1].closes_when`.",
    ),
    "need closed by no event": (
        need(closes_on="{pge: Pricing}"),
        "needs.yaml:3:99: Expected one of track, identify, page, screen, group, alias, own, got "
        "`pge` - at `$.needs[1].closes_on`. Did you mean page?",
    ),
    "need closed on a bad condition": (
        need(closes_on="[A, {track: B, where: event.nam == 'x'}]"),
        "needs.yaml:3:127: Expected a field of event, got nam - at "
        "`$.needs[1].closes_on[1].where`. Did you mean name?",
    ),
    "need that expires never": (
        need(expires_after="soon"),
        "needs.yaml:3:83: Expected a span of time, got 'soon' - at `$.needs[1].expires_after`. "
        "Write a number and one of ms, s, m, h, d, w, for example 48h.",
    ),
    # Goals
    "mixed currencies": (
        {"goals.yaml": BASE["goals.yaml"] + "  b: {on: A, within: 1d, value: 2, currency: USD}\n"},
        "goals.yaml:4:46: Expected EUR as in all goals, got USD - at `$.goals.b.currency`. A "
        "strategy counts in one currency; convert the value in its expression.",
    ),
    "no currency": (
        {"goals.yaml": "currency: Euro\n" + BASE["goals.yaml"]},
        "goals.yaml:1:11: Expected a code of three letters such as EUR, got 'Euro' - at "
        "`$.currency`.",
    ),
    "value that is no money": (
        {"goals.yaml": BASE["goals.yaml"] + "  b: {on: A, within: 1d, value: event.name}\n"},
        "goals.yaml:4:33: Expected a number, got a text - at `$.goals.b.value`.",
    ),
    "value of a text": (
        {"goals.yaml": BASE["goals.yaml"] + "  b: {on: A, within: 1d, value: traits.country}\n"},
        "goals.yaml:4:33: Expected a number, got a text - at `$.goals.b.value`.",
    ),
    "goal of no event": (
        {"goals.yaml": BASE["goals.yaml"] + "  b: {on: [], within: 1d}\n"},
        "goals.yaml:4:11: Expected at least one event, got an empty list - at `$.goals.b.on`.",
    ),
    "goal with a bad condition": (
        {"goals.yaml": BASE["goals.yaml"] + "  b: {on: A, within: 1d, where: event.x}\n"},
        "goals.yaml:4:39: Expected a field of event, got x - at `$.goals.b.where`.",
    ),
    "window of a goal": (
        {"goals.yaml": BASE["goals.yaml"] + "  b: {on: A, within: 0d}\n"},
        "goals.yaml:4:22: Expected a span longer than 0, got '0d' - at `$.goals.b.within`.",
    ),
    # Signals
    "name of a built-in signal": (
        {
            "signals.yaml": BASE["signals.yaml"],
            "signals/b.yaml": "signals: [{name: channel_visits, kind: count, on: A}]\n",
        },
        "signals/b.yaml:1:18: Expected a name that no built-in signal has, got 'channel_visits' "
        "- at `$.signals[0].name`.",
    ),
}


def test_the_base_has_no_problem() -> None:
    assert check(BASE) == []
    assert check({**BASE, **action()}) == []
    assert check({**BASE, **need()}) == []
    assert check({**BASE, **story("    until: 1h\n")}) == []


@pytest.mark.parametrize(("files", "said"), CASES.values(), ids=CASES)
def test_a_fault_is_told_in_one_sentence_at_its_place(files: dict[str, str], said: str) -> None:
    assert [str(problem) for problem in check({**BASE, **files})] == [said]
