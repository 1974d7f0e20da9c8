"""Which model answers where actions name one: champion, challengers with shares, who looks on.

The name that actions ask a model by is a line. Its champion answers for it: at first the model of
that name, later whichever was promoted. A challenger answers for a share of the customers, a
shadow for none: it values what the others decide about, and nobody acts on it.

Law: per line the newest word by `(at, key)` counts, and it says the whole new state of the line.
Who stands in which share is a function of the line and the customer alone, so a growing share
keeps its customers, and a replay finds each of them where they were.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from heedful.govern.approvals import Approval, allows, subject_of
from heedful.govern.definitions import PromotionRule
from heedful.govern.errors import fault, require_statement
from heedful.govern.limits import CHALLENGED_PPM_MAX, CHALLENGERS_MAX, ROLLBACKS_MAX, SHADOWS_MAX
from heedful.govern.types import ApprovalNeeded, Challenger, ModelRouted, RouteChange
from heedful.kernel import MICRO, InputError, hash_key
from heedful.kernel.names import nearest

TRIAL: Final = "model trial"
"""Purpose of the hash that gives a customer their place in the trials of a line."""


class Route(msgspec.Struct, frozen=True, array_like=True):
    """The newest word on one line."""

    at: int
    key: int
    champion: str
    challengers: tuple[Challenger, ...] = ()
    shadows: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """Earlier champions, the latest last."""

    @property
    def is_tried(self) -> bool:
        """Whether anybody has to be told apart: models are tried, or look on."""
        return bool(self.challengers or self.shadows)

    def at_place(self, place_ppm: int) -> Challenger:
        """Give the model for a customer's place, with its share; the champion has the rest."""
        edge = 0
        for one in self.challengers:
            edge += one.share_ppm
            if place_ppm < edge:
                return one
        return Challenger(self.champion, MICRO - edge)


class Routes(msgspec.Struct, frozen=True):
    """All lines that anything was said about; of any other its own model is the champion."""

    by_line: dict[str, Route] = {}
    """Sorted by name."""

    def route(self, line: str) -> Route:
        """Give the route of a line."""
        return self.by_line.get(line) or Route(0, 0, line)


class Evidence(msgspec.Struct, frozen=True):
    """What is known of a model against the champion."""

    decisions: float
    """Decisions under it whose outcome is known."""
    is_better: bool
    """Whether the interval of the difference in value lies wholly above 0."""


def place_of(secret: bytes, line: str, namespace: str, value: str) -> int:
    """Give a customer's place in the trials of a line, in millionths, by their anchor.

    Examples
    --------
    >>> places = [place_of(b"salt", "beta", "user_id", str(i)) for i in range(1000)]
    >>> sum(place < 100_000 for place in places)
    97
    """
    return hash_key(secret, TRIAL, line, namespace, value) % MICRO


def fold_route(routes: Routes, said: ModelRouted, at: int, key: int) -> Routes:
    """Fold one word on a line."""
    known = routes.by_line.get(said.line)
    if known is not None and (at, key) <= (known.at, known.key):
        return routes
    route = Route(at, key, said.champion, said.challengers, said.shadows, said.before)
    return Routes(dict(sorted({**routes.by_line, said.line: route}.items())))


def challenge(
    routes: Routes,
    line: str,
    model: str,
    share_ppm: int,
    by: str,
    reason: str,
    known: Iterable[str],
) -> ModelRouted:
    """Let a model answer for a share of the customers; a share of 0 ends it.

    Notes
    -----
    All challengers of a line together get half of the customers at most (`CHALLENGED_PPM_MAX`):
    whoever answers for more was promoted, and the champion stays to be compared with.

    Raises
    ------
    InputError
        `unknown_model`, `bad_share`, `is_champion`, `too_many_challengers`, `missing_person`,
        `missing_reason`.
    """
    route = _route(routes, line, model, by, reason, known)
    others = [one for one in route.challengers if one.model != model]
    # An older log may hold more than the limit already; to end a challenge is always right.
    room = max(CHALLENGED_PPM_MAX - sum(one.share_ppm for one in others), 0)
    if not 0 <= share_ppm <= room:
        raise _bad_share(line, model, share_ppm, room, len(others))
    if share_ppm:
        _require_rival(route, line, model)
        # In its old place: who was under it stays under it while its share grows.
        names = [one.model for one in route.challengers]
        others.insert(
            names.index(model) if model in names else len(others), Challenger(model, share_ppm)
        )
    if len(others) > CHALLENGERS_MAX:
        remedy = "End another one first."
        what = f"at most {CHALLENGERS_MAX} challengers of one line"
        raise fault("too_many_challengers", what, "one more", "$.model", remedy)
    return _routed(line, route, "challenged", by, reason, challengers=tuple(others))


def shadow(
    routes: Routes, line: str, model: str, is_on: bool, by: str, reason: str, known: Iterable[str]
) -> ModelRouted:
    """Let a model look on, or no longer.

    Raises
    ------
    InputError
        `unknown_model`, `is_champion`, `too_many_shadows`, `missing_person`, `missing_reason`.
    """
    route = _route(routes, line, model, by, reason, known)
    others = tuple(one for one in route.shadows if one != model)
    if is_on:
        _require_rival(route, line, model)
        others = tuple(sorted((*others, model)))
    if len(others) > SHADOWS_MAX:
        what = f"at most {SHADOWS_MAX} models that look on"
        raise fault("too_many_shadows", what, "one more", "$.model", "End another one first.")
    return _routed(line, route, "shadowed", by, reason, shadows=others)


def promote(
    routes: Routes,
    line: str,
    model: str,
    by: str,
    reason: str,
    known: Iterable[str],
    now: int,
    *,
    evidence: Evidence,
    rule: PromotionRule,
    is_high_risk: bool,
    required: int,
    approval: Approval | None = None,
) -> ModelRouted | ApprovalNeeded:
    """Make a model the champion, or say which approval that needs.

    Parameters
    ----------
    evidence
        What its trial has shown.
    rule
        When that suffices.
    is_high_risk
        Whether the line decides anything of a high risk: then people agree whatever was shown.
    required
        How many people, where they have to.

    Notes
    -----
    The approval is bound to the line as it is: once anything of it changed, another one is needed.

    Raises
    ------
    InputError
        `unknown_model`, `is_champion`, `missing_person`, `missing_reason`.
    """
    route = _route(routes, line, model, by, reason, known)
    _require_rival(route, line, model)
    is_shown = evidence.is_better and evidence.decisions >= rule.outcomes_min
    if is_high_risk or not is_shown:
        needed = ApprovalNeeded(
            "promote", subject_of(promotion_name(line, model), route.key), required
        )
        if not allows(approval, needed, now):
            return needed
    before = (*route.before, route.champion)[-ROLLBACKS_MAX:]
    others = tuple(one for one in route.challengers if one.model != model)
    shadows = tuple(one for one in route.shadows if one != model)
    return _routed(
        line,
        route,
        "promoted",
        by,
        reason,
        champion=model,
        challengers=others,
        shadows=shadows,
        before=before,
        approval_id=None if approval is None else approval.id,
    )


def roll_back(routes: Routes, line: str, by: str, reason: str) -> ModelRouted:
    """Make the earlier champion answer again, for everybody: what was tried ends, too.

    Notes
    -----
    Like a stop it needs nobody else: going back to what was known is always allowed.

    Raises
    ------
    InputError
        `nothing_to_roll_back`, `missing_person`, `missing_reason`.
    """
    require_statement(by, reason)
    route = routes.route(line)
    if not route.before and not route.challengers:
        what, got = "a champion or challenger to take back", "none"
        raise fault("nothing_to_roll_back", what, got, "$.line")
    before, champion = route.before, route.champion
    if before:
        champion, before = before[-1], before[:-1]
    shadows = tuple(one for one in route.shadows if one != champion)
    return _routed(
        line,
        route,
        "rolled_back",
        by,
        reason,
        champion=champion,
        challengers=(),
        shadows=shadows,
        before=before,
    )


def promotion_name(line: str, model: str) -> str:
    """Name a promotion as its approval is asked for."""
    return f"{line}={model}"


def line_of(promotion: str) -> tuple[str, str]:
    """Read line and model back from the name of a promotion."""
    line, _, model = promotion.partition("=")
    return line, model


def _route(
    routes: Routes, line: str, model: str, by: str, reason: str, known: Iterable[str]
) -> Route:
    require_statement(by, reason)
    names = sorted(known)
    for name, path in ((line, "$.line"), (model, "$.model")):
        if name not in names:
            near = nearest(name, names)
            remedy = f"Did you mean {near}?" if near else "Declare it in policies/models.yaml."
            raise fault("unknown_model", "a model", repr(name), path, remedy)
    return routes.route(line)


def _bad_share(line: str, model: str, share_ppm: int, room_ppm: int, others: int) -> InputError:
    beside = f", beside {others} other challenger{'s'[: others != 1]}" if others else ""
    what = f"a share from 0 to {room_ppm / MICRO:g} of the customers{beside}"
    remedy = (
        f"The champion of {line} keeps {1 - CHALLENGED_PPM_MAX / MICRO:.0%} of them to compare "
        f"with; `heedful models promote {line} {model}` makes a model answer for all."
    )
    return fault("bad_share", what, f"{share_ppm / MICRO:g}", "$.share", remedy)


def _require_rival(route: Route, line: str, model: str) -> None:
    if model == route.champion:
        raise fault("is_champion", f"another model than the champion of {line}", model, "$.model")


def _routed(
    line: str, route: Route, change: RouteChange, by: str, reason: str, **new: Any
) -> ModelRouted:
    state = {
        name: getattr(route, name) for name in ("champion", "challengers", "shadows", "before")
    }
    return ModelRouted(line=line, change=change, by=by, reason=reason, **{**state, **new})
