"""What is under way for one customer: needs, decisions that stand, silences, draws of hold-outs.

Law: a case is a join-semilattice. Every entry is keyed by what made it and only ever rises (a need
closes, a status climbs, an outcome becomes known), so `merge_cases` is a union by key whose equal
entries are joined field by field: commutative, associative, idempotent. Every bound keeps the top
N by an order over fields that never change.

Every entry carries the fragment of the event that made it, so that taking two people apart gives
each their own back. Of two open needs of one name the older (opened at, event) is the one in
force; the other is superseded for as long as both belong to one person, which `open_needs` reads
and nothing has to write. A case is mutable: a step changes the private copy that it decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from heedful.decide.definitions import Tier
from heedful.decide.limits import (
    ASSIGNMENTS_MAX,
    FIRINGS_MAX,
    NEED_INSTANCES_MAX,
    SILENCES_MAX,
    STANDING_MAX,
)
from heedful.effects import MessageClass
from heedful.kernel import InvariantError, canonical, expected

SCHEMA: Final = 1
"""Version of a case's stored form."""

STATUSES: Final = (
    "decided",
    "released",
    "failed",
    "delivered",
    "shown",
    "ignored",
    "rejected",
    "accepted",
    "converted",
    "unsubscribed",
    "complained",
    "expired",
    "withdrawn",
)
"""How far a decision or an effect has come; a later one in this row never becomes an earlier."""

RANK: Final = {status: rank for rank, status in enumerate(STATUSES)}
DECIDED, RELEASED, FAILED, DELIVERED = (RANK[s] for s in STATUSES[:4])
EXPIRED, WITHDRAWN = RANK["expired"], RANK["withdrawn"]

WAITING, MISSED, REACHED, UNLEARNED = range(4)
"""What became of a goal: not known yet; missed within its window; reached; not to be learned."""

RIPENING: Final = (1, 4, 8, 12)
"""Sixteenths of a goal's window at whose end it is weighed how many outcomes would have come by
then. Between two of them who was won is learned and who was lost is not, so they must not be far
apart: with nothing behind the first quarter a model believed in twice the visits that came."""

RIPENING_PARTS: Final = 16

E = TypeVar("E")


class OpenNeed(msgspec.Struct, array_like=True):
    """One time that a need was seen."""

    opened_at: int
    event: int
    """Key of the event that opened it."""
    name: str
    tier: Tier
    fragment: int
    expires_at: int
    closed_at: int = 0
    """0 while it is open."""
    reason: str = ""
    """Why it is closed: `event`, `condition`, `expired`, `unpublished`."""
    is_rearmed: bool = False
    """Whether it may open again by the condition alone: the condition was false since."""
    tried: list[str] = []
    """Actions that were decided for it, sorted."""


class GoalWindow(msgspec.Struct, array_like=True):
    """One goal that a decision waits for."""

    goal: str
    until: int
    outcome: int = WAITING
    value: int = 0
    """Micros that the outcome was worth."""
    stage: int = 0
    """Of a goal whose lateness is weighed, 1 and how many of `RIPENING` are behind; else 0."""
    matured: int = 0
    """Millionths of a miss that were learned before the window closes."""
    is_beside: bool = False
    """Whether it is the goal of another arm that might have been drawn: measured, not learned."""

    def ripens_at(self, decided_at: int) -> int | None:
        """Give the next instant at which a part of a miss is learned; None where there is none."""
        if self.outcome != WAITING or not 0 < self.stage <= len(RIPENING):
            return None
        window, parts = self.until - decided_at, RIPENING[self.stage - 1]
        return decided_at + window * parts // RIPENING_PARTS


class EffectNote(msgspec.Struct, array_like=True):
    """One effect of a decision, as far as a case has to know it."""

    id: str
    kind: str
    """`message` or `webhook`."""
    due: int
    expires_at: int
    status: int = DECIDED
    code: str = ""
    """Why it was withdrawn or failed."""
    to: int = 0
    """Keyed hash of the address that it goes to; 0 where the customer id finds them."""


class Standing(msgspec.Struct, array_like=True):
    """A decision that still matters: it stands, waits to go out, or waits for its outcome."""

    at: int
    id: int
    fragment: int
    trigger: int
    version: str
    slot: str
    """What it was decided for: `slot:PLACEMENT`, `channel:CHANNEL`, or empty for any message."""
    action: str
    channel: str
    treatment: str
    tier: Tier
    message_class: MessageClass | None
    """None where nothing is done."""
    need: str
    """Name of the need that it answers, or empty."""
    need_event: int
    """The opening event of that need, 0 where it answers none."""
    p_choose: int
    model: str
    """The model that valued it; empty where none did."""
    model_seq: int
    stands_until: int
    status: int = DECIDED
    approval: int = 0
    """0 none needed, 1 needed, 2 given."""
    effects: list[EffectNote] = []
    """By id."""
    goals: list[GoalWindow] = []
    """By name."""

    @property
    def is_waiting(self) -> bool:
        """Whether a message of it has not gone out and still may."""
        return any(e.kind == "message" and e.status == DECIDED for e in self.effects)

    def is_finished(self, now: int) -> bool:
        """Say whether nothing about it can change any more but its status."""
        return all(g.outcome != WAITING for g in self.goals) and all(
            e.status > RELEASED or (e.status == RELEASED and e.expires_at <= now)
            for e in self.effects
        )


class Mute(msgspec.Struct, array_like=True):
    """A class of messages that is muted until an instant."""

    until: int
    at: int
    event: int
    message_class: str
    fragment: int
    reason: str


class Firing(msgspec.Struct, array_like=True):
    """When a rule last fired for a person, and whether its condition held when last looked at."""

    at: int
    name: str
    fragment: int
    holds: bool = False


ACTION_HOLDOUT: Final = "action:"
"""How the name of a hold-out begins that an action declares for itself."""


class Assignment(msgspec.Struct, array_like=True):
    """One draw of a hold-out."""

    at: int
    event: int
    name: str
    fragment: int
    is_held: bool


class Case(msgspec.Struct, array_like=True):
    """Everything that is under way for one customer."""

    schema: int
    needs: list[OpenNeed] = []
    """By (opened at, event, name)."""
    standing: list[Standing] = []
    """By (at, id)."""
    silences: list[Mute] = []
    """By (until, at, event, class)."""
    firings: list[Firing] = []
    """By (name, fragment)."""
    holdouts: list[Assignment] = []
    """Those of everything first, then by (name, at, event)."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is under way."""
        return not (self.needs or self.standing or self.silences or self.firings or self.holdouts)

    @property
    def is_active(self) -> bool:
        """Whether any event at all may matter: something waits to go out, whose gates may flip."""
        return any(standing.is_waiting for standing in self.standing)

    @property
    def due(self) -> int | None:
        """Say when something changes next without an event: the engine then says `Time Passed`."""
        found = [need.expires_at for need in self.needs if not need.closed_at]
        is_needed = bool(found)
        for standing in self.standing:
            found += [g.until + 1 for g in standing.goals if g.outcome == WAITING]
            ripe = [goal.ripens_at(standing.at) for goal in standing.goals]
            found += [due for due in ripe if due is not None]
            found += [e.expires_at for e in standing.effects if e.status == DECIDED]
        if is_needed:
            found += [mute.until for mute in self.silences]
        return min(found, default=None)

    def open_needs(self) -> list[OpenNeed]:
        """List the needs in force, oldest first; of two of one name the older one is."""
        seen: dict[str, OpenNeed] = {}
        for need in self.needs:
            if not need.closed_at:
                seen.setdefault(need.name, need)
        return list(seen.values())

    def silenced_until(self, message_class: str, now: int) -> int:
        """Say until when a class is muted; 0 when it is not."""
        muted = (
            mute.until
            for mute in self.silences
            if mute.message_class == message_class and mute.until > now
        )
        return max(muted, default=0)

    def find(self, decision_id: int) -> Standing | None:
        """Find a decision that still matters."""
        return next((s for s in self.standing if s.id == decision_id), None)

    def find_effect(self, effect_id: str) -> tuple[Standing, EffectNote] | None:
        """Find an effect and the decision that made it."""
        for standing in self.standing:
            for effect in standing.effects:
                if effect.id == effect_id:
                    return standing, effect
        return None


_DECODER: Final = msgspec.msgpack.Decoder(Case)


def new_case() -> Case:
    """Begin a case in which nothing is under way."""
    return Case(SCHEMA)


def encode_case(case: Case) -> bytes:
    """Write a case as its canonical bytes."""
    return canonical.encode(case)


def decode_case(body: bytes) -> Case:
    """Read a case that the caller then owns.

    Raises
    ------
    InvariantError
        `bad_case` when the bytes are of no known schema.
    """
    try:
        case = _DECODER.decode(body)
    except msgspec.MsgspecError as error:
        what = expected(f"a case of schema {SCHEMA}", str(error), "store.cases.body")
        raise InvariantError("bad_case", what) from error
    if case.schema != SCHEMA:
        got, remedy = f"schema {case.schema}", "Upgrade Heedful."
        what = expected(f"a case of schema {SCHEMA}", got, "store.cases.body", remedy)
        raise InvariantError("bad_case", what)
    return case


# Keys: what an entry is sorted and joined by. None of their fields ever changes.


def need_key(need: OpenNeed) -> tuple[int, int, str]:
    return need.opened_at, need.event, need.name


def standing_key(standing: Standing) -> tuple[int, int]:
    return standing.at, standing.id


def mute_key(mute: Mute) -> tuple[int, int, int, str]:
    return mute.until, mute.at, mute.event, mute.message_class


def firing_key(firing: Firing) -> tuple[str, int]:
    return firing.name, firing.fragment


def assignment_key(assignment: Assignment) -> tuple[bool, str, int, int]:
    is_alone = assignment.name.startswith(ACTION_HOLDOUT)
    return is_alone, assignment.name, assignment.at, assignment.event


# Bounds


def bounded_needs(needs: list[OpenNeed]) -> list[OpenNeed]:
    """Keep the newest instances of each need, and every one that is open.

    Notes
    -----
    For a step alone: two that are joined keep all, so that joining stays a union.
    """
    if len(needs) <= NEED_INSTANCES_MAX:
        return needs
    kept, counts = [], dict[str, int]()
    for need in reversed(needs):
        counts[need.name] = counts.get(need.name, 0) + 1
        if not need.closed_at or counts[need.name] <= NEED_INSTANCES_MAX:
            kept.append(need)
    return kept[::-1]


def bounded_standing(standing: list[Standing]) -> list[Standing]:
    """Keep the newest decisions."""
    return standing[-STANDING_MAX:]


def bounded_silences(silences: list[Mute]) -> list[Mute]:
    """Keep those that last longest."""
    return silences[-SILENCES_MAX:]


def bounded_firings(firings: list[Firing]) -> list[Firing]:
    """Keep the rules whose names sort first: what fired when would rise and break the law."""
    return firings[:FIRINGS_MAX]


def bounded_assignments(assignments: list[Assignment]) -> list[Assignment]:
    """Keep the oldest draws of each hold-out."""
    return assignments[:ASSIGNMENTS_MAX]


def sort_in(entries: list[E], entry: E, key: Callable[[E], Any]) -> None:
    """Put an entry in its place."""
    entries.append(entry)
    entries.sort(key=key)
