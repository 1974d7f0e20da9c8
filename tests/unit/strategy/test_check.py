"""Each kind of mistake gives exactly one located sentence, with the nearest known name."""

from __future__ import annotations

import pytest

from heedful.strategy import FILE_KINDS, FileKind, check
from heedful.strategy.load import FILES_MAX

WEBHOOK = "name: pay\nsignature: {scheme: standard-webhooks}\n"

CASES = {
    # Files
    "unknown file": (
        {"trait.yaml": ""},
        "trait.yaml:1:1: Expected a file of a strategy, got `trait.yaml`. "
        "Did you mean traits.yaml?",
    ),
    "short ending": (
        {"consent.yml": ""},
        "consent.yml:1:1: Expected a file of a strategy, got `consent.yml`. "
        "Did you mean consent.yaml?",
    ),
    "misspelt folder": (
        {"webhook/pay.yaml": ""},
        "webhook/pay.yaml:1:1: Expected a file of a strategy, got `webhook/pay.yaml`. "
        "Did you mean webhooks/pay.yaml?",
    ),
    "too deep": (
        {"signals/paying/late.yaml": ""},
        "signals/paying/late.yaml:1:1: Expected a file of a strategy, "
        "got `signals/paying/late.yaml`. Did you mean signals/late.yaml?",
    ),
    # Shapes
    "unknown field": (
        {"traits.yaml": "traits:\n  - {name: a, purposes: ads}\n"},
        "traits.yaml:2:15: Expected a known field, got purposes - at `$.traits[0].purposes`. "
        "Did you mean purpose?",
    ),
    "missing field": (
        {"traits.yaml": "traits:\n  - {keep: union}\n"},
        "traits.yaml:2:5: Expected a field `name`, got none - at `$.traits[0]`.",
    ),
    "unknown value": (
        {"traits.yaml": "traits:\n  - {name: a, keep: unoin}\n"},
        "traits.yaml:2:21: Expected one of most_recent, oldest, set_once, source_priority, union, "
        "got 'unoin' - at `$.traits[0].keep`. Did you mean union?",
    ),
    "wrong type": (
        {"signals.yaml": "signals: {name: a}\n"},
        "signals.yaml:1:10: Expected a list, got a map - at `$.signals`.",
    ),
    "unknown limit": (
        {"sources.yaml": "sources:\n  - {name: web, limits: {event_byte_max: 9}}\n"},
        "sources.yaml:2:26: Expected a known field, got event_byte_max "
        "- at `$.sources[0].limits.event_byte_max`. Did you mean event_bytes_max?",
    ),
    "misspelt field of a webhook": (
        {"webhooks/pay.yaml": WEBHOOK + "rules:\n  - {event: A, propertys: {}}\n"},
        "webhooks/pay.yaml:4:16: Expected a known field, got propertys "
        "- at `$.rules[0].propertys`. Did you mean properties?",
    ),
    "key twice": (
        {"traits.yaml": "traits: []\ntraits: []\n"},
        "traits.yaml:2:1: Expected each key once, got traits - at `$`. It stands on line 1, too.",
    ),
    "torn": (
        {"traits.yaml": "traits: [\n"},
        "traits.yaml:2:1: Expected YAML, got a mistake (did not find expected node content, "
        "while parsing a flow node) - at `$`.",
    ),
    # Identity
    "limit below 1": (
        {"identity.yaml": "namespaces:\n  - {name: user_id, limit: 0}\n"},
        "identity.yaml:2:28: Expected a limit of at least 1, got 0 - at `$.namespaces[0].limit`.",
    ),
    "namespace twice": (
        {"identity.yaml": "namespaces:\n  - {name: email}\n  - {name: email}\n"},
        "identity.yaml:3:12: Expected each namespace once, got 'email' "
        "- at `$.namespaces[1].name`. It stands at identity.yaml:2, too.",
    ),
    "namespace without name": (
        {"identity.yaml": "namespaces:\n  - {name: ''}\n"},
        "identity.yaml:2:12: Expected a name of 1 to 64 characters, got 0 characters "
        "- at `$.namespaces[0].name`.",
    ),
    "negative partners": (
        {"identity.yaml": "namespaces:\n  - {name: email, shared_after: -1}\n"},
        "identity.yaml:2:33: Expected 0 partners or more, got -1 "
        "- at `$.namespaces[0].shared_after`. 0 means never.",
    ),
    "identifier from nowhere": (
        {"identity.yaml": "namespaces:\n  - {name: email, from: trait.email}\n"},
        "identity.yaml:2:25: Expected a path such as traits.email, properties.card or "
        "context.device.id, got 'trait.email' - at `$.namespaces[0].from`. Did you mean traits?",
    ),
    "blocked in an unknown namespace": (
        {"identity.yaml": "blocked:\n  emial: [a@b.c]\n"},
        "identity.yaml:2:10: Expected one of the namespaces, got 'emial' - at `$.blocked.emial`. "
        "Did you mean email?",
    ),
    "no alias at all": (
        {"identity.yaml": "alias_max: 0\n"},
        "identity.yaml:1:12: Expected at least 1 user id, got 0 - at `$.alias_max`.",
    ),
    # Traits
    "trait twice": (
        {"traits.yaml": "traits:\n  - {name: plan}\n  - {name: plan}\n"},
        "traits.yaml:3:12: Expected each trait once, got 'plan' - at `$.traits[1].name`. "
        "It stands at traits.yaml:2, too.",
    ),
    "trait without name": (
        {"traits.yaml": "traits:\n  - {name: ''}\n"},
        "traits.yaml:2:12: Expected the name of a trait, got an empty text "
        "- at `$.traits[0].name`.",
    ),
    "unknown purpose": (
        {"traits.yaml": "traits:\n  - {name: a, purpose: marketting}\n"},
        "traits.yaml:2:24: Expected a known purpose, got 'marketting' - at `$.traits[0].purpose`. "
        "Did you mean marketing?",
    ),
    "unlike any purpose": (
        {"traits.yaml": "traits:\n  - {name: a, purpose: x}\n", "consent.yaml": "purposes: [ads]"},
        "traits.yaml:2:24: Expected a known purpose, got 'x' - at `$.traits[0].purpose`. "
        "Known are service, ads; consent.yaml declares them.",
    ),
    "no span": (
        {"traits.yaml": "traits:\n  - {name: a, expires_after: 1y}\n"},
        "traits.yaml:2:30: Expected a span of time, got '1y' - at `$.traits[0].expires_after`. "
        "Write a number and one of ms, s, m, h, d, w, for example 48h.",
    ),
    "span of nothing": (
        {"traits.yaml": "traits:\n  - {name: a, expires_after: 0d}\n"},
        "traits.yaml:2:30: Expected a span longer than 0, got '0d' "
        "- at `$.traits[0].expires_after`.",
    ),
    "no value kept": (
        {"traits.yaml": "traits:\n  - {name: a, keep: union, top: 0}\n"},
        "traits.yaml:2:33: Expected at least 1 value, got 0 - at `$.traits[0].top`.",
    ),
    "priority of nothing": (
        {"traits.yaml": "traits:\n  - {name: a, keep: source_priority}\n"},
        "traits.yaml:2:21: Expected `sources`, best first, got none - at `$.traits[0].keep`. "
        "Add for example `sources: [backend, web]`.",
    ),
    "sources without priority": (
        {"traits.yaml": "traits:\n  - {name: a, sources: [web]}\n"},
        "traits.yaml:2:24: Expected no sources with this rule, got `keep: most_recent` "
        "- at `$.traits[0].sources`. Write `keep: source_priority`, or leave `sources` out.",
    ),
    "unknown source": (
        {
            "traits.yaml": "traits:\n  - {name: a, keep: source_priority, sources: [backend]}\n",
            "sources.yaml": "sources: [{name: back-end}]",
        },
        "traits.yaml:2:48: Expected the name of a source, got 'backend' "
        "- at `$.traits[0].sources[0]`. Did you mean back-end?",
    ),
    "negative undeclared": (
        {"traits.yaml": "undeclared_max: -1\n"},
        "traits.yaml:1:17: Expected 0 traits or more, got -1 - at `$.undeclared_max`.",
    ),
    # Consent
    "purpose twice": (
        {"consent.yaml": "purposes:\n  - ads\n  - ads\n"},
        "consent.yaml:3:5: Expected each purpose once, got 'ads' - at `$.purposes[1]`. "
        "It stands at consent.yaml:2, too.",
    ),
    "purpose that is no name": (
        {"consent.yaml": "purposes: [a|b]\n"},
        "consent.yaml:1:12: Expected a name, got 'a|b' - at `$.purposes[0]`. "
        "Use letters, digits, `_`, `-` and `.`, at most 64.",
    ),
    "category of an unknown purpose": (
        {"consent.yaml": "purposes: [ads]\ncategories:\n  Advertising: adds\n"},
        "consent.yaml:3:16: Expected a known purpose, got 'adds' - at `$.categories.Advertising`. "
        "Did you mean ads?",
    ),
    # Sources, plans, webhooks
    "source twice": (
        {"sources.yaml": "sources:\n  - {name: web}\n  - {name: web}\n"},
        "sources.yaml:3:12: Expected each source once, got 'web' - at `$.sources[1].name`. "
        "It stands at sources.yaml:2, too.",
    ),
    "limit of nothing": (
        {"sources.yaml": "sources:\n  - {name: web, limits: {event_bytes_max: 0}}\n"},
        "sources.yaml:2:43: Expected at least 1, got 0 - at `$.sources[0].limits.event_bytes_max`.",
    ),
    "unknown plan": (
        {
            "sources.yaml": "sources:\n  - {name: web, tracking_plan: tracking-plans/wbe.yaml}\n",
            "tracking-plans/web.yaml": "",
        },
        "sources.yaml:2:32: Expected the file of a tracking plan, got 'tracking-plans/wbe.yaml' "
        "- at `$.sources[0].tracking_plan`. Did you mean tracking-plans/web.yaml?",
    ),
    "bound on a text": (
        {
            "tracking-plans/web.yaml": "events:\n  Paid:\n    properties:\n"
            "      code: {type: string, minimum: 3}\n"
        },
        "tracking-plans/web.yaml:4:37: Expected a number where there is a minimum, "
        "got `type: string` - at `$.events.Paid.properties.code.minimum`.",
    ),
    "bounds crossed": (
        {"tracking-plans/web.yaml": "events: {Paid: {properties: {a: {minimum: 3, maximum: 2}}}}"},
        "tracking-plans/web.yaml:1:55: Expected a maximum of at least 3, got 2 "
        "- at `$.events.Paid.properties.a.maximum`.",
    ),
    "webhook and source of one name": (
        {
            "sources.yaml": "sources:\n  - {name: pay, kind: server}\n",
            "webhooks/pay.yaml": WEBHOOK + "rules: []\n",
        },
        "sources.yaml:2:23: Expected `kind: webhook`, since there is a webhook 'pay', "
        "got `server` - at `$.sources[0].kind`.",
    ),
    "webhook twice": (
        {
            "webhooks/a.yaml": WEBHOOK + "rules: []\n",
            "webhooks/b.yaml": WEBHOOK + "rules: []\n",
        },
        "webhooks/b.yaml:1:7: Expected a webhook of its own name, got 'pay' - at `$.name`. "
        "It stands at webhooks/a.yaml:1, too.",
    ),
    "torn path": (
        {
            "webhooks/pay.yaml": WEBHOOK + "rules:\n  - {event: A}\n"
            "  - event: B\n    properties: {total: data..total}\n"
        },
        "webhooks/pay.yaml:6:25: Expected a path such as data.items[0].id, or header:X-Name, "
        "got 'data..total' - at `$.rules[1].properties.total`.",
    ),
    "torn path of the delivery": (
        {"webhooks/pay.yaml": WEBHOOK + "delivery_id: 'a b'\nrules: []\n"},
        "webhooks/pay.yaml:3:14: Expected a path such as data.items[0].id, or header:X-Name, "
        "got 'a b' - at `$.delivery_id`.",
    ),
    "track without event": (
        {"webhooks/pay.yaml": WEBHOOK + "rules:\n  - {event: A}\n  - {user_id: b}\n"},
        "webhooks/pay.yaml:5:5: Expected an event name on a track rule, got none "
        "- at `$.rules[1]`.",
    ),
    # Signals
    "signal in two files": (
        {
            "signals.yaml": "signals:\n  - {name: a, kind: count, on: A}\n",
            "signals/b.yaml": "# more\nsignals:\n  - {name: a, kind: count, on: A}\n",
        },
        "signals/b.yaml:3:12: Expected each signal once, got 'a' - at `$.signals[0].name`. "
        "It stands at signals.yaml:2, too.",
    ),
    "fault in the second file": (
        {
            "signals.yaml": "signals:\n  - {name: a, kind: count, on: A}\n",
            "signals/b.yaml": "signals:\n  - {name: b, kind: count, on: A, window: soon}\n",
        },
        "signals/b.yaml:2:43: Expected a span of time, got 'soon' - at `$.signals[0].window`. "
        "Write a number and one of ms, s, m, h, d, w, for example 48h.",
    ),
    "unknown kind": (
        {"signals.yaml": "signals:\n  - {name: a, kind: cuont, on: A}\n"},
        "signals.yaml:2:21: Expected a kind of signal, got 'cuont' - at `$.signals[0].kind`. "
        "Did you mean count?",
    ),
    "unknown name in an expression": (
        {
            "signals.yaml": "signals:\n  - name: a\n    kind: count\n    on: A\n"
            "    where: event.proprties.total > 5\n"
        },
        "signals.yaml:5:18: Expected a field of event, got proprties - at `$.signals[0].where`. "
        "Did you mean properties?",
    ),
    "fault in a quoted expression": (
        {"signals.yaml": "signals:\n  - {name: a, kind: count, on: A, where: 'event.nam == 1'}\n"},
        "signals.yaml:2:49: Expected a field of event, got nam - at `$.signals[0].where`. "
        "Did you mean name?",
    ),
    "fault in a folded expression": (
        {
            "signals.yaml": "signals:\n  - name: a\n    kind: count\n    on: A\n"
            "    where: >-\n      event.name ==\n      even.type\n"
        },
        "signals.yaml:5:12: Expected a known name, got even - at `$.signals[0].where`. "
        "Did you mean event? Column 15.",
    ),
    "ratio of an unknown signal": (
        {
            "signals.yaml": "signals:\n  - {name: orders, kind: count, on: A}\n"
            "  - {name: r, kind: ratio, of: order, to: orders}\n"
        },
        "signals.yaml:3:32: Expected the name of a signal, got 'order' - at `$.signals[1].of`. "
        "Did you mean orders?",
    ),
    "half-life that is no span": (
        {"signals.yaml": "automatic:\n  half_lives: [1h, 1x]\n"},
        "signals.yaml:2:20: Expected a span of time, got '1x' - at `$.automatic.half_lives[1]`. "
        "Write a number and one of ms, s, m, h, d, w, for example 48h.",
    ),
    "sequences twice": (
        {"signals.yaml": "sequences: {}\n", "signals/b.yaml": "sequences: {}\n"},
        "signals/b.yaml:1:12: Expected `sequences` in one file, "
        "got a second one beside that of signals.yaml - at `$.sequences`.",
    ),
    "sequences of an unknown root": (
        {"signals.yaml": "automatic: {}\n", "signals/b.yaml": "sequences:\n  item: evnt.id\n"},
        "signals/b.yaml:2:9: Expected a known name, got evnt - at `$.sequences.item`. Did you "
        "mean event?",
    ),
    "signal named like one of sequences": (
        {"signals.yaml": "signals: [{name: intent_stage, kind: count, on: A}]\n"},
        "signals.yaml:1:18: Expected a name that no built-in signal has, got 'intent_stage' - at "
        "`$.signals[0].name`.",
    ),
    "automatic twice": (
        {"signals.yaml": "automatic: {}\n", "signals/b.yaml": "automatic: {}\n"},
        "signals/b.yaml:1:12: Expected `automatic` in one file, "
        "got a second one beside that of signals.yaml - at `$.automatic`.",
    ),
}


@pytest.mark.parametrize(("files", "said"), CASES.values(), ids=CASES)
def test_a_mistake_is_told_in_one_sentence_at_its_place(files: dict[str, str], said: str) -> None:
    assert [str(problem) for problem in check(files)] == [said]


def test_problems_are_sorted_by_file_line_and_column() -> None:
    files = {
        "traits.yaml": "traits:\n  - {name: a, top: 0, purpose: x}\n  - {name: a}\n",
        "consent.yaml": "purposes: [ads, ads]\n",
        "signal.yaml": "",
    }
    places = [(p.file, p.line, p.column) for p in check(files)]
    assert places == [
        ("consent.yaml", 1, 17),
        ("signal.yaml", 1, 1),
        ("traits.yaml", 2, 20),
        ("traits.yaml", 2, 32),
        ("traits.yaml", 3, 12),
    ]


def test_a_fault_of_one_signal_is_not_told_again_by_the_ratio_of_it() -> None:
    text = "signals:\n  - {name: a, kind: cuont, on: A}\n  - {name: r, kind: ratio, of: a, to: a}\n"
    assert [p.line for p in check({"signals.yaml": text})] == [2]


def bomb(levels: int) -> str:
    """Write lists of lists that would unfold to 10 ** levels texts."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for i in range(1, levels):
        lines.append(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]")
    return "\n".join(lines)


@pytest.mark.parametrize("kind", FILE_KINDS, ids=[kind.name for kind in FILE_KINDS])
def test_an_alias_bomb_is_refused_in_words(kind: FileKind) -> None:
    path = kind.patterns[-1].replace("*", "x")
    assert [str(problem) for problem in check({path: bomb(9)})] == [
        f"{path}:1:5: Expected a value, got the anchor &a0 - at `$`. "
        "Remove it; values are written out."
    ]


def test_names_of_a_file_that_cannot_be_read_are_not_missed_elsewhere() -> None:
    files = {
        "consent.yaml": "purposes: [ads\n",
        "sources.yaml": "sources: [{nam: web, tracking_plan: tracking-plans/web.yaml}]\n",
        "tracking-plans/web.yaml": "events: []\n",
        "traits.yaml": "traits:\n"
        "  - {name: a, purpose: ads, keep: source_priority, sources: [web]}\n",
    }
    assert {p.file for p in check(files)} == set(files) - {"traits.yaml"}


def test_several_files_are_told_of_in_one_go() -> None:
    assert [p.file for p in check(dict.fromkeys(("traits.yaml", "consent.yaml"), "x: 1"))] == [
        "consent.yaml",
        "traits.yaml",
    ]


def test_more_files_than_the_limit_are_refused() -> None:
    files = {f"signals/{i:04}.yaml": "" for i in range(FILES_MAX + 1)}
    assert [str(problem) for problem in check(files)] == [
        "signals/2000.yaml:1:1: Expected at most 2000 files, got 2001."
    ]
