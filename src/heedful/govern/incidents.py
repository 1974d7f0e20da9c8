"""Incidents: a declared disturbance with a scope, a pre-approved message and an expiry.

Law: per incident the newest word by `(at, key)` counts and an end is final, so any order of the
same events gives the same incidents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from heedful.govern.definitions import IncidentPlan
from heedful.govern.errors import fault, require_future, require_statement
from heedful.govern.limits import INCIDENT_SPAN_MS_MAX, INCIDENTS_MAX
from heedful.govern.types import IncidentDeclared, IncidentEnded, IncidentScope, TraitValue
from heedful.kernel import format_span, parse_span

_COUNTRY: Final = re.compile("[A-Z]{2}(-[A-Z0-9]{1,3})?")


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One disturbance."""

    id: str
    plan: str = ""
    scope: IncidentScope = IncidentScope()
    message: str | None = None
    is_growth_off: bool = False
    at: int = 0
    key: int = 0
    expires_at: int = 0
    by: str = ""
    reason: str = ""
    ended_at: int | None = None
    """When somebody ended it; the earliest, if several did."""

    def is_open(self, now: int) -> bool:
        """Say whether it runs now."""
        return self.ended_at is None and now < self.expires_at


class View(NamedTuple):
    """What an incident's scope is compared with: one person at one place."""

    traits: Mapping[str, Any] = {}
    """Trait values by name."""
    country: str | None = None
    placement: str | None = None


class Incidents(msgspec.Struct, frozen=True):
    """All incidents that were ever declared, the open and the ended."""

    by_id: dict[str, Incident] = {}
    """Sorted by id."""

    def open_ones(self, now: int) -> tuple[Incident, ...]:
        """List those that run, the strictest first, then the newest."""
        found = [one for one in self.by_id.values() if one.is_open(now)]
        return tuple(sorted(found, key=lambda i: (not i.is_growth_off, -i.at, -i.key)))

    def incident_for(self, view: View, now: int) -> Incident | None:
        """Find the incident that touches a person: the strictest, then the newest."""
        if not self.by_id:
            return None
        return next((one for one in self.open_ones(now) if is_touched(one.scope, view)), None)


def is_touched(scope: IncidentScope, view: View) -> bool:
    """Say whether a person is within a scope; what is not known of them equals nothing."""
    if scope.country is not None and not _is_within(view.country, scope.country):
        return False
    if scope.placement is not None and scope.placement != view.placement:
        return False
    return all(_is_equal(view.traits.get(name), value) for name, value in scope.traits.items())


def _is_within(country: str | None, wanted: str) -> bool:
    """Say whether a person's country, such as `US-FL`, is the wanted one or a part of it."""
    return country is not None and (country == wanted or country.startswith(f"{wanted}-"))


def _is_equal(actual: Any, wanted: TraitValue) -> bool:
    # True is 1 for Python and for nobody else.
    return bool(actual == wanted) and isinstance(actual, bool) == isinstance(wanted, bool)


def fold_incident(
    incidents: Incidents, said: IncidentDeclared | IncidentEnded, at: int, key: int
) -> Incidents:
    """Fold one word on an incident."""
    known = incidents.by_id.get(said.incident_id, Incident(id=said.incident_id))
    if isinstance(said, IncidentEnded):
        ended_at = at if known.ended_at is None else min(known.ended_at, at)
        changed = msgspec.structs.replace(known, ended_at=ended_at)
    elif (at, key) <= (known.at, known.key):
        return incidents
    else:
        changed = Incident(
            id=said.incident_id,
            plan=said.plan,
            scope=said.scope,
            message=said.message,
            is_growth_off=said.is_growth_off,
            at=at,
            key=key,
            expires_at=said.expires_at,
            by=said.by,
            reason=said.reason,
            ended_at=known.ended_at,
        )
    return Incidents(dict(sorted({**incidents.by_id, said.incident_id: changed}.items())))


def declare(
    incidents: Incidents,
    plan: IncidentPlan,
    incident_id: str,
    scope: IncidentScope,
    by: str,
    reason: str,
    now: int,
    expires_at: int | None = None,
) -> IncidentDeclared:
    """Declare an incident by a published plan: that is what makes its message pre-approved.

    Raises
    ------
    InputError
        `missing_person`, `missing_reason`, `bad_expiry`, `bad_country`; `incident_too_long` beyond
        `INCIDENT_SPAN_MS_MAX`; `too_many_incidents` beyond `INCIDENTS_MAX`; `incident_exists` when
        the id is taken.
    """
    require_statement(by, reason)
    if scope.country is not None:
        scope = msgspec.structs.replace(scope, country=_country(scope.country))
    if incident_id in incidents.by_id:
        raise fault("incident_exists", "an id of its own", "one that is taken", "$.incident_id")
    if expires_at is None:
        expires_at = now + parse_span(plan.expires_after, "$.expires_after")
    require_future(expires_at, now)
    if expires_at - now > INCIDENT_SPAN_MS_MAX:
        what = f"an expiry within {format_span(INCIDENT_SPAN_MS_MAX)}"
        got = format_span(expires_at - now)
        raise fault("incident_too_long", what, got, "$.expires_at", "Declare it again then.")
    if len(incidents.open_ones(now)) >= INCIDENTS_MAX:
        what = f"at most {INCIDENTS_MAX} open incidents"
        raise fault("too_many_incidents", what, "one more", "$", "End one first.")
    return IncidentDeclared(
        incident_id=incident_id,
        plan=plan.name,
        scope=scope,
        message=plan.message,
        is_growth_off=plan.growth_off,
        expires_at=expires_at,
        by=by,
        reason=reason,
    )


def _country(said: str) -> str:
    """Write a country as those of people are read: one that is called otherwise touches nobody."""
    if _COUNTRY.fullmatch(said.upper()) is None:
        what = "a country by ISO 3166, such as DE or US-FL"
        raise fault("bad_country", what, repr(said), "$.country")
    return said.upper()


def end(incidents: Incidents, incident_id: str, by: str, reason: str, now: int) -> IncidentEnded:
    """End an incident before its expiry.

    Raises
    ------
    InputError
        `no_such_incident` when none of this id is open; `missing_person`, `missing_reason`.
    """
    require_statement(by, reason)
    known = incidents.by_id.get(incident_id)
    if known is None or not known.is_open(now):
        raise fault("no_such_incident", "an open incident", "none", "$.incident_id")
    return IncidentEnded(incident_id=incident_id, by=by, reason=reason)
