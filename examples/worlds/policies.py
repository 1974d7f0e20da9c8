"""The old ways: batch rules, P x C x V x L, a bandit of somebody else's, chance, and silence.

And the insider, who sees into people: nobody can, so that is what the others are measured against.
"""

from __future__ import annotations

import importlib
import importlib.util
from abc import ABC, abstractmethod
from typing import Any, Final

import numpy as np

from examples.worlds.parameters import MESSAGES, Kind, Parameters
from examples.worlds.playing import Morning
from examples.worlds.world import NOTHING, Bools, Floats, Marks, Numbers, Seen

NEWS, OFFER, REMINDER, ADVICE, WIN_BACK = range(len(MESSAGES))
OUTCOME_DAYS: Final = 3
"""Days in which a visit, or from a cart an order, counts for a message, as in Heedful's goals."""
WORTH: Final = np.array([4.5, 34.0])
"""What the marketers here believe that a visit brings, and from a cart an order."""


PRICES: Final = np.array([0.07, 0.51, 0.07, 0.25, 0.46, 0.0])
"""What they believe that a message costs, what it gives away and what it tires people included; the
last is silence. The same as Heedful's strategy says in `cost` and `d_clv`."""


class Silence:
    """Says nothing to anybody."""

    name = "silence"

    def begin(self, marks: Marks, people: int) -> None:
        """Nothing to prepare."""

    def choose(self, morning: Morning) -> Numbers:
        """Say nothing."""
        return np.full(len(morning.asked), NOTHING)

    def learn(self, day: int, message: Numbers, seen: Seen) -> None:
        """Nothing to learn."""


class Rules(Silence):
    """A marketing calendar: news every week, a reminder for a cart, offers and win-backs.

    Carts are reminded of on the next day. On the first week of a month those who used coupons get
    an offer instead of the news; who has not ordered for 60 days is won back, once in 30 days. At
    most two messages go to anybody in 7 days.
    """

    name = "rules"

    def begin(self, marks: Marks, people: int) -> None:
        """Note who uses coupons."""
        self._coupons: Bools = marks.coupon_share > 0.4
        self._won_back: Numbers = np.full(people, -999)

    def choose(self, morning: Morning) -> Numbers:
        """Follow the calendar."""
        who = morning.asked
        message = np.full(len(who), NEWS)
        message[self._coupons[who] & (morning.day % 30 < 7)] = OFFER
        is_due = morning.day - self._won_back[who] >= 30
        is_away = (morning.since_order[who] >= 60) & (morning.day >= 60)
        message[is_away & is_due] = WIN_BACK
        message[morning.has_cart[who]] = REMINDER
        message[morning.told_7[who] >= 2] = NOTHING
        self._won_back[who[message == WIN_BACK]] = morning.day
        return message


class Chance(Silence):
    """Draws a message or silence, all alike; at most two in 7 days."""

    name = "random"

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 4])

    def choose(self, morning: Morning) -> Numbers:
        """Draw."""
        drawn = self._rng.integers(-1, len(MESSAGES), len(morning.asked))
        drawn[morning.told_7[morning.asked] >= 2] = NOTHING
        return drawn


class Insider(Silence):
    """Knows of what kind everybody is and how that kind reacts.

    Says what brings a rested person of the kind the most margin, where that is more than nothing,
    at most `rested` times in 28 days and twice in 7. Not the optimum, which is not known; what it
    earns is what knowing people is worth without planning ahead.
    """

    name = "insider"

    def __init__(self, parameters: Parameters, kind: Numbers, rested: int = 2) -> None:
        self._rested = rested
        kinds = list(parameters.kinds.values())
        self._kind = kind
        self._best = np.array([_best(_worth(parameters, one)) for one in kinds])
        self._best_in_cart = np.array([_best(_worth_in_cart(parameters, one)) for one in kinds])

    def choose(self, morning: Morning) -> Numbers:
        """Say what suits the kind."""
        who = morning.asked
        kind, has_cart = self._kind[who], morning.has_cart[who]
        message = np.where(has_cart, self._best_in_cart[kind], self._best[kind])
        message[~has_cart & (morning.told_28[who] >= self._rested)] = NOTHING
        message[morning.told_7[who] >= 2] = NOTHING
        return message


def _best(worth: Floats) -> int:
    best = int(np.argmax(worth))
    return best if worth[best] > 0.0 else NOTHING


def _worth(p: Parameters, kind: Kind) -> Floats:
    """Give what each message brings a rested person of a kind, in margin."""
    visits = np.array([kind.visits[name] for name in MESSAGES])
    own = p.orders_a_year * kind.order_rate / 365.0
    orders = np.where(visits > 0.0, visits * p.caused_conversion, visits * own * p.echo_days)
    given = np.array([p.discount * (name in ("offer", "win_back")) for name in MESSAGES])
    costs = np.array([p.costs[name] for name in MESSAGES])
    lost = given * own * p.discount_days
    worth: Floats = p.order_value * (orders * (p.margin - given) - lost) - costs
    return worth


def _worth_in_cart(p: Parameters, kind: Kind) -> Floats:
    """Give the same for somebody who left a cart."""
    recovers = np.array([kind.recovers[name] for name in MESSAGES])
    given = np.array([p.discount * (name in ("offer", "win_back")) for name in MESSAGES])
    back = p.order_value * (recovers * (p.margin - given) - given * p.recovers)
    worth: Floats = _worth(p, kind) + back
    return worth


class _Watching(Silence, ABC):
    """Waits for what becomes of messages: a visit, or an order of who had left a cart."""

    def begin(self, marks: Marks, people: int) -> None:
        """Begin with nothing waiting."""
        self._people = people
        self._waiting: list[tuple[int, Any, Numbers, Bools, Bools]] = []

    def _wait(self, morning: Morning, chosen: Any, people: Numbers) -> None:
        has_cart, reached = morning.has_cart[people], np.zeros(len(people), dtype=bool)
        self._waiting.append((morning.day, chosen, people, has_cart, reached))

    def learn(self, day: int, message: Numbers, seen: Seen) -> None:
        """Look for what was waited for; settle what is old enough."""
        for _, _, people, has_cart, reached in self._waiting:
            reached |= np.where(has_cart, seen.ordered[people], seen.visited[people])
        while self._waiting and self._waiting[0][0] < day + 1 - OUTCOME_DAYS:
            _, chosen, _, has_cart, reached = self._waiting.pop(0)
            self._settle(chosen, has_cart, reached)

    @abstractmethod
    def _settle(self, chosen: Any, has_cart: Bools, is_reached: Bools) -> None:
        """Learn what became of messages."""


class Product(_Watching):
    """P x C x V x L: the likeliest answer times context, value and lever, as hubs rank offers.

    P is counted for each message in segments (coupons, openness, questions, a cart); C doubles what
    fits a cart; V is the worth of a visit or an order; L favours the offer, as sales asked. There
    is no zero to compare with, so something is always said, within two messages in 7 days.
    """

    name = "P x C x V x L"
    levers: Final = np.array([1.0, 1.2, 1.0, 1.0, 1.0])

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 5])

    def begin(self, marks: Marks, people: int) -> None:
        """Put people into segments."""
        super().begin(marks, people)
        self._segment = (
            4 * (marks.coupon_share > 0.4) + 2 * (marks.open_share < 0.1) + (marks.help_asked > 1)
        ).astype(int)
        self._reached = np.ones((16, len(MESSAGES)))
        self._tried = np.full((16, len(MESSAGES)), 20.0)

    def choose(self, morning: Morning) -> Numbers:
        """Take the greatest product; one in 20 is drawn, so that P goes on being counted."""
        who = morning.asked
        cell = self._segment[who] + 8 * morning.has_cart[who]
        p = self._reached[cell] / self._tried[cell]
        context = np.ones((len(who), len(MESSAGES)))
        context[np.ix_(morning.has_cart[who], [REMINDER, ADVICE])] = 2.0
        context[np.ix_(~morning.has_cart[who], [REMINDER, ADVICE])] = 0.2
        worth = WORTH[morning.has_cart[who].astype(int), None]
        message = np.argmax(p * context * worth * self.levers, axis=1)
        drawn = self._rng.integers(0, len(MESSAGES), len(who))
        message = np.where(self._rng.random(len(who)) < 0.05, drawn, message)
        message[morning.told_7[who] >= 2] = NOTHING
        told = message != NOTHING
        self._wait(morning, (cell[told], message[told]), who[told])
        return message

    def _settle(self, chosen: Any, has_cart: Bools, is_reached: Bools) -> None:
        np.add.at(self._tried, chosen, 1.0)
        np.add.at(self._reached, chosen, is_reached)


class VowpalWabbit(_Watching):
    """Its contextual bandit over marks, cart, contacts and recency, silence among its arms."""

    name = "Vowpal Wabbit"

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 6])
        workspace = importlib.import_module("vowpalwabbit").Workspace
        self._vw = workspace(
            "--cb_explore_adf --squarecb --cb_type mtr -q SA --cb_min_cost -1 --cb_max_cost 0.02"
            f" --quiet -b 18 --random_seed {seed + 1}"
        )
        self._arms = [f"|A {name}" for name in (*MESSAGES, "nothing")]

    @staticmethod
    def is_here() -> bool:
        """Say whether it is installed."""
        return importlib.util.find_spec("vowpalwabbit") is not None

    def begin(self, marks: Marks, people: int) -> None:
        """Note the marks."""
        super().begin(marks, people)
        self._said = [
            f"orders:{min(o, 8) / 8:.2f} coupon:{c:.2f} opens:{w:.2f} asked:{h / 4:.2f} new:{n:d}"
            for o, c, w, h, n in zip(
                marks.past_orders,
                marks.coupon_share,
                marks.open_share,
                marks.help_asked,
                marks.is_new,
                strict=True,
            )
        ]

    def choose(self, morning: Morning) -> Numbers:
        """Let it choose for one after the other; what the cap forbids is silence."""
        chosen = np.full(len(morning.asked), NOTHING)
        made: list[tuple[str, int, float]] = []
        free = morning.told_7[morning.asked] < 2
        for place in np.flatnonzero(free):
            who = morning.asked[place]
            shared = (
                f"shared |S {self._said[who]} cart:{int(morning.has_cart[who])}"
                f" t7:{morning.told_7[who] / 2:.1f} t28:{morning.told_28[who] / 8:.2f}"
                f" since:{min(morning.since_order[who], 120) / 120:.2f}"
            )
            p = np.asarray(self._vw.predict([shared, *self._arms]))
            arm = int(self._rng.choice(len(p), p=p / p.sum()))
            made.append((shared, arm, float(p[arm])))
            chosen[place] = arm if arm < len(MESSAGES) else NOTHING
        self._wait(morning, made, morning.asked[free])
        return chosen

    def _settle(self, chosen: Any, has_cart: Bools, is_reached: Bools) -> None:
        earned = WORTH[has_cart.astype(int)] * is_reached
        for (shared, arm, p), money in zip(chosen, earned.tolist(), strict=True):
            lines = list(self._arms)
            lost = (PRICES[arm] - money) / WORTH.max()
            lines[arm] = f"0:{lost:.4f}:{p:.6f} {lines[arm]}"
            self._vw.learn([shared, *lines])
