"""Contact policy: where a person can be reached, how often, and when.

Caps count what was released to the person over all their devices (a fact of the profile) and what
is decided and still waits. Quiet hours move a message to their end; only one that would be of no
use by then is stopped by them.
"""

from __future__ import annotations

from typing import Any, Final

from heedful.decide.compiled import FREE_CLASSES, ActionRule, ArmRule, CapRule
from heedful.decide.limits import FATIGUE_WINDOW_MS
from heedful.decide.readings import read_locale
from heedful.decide.run import Run
from heedful.effects import MessageClass
from heedful.govern.hours import next_open
from heedful.kernel import DAY_MS, MICRO, hash_key, public_id

_NAMESPACES: Final = {
    "email": "email",
    "sms": "phone",
    "phone": "phone",
    "whatsapp": "phone",
    "push": "push",
}
"""Channels that need an address of one kind; every other one reaches the person as customer."""

_KNOWN: Final = ("email", "phone", "push", "user_id", "anonymous_id")


def hash_address(secret: bytes, channel: str, to: dict[str, str]) -> int:
    """Give the keyed hash of where a message on a channel goes; 0 where the customer id does.

    Notes
    -----
    A case keeps no address, and still has to know that a message was written to it.
    """
    namespace = _NAMESPACES.get(channel)
    if namespace is None or namespace not in to:
        return 0
    return hash_key(secret, "address", namespace, to[namespace])


class Contact:
    """What the contact policy asks of one person, each question answered once.

    Parameters
    ----------
    is_release
        Whether a message is about to go out: then only what went out before counts, so that of
        several that wait, as after a merge, those that come first find room.
    """

    def __init__(self, run: Run, *, is_release: bool = False) -> None:
        self._run = run
        self._contact = run.rules.contact
        self._is_release = is_release
        self._ignored: frozenset[int] = frozenset()
        self._counts: dict[int, dict[tuple[str, str], int]] = {}
        self._full: frozenset[tuple[str, str]] | None = None
        self._reach: dict[str, dict[str, str] | None] = {}
        self._open: dict[tuple[str, bool, bool, int], int | None] = {}
        self._addresses: dict[str, str] | None = None
        self._language: str | None = None
        self._is_language_read = False

    # Reaching

    def address(self, channel: str) -> dict[str, str] | None:
        """Give where a message on a channel goes, or None where it cannot."""
        if channel not in self._reach:
            self._reach[channel] = self._address(channel)
        return self._reach[channel]

    def reaches(self, channel: str) -> bool:
        """Say whether a message on a channel can reach the person."""
        namespace = _NAMESPACES.get(channel)
        return namespace is None or namespace in self._known_addresses()

    def destination(self, channel: str) -> int:
        """Give the keyed hash of where a message on a channel goes; see `hash_address`."""
        return hash_address(self._run.surroundings.secret, channel, self.address(channel) or {})

    def is_theirs(self, channel: str, destination: int) -> bool:
        """Say whether what a message was written to is still an address of the person's."""
        namespace = _NAMESPACES.get(channel)
        if namespace is None or not destination:
            return True
        addresses = [i.value for i in self._run.person.identifiers() if i.namespace == namespace]
        trait = self._run.readings.traits.get(namespace)
        if isinstance(trait, str):
            addresses.append(trait)
        secret = self._run.surroundings.secret
        return any(hash_address(secret, channel, {namespace: v}) == destination for v in addresses)

    def _address(self, channel: str) -> dict[str, str] | None:
        known = self._known_addresses()
        namespace = _NAMESPACES.get(channel)
        if namespace is not None:
            return {namespace: known[namespace]} if namespace in known else None
        reached: dict[str, str] = {
            name: known[name] for name in ("user_id", "anonymous_id") if name in known
        }
        return {"customer_id": public_id("c", self._run.person.customer), **reached}

    def _known_addresses(self) -> dict[str, str]:
        if self._addresses is None:
            found: dict[str, str] = {}
            # What they say now, before any address that they ever had.
            for name in ("email", "phone"):
                value = self._run.readings.traits.get(name)
                if isinstance(value, str) and value:
                    found[name] = value
            for identifier in self._run.person.identifiers():
                if identifier.namespace in _KNOWN:
                    found.setdefault(identifier.namespace, identifier.value)
            self._addresses = found
        return self._addresses

    @property
    def language(self) -> str | None:
        """The person's language as two letters.

        Notes
        -----
        From `traits.language`, `traits.locale`, the event, or what a device of theirs said last.
        """
        if not self._is_language_read:
            run = self._run
            traits, context = run.readings.traits, run.event.context
            device = read_locale(run.person.profile, run.rules.profile, run.now)
            said = (traits.get("language"), traits.get("locale"), context.get("locale"), device)
            text = next((v for v in said if isinstance(v, str) and len(v) >= 2), None)
            self._language = text[:2].lower() if text else None
            self._is_language_read = True
        return self._language

    def speaks(self, arm: ArmRule) -> bool:
        """Say whether a treatment is in a language that the person understands."""
        return arm.language is None or arm.language[:2].lower() == self.language

    # Counting

    def ignore(self, decisions: frozenset[int]) -> None:
        """Leave decisions out that wait: the one to be made would replace them."""
        if decisions != self._ignored:
            self._ignored = decisions
            self._counts.clear()
            self._full = None

    def count(self, within_ms: int, per: str, of: str) -> int:
        """Count the messages of a window by what they have in common."""
        return self._counts_of(within_ms).get((per, of), 0)

    def _counts_of(self, within_ms: int) -> dict[tuple[str, str], int]:
        counts = self._counts.get(within_ms)
        if counts is None:
            counts = self._counts[within_ms] = self._counted(within_ms)
        return counts

    def _counted(self, within_ms: int) -> dict[tuple[str, str], int]:
        run = self._run
        counts: dict[tuple[str, str], int] = {}
        since = run.now - within_ms
        for contact in reversed(run.person.profile.contacts):
            if contact.at <= since:
                break
            if contact.at <= run.now:
                self._add(counts, contact.channel, contact.message_class, contact.action)
        if not self._is_release:
            for s in run.case.standing:
                if s.is_waiting and s.id not in self._ignored:
                    self._add(counts, s.channel, s.message_class or "", s.action)
        return counts

    def _add(
        self, counts: dict[tuple[str, str], int], channel: str, message_class: str, action: str
    ) -> None:
        keys = [("action", action), ("class", message_class)]
        rule = self._run.rules.actions.get(action)
        if rule is not None and rule.group is not None:
            keys.append(("group", rule.group))
        if message_class in self._contact.capped:
            keys += [("person", ""), ("channel", channel)]
        for key in keys:
            counts[key] = counts.get(key, 0) + 1

    def recent(self) -> int:
        """Count the messages that fatigue looks at."""
        return self.count(FATIGUE_WINDOW_MS, "person", "")

    def reached(self) -> frozenset[tuple[str, str]]:
        """List what everybody's caps leave no room for: what is counted, and its name."""
        if self._full is None:
            self._full = frozenset(
                (cap.per, of)
                for cap in self._contact.caps
                for of in self._names(cap)
                if self.count(cap.within_ms, cap.per, of) >= cap.at_most
            )
        return self._full

    def _names(self, cap: CapRule) -> list[str]:
        if cap.of is not None or cap.per == "person":
            return [cap.of or ""]
        if not cap.at_most:
            return list(self._run.rules.capped_names(cap.per))
        counts = self._counts_of(cap.within_ms)
        return [of for per, of in counts if per == cap.per]

    def is_capped(self, action: ActionRule, arm: ArmRule) -> bool:
        """Say whether a cap leaves no room for a message."""
        if action.is_free or not arm.channel:
            return False
        reached = self.reached()
        if reached and action.is_capped:
            names = (
                ("person", ""),
                ("action", action.name),
                ("group", action.group),
                ("channel", arm.channel),
                ("class", action.message_class),
            )
            if any(name in reached for name in names):
                return True
        return any(
            self.count(cap.within_ms, cap.per, of) >= cap.at_most
            for cap in action.caps
            if (of := _counted_with(cap, action, arm)) is not None
        )

    def is_spared(self, arm: ArmRule, model: str, placement: str | None, at: int) -> bool:
        """Say whether a tightened guardrail keeps this person's messages of the day back."""
        run = self._run
        governance = run.surroundings.governance
        if not governance.factors.by_name:
            return False
        subject = arm.subject._replace(model=model, placement=placement)
        return self.is_kept_back(governance.factor_ppm(subject), at)

    def is_kept_back(self, factor_ppm: int, at: int) -> bool:
        """Say whether a person is among those of a day whom a tightened limit leaves out."""
        if factor_ppm >= MICRO:
            return False
        run, day = self._run, str(at // DAY_MS)
        drawn = hash_key(run.surroundings.secret, "guardrail", str(run.person.customer), day)
        return drawn % MICRO >= factor_ppm

    # Hours

    def opens_at(
        self, channel: str, message_class: MessageClass, *, is_loud: bool, at: int
    ) -> int | None:
        """Find the first instant from `at` when a message may be heard; None for none soon."""
        is_legal = message_class == "promotional"
        if message_class in FREE_CLASSES or not (is_legal or is_loud):
            return at
        key = (channel, is_loud, is_legal, at)
        if key not in self._open:
            own = self._contact.own_hours if is_loud else ()
            self._open[key] = next_open(
                at,
                channel,
                self._run.place,
                self._contact.zones_assumed,
                own,
                is_legal=is_legal,
            )
        return self._open[key]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _counted_with(cap: CapRule, action: ActionRule, arm: ArmRule) -> str | None:
    """Name what a message is counted with under a cap; None where the cap is about others."""
    of: str | None
    match cap.per:
        case "person":
            return ""
        case "action":
            of = action.name
        case "group":
            of = action.group
        case "channel":
            of = arm.channel
        case "class":
            of = action.message_class
    return of if cap.of in (None, of) else None
