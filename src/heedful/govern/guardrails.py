"""Guardrails: limits that tighten by themselves and loosen only by approval.

Law: counters are integers in bins, so any order and split of the same observations gives the
same bytes; whether a ratio is surely bad is decided in integers too. Tightening is written as an
event with what was counted; the factor in force is the newest word by `(at, key)`.

Counters are mutable on purpose: they are touched by every release.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, Literal

import msgspec

from heedful.govern.approvals import Approval, allows, subject_of
from heedful.govern.definitions import Guardrail
from heedful.govern.errors import fault, require_statement
from heedful.govern.limits import GUARDRAIL_BINS
from heedful.govern.scopes import Subject
from heedful.govern.types import ApprovalNeeded, GuardrailLoosened, GuardrailTightened
from heedful.kernel import MICRO, parse_span, to_micros

UNLIMITED_PPM: Final = MICRO
"""The factor of a limit that nothing has tightened."""

_Z_SQUARED: Final = (66_349, 10_000)
"""Square of 2.5758, the 99.5th percentile of the normal distribution, as a fraction."""

_Crossed = Literal["ratio_max", "ratio_min", "drift_max"]


class Factor(msgspec.Struct, frozen=True, array_like=True):
    """The newest word on one guardrail's limit."""

    at: int
    key: int
    scope: str
    ppm: int
    """What the limit is multiplied by, in millionths."""


class Factors(msgspec.Struct, frozen=True):
    """What all guardrails of a workspace have taken so far.

    Notes
    -----
    A factor outlives its guardrail: deleting a file must not give back what only an approval may.
    """

    by_name: dict[str, Factor] = {}
    """By guardrail, sorted."""

    def factor_ppm(self, subject: Subject) -> int:
        """Give the smallest factor that covers a subject, in millionths."""
        if not self.by_name:
            return UNLIMITED_PPM
        scopes = subject.scopes()
        covering = (one.ppm for one in self.by_name.values() if one.scope in scopes)
        return min(covering, default=UNLIMITED_PPM)


class Counts(msgspec.Struct, array_like=True):
    """What one guardrail has seen in its window; mutable, see the module."""

    bins: list[list[int]] = []
    """Number of the bin, trials, hits, and the sum of expected hits in millionths; in order."""


def fold_factor(
    factors: Factors, said: GuardrailTightened | GuardrailLoosened, at: int, key: int
) -> Factors:
    """Fold one word on a limit."""
    known = factors.by_name.get(said.guardrail)
    if known is not None and (at, key) <= (known.at, known.key):
        return factors
    factor = Factor(at, key, said.scope, said.factor_ppm)
    return Factors(dict(sorted({**factors.by_name, said.guardrail: factor}.items())))


def bin_ms(guardrail: Guardrail) -> int:
    """Give the width of a guardrail's bins."""
    return max(parse_span(guardrail.window) // GUARDRAIL_BINS, 1)


def count(
    counts: Counts,
    guardrail: Guardrail,
    at: int,
    *,
    trials: int = 0,
    hits: int = 0,
    expected_ppm: int = 0,
) -> None:
    """Count messages, and what came of them, into a private copy.

    Parameters
    ----------
    at
        When the message went out, for its trial and for its hit alike: a complaint belongs to
        the message that it is about, not to the day on which it is made.
    trials
        Messages released or shown, whichever the guardrail is over.
    hits
        Those of which the watched outcome became known.
    expected_ppm
        Sum of the model's probabilities of the outcome, in millionths, given with the trials.
    """
    index, bins = at // bin_ms(guardrail), counts.bins
    place = bisect_left(bins, [index])
    if place == len(bins) or bins[place][0] != index:
        newest = max(index, bins[-1][0] if bins else index)
        if index <= newest - GUARDRAIL_BINS:
            return
        bins.insert(place, [index, 0, 0, 0])
        if newest == index:
            counts.bins = bins = [one for one in bins if one[0] > newest - GUARDRAIL_BINS]
            place = len(bins) - 1
    seen = bins[place]
    seen[1] += trials
    seen[2] += hits
    seen[3] += expected_ppm


def judge(
    counts: Counts, guardrail: Guardrail, factors: Factors, now: int
) -> GuardrailTightened | None:
    """Tighten when a ratio has surely gone bad since the factor last changed.

    Notes
    -----
    A ratio is surely above a limit when the limit lies below its 99 % Wilson interval, that is
    when `(hits - n r)^2 > z^2 n r (1 - r)`: exact in integers, and without bias for few trials.
    Only whole bins after the last change count, so one bad week tightens once.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    known = factors.by_name.get(guardrail.name)
    factor_ppm = known.ppm if known is not None else UNLIMITED_PPM
    least_ppm = _ppm(guardrail.factor_min)
    tightened_ppm = max(factor_ppm * _ppm(guardrail.factor) // MICRO, least_ppm)
    if tightened_ppm >= factor_ppm:
        return None
    trials, hits, expected_ppm = _totals(counts, guardrail, known.at if known else None, now)
    crossed = _crossed(guardrail, trials, hits, expected_ppm)
    if crossed is None:
        return None
    return GuardrailTightened(
        guardrail=guardrail.name,
        scope=guardrail.scope,
        factor_ppm=tightened_ppm,
        trials=trials,
        hits=hits,
        limit_ppm=crossed[1],
        crossed=crossed[0],
    )


def loosen(
    factors: Factors,
    guardrail: str,
    by: str,
    reason: str,
    now: int,
    *,
    factor_ppm: int = UNLIMITED_PPM,
    required: int = 1,
    approval: Approval | None = None,
) -> GuardrailLoosened | ApprovalNeeded:
    """Give back what a guardrail took, wholly or in part, or say which approval that needs.

    Raises
    ------
    InputError
        `not_tightened` when there is nothing to give back; `bad_factor` when the new factor is
        not between the one in force and 1; `missing_person`, `missing_reason`.
    """
    require_statement(by, reason)
    known = factors.by_name.get(guardrail)
    if known is None or known.ppm >= UNLIMITED_PPM:
        got = f"{guardrail}, which is not"
        raise fault("not_tightened", "a tightened guardrail", got, "$.guardrail")
    if not known.ppm < factor_ppm <= UNLIMITED_PPM:
        what = f"a factor above {known.ppm} and up to {UNLIMITED_PPM}, in millionths"
        raise fault("bad_factor", what, str(factor_ppm), "$.factor_ppm")
    needed = ApprovalNeeded("guardrail_loosen", subject_of(guardrail, known.key), required)
    if not allows(approval, needed, now):
        return needed
    return GuardrailLoosened(
        guardrail=guardrail,
        scope=known.scope,
        factor_ppm=factor_ppm,
        by=by,
        reason=reason,
        approval_id=approval.id if approval is not None else None,
    )


def _totals(
    counts: Counts, guardrail: Guardrail, changed_at: int | None, now: int
) -> tuple[int, int, int]:
    width = bin_ms(guardrail)
    first = now // width - GUARDRAIL_BINS + 1
    if changed_at is not None:
        first = max(first, changed_at // width + 1)
    counted = [one for one in counts.bins if one[0] >= first]
    trials, hits, expected_ppm = (sum(one[i] for one in counted) for i in (1, 2, 3))
    return trials, hits, expected_ppm


def _crossed(
    guardrail: Guardrail, trials: int, hits: int, expected_ppm: int
) -> tuple[_Crossed, int] | None:
    if trials < max(guardrail.trials_min, 1):
        return None
    if guardrail.ratio_max is not None:
        limit = _ppm(guardrail.ratio_max)
        if _is_surely_above(hits, trials, limit):
            return "ratio_max", limit
    if guardrail.ratio_min is not None:
        limit = _ppm(guardrail.ratio_min)
        if _is_surely_below(hits, trials, limit):
            return "ratio_min", limit
    if guardrail.drift_max is not None:
        drift, believed = _ppm(guardrail.drift_max), expected_ppm // trials
        if _is_surely_above(hits, trials, upper := min(believed + drift, MICRO)):
            return "drift_max", upper
        if _is_surely_below(hits, trials, lower := max(believed - drift, 0)):
            return "drift_max", lower
    return None


def _is_surely_above(hits: int, trials: int, limit_ppm: int) -> bool:
    excess = hits * MICRO - trials * limit_ppm
    return excess > 0 and _is_beyond_noise(excess, trials, limit_ppm)


def _is_surely_below(hits: int, trials: int, limit_ppm: int) -> bool:
    lack = trials * limit_ppm - hits * MICRO
    return lack > 0 and _is_beyond_noise(lack, trials, limit_ppm)


def _is_beyond_noise(gap: int, trials: int, limit_ppm: int) -> bool:
    numerator, denominator = _Z_SQUARED
    return gap * gap * denominator > numerator * trials * limit_ppm * (MICRO - limit_ppm)


def _ppm(ratio: float) -> int:
    return to_micros(ratio) or 0
