"""Has the world moved away from the models? Stability, calibration and reward, as counts.

Law: counts are integers by time, series and slot; any order, split or merge of the same
observations gives the same bytes. What is concluded from them is computed anew each time.

A series is what a model said (`model:NAME`, the chance of the chosen arm), a value that conditions
read (`traits.country`, `signals.failures`), or another feature that contextual models saw
(`feature:traits.country`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

import msgspec

from heedful.govern.monitors import DriftFile
from heedful.kernel import MICRO, parse_span
from heedful.measure.bins import BINS_MAX, bin_for, encode_bins, joined_bins, require_width
from heedful.measure.slots import groups_of

SERIES_MAX: Final = 256
"""Values that conditions read, of which as many are watched: the first by name. Of features that
contextual models see beside them, as many again."""

WINDOW_BINS: Final = 4
"""Bins to a window: its edge is known to a quarter."""

REWARD_CENTS_MAX: Final = 1_000_000
"""Hundredths of the currency above which an outcome counts as that in the variance of rewards."""

OPEN_SHARE_MAX: Final = 0.05
"""Share of outcomes that may still be open in a bin whose calibration is looked at: what converts
is known before what does not, so a younger bin looks better than it is."""

MODEL: Final = "model:"
"""Before the name of a model, in the name of its series."""

Measure = Literal["psi", "calibration", "reward"]

_CENT: Final = MICRO // 100
_SURE: Final = NormalDist().inv_cdf(0.9995)
_LEAST_PART: Final = 0.5
_PASSING: Final = ("now",)


class Tally(msgspec.Struct, array_like=True):
    """What was counted of one slot; mutable, since every decision touches some."""

    seen: int = 0
    """Decisions."""
    waiting: int = 0
    """Outcomes that are not known yet."""
    known: int = 0
    """Outcomes that are: the goal was reached, or its window closed."""
    hits: int = 0
    believed: int = 0
    """Sum of the chances that the model saw in the known ones, in millionths."""
    value: int = 0
    """Micros that the known ones brought."""
    squares: int = 0
    """Sum of their squares, in hundredths of the currency."""

    def plus(self, other: Tally) -> Tally:
        """Give both together."""
        return Tally(*(a + b for a, b in zip(_fields(self), _fields(other), strict=True)))


_Series = dict[int, Tally]
_Bin = dict[str, _Series]
_DECODER: Final = msgspec.msgpack.Decoder(
    tuple[int, list[tuple[int, dict[str, list[tuple[int, Tally]]]]]]
)


class DriftCounts(msgspec.Struct):
    """Counts by time, series and slot; mutable, since every decision adds to them."""

    width_ms: int
    """Of a bin."""
    bins: dict[int, _Bin] = {}

    def add(self, at: int, slots: Mapping[str, int], **what: int) -> None:
        """Count something under a slot of each series.

        Parameters
        ----------
        at
            When the decision was made, for its outcome too.
        slots
            By series.
        what
            Fields of `Tally`; `squares` follows from `value`.
        """
        held = bin_for(self.bins, at // self.width_ms, dict)
        if held is None:
            return
        if value := what.get("value", 0):
            cents = min(abs(value) // _CENT, REWARD_CENTS_MAX)
            what["squares"] = cents * cents
        for name, slot in slots.items():
            series = held.get(name)
            if series is None:
                series = held[name] = {}
            tally = series.get(slot)
            if tally is None:
                tally = series[slot] = Tally()
            for field, count in what.items():
                setattr(tally, field, getattr(tally, field) + count)

    def merge(self, other: DriftCounts) -> DriftCounts:
        """Give the counts of both; raises `bad_width` where their bins differ in width."""
        require_width(self.width_ms, other.width_ms)
        return DriftCounts(self.width_ms, joined_bins(self.bins, other.bins, _join_bins))

    def encode(self) -> bytes:
        """Write the counts as canonical bytes: equal counts give equal bytes."""
        return encode_bins(self.width_ms, self.bins, _written)

    @classmethod
    def decode(cls, body: bytes) -> DriftCounts:
        """Read them back."""
        width_ms, bins = _DECODER.decode(body)
        held = {i: {name: dict(slots) for name, slots in bin_.items()} for i, bin_ in bins}
        return cls(width_ms, held)


def drift_counts(policy: DriftFile) -> DriftCounts:
    """Begin to count for a policy."""
    return DriftCounts(max(parse_span(policy.window) // WINDOW_BINS, 1))


def watched_paths(paths: Iterable[tuple[str, ...]]) -> frozenset[str]:
    """Name the values that are watched, of all that a strategy's conditions read.

    Notes
    -----
    The time of day moves whatever people do, and is left out.
    """
    named = sorted({".".join(path) for path in paths if path[0] not in _PASSING})
    return frozenset(named[:SERIES_MAX])


class Drift(NamedTuple):
    """How far one series has moved."""

    series: str
    measure: Measure
    amount: float
    """Of `psi` the index, of `calibration` a mean distance of chances, of `reward` a share."""
    limit: float
    is_crossed: bool
    """Whether it lies beyond the limit and surely beyond chance."""
    now: int
    """Decisions, or known outcomes, in the window."""
    before: int
    """Those in the reference."""

    @property
    def says(self) -> str:
        """Tell it in a sentence."""
        about = self.series.removeprefix(MODEL)
        how = {
            "psi": f"is spread otherwise than before (index {self.amount:.3f}",
            "calibration": f"is off by {self.amount:.1%} on average (",
            "reward": f"brings {self.amount:+.0%} a decision (",
        }[self.measure]
        how += ", " if self.measure == "psi" else ""
        verdict = "within"
        if abs(self.amount) > self.limit:
            verdict = "beyond" if self.is_crossed else "not surely beyond"
        return f"{about} {how}{verdict} the limit of {self.limit:g})."


def drifts(counts: DriftCounts, policy: DriftFile, now: int) -> list[Drift]:
    """Say how far each series has moved, the nearest to its limit first.

    Notes
    -----
    Stability is the population stability index of the present against the reference, over at most
    10 groups of numbers by the reference's quantiles, or over values. Chance alone gives about
    `(groups - 1) (1/n + 1/m)`; an index is sure where it exceeds the 99.95th percentile of that.
    Calibration is the expected calibration error over slots of the chance (or of the value), sure
    by the chi-square of its residuals. Reward is the change of the mean worth, sure by Welch's
    test, or by that of one variance for both where it asks for more. Calibration and reward look
    at the youngest decisions whose outcomes are known.

    References
    ----------
    B. Yurdakul, "Statistical Properties of Population Stability Index", 2018.
    M. Naeini, G. Cooper, M. Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian
    Binning", AAAI 2015.
    """
    here, there = _spans(counts, policy, now // counts.width_ms)
    ripe = _ripest(counts)
    known_here, known_there = _spans(counts, policy, ripe) if ripe is not None else ({}, {})
    found: list[Drift] = []
    for name in sorted({*here, *there}):
        found += _stability(name, here.get(name, {}), there.get(name, {}), policy)
    for name in sorted({*known_here, *known_there}):
        series, past = known_here.get(name, {}), known_there.get(name, {})
        found += _calibration(name, series, past, policy)
        found += _reward(name, series, past, policy)
    return sorted(found, key=lambda d: (-abs(d.amount) / d.limit, d.series, d.measure))


def stability_index(before: Mapping[int, int], now: Mapping[int, int]) -> float:
    """Give the population stability index of counts by slot.

    Examples
    --------
    >>> round(stability_index({2: 500, 3: 500}, {2: 900, 3: 100}), 3)
    0.876

    References
    ----------
    B. Yurdakul, "Statistical Properties of Population Stability Index", 2018.
    """
    return _index(groups_of(before, now), before, now)


def _index(
    groups: list[tuple[int, ...]], before: Mapping[int, int], now: Mapping[int, int]
) -> float:
    # Half a decision in each group: an empty one would make the index infinite.
    old = [_LEAST_PART + sum(before.get(slot, 0) for slot in group) for group in groups]
    new = [_LEAST_PART + sum(now.get(slot, 0) for slot in group) for group in groups]
    total_old, total_new = sum(old), sum(new)
    shares = ((a / total_old, b / total_new) for a, b in zip(old, new, strict=True))
    return math.fsum((b - a) * math.log(b / a) for a, b in shares)


def _stability(name: str, series: _Series, past: _Series, policy: DriftFile) -> Iterable[Drift]:
    now = {slot: tally.seen for slot, tally in series.items() if tally.seen}
    before = {slot: tally.seen for slot, tally in past.items() if tally.seen}
    n, m = sum(now.values()), sum(before.values())
    if min(n, m) < max(policy.trials_min, 1):
        return
    groups = groups_of(before, now)
    index = _index(groups, before, now)
    noise = chi_square(len(groups) - 1) * (1 / n + 1 / m)
    is_crossed = index > max(policy.psi_max, noise)
    yield Drift(name, "psi", index, policy.psi_max, is_crossed, n, m)


def _calibration(name: str, series: _Series, past: _Series, policy: DriftFile) -> Iterable[Drift]:
    tallies = [tally for _, tally in sorted(series.items()) if tally.known]
    known = sum(tally.known for tally in tallies)
    if known < max(policy.trials_min, 1):
        return
    error = residual = 0.0
    for tally in tallies:
        believed = tally.believed / MICRO
        gap, p = tally.hits - believed, believed / tally.known
        error += abs(gap)
        residual += gap * gap / max(tally.known * p * (1.0 - p), _LEAST_PART)
    is_sure = residual > chi_square(len(tallies))
    limit = policy.calibration_max
    is_crossed = is_sure and error / known > limit
    before = sum(tally.known for tally in past.values())
    yield Drift(name, "calibration", error / known, limit, is_crossed, known, before)


def _reward(name: str, series: _Series, past: _Series, policy: DriftFile) -> Iterable[Drift]:
    here, there = _sum(series.values()), _sum(past.values())
    if min(here.known, there.known) < max(policy.trials_min, 2):
        return
    new, old = here.value / _CENT / here.known, there.value / _CENT / there.known
    if old == 0.0:
        return
    sides = [
        (max(side.squares / side.known - mean * mean, 0.0), side.known)
        for side, mean in ((here, new), (there, old))
    ]
    # Of a rare outcome a window may show none: it varies no less than both together do.
    pooled = sum(spread * known for spread, known in sides) / (here.known + there.known)
    spread = max(sum(s / n for s, n in sides), pooled * sum(1.0 / n for _, n in sides))
    amount, limit = (new - old) / abs(old), policy.reward_max
    is_sure = abs(new - old) > _SURE * math.sqrt(spread)
    is_crossed = is_sure and abs(amount) > limit
    yield Drift(name, "reward", amount, limit, is_crossed, here.known, there.known)


def chi_square(freedom: int) -> float:
    """Give the 99.95th percentile of a chi-square distribution.

    Notes
    -----
    By Wilson and Hilferty's cube root, to about 1 %.

    Examples
    --------
    >>> round(chi_square(9), 1)  # exactly 29.67
    29.9
    """
    if freedom < 1:
        return 0.0
    part = 2.0 / (9.0 * freedom)
    return freedom * max(1.0 - part + _SURE * math.sqrt(part), 0.0) ** 3


def _written(bin_: _Bin) -> dict[str, list[tuple[int, Tally]]]:
    return {name: sorted(series.items(), key=lambda s: s[0]) for name, series in bin_.items()}


# Which bins are looked at


def _spans(counts: DriftCounts, policy: DriftFile, newest: int) -> tuple[_Bin, _Bin]:
    """Sum the window that ends with a bin, and the reference before it."""
    first = newest - WINDOW_BINS + 1
    length = min(max(parse_span(policy.reference) // counts.width_ms, 1), BINS_MAX)
    here = [bin_ for index, bin_ in counts.bins.items() if first <= index <= newest]
    there = [bin_ for index, bin_ in counts.bins.items() if first - length <= index < first]
    return _summed(here), _summed(there)


def _ripest(counts: DriftCounts) -> int | None:
    """Find the youngest bin of which enough outcomes are known."""
    for index in sorted(counts.bins, reverse=True):
        series = [s for name, s in counts.bins[index].items() if name.startswith(MODEL)]
        total = _sum(tally for one in series for tally in one.values())
        if total.known and total.waiting <= OPEN_SHARE_MAX * total.known:
            return index
    return None


def _summed(bins: Iterable[_Bin]) -> _Bin:
    total: _Bin = {}
    for bin_ in bins:
        total = _join_bins(total, bin_)
    return total


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total = total.plus(tally)
    return total


def _join_bins(left: _Bin, right: _Bin) -> _Bin:
    joined = {}
    for name in sorted({*left, *right}):
        one, other = left.get(name, {}), right.get(name, {})
        joined[name] = {
            slot: one.get(slot, Tally()).plus(other.get(slot, Tally()))
            for slot in sorted({*one, *other})
        }
    return joined


def _fields(tally: Tally) -> tuple[int, ...]:
    return msgspec.structs.astuple(tally)
