"""What lies beyond a limit of the policies on drift and fairness, and what of it is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from heedful.core import World
from heedful.measure import Drift, Gap
from heedful.measure.drift import MODEL
from heedful.measure.fairness import ANY


class Since(NamedTuple):
    """When something went beyond its limit, and what was said of it then."""

    at: int
    said: dict[str, Any]


class Crossing(NamedTuple):
    """Where something stands beside its limit, and what follows when it goes beyond."""

    key: str
    said: dict[str, Any]
    is_crossed: bool
    scope: str = ""
    factor: float | None = None
    trials: int = 0

    @property
    def kind(self) -> Literal["drift", "fairness"]:
        """Name the policy that sets the limit."""
        return "drift" if "series" in self.said else "fairness"

    @property
    def about(self) -> tuple[str, ...]:
        """Name what is compared, whoever fares worse."""
        names = ("series",) if self.kind == "drift" else ("trait", "action")
        return *(str(self.said[name]) for name in names), str(self.said["measure"])


def crossings_of(world: World, moved: Iterable[Drift], wide: Iterable[Gap]) -> list[Crossing]:
    """Say where everything that was concluded stands beside its limit."""
    return [*(_of_drift(one, world) for one in moved), *(_of_gap(one, world) for one in wide)]


def news(crossings: Sequence[Crossing], crossed: Mapping[str, Since]) -> list[Crossing]:
    """Give what went beyond its limit since it was last looked at, and what came back.

    Notes
    -----
    A gap is over, too, when the group that fared worse fares best now.
    """
    beyond = {one.key for one in crossings if one.is_crossed}
    compared = {one.about for one in crossings}
    over = []
    for key, since in crossed.items():
        one = Crossing(key, {**since.said, "is_crossed": False}, is_crossed=False)
        if key not in beyond and one.about in compared:
            over.append(one)
    return [one for one in crossings if one.is_crossed and one.key not in crossed] + over


def drift_key(drift: Drift) -> str:
    """Name what moved, as limits that it tightened are named."""
    return f"drift:{drift.series}:{drift.measure}"


def gap_key(gap: Gap) -> str:
    """Name who fares worse, as limits that it tightened are named."""
    return f"fairness:{gap.trait}:{gap.group}:{gap.action}:{gap.measure}"


def _of_drift(drift: Drift, world: World) -> Crossing:
    is_model = drift.series.startswith(MODEL) and drift.measure != "psi"
    said = {
        "series": drift.series,
        "measure": drift.measure,
        "amount": drift.amount,
        "limit": drift.limit,
        "is_crossed": drift.is_crossed,
    }
    return Crossing(
        drift_key(drift),
        said,
        drift.is_crossed,
        drift.series,
        world.drift.factor if is_model else None,
        drift.now,
    )


def _of_gap(gap: Gap, world: World) -> Crossing:
    action = world.rules.actions.get(gap.action)
    is_declared = action is not None and gap.trait in action.decision_type.reads_protected
    said = {
        "trait": gap.trait,
        "group": gap.group,
        "reference": gap.reference,
        "action": gap.action,
        "measure": gap.measure,
        "amount": gap.ratio,
        "limit": gap.limit or 0.0,
        "is_crossed": gap.is_crossed,
    }
    return Crossing(
        gap_key(gap),
        said,
        gap.is_crossed,
        f"action:{gap.action}",
        None if gap.action == ANY or is_declared else world.fairness.factor,
        gap.asked,
    )
