"""Credit for conversions by rules and by Shapley's values; `chain` has the removal.

All of these describe paths and prove no cause: read them beside what a hold-out shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from heedful.kernel import InputError, expected

TOUCHES_MAX: Final = 1_000
"""Touches of one journey; a longer one is refused."""


class Journey(msgspec.Struct, frozen=True):
    """People who took one path: how many of them converted, and how many did not."""

    touches: tuple[str, ...]
    """Channels in the order of time; a channel may come again."""
    conversions: float = 0.0
    value: float = 0.0
    """Money of those conversions."""
    nulls: float = 0.0
    """How many took the path and did not convert."""
    ages: tuple[float, ...] = ()
    """Of each touch, the time before the conversion; none counts touches: the last is 0 old."""

    def __post_init__(self) -> None:
        """Refuse a journey that nobody can have taken.

        Raises
        ------
        ValueError
            When touches are missing or too many, ages do not match, or a count is negative.
        """
        if not 1 <= len(self.touches) <= TOUCHES_MAX:
            got = f"{len(self.touches)}"
            raise ValueError(expected(f"1 to {TOUCHES_MAX} touches", got, "$.touches"))
        if self.ages and len(self.ages) != len(self.touches):
            raise ValueError(expected("an age for each touch", f"{len(self.ages)}", "$.ages"))
        counts = (self.conversions, self.value, self.nulls, *self.ages)
        if not all(0.0 <= count < float("inf") for count in counts):
            raise ValueError(expected("finite numbers of 0 or more", repr(min(counts)), "$"))


class Credit(NamedTuple):
    """What one channel is credited with."""

    channel: str
    conversions: float
    value: float


def first_touch(journeys: Iterable[Journey]) -> list[Credit]:
    """Credit the touch that began each journey; channels ascending."""
    return _shared(journeys, lambda journey: [1.0] + [0.0] * (len(journey.touches) - 1))


def last_touch(journeys: Iterable[Journey]) -> list[Credit]:
    """Credit the touch that ended each journey; channels ascending."""
    return _shared(journeys, lambda journey: [0.0] * (len(journey.touches) - 1) + [1.0])


def linear_touch(journeys: Iterable[Journey]) -> list[Credit]:
    """Credit every touch of a journey alike; channels ascending."""
    return _shared(journeys, lambda journey: [1.0] * len(journey.touches))


def time_decay(journeys: Iterable[Journey], half_life: float) -> list[Credit]:
    """Credit a touch half as much for every `half_life` that it is older; channels ascending.

    Parameters
    ----------
    journeys
        Without ages, a touch is as old as there are touches after it.
    half_life
        In the unit of the ages, above 0.

    Raises
    ------
    InputError
        `bad_half_life` when it is not above 0.

    Examples
    --------
    >>> time_decay([Journey(("mail", "search"), conversions=3.0)], half_life=1.0)
    [Credit(channel='mail', conversions=1.0, value=0.0), \
Credit(channel='search', conversions=2.0, value=0.0)]
    """
    if not half_life > 0.0:
        what = expected("a half-life above 0", repr(half_life), "$.half_life")
        raise InputError("bad_half_life", what)

    def shares(journey: Journey) -> list[float]:
        ages: Sequence[float] = journey.ages or range(len(journey.touches) - 1, -1, -1)
        youngest = min(ages)  # so that the weight of the youngest touch is never lost
        return [2.0 ** -min((age - youngest) / half_life, 1_000.0) for age in ages]

    return _shared(journeys, shares)


def shapley(journeys: Iterable[Journey]) -> list[Credit]:
    """Credit channels by Shapley's value of their coalitions, exactly; channels ascending.

    Notes
    -----
    A coalition is worth the conversions of the journeys that touched no channel outside of it.
    Of this game the value has a closed form: a journey's conversions are shared evenly by its
    distinct channels.

    References
    ----------
    L. Shapley, "A Value for n-Person Games", 1953.
    K. Zhao, S. H. Mahboobi, S. R. Bagheri, "Shapley Value Methods for Attribution Modeling in
    Online Advertising", 2018.
    """

    def shares(journey: Journey) -> list[float]:
        touches = journey.touches
        return [float(touch not in touches[:place]) for place, touch in enumerate(touches)]

    return _shared(journeys, shares)


def _shared(journeys: Iterable[Journey], shares: Callable[[Journey], list[float]]) -> list[Credit]:
    found: dict[str, tuple[float, float]] = {}
    for journey in journeys:
        weights = shares(journey)
        total = sum(weights)
        for channel, weight in zip(journey.touches, weights, strict=True):
            conversions, value = found.get(channel, (0.0, 0.0))
            part = weight / total
            found[channel] = (
                conversions + part * journey.conversions,
                value + part * journey.value,
            )
    return [Credit(channel, *found[channel]) for channel in sorted(found)]
