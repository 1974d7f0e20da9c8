"""What has to hold in `policies/fairness.yaml` and `policies/drift.yaml` beyond the types."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from heedful.govern.checks import check_repeated, check_span
from heedful.govern.errors import fault
from heedful.govern.limits import GROUPS_MAX, PROTECTED_MAX
from heedful.govern.monitors import NOT_SAID, DriftFile, FairnessFile, Group, ProtectedTrait
from heedful.kernel import InputError


def check_fairness(file: FairnessFile) -> Iterator[InputError]:
    """Find groups that hold nobody, and limits that nothing could cross."""
    if len(file.protected) > PROTECTED_MAX:
        what, got = f"at most {PROTECTED_MAX} protected traits", str(len(file.protected))
        yield fault("too_many_traits", what, got, "$.protected")
        return
    yield from check_repeated((one.trait for one in file.protected), "$.protected", "trait")
    for i, one in enumerate(file.protected):
        yield from _check_protected(one, f"$.protected[{i}]")
    yield from check_span(file.window, "$.window")
    ratios = {
        "ratio_min": file.ratio_min,
        "outcome_ratio_min": file.outcome_ratio_min,
        "value_ratio_min": file.value_ratio_min,
        "calibration_gap_max": file.calibration_gap_max,
    }
    for field, value in ratios.items():
        if value is not None and not 0 < value <= 1:
            what = "a share above 0 and up to 1"
            yield fault("bad_ratio", what, str(value), f"$.{field}", "Four fifths are 0.8.")
    yield from _check_rest(file.trials_min, file.factor)


def check_drift(file: DriftFile) -> Iterator[InputError]:
    """Find spans that are none, and limits that nothing could cross."""
    for field in ("window", "reference"):
        yield from check_span(getattr(file, field), f"$.{field}")
    for field in ("psi_max", "calibration_max", "reward_max", "evidence_max"):
        value = getattr(file, field)
        if not (isfinite(value) and value > 0):
            yield fault("bad_ratio", "a limit above 0", str(value), f"$.{field}")
    yield from _check_rest(file.trials_min, file.factor)


def _check_rest(trials_min: int, factor: float | None) -> Iterator[InputError]:
    if trials_min < 1:
        yield fault("bad_trials", "at least 1 decision", str(trials_min), "$.trials_min")
    if factor is not None and not 0 < factor < 1:
        what = "a factor above 0 and below 1"
        yield fault("bad_factor", what, str(factor), "$.factor", "0.5 halves it.")


def _check_protected(one: ProtectedTrait, path: str) -> Iterator[InputError]:
    if not one.trait:
        yield fault("bad_name", "the name of a trait", "an empty text", f"{path}.trait")
    if not 2 <= len(one.groups) <= GROUPS_MAX:
        what = f"2 to {GROUPS_MAX} groups, to compare them"
        yield fault("bad_groups", what, str(len(one.groups)), f"{path}.groups")
    yield from check_repeated((group.name for group in one.groups), f"{path}.groups", "name")
    for i, group in enumerate(one.groups):
        yield from _check_group(group, f"{path}.groups[{i}]")


def _check_group(group: Group, path: str) -> Iterator[InputError]:
    if not group.name or group.name == NOT_SAID:
        remedy = f"`{NOT_SAID}` is who is in no group."
        yield fault("bad_name", "a name of its own", repr(group.name), f"{path}.name", remedy)
    low, high = group.at_least, group.below
    is_band = low is not None or high is not None
    if bool(group.values) == is_band:
        what, got = "`values`, or `at_least` and `below`", "both" if is_band else "neither"
        yield fault("bad_groups", what, got, path)
    if low is not None and high is not None and not low < high:
        yield fault("bad_groups", f"a bound above {low:g}", f"{high:g}", f"{path}.below")
