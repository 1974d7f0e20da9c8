"""The long game in decisions: a message now may lose to a better one later; no gate may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from heedful.decide import Decision, Definitions, Need, explain, preview
from heedful.decide.choose import choose_again
from heedful.decide.columns import Asking, ColumnarDecider, answer_of
from heedful.decide.definitions import ContactPolicy, Prior
from heedful.decide.types import LookedAhead, Terms
from heedful.events import MESSAGE_RELEASED
from heedful.kernel import DAY_MS, MICRO
from heedful.learn import LaterTable, Trained
from heedful.sense import SignalDefinition
from heedful.sense.ahead import FATIGUE, GRID, words_of
from heedful.sense.models import ModelFile
from tests.unit.decide.world import NOON, SECRET, World, help_with, offer, written

AHEAD: Final = msgspec.convert({"model": "ahead", "ahead": {"at_most": 50}}, ModelFile)
VALUE: Final = msgspec.convert(
    {"model": "value", "lifetime": {"buying": "buying", "assumed": {}}}, ModelFile
)
BUYING: Final = SignalDefinition(
    name="buying", kind="buying", on="Order Completed", of="event.properties.total"
)
SURE: Final = {"prior": Prior(0.6, 1e6)}
"""Everybody believes that an offer brings 12 at once."""
GIVEN: Final = written(
    actions=(offer("news", **SURE), help_with(needs=("lost",))),
    needs=(
        Need(
            name="lost",
            tier="service",
            opens_when="event.name == 'Lost'",
            closes_on="Found",
            expires_after="9d",
        ),
    ),
)


def table(later: Callable[[int], int], centre: int = 0) -> LaterTable:
    """Give a table of one action by fatigue, money; the best of the tired is silence."""
    states = range(GRID.size)
    row = tuple(later(GRID.point(s)[1]) * MICRO for s in states)
    best = tuple(int(GRID.point(s)[1] < 2) for s in states)
    tired = tuple(_more(s) for s in states)
    return LaterTable(GRID, ("", "news"), (row,), row, best, (tuple(states), tired), centre)


def _more(state: int) -> int:
    recency, fatigue, trust, need = GRID.point(state)
    return GRID.place((recency, min(fatigue + 1, len(FATIGUE) - 1), trust, need))


TIRES: Final = table(lambda fatigue: -20 if fatigue >= 2 else -1)


def person(
    told: int = 0,
    known: LaterTable | None = TIRES,
    given: Definitions = GIVEN,
    *models: ModelFile,
) -> World:
    """Somebody who agreed to everything and heard from us so often this month."""
    world = World(given, [BUYING], foreseen=(AHEAD, *models), now=NOON - 20 * DAY_MS)
    if known is not None:
        definition = world.signals.foreseen["ahead_state"].definition
        trained = Trained(name="ahead", version=3, definition=definition, model=known)
        world.trained = {"ahead": trained}
    world.consent()
    for _ in range(told):
        world.say(MESSAGE_RELEASED, {"class": "promotional", "action": "news", "channel": "inapp"})
    world.now = NOON
    world.page("Home")
    return world


def terms(decision: Decision, action: str = "news") -> Terms:
    return next(c.terms for c in decision.candidates if c.action == action)


def test_a_table_turns_the_decision_for_the_tired_and_not_for_the_rested() -> None:
    tired, rested = person(told=3).ask(), person().ask()
    assert (tired.action, rested.action) == ("do_nothing", "news")
    assert person(told=3, known=None).ask().action == "news", "which is best today"
    assert (terms(tired)["ahead"], terms(rested)["ahead"]) == (-20 * MICRO, -MICRO)
    for decision in (tired, rested):
        said = terms(decision)
        money = ("increment", "d_clv", "ahead", "benefit")
        assert said["value"] == sum(said[n] for n in money) - said["cost"] - said["fatigue"]
        assert decision.models["trained/ahead"] == 3
        assert decision.candidates[choose_again(decision, SECRET)].verdict == "chosen"
    assert "ahead" not in terms(tired, "do_nothing")


def test_why_tells_where_they_stood_and_next_and_if_not_then() -> None:
    tired, rested = person(told=3), person(told=1)
    told = explain(rested.ask(), rested.rules).ahead
    assert told == (
        "The person stood so: active this week, told of 28 days: 1, neither, need: none.",
        "news changes -1.00 EUR about the months after it, beside silence.",
        "Next news; if nothing comes of it, then silence is best.",
    )
    assert explain(tired.ask(), tired.rules).ahead[-1] == (
        "Next nothing; if nothing happens, then silence is best."
    )
    assert person().ask().ahead == LookedAhead(state=GRID.place((0, 0, 2, 0)), then="news")


def test_nothing_is_counted_until_a_table_is_in_force_and_the_reason_is_told() -> None:
    world = person(told=3, known=None)
    decision = world.ask()
    assert "ahead" not in terms(decision)
    assert decision.ahead == LookedAhead(reason="model_untrained")
    assert explain(decision, world.rules).ahead == (
        "What comes later was not counted: no model of the long game is in force yet.",
    )
    assert World(GIVEN).ask().ahead is None, "no model is declared"


def test_a_table_for_another_declaration_says_nothing() -> None:
    world = person(told=3)
    other = msgspec.structs.replace(world.trained["ahead"], definition="another")
    world.trained = {"ahead": other}
    assert world.ask().ahead == LookedAhead(reason="model_untrained")


def test_what_warms_up_is_not_counted() -> None:
    world = person(told=3)
    world.senses.warming = sorted(s.key for s in world.signals.signals.values())
    decision = world.ask()
    assert decision.ahead == LookedAhead(reason="signal_warming")
    assert "ahead" not in terms(decision)


def test_the_product_formula_has_no_room_for_later() -> None:
    product = msgspec.structs.replace(GIVEN, contact=ContactPolicy(caps=(), value="product"))
    decision = person(told=3, given=product).ask()
    assert decision.ahead == LookedAhead(reason="product_formula")
    assert "ahead" not in terms(decision)


def test_later_is_bounded_and_buys_no_gate_and_no_tier_open() -> None:
    golden = table(lambda fatigue: 1_000_000)
    assert terms(person(known=golden).ask())["ahead"] == 50 * MICRO
    shy = person(known=golden)
    shy.consent(status="withdrawn")
    assert not terms(shy.ask()), "gated"
    lost = person(known=golden)
    (answer,) = lost.track("Lost").decisions
    assert answer.action == lost.ask().action == "help", "growth stays shut"
    assert "ahead" not in terms(answer, "help")


def test_help_is_not_weighed_against_being_tired_of_us() -> None:
    awful = table(lambda fatigue: -1_000_000)
    world = person(told=9, known=awful)
    (answer,) = world.track("Lost").decisions
    assert answer.action == "help"
    assert "ahead" not in terms(answer, "help")
    assert answer.ahead is not None
    assert words_of(answer.ahead.state).endswith("need: service or hardship")


def test_an_action_that_was_never_said_is_believed_to_be_like_the_others() -> None:
    newer = msgspec.structs.replace(GIVEN, actions=(offer("fresh", **SURE),))
    assert terms(person(told=3, given=newer).ask(), "fresh")["ahead"] == -20 * MICRO


@pytest.mark.parametrize(
    ("orders", "scale"), [((), 1.0), ((400.0, 400.0, 400.0), 4.0), ((1.0, 1.0), 0.25)]
)
def test_later_counts_more_for_whom_value_is_foreseen(
    orders: tuple[float, ...], scale: float
) -> None:
    world = person(3, table(lambda fatigue: -8, centre=30 * MICRO), GIVEN, VALUE)
    world.now -= 300 * DAY_MS
    for total in orders:
        world.now += 60 * DAY_MS
        world.track("Order Completed", {"total": total})
    world.now = NOON
    decision = world.ask()
    assert terms(decision)["ahead"] == round(-8 * MICRO * scale)
    assert decision.ahead is not None
    assert decision.ahead.scale_ppm == MICRO * scale


def test_who_turned_us_down_ignores_us_or_answers_stands_elsewhere() -> None:
    def state(*outcomes: str) -> tuple[int, ...]:
        world = person()
        for outcome in outcomes:
            world.say("Outcome Reported", {"outcome": outcome, "class": "service"})
        looked = world.ask().ahead
        assert looked is not None
        return GRID.point(looked.state)

    assert state()[2] == 2
    assert state("ignored", "ignored", "ignored")[2] == 1
    assert state("ignored", "accepted")[2] == 3
    assert state("accepted", "unsubscribed")[2] == 0


def test_columns_answer_as_a_request_is_answered() -> None:
    answers = set()
    for told in (0, 1, 3, 9):
        world = person(told)
        properties: dict[str, Any] = {"placement": "home"}
        event = world.event("own", "Decision Requested", properties=properties)
        asked = Asking(world.person, world.case, event)
        (found,) = ColumnarDecider(world.rules, world.surroundings).decide([asked])
        alone = preview(world.rules, world.surroundings, world.person, world.case, event)
        assert found.is_columnar
        assert found._replace(is_columnar=False) == answer_of(alone)
        answers.add(found.action)
    assert answers == {"news", "do_nothing"}
