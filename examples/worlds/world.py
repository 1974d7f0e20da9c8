"""People who hesitate, tire, forgive and leave, a day at a time.

Law: this file and `parameters.py` know nothing of Heedful, nor of anything that learns. Chance is
drawn by (seed, day, purpose) for everybody, whatever was done to whom, so that two policies meet
the same people with the same luck.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from examples.worlds.parameters import MESSAGES, Parameters

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

NOTHING: Final = -1
YEAR: Final = 365
_PURPOSES: Final = (
    "visit",
    "caused",
    "order",
    "caused order",
    "cart",
    "back",
    "leave",
    "unsubscribe",
    "complain",
)
_GIVEN_AWAY: Final = [MESSAGES.index(name) for name in ("offer", "win_back")]
_ADVICE: Final = MESSAGES.index("advice")


@dataclass(frozen=True)
class Seen:
    """What a shop can see of one day: who did what, as flags over all people."""

    ordered: Bools
    revenue: Floats
    """Paid by each, after discounts."""
    margin: Floats
    visited: Bools
    hesitated: Bools
    unsubscribed: Bools
    complained: Bools


@dataclass(frozen=True)
class Marks:
    """What a shop knows of people before the first day, each of shape (n,)."""

    is_new: Bools
    past_orders: Numbers
    coupon_share: Floats
    """Share of past orders with a coupon."""
    open_share: Floats
    """Share of past mails that were opened."""
    help_asked: Numbers
    """Questions asked in the past year."""


class World:
    """A population and its days."""

    def __init__(self, parameters: Parameters, people: int, seed: int) -> None:
        self.parameters = parameters
        self.n = people
        self.seed = seed
        self.day = 0
        rng = np.random.default_rng([seed, 1])
        kinds = list(parameters.kinds.values())
        shares = np.array([kind.share for kind in kinds])
        self.kind: Numbers = rng.choice(len(kinds), people, p=shares / shares.sum())
        factor = np.array([kind.order_rate for kind in kinds])[self.kind]
        shape = parameters.order_shape
        yearly = rng.gamma(shape, parameters.orders_a_year / shape, people) * factor
        self._visits_a_day: Floats = yearly / parameters.conversion / YEAR
        self._response: Floats = (yearly / parameters.orders_a_year) ** 0.5
        self._value: Floats = parameters.order_value * np.exp(rng.normal(0.0, 0.3, people) - 0.045)
        self._caused = _table(kinds, "visits")[self.kind]
        self._recovers = _table(kinds, "recovers")[self.kind]
        self._annoyed: Floats = np.array([kind.annoyed for kind in kinds])[self.kind]
        self.marks = self._known(rng, yearly)
        self.is_here: Bools = np.ones(people, dtype=bool)
        self.is_reachable: Bools = np.ones(people, dtype=bool)
        self.has_cart: Bools = np.zeros(people, dtype=bool)
        """Who left a cart on the day before."""
        self.fatigue: Floats = np.zeros(people)
        self.trust: Floats = np.full(people, parameters.trust)
        self._coming: Floats = np.zeros((parameters.echo_days, people))
        self._driven: Floats = np.ones((parameters.echo_days, people))
        self._discount_left: Numbers = np.zeros(people, dtype=np.int64)
        self.gain: Floats = np.zeros(people)
        """What each has gained so far: discounts, minutes saved, minutes taken."""

    def _known(self, rng: np.random.Generator, yearly: Floats) -> Marks:
        """Draw the marks by which a shop could tell kinds apart."""
        tells, names = self.parameters.tells, list(self.parameters.kinds)

        def marked(kind: str) -> Bools:
            is_it = self.kind == (names.index(kind) if kind in names else -1)
            return np.where(rng.random(self.n) < tells, is_it, rng.random(self.n) < 0.25)

        noise = rng.random((3, self.n))
        return Marks(
            is_new=rng.random(self.n) < 0.5,
            past_orders=rng.poisson(yearly),
            coupon_share=np.where(marked("bargain"), 0.5 + 0.5 * noise[0], 0.3 * noise[0]),
            open_share=np.where(marked("private"), 0.1 * noise[1], 0.15 + 0.6 * noise[1]),
            help_asked=np.where(marked("unsure"), 1 + 4 * noise[2], 1.2 * noise[2]).astype(int),
        )

    # A day

    def live(self, message: Numbers) -> Seen:
        """Let a day pass on which these messages arrive, by person; -1 for none."""
        chance = {
            purpose: np.random.default_rng([self.seed, 2, self.day, number]).random(self.n)
            for number, purpose in enumerate(_PURPOSES)
        }
        message = np.where(self.is_here & self.is_reachable, message, NOTHING)
        back = self._back(message, chance)
        unsubscribed, complained = self._receive(message, chance)
        seen = self._shop(back, unsubscribed, complained, chance)
        self._rest(chance)
        self.day += 1
        return seen

    def _back(self, message: Numbers, chance: dict[str, Floats]) -> Bools:
        """Say who comes back to the cart that they left the day before."""
        p = np.full(self.n, self.parameters.recovers)
        told = message != NOTHING
        fit = self._recovers[np.arange(self.n), message] * self._tired()
        p = np.clip(np.where(told, p + fit, p), 0.0, 1.0)
        back: Bools = self.has_cart & self.is_here & (chance["back"] < p)
        helped = back & told & (chance["back"] >= self.parameters.recovers)
        self.gain += helped * self.parameters.minutes_saved * self.parameters.minute
        return back

    def _tired(self) -> Floats:
        tired: Floats = np.exp(-self.parameters.wear * self.fatigue)
        return tired

    def _receive(self, message: Numbers, chance: dict[str, Floats]) -> tuple[Bools, Bools]:
        """Let messages do what they do: bring visits or drive them away, tire, annoy, help."""
        p, told = self.parameters, message != NOTHING
        caused = self._caused[np.arange(self.n), message] * told
        spread = np.exp2(-np.arange(p.echo_days) / 3.0)
        spread /= spread.sum()
        liked = np.maximum(caused, 0.0) * self._tired() * self._response
        self._coming += spread[:, None] * liked
        self._driven *= 1.0 + np.minimum(caused, 0.0)
        beyond = np.maximum(self.fatigue - p.patience, 0.0) + (caused < 0.0)
        self.trust -= told * self._annoyed * beyond
        self.trust += (message == _ADVICE) * self.has_cart * p.helps * (self._annoyed < 0.02)
        self.trust = np.clip(self.trust, 0.0, 1.0)
        hazard = p.unsubscribes * np.exp(p.unsubscribes_slope * self.fatigue)
        hazard = hazard * np.where(caused < 0.0, 3.0, 1.0)
        unsubscribed: Bools = told & (chance["unsubscribe"] < hazard)
        complained: Bools = unsubscribed & (chance["complain"] < p.complains)
        self.is_reachable &= ~unsubscribed
        self.fatigue += told * _by_message(p.tire)[message]
        self.gain -= told * _by_message(p.minutes)[message] * p.minute
        valid = np.isin(message, _GIVEN_AWAY)
        self._discount_left = np.where(valid, p.discount_days, self._discount_left)
        return unsubscribed, complained

    def _shop(
        self, back: Bools, unsubscribed: Bools, complained: Bools, chance: dict[str, Floats]
    ) -> Seen:
        """Let people visit, order or hesitate."""
        p = self.parameters
        own = self._visits_a_day * (self.trust / p.trust) * self._driven[0]
        visits = self.is_here & (chance["visit"] < own)
        led = self.is_here & (chance["caused"] < self._coming[0])
        ordered: Bools = back | (visits & (chance["order"] < p.conversion))
        ordered |= led & (chance["caused order"] < p.caused_conversion)
        hesitated: Bools = (visits | led) & ~ordered & (chance["cart"] < p.hesitates)
        luck = np.random.default_rng([self.seed, 3, self.day]).normal(size=self.n)
        spread = (p.order_log_sd**2 - 0.09) ** 0.5
        full = self._value * np.exp(spread * luck - spread**2 / 2.0) * ordered
        given = full * p.discount * (self._discount_left > 0)
        self.gain += given
        self.has_cart = hesitated
        revenue = full - given
        margin = full * p.margin - given
        visited: Bools = visits | led | back
        return Seen(ordered, revenue, margin, visited, hesitated, unsubscribed, complained)

    def _rest(self, chance: dict[str, Floats]) -> None:
        """Let a night pass: people forget, forgive, and leave."""
        p = self.parameters
        leaves = p.leaves_a_year / YEAR * np.exp(p.leaves_slope * (p.trust - self.trust))
        self.is_here &= chance["leave"] >= leaves
        self.has_cart &= self.is_here
        self.fatigue *= 0.5 ** (1.0 / p.fatigue_half_life_days)
        self.trust += (p.trust - self.trust) * (1.0 - 0.5 ** (1.0 / p.forgive_half_life_days))
        self._coming = np.vstack((self._coming[1:], np.zeros(self.n)))
        self._driven = np.vstack((self._driven[1:], np.ones(self.n)))
        self._discount_left = np.maximum(self._discount_left - 1, 0)

    def cost(self, message: Numbers) -> Floats:
        """Give what messages cost, by person."""
        costs: Floats = _by_message(self.parameters.costs)[message] * (message != NOTHING)
        return costs


def _table(kinds: list[Any], field: str) -> Floats:
    return np.array([[getattr(kind, field)[name] for name in MESSAGES] for kind in kinds])


def _by_message(values: Any) -> Floats:
    return np.array([values[name] for name in MESSAGES])
