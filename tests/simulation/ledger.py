"""What happened to one person, kept as plainly as can be, and what must therefore not happen.

The ledger shares no code with the room it watches: it counts, remembers and compares. Every method
that begins with `no_` raises `Broken` with the rule that a decision or a release broke.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from heedful.decide import Action, Decision, Definitions, NewEvent
from heedful.decide.case import Assignment
from heedful.decide.definitions import Cap
from heedful.events import CONSENT_CHANGED, MESSAGE_RELEASED, OBJECTION_RECORDED, Event
from heedful.govern.governance import Governance
from heedful.govern.hours import Place, next_open, zones_of
from heedful.kernel import parse_span
from tests.simulation.strategies import COUNTRIES, Written

FREE: Final = ("transactional", "mandatory")
_COUNTED: Final = {"failures": "Payment Failed", "cart": "Product Added", "views": "Product Viewed"}
_WEIGHTS: Final = {"Product Viewed": 1, "Product Added": 3}
_NEEDED: Final = {"email": "email", "sms": "phone", "push": "push"}


class Broken(AssertionError):
    """A rule that no decision and no release may break is broken."""


class Ledger:
    """Everything that is known of one person, in lists and dicts."""

    def __init__(self, written: Written, namespaces: frozenset[str]) -> None:
        self.written = written
        self.namespaces = namespaces
        self.traits: dict[str, Any] = {}
        self.events: list[tuple[int, str]] = []
        self.wanted: list[tuple[int, str, int]] = []
        """(at, category, weight) of what was done about a product."""
        self.consents: dict[tuple[str, str], tuple[int, str]] = {}
        self.is_gpc = False
        self.released: list[tuple[int, str, str, str]] = []
        """(at, channel, class, action), in order."""
        self.mutes: list[tuple[str, int]] = []
        self.open: list[tuple[str, str]] = []
        """Needs that are open and their tiers; two of one name after two people were joined."""
        self.opened: set[str] = set()
        self.is_held = False
        self.held_alone: set[str] = set()
        """Actions that are withheld from the person by hold-outs of their own."""
        self.event: Event | None = None
        self.now = 0

    # What happens

    def observe(self, event: Event) -> None:
        """Take in an event before it is decided upon."""
        self.event = event
        self.now = event.received_at
        self.traits.update(event.traits)
        self.events.append((event.at, event.name))
        if event.name in _WEIGHTS:
            category = str(event.properties["category"])
            self.wanted.append((event.at, category, _WEIGHTS[event.name]))
        if event.context.get("gpc") is True:
            self.is_gpc = True
        if event.type == "own":
            self.hear(NewEvent(event.name, event.properties))

    def hear(self, said: NewEvent) -> None:
        """Take in what an own event says."""
        name, properties = said
        if name == CONSENT_CHANGED:
            key = str(properties["purpose"]), str(properties.get("channel") or "*")
            self.consents[key] = self.now, str(properties["status"])
        elif name == OBJECTION_RECORDED:
            self.consents[str(properties["purpose"]), "*"] = self.now, "objected"
        elif name == MESSAGE_RELEASED:
            kind = (str(properties[part]) for part in ("channel", "class", "action"))
            self.released.append((self.now, *kind))
        elif name == "Silence Set":
            self.mutes.append((str(properties["class"]), int(properties["until"])))
        elif name == "Need Opened":
            self.open.append((properties["need"], properties["tier"]))
            self.opened.add(properties["need"])
        elif name == "Need Closed":
            self.open.remove((properties["need"], properties["tier"]))

    def join(self, other: Ledger) -> None:
        """Take in that another person is the same one."""
        self.events += other.events
        self.wanted += other.wanted
        for key, stated in other.consents.items():
            self.consents[key] = max(stated, self.consents.get(key, (0, "")))
        self.is_gpc = self.is_gpc or other.is_gpc
        self.released = sorted([*self.released, *other.released])
        self.mutes += other.mutes
        self.open += other.open
        self.opened |= other.opened
        self.namespaces |= other.namespaces

    # What conditions mean

    def count(self, signal: str) -> int:
        name = _COUNTED[signal]
        since = self.now - parse_span("2h") if signal == "views" else -1
        if signal != "views":
            since = max((at for at, said in self.events if said == "Order Completed"), default=-1)
        return sum(1 for at, said in self.events if said == name and at > since)

    def is_strongly_after(self) -> str | None:
        """Name the category that the last six things done within half an hour speak for."""
        bought = max((at for at, said in self.events if said == "Order Completed"), default=-1)
        since = max(self.now - parse_span("30m"), bought)
        recent = sorted(one for one in self.wanted if since < one[0] <= self.now)[-6:]
        total = sum(weight for _, _, weight in recent)
        for category in sorted({category for _, category, _ in recent}):
            lead = sum(weight for _, its, weight in recent if its == category)
            if round(lead / (lead + 3) * lead / total, 3) >= 0.6:
                return category
        return None

    def status(self, purpose: str) -> str | None:
        return self.consents.get((purpose, "*"), (0, None))[1]

    def is_event(self, field: str, value: str) -> bool:
        return self.event is not None and getattr(self.event, field) == value

    def page(self) -> str | None:
        event = self.event
        if event is None or event.name != "Decision Requested":
            return None
        found: str | None = event.properties.get("context", {}).get("page")
        return found

    # Rules: of decisions and of releases

    def no_unwanted(self, action: Action, channel: str) -> None:
        """Consent, suppression, objection and Global Privacy Control."""
        if not channel:
            return
        if self._word("*", channel) not in (None, "granted"):
            raise Broken("suppressed")
        is_promotional = action.message_class == "promotional"
        if is_promotional and self.is_gpc:
            raise Broken("gpc")
        wanted = action.purpose or {"promotional": "marketing", "service": "service"}.get(
            action.message_class
        )
        for purpose in (wanted, self.written.definitions.contact.purposes.get(channel)):
            said = None if purpose is None else self._word(purpose, channel)
            is_asked = purpose not in (None, "service")
            if said not in (None, "granted") or (said is None and is_asked):
                raise Broken(f"consent to {purpose}")

    def _word(self, purpose: str, channel: str) -> str | None:
        general = self.consents.get((purpose, "*"))
        special = self.consents.get((purpose, channel))
        if general is None or special is None:
            return (general or special or (0, None))[1]
        if special[1] != "granted" or general[1] == "granted" or special[0] > general[0]:
            return special[1]
        return general[1]

    def no_stopped(
        self, governance: Governance, action: Action, channel: str, model: str, placement: str
    ) -> None:
        """Kill switches and incidents."""
        scopes = {"all", f"action:{action.action}", f"channel:{channel}", f"model:{model}"}
        scopes.add(f"placement:{placement}")
        for scope, switch in governance.switches.states.items():
            is_over = switch.expires_at is not None and switch.expires_at <= self.now
            if scope in scopes and switch.is_stopped and not is_over:
                raise Broken(f"stopped {scope}")
        for incident in governance.incidents.by_id.values():
            is_open = incident.ended_at is None and self.now < incident.expires_at
            country = incident.scope.country
            is_near = country is None or country == self.traits.get("country")
            if not (is_open and is_near and incident.is_growth_off):
                continue
            if action.tier == "growth" and action.message_class not in FREE:
                messages = [i.message for i in governance.incidents.by_id.values()]
                if action.action not in messages:
                    raise Broken("growth in an incident")

    def no_spared(
        self, governance: Governance, action: Action, channel: str, model: str, placement: str
    ) -> None:
        """Guardrails that leave nothing of a limit."""
        scopes = {"all", f"action:{action.action}", f"channel:{channel}", f"model:{model}"}
        scopes.add(f"placement:{placement}")
        for factor in governance.factors.by_name.values():
            is_bound = bool(channel) and action.message_class not in FREE
            if is_bound and factor.scope in scopes and not factor.ppm:
                raise Broken(f"guardrail {factor.scope}")

    def no_opaque(self, action: Action) -> None:
        """Models that a decision type does not allow."""
        definitions = self.written.definitions
        type_ = next(t for t in definitions.decision_types if t.name == action.decision_type)
        scores = [definitions.models[action.model]]
        if type_.fallback == "transparent":
            scores.append(definitions.models[definitions.fallback_model])
        if max(scores) < type_.transparency:
            raise Broken("a person had to decide")

    def no_silenced(self, action: Action) -> None:
        """Classes that are muted."""
        if action.message_class in FREE:
            return
        if any(of == action.message_class and until > self.now for of, until in self.mutes):
            raise Broken("silenced")

    def no_false(self, action: Action, *, is_later: bool = False) -> None:
        """Eligibility, applicability, suitability, and a loss for the person."""
        for clause in self.written.actions[action.action]:
            if not (is_later and clause.is_momentary) and not clause.holds(self):
                raise Broken(f"condition: {clause.text}")
        if action.benefit < 0:
            raise Broken("the person loses")

    def no_other_intent(self, action: Action) -> None:
        """An action about one thing, while the person is strongly after another."""
        wanted = self.is_strongly_after()
        if action.about and wanted is not None and wanted not in action.about:
            raise Broken(f"after {wanted}, not {action.about}")

    def no_growth_over_needs(self, action: Action, *, is_incident: bool) -> None:
        """Growth while a higher need is open, or ought to be."""
        if action.tier != "growth" or action.message_class in FREE or is_incident:
            return
        if any(tier != "growth" for _, tier in self.open):
            raise Broken(f"growth while open: {self.open}")
        for need in self.written.definitions.needs:
            if need.tier == "growth" or need.name in self.opened:
                continue
            opens = self.written.needs[need.name]
            if not opens.is_momentary and opens.holds(self):
                raise Broken(f"growth while {need.name} was overlooked")

    def no_withheld(self, action: Action, *, is_incident: bool) -> None:
        """Retention and growth for those in the hold-out."""
        is_bound = action.tier in ("retention", "growth") and action.message_class not in FREE
        if self.is_held and is_bound and not is_incident and self.traits.get("qa") is not True:
            raise Broken("hold-out")
        is_alone = action.action in self.held_alone and not is_incident
        if is_alone and self.traits.get("qa") is not True:
            raise Broken(f"hold-out of {action.action}")

    def hold(self, draws: Iterable[Assignment]) -> None:
        """Take in what hold-outs were drawn: the first draw of each counts."""
        first: dict[str, bool] = {}
        for draw in draws:
            first.setdefault(draw.name, draw.is_held)
        held = {name for name, is_held in first.items() if is_held}
        self.held_alone = {n.removeprefix("action:") for n in held if n.startswith("action:")}
        self.is_held = any(not name.startswith("action:") for name in held)

    def notice(self, decision: Decision) -> None:
        """Take in what a decision says of hold-outs."""
        self.is_held = self.is_held or decision.reason == "holdout"
        gated = (c for c in decision.candidates if c.reason_code == "action_held_out")
        self.held_alone |= {one.action for one in gated}

    def no_unreachable(self, channel: str, language: str | None) -> None:
        """Channels without an address, and words in a foreign language."""
        namespace = _NEEDED.get(channel)
        if namespace is not None and namespace not in self.namespaces:
            raise Broken("no address")
        if language is not None and self.traits.get("language") != language:
            raise Broken("other language")

    def no_too_many(self, action: Action, channel: str) -> None:
        """Caps, of everybody and of the action."""
        definitions = self.written.definitions
        if action.message_class in FREE or not channel:
            return
        own = [Cap(at_most=c.at_most, within=c.within, per="action") for c in action.caps]
        capped = (
            definitions.contact.caps if action.message_class in definitions.contact.capped else ()
        )
        for cap in (*capped, *own):
            if self._used(cap, action, channel) >= cap.at_most and self._is_about(
                cap, action, channel
            ):
                raise Broken(f"cap: {cap}")

    def _is_about(self, cap: Cap, action: Action, channel: str) -> bool:
        if cap.per == "group" and action.group is None:
            return False
        return cap.of is None or cap.of in (channel, action.message_class, action.group)

    def _used(self, cap: Cap, action: Action, channel: str) -> int:
        definitions = self.written.definitions
        groups = {a.action: a.group for a in definitions.actions}
        since, used = self.now - parse_span(cap.within), 0
        for at, its_channel, its_class, its_action in self.released:
            is_same = {
                "person": its_class in definitions.contact.capped,
                "channel": its_class in definitions.contact.capped and its_channel == channel,
                "action": its_action == action.action,
                "group": groups.get(its_action) == action.group,
                "class": its_class == action.message_class,
            }[cap.per]
            used += at > since and is_same
        return used

    def no_noise(self, action: Action, channel: str, at: int) -> None:
        """Quiet hours in every zone in which the person may be: the workspace's and the law's."""
        contact = self.written.definitions.contact
        country, zone = self.traits.get("country"), self.traits.get("timezone")
        if not channel or action.message_class in FREE:
            return
        place = Place(country if country in COUNTRIES else None, zone)
        is_law = action.message_class == "promotional"
        if is_law and next_open(at, channel, place, contact.zones_assumed) != at:
            raise Broken("legal hours")
        quiet = contact.quiet_hours
        if quiet is None or channel not in quiet.channels:
            return
        for name in zones_of(place, contact.zones_assumed):
            try:
                clock = f"{datetime.fromtimestamp(at / 1000, ZoneInfo(name)):%H:%M}"
            except ZoneInfoNotFoundError:
                continue
            is_late = quiet.start <= clock or clock < quiet.end
            is_between = quiet.start <= clock < quiet.end
            if is_between if quiet.start <= quiet.end else is_late:
                raise Broken(f"quiet hours: {clock} in {name}")


def fresh_within(definitions: Definitions) -> int:
    """Give the age in ms beyond which no event may lead to a decision by itself."""
    spans = [parse_span(rule.act_within) for rule in definitions.rules]
    return max(spans, default=parse_span("15m"))
