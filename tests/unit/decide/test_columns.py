"""Deciding over columns: to everybody of a mixed population what a request would be answered."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any, Final

import msgspec
import pytest

from heedful.decide import (
    DECISION_REQUESTED,
    ContactPolicy,
    Definitions,
    Need,
    Person,
    Rules,
    Surroundings,
    new_case,
    preview,
)
from heedful.decide.columns import Answer, Asking, ColumnarDecider, answer_of
from heedful.decide.definitions import Cap, Holdout, ModelEntry, ModelFeatures, Prior, QuietHours
from heedful.decide.run import Run
from heedful.events import Identifier
from heedful.govern import GuardrailTightened, ModelRouted, fold_governance, write
from heedful.govern.governance import Governance
from heedful.kernel import DAY_MS, HOUR_MS, MICRO
from heedful.learn import BetaArms, LearningRow
from heedful.sense import SignalDefinition
from tests.unit.decide.world import NOON, SECRET, World, help_with, offer, written

PEOPLE: Final = 120
SIGNALS: Final = (
    SignalDefinition(name="failures", kind="count", on="Payment Failed", window="2d"),
    SignalDefinition(name="looks", kind="count", on="Product Viewed", window="30d"),
)
NEED: Final = Need(
    name="cannot_pay", tier="service", opens_when="signals.failures >= 3",
    closes_on="Order Completed", expires_after="3d",
)  # fmt: skip


def definitions(**more: Any) -> Definitions:
    belief = {"prior": Prior(0.2, 20.0)}
    actions = (
        offer(eligible="traits.country in ['DE', 'FR']", applicable="signals.looks >= 1", **belief),
        offer("mail", channels=("email", "inapp"), suitable="traits.age >= 30", **belief),
        offer("deutsch", treatments=GERMAN, eligible="traits.country == 'DE'", **belief),
        offer("dear", cost=3.0, eligible="not (traits.age < 20) and traits.vip is not none"),
        offer("rare", caps=(Cap(at_most=1, within="7d"),), group="rare", hold_out=0.4, **belief),
        offer("page", eligible="context.page == 'home' and event.name != 'x'", **belief),
        help_with(needs=("cannot_pay",)),
    )
    given: dict[str, Any] = {
        "contact": ContactPolicy(
            caps=(Cap(at_most=2, within="7d"), Cap(at_most=1, within="3d", per="group")),
            fatigue_cost=0.2,
            floor=0.02,
            holdout=Holdout(name="test", share=0.3),
            quiet_hours=QuietHours(),
        ),
        **more,
    }
    return written(actions=given.pop("actions", actions), needs=(NEED,), **given)


def german() -> Any:
    from heedful.decide.definitions import Treatment

    return (Treatment(name="de", body="Hallo", language="de"), Treatment(name="en", body="Hello"))


GERMAN = german()


def lived(number: int, given: Definitions) -> World:
    """Let somebody live for some days: some say little, some are asked, some are in trouble."""
    draw = Random(number)
    names = [Identifier("user_id", f"u{number}")]
    if draw.random() < 0.7:
        names.append(Identifier("email", f"u{number}@example.com"))
    world = World(
        given, SIGNALS, now=NOON - 5 * DAY_MS, identifiers=tuple(names), customer_key=number + 1
    )
    traits: dict[str, Any] = {}
    for name, values in (
        ("country", ["DE", "FR", "IT", None]),
        ("age", [19, 25, 30, 31.5, "old", None]),
        ("language", ["de", "en", None]),
        ("timezone", ["Europe/Berlin", "America/New_York", None]),
        ("vip", [True, None]),
        ("qa", [None] * 20 + [True]),
    ):
        if (value := draw.choice(values)) is not None:
            traits[name] = value
    world.identify(**traits)
    if draw.random() < 0.8:
        world.consent(status=draw.choice(["granted", "granted", "granted", "refused"]))
    if draw.random() < 0.2:
        world.consent(status=draw.choice(["granted", "withdrawn"]), channel="email")
    for _ in range(draw.randrange(4)):
        world.track(draw.choice(["Product Viewed", "Order Completed"]))
    if draw.random() < 0.3:
        world.ask(placement=draw.choice(["home", "other"]))
    world.now = NOON - HOUR_MS
    for _ in range(draw.choice([0, 0, 0, 3])):
        world.track("Payment Failed")
    if draw.random() < 0.2:
        world.ask(placement=draw.choice(["home", "other"]))
    if draw.random() < 0.2:
        world.say("Silence Set", {"class": "promotional", "until": NOON + DAY_MS, "reason": "x"})
    world.now = NOON
    return world


def asked(world: World, rules: Rules, said: dict[str, Any]) -> Asking:
    person = Person(world.customer, world.profile, world.senses, lambda: world.identifiers)
    return Asking(person, world.case, world.event("own", DECISION_REQUESTED, properties=said))


def compared(
    given: Definitions, said: dict[str, Any], *, people: int = PEOPLE, **shared: Any
) -> Counter[tuple[str, str, bool]]:
    """Decide for everybody both ways; gives how often what was answered, and how."""
    worlds = [lived(number, given) for number in range(people)]
    rules = worlds[0].rules
    around = Surroundings(
        **{"secret": SECRET, "models": {}, "governance": Governance(), "budgets": {}, **shared}
    )
    questions = [asked(world, rules, said) for world in worlds]
    before = msgspec.msgpack.encode([one.case for one in questions])
    decider = ColumnarDecider(rules, around)
    found: list[Answer] = []
    for start in range(0, people, 50):
        found += decider.decide(questions[start : start + 50])
    assert msgspec.msgpack.encode([one.case for one in questions]) == before, "a rehearsal"
    for answer, one in zip(found, questions, strict=True):
        alone = answer_of(preview(rules, around, one.person, one.case, one.event))
        assert answer._replace(is_columnar=False) == alone
    return Counter((one.action, one.reason, one.is_columnar) for one in found)


@pytest.mark.parametrize(
    "said",
    [{"placement": "home", "context": {"page": "home"}}, {"channel": "email"}, {}],
    ids=["slot", "channel", "message"],
)
def test_everybody_gets_the_answer_that_they_would_get_alone(said: dict[str, Any]) -> None:
    found = compared(definitions(), said)
    columnar = sum(n for (_, _, is_columnar), n in found.items() if is_columnar)
    assert columnar > PEOPLE // 2
    reasons = {reason for _, reason, _ in found}
    assert {"drawn", "all_gated", "holdout"} <= reasons
    assert any(not is_columnar for _, _, is_columnar in found)


def test_what_was_learned_and_limited_counts() -> None:
    model = BetaArms()
    for seq in range(1, 60):
        row = LearningRow(
            learn_seq=seq, decision_id="d", arm="mail/inapp/default", goal="purchase",
            state="converted" if seq % 2 else "expired", outcome=MICRO if seq % 2 else 0,
            decided_at=NOON, at=NOON,
        )  # fmt: skip
        model.learn_one(row)
    tightened = GuardrailTightened(
        guardrail="g", scope="action:mail", factor_ppm=MICRO // 2, trials=1, hits=1, limit_ppm=1,
        crossed="ratio_max",
    )  # fmt: skip
    name, said = write(tightened)
    event = World(definitions(), SIGNALS).event("own", name, properties=said)
    governance = fold_governance(Governance(), event)
    found = compared(
        definitions(), {"placement": "home"}, models={"beta": model}, governance=governance
    )
    assert found["mail", "drawn", True] > 0


def test_where_models_are_tried_everybody_is_asked_alone() -> None:
    entry = ModelEntry(name="quick", kind="beta", half_life="9d")
    routed = ModelRouted(line="beta", change="promoted", champion="quick", by="ann", reason="more")
    name, said = write(routed)
    event = World(definitions(), SIGNALS).event("own", name, properties=said)
    governance = fold_governance(Governance(), event)
    given = definitions(model_entries=(entry,))
    models = {"beta": BetaArms(), "quick": BetaArms(9 * DAY_MS)}
    found = compared(given, {"placement": "home"}, models=models, governance=governance, people=30)
    assert not any(is_columnar for _, _, is_columnar in found)


def test_a_weight_by_the_person_is_asked_of_the_person() -> None:
    policy = ContactPolicy(caps=(), value="product", floor=0.02)
    weighed = (
        offer(weight="1 + signals.looks", prior=Prior(0.1, 10.0)),
        offer("other", weight="traits.age / 20", prior=Prior(0.1, 10.0)),
    )
    found = compared(
        definitions(contact=policy, actions=(*weighed, help_with())), {"channel": "inapp"}
    )
    assert found["other", "drawn", True] > 3


@pytest.mark.parametrize("value", ["increment", "product"])
def test_a_contextual_model_says_the_same_integers_without_records(value: Any) -> None:
    entry = ModelEntry(name="arms", features=ModelFeatures(traits=("country",)))
    policy = ContactPolicy(caps=(), value=value, floor=0.02)
    given = definitions(model_entries=(entry,), default_model="arms", contact=policy)
    worlds = [lived(number, given) for number in range(40)]
    rules, draw = worlds[0].rules, Random(7)
    around = Surroundings(secret=SECRET, models={}, governance=Governance(), budgets={})
    model = rules.models["arms"].new()
    for seq in range(1, 400):
        one = asked(draw.choice(worlds), rules, {"placement": "home"})
        seen = Run(rules, around, one.person, one.case, one.event, 0).features
        action, is_reached = draw.choice(list(rules.actions.values())), draw.random() < 0.3
        model.learn_one(
            LearningRow(
                learn_seq=seq, decision_id="d", arm=f"{action.name}/inapp/default",
                goal=action.goal.name, state="converted" if is_reached else "expired",
                outcome=MICRO * is_reached, decided_at=NOON, at=NOON,
                parts=(action.group or action.tier, action.name, "inapp", "default", ""),
                feature_ids=seen.ids, feature_values=seen.values,
            )
        )  # fmt: skip
    found = compared(given, {"placement": "home"}, models={"arms": model}, people=80)
    drawn = {action for (action, reason, is_it) in found if is_it and reason == "drawn"}
    assert len(drawn) > 2
    shared = msgspec.structs.replace(around, models={"arms": model})
    chances = {
        answer.p_choose
        for answer in ColumnarDecider(rules, shared).decide(
            [asked(one, rules, {"placement": "home"}) for one in worlds]
        )
        if answer.reason == "drawn"
    }
    assert len(chances) > 5, "each person's own"


def test_nothing_to_choose_from_is_nothing() -> None:
    found = compared(definitions(actions=(help_with(needs=("cannot_pay",)),)), {"channel": "sms"})
    assert found["do_nothing", "no_action", True] > PEOPLE // 3


def test_nobody_is_asked_about_nobody() -> None:
    rules = World(definitions(), SIGNALS).rules
    around = Surroundings(secret=SECRET, models={}, governance=Governance(), budgets={})
    assert ColumnarDecider(rules, around).decide([]) == []
    assert new_case().standing == []
