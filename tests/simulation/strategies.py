"""Strategies drawn at random: wide enough that every gate closes somewhere, small enough to read.

Every condition comes with its meaning in plain Python over what a ledger knows, so that what the
compiled expression decides is checked against something that shares no code with it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple, Protocol

from heedful.decide import (
    TIERS,
    Action,
    ContactPolicy,
    Definitions,
    Goal,
    Need,
    Rule,
    Tier,
    builtin_signals,
)
from heedful.decide.definitions import (
    ActionEffects,
    Budget,
    Cap,
    Holdout,
    ModelEntry,
    Prior,
    QuietHours,
    SilenceEffect,
    Treatment,
    WebhookEffect,
)
from heedful.govern.definitions import DecisionType
from heedful.sense import SignalDefinition, SignalSet, compile_signals
from heedful.sense.definitions import Sequences

CHANNELS: Final = ("inapp", "email", "sms", "push")
PLACEMENTS: Final = ("home", "cart")
COUNTRIES: Final = ("DE", "FR", "US-FL")
LANGUAGES: Final = ("de", "fr", "en")
ZONES: Final = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Nowhere/Land")
GROUPS: Final = ("sales", "tips")
CATEGORIES: Final = ("boots", "books")
TRACKED: Final = (
    "Product Viewed",
    "Product Added",
    "Payment Failed",
    "Order Completed",
    "Subscription Cancelled",
)

SIGNALS: Final = (
    SignalDefinition(
        name="failures", kind="count", on="Payment Failed", reset_on="Order Completed"
    ),
    SignalDefinition(name="cart", kind="count", on="Product Added", reset_on="Order Completed"),
    SignalDefinition(name="views", kind="count", on="Product Viewed", window="2h"),
)


def signals_of(definitions: Definitions) -> SignalSet:
    """Compile the signals that a strategy reads, the intent of the moment among them."""
    return compile_signals([*SIGNALS, *builtin_signals(definitions.builtin)], sequences=Sequences())


TYPES: Final = (
    DecisionType(name="light", owner="marketing", risk="minimal", transparency=1),
    DecisionType(name="watched", owner="service desk", oversight="review_after"),
    DecisionType(name="agreed", owner="board", risk="high", oversight="approve_before"),
    DecisionType(name="strict", owner="board", risk="high", transparency=4),
    DecisionType(name="human", owner="board", risk="high", transparency=4, fallback="person"),
)
MODELS: Final = {"beta": 5, "opaque": 1}


class Known(Protocol):
    """What the plain meaning of a condition reads."""

    traits: dict[str, Any]

    def count(self, signal: str) -> int:
        """Give the value of a signal."""

    def status(self, purpose: str) -> str | None:
        """Give the last word on a purpose for every channel."""

    def is_event(self, field: str, value: str) -> bool:
        """Say whether the event at hand is this one."""

    def page(self) -> str | None:
        """Give the page that a request names."""


class Clause(NamedTuple):
    """A condition as a strategy writes it, and what it means."""

    text: str
    holds: Callable[[Known], bool]
    is_momentary: bool = False


LASTING: Final = (
    Clause("traits.country == 'DE'", lambda k: k.traits.get("country") == "DE"),
    Clause(
        "traits.country in ['FR', 'US-FL']",
        lambda k: k.traits.get("country") in ("FR", "US-FL"),
    ),
    Clause("traits.age >= 30", lambda k: k.traits.get("age", 0) >= 30),
    Clause("traits.age < 60", lambda k: k.traits.get("age", 99) < 60),
    Clause("traits.hardship", lambda k: k.traits.get("hardship") is True),
    Clause("signals.failures >= 2", lambda k: k.count("failures") >= 2),
    Clause("signals.cart >= 1", lambda k: k.count("cart") >= 1),
    Clause("signals.cart == 0", lambda k: k.count("cart") == 0),
    Clause("signals.views < 3", lambda k: k.count("views") < 3),
    Clause("signals.views >= 2", lambda k: k.count("views") >= 2),
    Clause("consents.analytics.any == 'granted'", lambda k: k.status("analytics") == "granted"),
)
MOMENTARY: Final = (
    Clause("event.name == 'Product Viewed'", lambda k: k.is_event("name", "Product Viewed"), True),
    Clause("event.type == 'own'", lambda k: k.is_event("type", "own"), True),
    Clause("context.page == 'cart'", lambda k: k.page() == "cart", True),
)
OPENING: Final = (
    Clause("traits.hardship", lambda k: k.traits.get("hardship") is True),
    Clause("signals.failures >= 2", lambda k: k.count("failures") >= 2),
    Clause("signals.cart >= 3", lambda k: k.count("cart") >= 3),
    Clause("signals.views >= 4", lambda k: k.count("views") >= 4),
    Clause(
        "event.name == 'Subscription Cancelled'",
        lambda k: k.is_event("name", "Subscription Cancelled"),
        True,
    ),
)


def both(left: Clause, right: Clause) -> Clause:
    """Join two conditions that must both hold."""
    return Clause(
        f"{left.text} and {right.text}",
        lambda k: left.holds(k) and right.holds(k),
        left.is_momentary or right.is_momentary,
    )


def either(left: Clause, right: Clause) -> Clause:
    """Join two conditions of which one must hold."""
    return Clause(
        f"({left.text} or {right.text})",
        lambda k: left.holds(k) or right.holds(k),
        left.is_momentary or right.is_momentary,
    )


class Written(NamedTuple):
    """A strategy and the plain meaning of its conditions."""

    definitions: Definitions
    needs: dict[str, Clause]
    """What opens each need."""
    actions: dict[str, tuple[Clause, ...]]
    """What must hold for each action."""


def drawn_clause(luck: Random) -> Clause:
    """Draw a condition of one to three parts."""
    clause = luck.choice(LASTING)
    if luck.random() < 0.1:
        clause = luck.choice(MOMENTARY)
    if luck.random() < 0.25:
        clause = either(clause, luck.choice(LASTING))
    if luck.random() < 0.2:
        clause = both(clause, luck.choice(LASTING))
    return clause


def drawn_strategy(luck: Random) -> Written:
    """Draw everything that a strategy says about deciding."""
    needs: dict[str, Clause] = {}
    written_needs = []
    for i in range(luck.randint(0, 5)):
        tier = luck.choice(TIERS)
        opens = luck.choice(OPENING)
        needs[f"need_{i}"] = opens
        written_needs.append(
            Need(
                name=f"need_{i}",
                tier=tier,
                opens_when=opens.text,
                closes_on=luck.choice([None, "Order Completed", "Product Viewed"]),
                closes_when=luck.choice([None, None, "signals.failures == 0"]),
                expires_after=luck.choice(["2h", "12h", "3d"]),
            )
        )
    actions: dict[str, tuple[Clause, ...]] = {}
    written = []
    for i in range(luck.randint(3, 12)):
        action, clauses = drawn_action(luck, f"action_{i:02}", written_needs)
        written.append(action)
        actions[action.action] = clauses
    return Written(
        Definitions(
            needs=tuple(written_needs),
            goals={
                "buy": Goal(on="Order Completed", within="1d", value=20.0),
                "look": Goal(on="Product Viewed", within="2h", value=3.0, prior=Prior(0.2, 9.0)),
            },
            actions=tuple(written),
            rules=drawn_rules(luck),
            builtin=luck.choice([(), ("hesitation", "channel_change")]),
            contact=drawn_contact(luck),
            decision_types=TYPES,
            models=MODELS,
            model_entries=(
                ModelEntry(
                    name="opaque",
                    half_life=luck.choice([None, "1d"]),
                    policy=luck.choice(["thompson", "thompson", "inverse_gap", "greedy"]),
                    floor=luck.choice([None, 0.1]),
                ),
            ),
            fallback_model=luck.choice(["beta", "beta", "opaque"]),
        ),
        needs,
        actions,
    )


def drawn_action(luck: Random, name: str, needs: list[Need]) -> tuple[Action, tuple[Clause, ...]]:
    """Draw an action and the conditions that must all hold for it."""
    tier: Tier = luck.choice([*TIERS, "growth", "growth"])
    classes = ["service", "service", "promotional"] if tier in ("retention", "growth") else []
    message_class: Any = luck.choice([*classes, "service"])
    if luck.random() < 0.08:
        message_class = luck.choice(["transactional", "mandatory"])
        tier = "service"
    elif tier == "growth" and luck.random() < 0.8:
        message_class = "promotional"
    answered = [need.name for need in needs if need.tier == tier]
    clauses = {
        gate: drawn_clause(luck)
        for gate in ("eligible", "applicable", "suitable")
        if luck.random() < 0.25
    }
    channels = tuple(sorted(luck.sample(CHANNELS, luck.randint(1, 3))))
    silence = SilenceEffect(of=luck.choice(["promotional", "service"]), span="3h")
    webhook = WebhookEffect(destination="desk", event="help", data={"who": "{traits.age|?}"})
    action = Action(
        action=name,
        tier=tier,
        needs=(luck.choice(answered),) if answered and luck.random() < 0.4 else (),
        message_class=message_class,
        decision_type=luck.choice(
            [*["light"] * 10, "watched", "agreed", "agreed", "strict", "human"]
        ),
        goal=luck.choice(["buy", "look"]),
        channels=channels if luck.random() < 0.95 else (),
        placements=luck.choice([(), (), ("home",), PLACEMENTS]),
        purpose=luck.choice([None, None, None, "profiling"]),
        cost=luck.choice([0.0, 0.1, 0.1, 2.0]),
        benefit=luck.choice([*[0.0, 0.5, 3.0] * 3, -1.0]),
        d_clv=luck.choice([0.0, 1.0]),
        lever=luck.choice([1.0, 0.5, 2.0]),
        weight=luck.choice([1.0, 1.0, "traits.age / 40"]),
        prior=Prior(luck.uniform(0.02, 0.6), luck.choice([5.0, 60.0])),
        group=luck.choice([None, *GROUPS]),
        budget=luck.choice([None, None, "small"]),
        caps=(Cap(at_most=luck.randint(1, 2), within="6h"),) if luck.random() < 0.15 else (),
        stands_for=luck.choice(["0s", "10m", "3h"]),
        expires_after=luck.choice(["30m", "8h", "24h"]),
        model=luck.choice(["beta", "beta", "opaque"]),
        treatments=drawn_treatments(luck),
        about=drawn_about(luck) if message_class == "promotional" else (),
        hold_out=drawn_hold_out(luck, tier, message_class),
        only_in_incidents=name == "action_00" and luck.random() < 0.5,
        effects=ActionEffects(
            silence=silence if luck.random() < 0.1 else None,
            webhooks=(webhook,) if luck.random() < 0.2 or not channels else (),
        ),
        eligible=clauses["eligible"].text if "eligible" in clauses else None,
        applicable=clauses["applicable"].text if "applicable" in clauses else None,
        suitable=clauses["suitable"].text if "suitable" in clauses else None,
    )
    if not action.channels and not action.effects.webhooks:
        return drawn_action(luck, name, needs)
    return action, tuple(clauses.values())


def drawn_hold_out(luck: Random, tier: str, message_class: str) -> float:
    """Draw from how many an action alone is withheld, mostly from nobody."""
    is_owed = tier in ("hardship", "service") or message_class in ("transactional", "mandatory")
    return 0.4 if not is_owed and luck.random() < 0.2 else 0.0


def drawn_about(luck: Random) -> tuple[str, ...]:
    """Draw the categories that an action is about, mostly none."""
    return (luck.choice(CATEGORIES),) if luck.random() < 0.5 else ()


def drawn_interest(luck: Random, name: str) -> dict[str, str]:
    """Draw what an event is about, where it is about a product."""
    return {"category": luck.choice(CATEGORIES)} if name.startswith("Product ") else {}


def drawn_treatments(luck: Random) -> tuple[Treatment, ...]:
    """Draw the words of an action: one, two, or one for each of some languages."""
    if luck.random() < 0.15:
        spoken = luck.sample(LANGUAGES, luck.randint(1, 2))
        return tuple(Treatment(language=language, title=language) for language in spoken)
    if luck.random() < 0.2:
        return (Treatment(name="short"), Treatment(name="long", body="Hi {traits.name|there}"))
    return (Treatment(title="Hello"),)


def drawn_rules(luck: Random) -> tuple[Rule, ...]:
    """Draw declared rules: on an event, on a state, for a slot, with a silence."""
    rules = [Rule(name="browse", on="Product Viewed")]
    if luck.random() < 0.5:
        rules.append(Rule(name="cart", on="Product Added", at_most_every="1h"))
    if luck.random() < 0.3:
        rules.append(Rule(name="many", when="signals.views >= 2", placement="home"))
    if luck.random() < 0.3:
        quiet = SilenceEffect(of="promotional", span="2h")
        rules.append(Rule(name="sorry", on="Payment Failed", silence=quiet))
    return tuple(rules)


def drawn_contact(luck: Random) -> ContactPolicy:
    """Draw a contact policy."""
    caps = []
    for per, of in (
        ("person", None),
        ("action", None),
        ("group", None),
        ("channel", "email"),
        ("class", "promotional"),
    ):
        if luck.random() < 0.3:
            within = luck.choice(["1h", "1d", "7d"])
            cap: Any = {"at_most": luck.randint(0 if per == "class" else 1, 4), "per": per}
            caps.append(Cap(**cap, within=within, of=of))
    quiet = QuietHours(start=luck.choice(["21:00", "12:00"]), end=luck.choice(["08:00", "18:00"]))
    return ContactPolicy(
        caps=tuple(caps),
        capped=luck.choice([("promotional", "service"), ("promotional",)]),
        quiet_hours=luck.choice([None, quiet]),
        zones_assumed=luck.choice([("Europe/Berlin",), ("Europe/Berlin", "America/New_York")]),
        fatigue_cost=luck.choice([0.0, 0.05]),
        floor=luck.choice([0.0, 0.02, 0.2]),
        benefit_weight=luck.choice([1.0, 0.5]),
        value=luck.choice(["increment", "increment", "product"]),
        holdout=Holdout(share=luck.choice([0.0, 0.2])),
        budgets={"small": Budget(amount=luck.choice([0.0, 0.5, 50.0]))},
        purposes={"sms": "texting"} if luck.random() < 0.3 else {},
    )
