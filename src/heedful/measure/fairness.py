"""Is anybody worse off for who they are? Selection, outcome, value and error, group by group.

Law: counts are integers by time, action and group; any order, split or merge of the same
observations gives the same bytes. A group is counted, never a person.

What is compared is what the strategy decided, whatever decided it: a gate that shuts for one group
alone makes a gap as wide as a model's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

import msgspec

from heedful.decide import DO_NOTHING, Decision
from heedful.govern.monitors import NOT_SAID, FairnessFile
from heedful.kernel import MICRO, parse_span
from heedful.measure.bins import bin_for, encode_bins, joined_bins, require_width
from heedful.measure.drift import REWARD_CENTS_MAX

WINDOW_BINS: Final = 8
"""Bins to a window: its edge is known to an eighth."""

ANY: Final = "*"
"""Stands for all actions together: whether anything is done at all."""

Measure = Literal["selection", "outcome", "value", "calibration"]

_CENT: Final = MICRO // 100
_SURE: Final = NormalDist().inv_cdf(0.995)


class Cell(msgspec.Struct, array_like=True):
    """What happened to one group with one action; mutable, since every decision touches some."""

    asked: int = 0
    """Decisions that looked at the action."""
    chosen: int = 0
    known: int = 0
    """Outcomes of those that chose it, once they are known."""
    hits: int = 0
    believed: int = 0
    """Sum of the chances that the model saw in the known ones, in millionths."""
    value: int = 0
    """Micros that the known ones brought."""
    squares: int = 0
    """Sum of their squares, in hundredths of the currency."""
    gated: dict[str, int] = {}
    """By reason, decisions in which a gate stopped all of the action's arms."""

    def plus(self, other: Cell) -> Cell:
        """Give both together."""
        gated = {
            code: self.gated.get(code, 0) + other.gated.get(code, 0)
            for code in sorted({*self.gated, *other.gated})
        }
        numbers = {name: getattr(self, name) + getattr(other, name) for name in _NUMBERS}
        return Cell(**numbers, gated=gated)


_NUMBERS: Final = tuple(name for name in Cell.__struct_fields__ if name != "gated")
_Groups = dict[str, Cell]
_Bin = dict[str, _Groups]
_DECODER: Final = msgspec.msgpack.Decoder(tuple[int, list[tuple[int, dict[str, _Groups]]]])


class FairnessCounts(msgspec.Struct):
    """Counts by time, action and group (`TRAIT=GROUP`); mutable: every decision adds to them."""

    width_ms: int
    """Of a bin."""
    bins: dict[int, _Bin] = {}

    def decided(self, decision: Decision, groups: Iterable[str]) -> None:
        """Count a decision for the groups of its person."""
        verdicts = verdicts_of(decision)
        is_any = decision.action != DO_NOTHING
        for group in groups:
            for action, code in verdicts.items():
                cell = self._cell(decision.at, action, group)
                if cell is None:
                    return
                cell.asked += 1
                cell.chosen += action == decision.action
                if code:
                    cell.gated[code] = cell.gated.get(code, 0) + 1
            if (cell := self._cell(decision.at, ANY, group)) is not None:
                cell.asked += 1
                cell.chosen += is_any

    def became_known(
        self, decision: Decision, groups: Iterable[str], *, is_hit: bool, value: int, believed: int
    ) -> None:
        """Count what became of a decision, under the time of the decision.

        Parameters
        ----------
        value
            Micros.
        believed
            The chance that the model had seen, in millionths.
        """
        cents = min(abs(value) // _CENT, REWARD_CENTS_MAX)
        for group in groups:
            for action in (decision.action, ANY):
                cell = self._cell(decision.at, action, group)
                if cell is None:
                    return
                cell.known += 1
                cell.hits += is_hit
                cell.believed += believed
                cell.value += value
                cell.squares += cents * cents

    def merge(self, other: FairnessCounts) -> FairnessCounts:
        """Give the counts of both; raises `bad_width` where their bins differ in width."""
        require_width(self.width_ms, other.width_ms)
        return FairnessCounts(self.width_ms, joined_bins(self.bins, other.bins, _join_bins))

    def encode(self) -> bytes:
        """Write the counts as canonical bytes: equal counts give equal bytes."""
        return encode_bins(self.width_ms, self.bins, dict)

    @classmethod
    def decode(cls, body: bytes) -> FairnessCounts:
        """Read them back."""
        width_ms, bins = _DECODER.decode(body)
        return cls(width_ms, dict(bins))

    def window(self, now: int) -> _Bin:
        """Sum what lies in the window up to now, by action and group."""
        first = now // self.width_ms - WINDOW_BINS + 1
        total: _Bin = {}
        for index, bin_ in self.bins.items():
            if index >= first:
                total = _join_bins(total, bin_)
        return total

    def _cell(self, at: int, action: str, group: str) -> Cell | None:
        held = bin_for(self.bins, at // self.width_ms, dict)
        if held is None:
            return None
        groups = held.setdefault(action, {})
        cell = groups.get(group)
        if cell is None:
            cell = groups[group] = Cell()
        return cell


def fairness_counts(policy: FairnessFile) -> FairnessCounts:
    """Begin to count for a policy."""
    return FairnessCounts(max(parse_span(policy.window) // WINDOW_BINS, 1))


def verdicts_of(decision: Decision) -> dict[str, str]:
    """Say of each action that a decision looked at which gate stopped it; empty where none did."""
    found: dict[str, str] = {}
    for one in decision.candidates:
        if one.action == DO_NOTHING:
            continue
        if one.verdict != "gated":
            found[one.action] = ""
        else:
            found.setdefault(one.action, one.reason_code)
    return found


class Gap(NamedTuple):
    """How a group fares beside the one that fares best."""

    trait: str
    group: str
    reference: str
    """The group that fares best."""
    action: str
    """`*` for all actions together."""
    measure: Measure
    amount: float
    """What the group gets: a rate, money a decision, or a mean error of chances."""
    best: float
    """What the reference gets."""
    ratio: float
    """The one over the other; of `calibration` their distance."""
    limit: float | None
    is_crossed: bool
    """Whether it lies beyond the limit and surely beyond chance."""
    asked: int
    """Decisions of the group, or known outcomes."""

    @property
    def says(self) -> str:
        """Tell it in a sentence."""
        about = "anything" if self.action == ANY else self.action
        whom = f"{self.trait} {self.group}"
        verdict = "beyond the limit" if self.is_crossed else "within the limit, or not sure"
        told = {
            "selection": f"{whom} gets {about} in {self.amount:.1%} of decisions, "
            f"{self.reference} in {self.best:.1%}",
            "outcome": f"{whom} reaches the goal of {about} in {self.amount:.1%} of cases, "
            f"{self.reference} in {self.best:.1%}",
            "value": f"a decision for {about} is worth {self.amount:.2f} in {whom}, "
            f"{self.best:.2f} in {self.reference}",
            "calibration": f"the chances of {about} are off by {self.amount:+.1%} in {whom}, "
            f"by {self.best:+.1%} in {self.reference}",
        }[self.measure]
        return f"{told[0].upper()}{told[1:]}: {verdict}."


def gaps(counts: FairnessCounts, policy: FairnessFile, now: int) -> list[Gap]:
    """Compare all groups with enough decisions, the widest gap first.

    Notes
    -----
    A selection or outcome ratio is surely below its limit r where `p - r q` lies below 0 by more
    than 2.58 of its standard errors; a value likewise. A group varies no less than one at the limit
    would: of a rare outcome a hundred decisions may show none, and a spread of 0. People of whom
    the trait is not known are counted and not compared.

    References
    ----------
    U.S. Equal Employment Opportunity Commission, "Uniform Guidelines on Employee Selection
    Procedures", 1978, section 4D (the four-fifths rule).
    M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", 2016.
    """
    found: list[Gap] = []
    for action, cells in sorted(counts.window(now).items()):
        for protected in policy.protected:
            names = [group.name for group in protected.groups]
            held = {n: cells.get(group_key(protected.trait, n), Cell()) for n in names}
            found += _of_trait(protected.trait, action, held, policy)
    return sorted(found, key=_widest_first)


def group_key(trait: str, group: str) -> str:
    """Name a group among those of all traits."""
    return f"{trait}={group}"


def not_said(counts: FairnessCounts, policy: FairnessFile, now: int) -> dict[str, tuple[int, int]]:
    """Count the decisions about people whose group is not known, of all, by trait."""
    cells = counts.window(now).get(ANY, {})
    return {
        one.trait: (
            cells.get(group_key(one.trait, NOT_SAID), Cell()).asked,
            sum(c.asked for key, c in cells.items() if key.partition("=")[0] == one.trait),
        )
        for one in policy.protected
    }


def _of_trait(
    trait: str, action: str, held: Mapping[str, Cell], policy: FairnessFile
) -> Iterable[Gap]:
    least = max(policy.trials_min, 1)
    selected = {n: (c.chosen, c.asked) for n, c in held.items() if c.asked >= least}
    yield from _rates(trait, action, "selection", selected, policy.ratio_min)
    settled = {n: c for n, c in held.items() if c.known >= least}
    reached = {n: (c.hits, c.known) for n, c in settled.items()}
    yield from _rates(trait, action, "outcome", reached, policy.outcome_ratio_min)
    yield from _values(trait, action, settled, policy.value_ratio_min)
    if action != ANY:
        yield from _errors(trait, action, settled, policy.calibration_gap_max)


def _rates(
    trait: str,
    action: str,
    measure: Measure,
    held: Mapping[str, tuple[int, int]],
    limit: float | None,
) -> Iterable[Gap]:
    rates = {name: hits / trials for name, (hits, trials) in held.items()}
    best = _best(rates)
    if best is None:
        return
    q, m = rates[best], held[best][1]
    for name, p in rates.items():
        if name == best:
            continue
        is_crossed = False
        if limit is not None:
            n, least = held[name][1], limit * q
            # A group that reached it not once varies no less than one at the limit would.
            own = max(p * (1.0 - p), least * (1.0 - least))
            error = math.sqrt(own / n + limit * limit * q * (1.0 - q) / m)
            is_crossed = p - least < -_SURE * error
        yield Gap(trait, name, best, action, measure, p, q, p / q, limit, is_crossed, held[name][1])


def _values(
    trait: str, action: str, held: Mapping[str, Cell], limit: float | None
) -> Iterable[Gap]:
    means = {name: cell.value / MICRO / cell.known for name, cell in held.items()}
    best = _best(means)
    if best is None:
        return
    spreads = {
        name: max(cell.squares / 1e4 / cell.known - means[name] ** 2, 0.0)
        for name, cell in held.items()
    }
    of_best = spreads[best] / held[best].known
    for name, mean in means.items():
        if name == best:
            continue
        is_crossed = False
        if limit is not None:
            own = max(spreads[name], limit * spreads[best]) / held[name].known
            error = math.sqrt(own + limit * limit * of_best)
            is_crossed = mean - limit * means[best] < -_SURE * error
        ratio, known = mean / means[best], held[name].known
        yield Gap(
            trait, name, best, action, "value", mean, means[best], ratio, limit, is_crossed, known
        )


def _errors(
    trait: str, action: str, held: Mapping[str, Cell], limit: float | None
) -> Iterable[Gap]:
    """Compare how far a model's chances are off, with the group where they are off the least."""
    means = {n: (c.hits - c.believed / MICRO) / c.known for n, c in held.items()}
    if len(means) < 2:
        return
    best = min(means, key=lambda name: (abs(means[name]), name))
    spreads = {n: _spread_of_hits(cell) / cell.known for n, cell in held.items()}
    for name, mean in means.items():
        if name == best:
            continue
        distance = abs(mean - means[best])
        reach = _SURE * math.sqrt(spreads[name] + spreads[best])
        is_crossed = limit is not None and distance > limit + reach
        known = held[name].known
        yield Gap(
            trait,
            name,
            best,
            action,
            "calibration",
            mean,
            means[best],
            distance,
            limit,
            is_crossed,
            known,
        )


def _spread_of_hits(cell: Cell) -> float:
    """Give the variance of an outcome, as it came or as it was foreseen: the greater."""
    rates = cell.hits / cell.known, min(cell.believed / MICRO / cell.known, 1.0)
    return max(rate * (1.0 - rate) for rate in rates)


def _best(amounts: Mapping[str, float]) -> str | None:
    """Find the group that fares best; None where there is nothing to compare."""
    if len(amounts) < 2:
        return None
    best = max(amounts, key=lambda name: (amounts[name], name))
    return best if amounts[best] > 0.0 else None


def _widest_first(gap: Gap) -> tuple[bool, float, str, str, str, str]:
    width = -gap.ratio if gap.measure == "calibration" else gap.ratio
    return not gap.is_crossed, width, gap.trait, gap.action, gap.group, gap.measure


def _join_bins(left: _Bin, right: _Bin) -> _Bin:
    return {
        action: {
            group: left.get(action, {})
            .get(group, Cell())
            .plus(right.get(action, {}).get(group, Cell()))
            for group in sorted({*left.get(action, {}), *right.get(action, {})})
        }
        for action in sorted({*left, *right})
    }
