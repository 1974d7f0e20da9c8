"""Credit by removal from a next-event model: each touch in its place, with its order and time.

After every touch a model says how likely the next event is the conversion, given what came before
and how long ago. A touch is credited with what its journey's chance to convert loses without it.
Like every credit this describes paths and proves no cause: read it beside what a hold-out shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from heedful.kernel import InputError, expected
from heedful.measure.attribution import Credit, Journey
from heedful.measure.logit import fit_logistic, sigmoid
from heedful.measure.special import Floats

STEPS_MAX: Final = 300_000
"""Touches that one next-event model learns from; more are refused, since their features are held
in memory together."""

PAIRS_MAX: Final = 32
"""Ordered pairs of channels that a next-event model knows, the most frequent ones."""

_PENALTY: Final = 1.0


class Removed(NamedTuple):
    """What a next-event model says of the channels."""

    credits: list[Credit]
    """All conversions and their value, shared touch by touch; channels ascending."""
    effects: dict[str, float]
    """Mean change of a journey's chance to convert by one touch, below zero where it hurts."""


class _Vocabulary:
    """What the columns of the features mean."""

    def __init__(self, journeys: Sequence[Journey]) -> None:
        self.channels = sorted({touch for journey in journeys for touch in journey.touches})
        self._place = {channel: k for k, channel in enumerate(self.channels)}
        pairs: Counter[tuple[int, int]] = Counter()
        for journey in journeys:
            codes = self.codes(journey)
            for pair in pairwise(codes):
                pairs[pair] += 1
        ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
        self._pairs = np.full((len(self.channels), len(self.channels)), -1, dtype=np.int64)
        for k, (pair, _) in enumerate(ranked[:PAIRS_MAX]):
            self._pairs[pair] = k
        self._width = 3 + 2 * len(self.channels) + min(len(ranked), PAIRS_MAX)

    def codes(self, journey: Journey) -> list[int]:
        return [self._place[touch] for touch in journey.touches]

    def features(self, codes: Floats, ages: Floats, half_life: float) -> Floats:
        """Describe a journey after each of its touches, of shape (touches, columns)."""
        count, channels = len(codes), len(self.channels)
        rows, which = np.arange(count), codes.astype(np.int64)
        one_hot = np.zeros((count, channels))
        one_hot[rows, which] = 1.0
        # How much is left, at each touch, of those before it.
        apart = ages[None, :] - ages[:, None]
        left = np.tril(2.0 ** -np.clip(apart / half_life, 0.0, 1_000.0), -1)
        found = np.zeros((count, self._width))
        found[:, 0] = 1.0
        found[1:, 1] = np.log1p(np.maximum(ages[:-1] - ages[1:], 0.0) / half_life)
        found[:, 2] = np.log1p(rows)
        found[:, 3 : 3 + channels] = one_hot
        found[:, 3 + channels : 3 + 2 * channels] = left @ one_hot
        if count > 1:
            pairs = self._pairs[which[:-1], which[1:]]
            known = np.flatnonzero(pairs >= 0)
            found[known + 1, 3 + 2 * channels + pairs[known]] = 1.0
        return found


def next_event_removal(journeys: Sequence[Journey], half_life: float) -> Removed:
    """Credit each touch by what its journey's chance to convert loses without it.

    Parameters
    ----------
    journeys
        With their nulls: the model learns from those who did not convert, too. Without ages, one
        unit of time lies between two touches.
    half_life
        In the unit of the ages, above 0: after so long a touch is half forgotten.

    Raises
    ------
    InputError
        `bad_half_life`, `no_conversions` or `too_many_steps`.

    Notes
    -----
    The model is a logistic one of the chance `h` that the conversion comes next, over the last
    touch, the pair that it makes with the one before, the decayed number of earlier touches of
    each channel, the time between, and how long the journey is. A journey converts with
    `1 - prod(1 - h)`; without a touch the others keep their times. Negative effects are credited
    with nothing; a journey in which no touch helps is shared evenly. Credits sum to the
    conversions.

    References
    ----------
    N. Li, S. K. Arava, C. Dong, Z. Yan, A. Pani, "Deep Neural Net with Attention for Multi-channel
    Multi-touch Attribution", 2018, for removal from a sequence model; the model here is plain.
    """
    if not half_life > 0.0:
        what = expected("a half-life above 0", repr(half_life), "$.half_life")
        raise InputError("bad_half_life", what)
    if not any(journey.conversions > 0.0 for journey in journeys):
        raise InputError("no_conversions", expected("a journey that converted", "none", "$"))
    steps = sum(len(journey.touches) for journey in journeys)
    if steps > STEPS_MAX:
        what = expected(f"at most {STEPS_MAX} touches", f"{steps}", "$", "Look at fewer people.")
        raise InputError("too_many_steps", what)
    words = _Vocabulary(journeys)
    weights = _fitted(words, journeys, half_life)
    found: dict[str, list[float]] = {channel: [0.0] * 4 for channel in words.channels}
    for journey in journeys:
        if journey.conversions <= 0.0:
            continue
        effects = _effects(words, journey, weights, half_life)
        helped = np.maximum(effects, 0.0)
        total = float(helped.sum())
        shares = helped / total if total > 0.0 else np.full(len(effects), 1.0 / len(effects))
        for touch, share, effect in zip(
            journey.touches, shares.tolist(), effects.tolist(), strict=True
        ):
            row = found[touch]
            row[0] += share * journey.conversions
            row[1] += share * journey.value
            row[2] += effect * journey.conversions
            row[3] += journey.conversions
    return Removed(
        [Credit(channel, row[0], row[1]) for channel, row in found.items()],
        {channel: row[2] / row[3] if row[3] else 0.0 for channel, row in found.items()},
    )


def _fitted(words: _Vocabulary, journeys: Sequence[Journey], half_life: float) -> Floats:
    rows, outcomes, weights = [], [], []
    for journey in journeys:
        people = journey.conversions + journey.nulls
        if people <= 0.0:
            continue
        rows.append(words.features(*_columns(words, journey), half_life))
        outcome = np.zeros(len(journey.touches))
        outcome[-1] = journey.conversions / people
        outcomes.append(outcome)
        weights.append(np.full(len(outcome), people))
    return fit_logistic(
        np.vstack(rows), np.concatenate(outcomes), np.concatenate(weights), _PENALTY
    )


def _effects(words: _Vocabulary, journey: Journey, weights: Floats, half_life: float) -> Floats:
    """Give what the chance to convert loses without each touch, of shape (touches,)."""
    codes, ages = _columns(words, journey)
    whole = _converts(words.features(codes, ages, half_life) @ weights)
    without = [
        _converts(words.features(left_codes, left_ages, half_life) @ weights)
        for left_codes, left_ages in _without_each(codes, ages)
    ]
    return whole - np.array(without)


def _without_each(codes: Floats, ages: Floats) -> Iterator[tuple[Floats, Floats]]:
    for place in range(len(codes)):
        yield np.delete(codes, place), np.delete(ages, place)


def _columns(words: _Vocabulary, journey: Journey) -> tuple[Floats, Floats]:
    count = len(journey.touches)
    ages = journey.ages or range(count - 1, -1, -1)
    return np.array(words.codes(journey), dtype=np.float64), np.array(ages, dtype=np.float64)


def _converts(linear: Floats) -> float:
    return 1.0 - float(np.prod(1.0 - sigmoid(linear)))
