"""All that is in force at one moment: switches, incidents, guardrails, which models answer.

Law: any order, duplication or split of the same own events gives the same bytes.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from heedful.events import Event
from heedful.govern.guardrails import Factors, fold_factor
from heedful.govern.incidents import Incident, Incidents, View, fold_incident
from heedful.govern.routes import Routes, fold_route
from heedful.govern.scopes import Subject
from heedful.govern.switches import Stop, Switches, fold_switch
from heedful.govern.types import (
    GuardrailLoosened,
    GuardrailTightened,
    IncidentDeclared,
    IncidentEnded,
    ModelRouted,
    SwitchSet,
    read,
)
from heedful.kernel import canonical


class Governance(msgspec.Struct, frozen=True):
    """What a decision and a release look at before anything goes out."""

    switches: Switches = Switches()
    incidents: Incidents = Incidents()
    factors: Factors = Factors()
    routes: Routes = Routes()
    revision: int = 0
    """Hash of the rest: two workers with the same revision enforce the same; 0 for nothing."""

    def stopped(self, subject: Subject, now: int) -> Stop | None:
        """Find the widest stop that covers a subject."""
        return self.switches.stopped(subject, now)

    def incident_for(self, view: View, now: int) -> Incident | None:
        """Find the incident that touches a person."""
        return self.incidents.incident_for(view, now)

    def factor_ppm(self, subject: Subject) -> int:
        """Give the smallest guardrail factor that covers a subject, in millionths."""
        return self.factors.factor_ppm(subject)


def fold_governance(governance: Governance, event: Event) -> Governance:
    """Fold one event; the same value when it is about something else or changes nothing."""
    said = read(event)
    if said is None:
        return governance
    switches, incidents = governance.switches, governance.incidents
    factors, routes = governance.factors, governance.routes
    if isinstance(said, SwitchSet):
        switches = fold_switch(switches, said, event.at, event.key)
    elif isinstance(said, IncidentDeclared | IncidentEnded):
        incidents = fold_incident(incidents, said, event.at, event.key)
    elif isinstance(said, GuardrailTightened | GuardrailLoosened):
        factors = fold_factor(factors, said, event.at, event.key)
    elif isinstance(said, ModelRouted):
        routes = fold_route(routes, said, event.at, event.key)
    state = (switches, incidents, factors)
    before = (governance.switches, governance.incidents, governance.factors)
    if (state, routes) == (before, governance.routes):
        return governance
    # Without routes the number is that of workspaces that knew none.
    named = (*state, routes) if routes.by_line else state
    digest = blake2b(canonical.encode(named), digest_size=8).digest()
    return Governance(*state, routes, revision=int.from_bytes(digest, "big") >> 1 | 1)
