"""What the routes answer, as their description shows it.

The engine gives plain data, and these types say what is in it: no answer passes through them on
its way, and `tests/api/test_answers.py` holds each against what the server really says. A later
version may add fields; clients pass over those that they do not know.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer's body; its instants are texts such as `2026-11-20T18:00:00.000Z`."""


class Problem(Answer, frozen=True):
    """Why something was refused."""

    code: str
    """Stable; match on it."""
    message: str
    """For a person: what was expected, what came, where, and the remedy."""
    detail: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class Success(Answer, frozen=True):
    """Done, and durable."""

    success: Literal[True]


class Acknowledged(Success, frozen=True):
    """What of it may be kept is durable, in the log or in the quarantine."""

    refused: int | msgspec.UnsetType = msgspec.UNSET
    """Events of it that are not in the log; told to owners and operators only."""
    suppressed: int | msgspec.UnsetType = msgspec.UNSET
    """Events of people who were erased, which are kept nowhere; told to owners and operators."""


class Named(Answer, frozen=True):
    """An identifier."""

    namespace: str
    value: str


class Account(Answer, frozen=True):
    """An account that the person belongs to."""

    group_id: str
    last_at: str
    traits: dict[str, Any]


class ConsentHeld(Answer, frozen=True):
    """What a person last said about a purpose on a channel; `*` is every channel."""

    purpose: str
    channel: str
    status: str
    at: str
    source: str
    text_version: str | None
    proof: str | None


class Contact(Answer, frozen=True):
    """A message that was released to the person."""

    at: str
    channel: str
    message_class: str = msgspec.field(name="class")
    action: str
    decision_id: str | None


class DeviceZone(Answer, frozen=True):
    """The time zone that a device of the person said last (`context.timezone`)."""

    zone: str
    at: str


class DeviceLocale(Answer, frozen=True):
    """The locale that a device of the person said last (`context.locale`)."""

    locale: str
    at: str


class Customer(Answer, frozen=True):
    """The golden record: one person as all their events say."""

    customer_id: str
    identifiers: list[Named]
    traits: dict[str, Any]
    accounts: list[Account]
    consents: list[ConsentHeld]
    gpc: bool
    """Whether their browser has ever sent the Global Privacy Control."""
    device_zone: DeviceZone | None
    """Where none is stated, quiet hours and local time go by it."""
    device_locale: DeviceLocale | None
    """Where no language is stated, treatments are chosen by it."""
    contacts: list[Contact]
    signals: dict[str, Any]
    """Declared signals; null is unknown, and `signals_unknown` says why."""
    signals_unknown: dict[str, str]
    event_count: int
    first_at: str | None
    last_at: str | None
    is_refolding: bool


class TimelineEvent(Answer, frozen=True):
    """One event of a person."""

    message_id: str
    type: str
    name: str
    at: str
    """When it happened: `received_at - (sent_at - original_timestamp)`, by our clock."""
    received_at: str
    source: str
    original_timestamp: str | None = None
    sent_at: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    previous_id: str | None = None
    group_id: str | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    context: dict[str, Any] = {}
    integrations: dict[str, Any] = {}
    flags: list[str] = []


class Timeline(Answer, frozen=True):
    """A page of a person's events, the newest first."""

    items: list[TimelineEvent]
    next_cursor: str | None


class FragmentShown(Answer, frozen=True):
    """Identifiers that stood together on an event."""

    first_at: str
    kind: str
    identifiers: list[Named]


class Merge(Answer, frozen=True):
    """What joined two people, and what could not."""

    at: str
    joined: list[Named]
    could_not_link: list[Named]


class Separation(Answer, frozen=True):
    """Identifiers that an unmerge keeps apart."""

    left: list[Named]
    right: list[Named]


class Graph(Answer, frozen=True):
    """Why a customer is one person."""

    customer_id: str
    anchor: Named
    fragments: list[FragmentShown]
    merges: list[Merge]
    separations: list[Separation]
    shared: list[Named]
    """Identifiers of so many people that they link nobody."""
    others_near: int


class Quarantined(Answer, frozen=True):
    """What arrived about a person and could not become an event."""

    received_at: str
    reason: str
    body: str


class Export(Answer, frozen=True):
    """Everything that is held about a person."""

    customer: Customer
    graph: Graph
    trait_history: dict[str, list[dict[str, Any]]]
    sources: dict[str, Any]
    automatic_signals: dict[str, dict[str, Any]]
    events: list[TimelineEvent]
    quarantined: list[Quarantined]
    needs: list[dict[str, Any]]
    """What they were seen to need lately, open or closed."""
    silences: list[dict[str, Any]]
    """Classes of messages that are muted for them."""
    hold_outs: list[dict[str, Any]]
    """How chance drew for them, hold-out by hold-out."""
    models: list[str]
    """Trained models whose data set they are in."""
    decisions: list[dict[str, Any]]
    """What was decided for them, with every candidate."""
    messages: list[dict[str, Any]]
    """What was to go out to them, and what became of it."""


class MergePreviewed(Answer, frozen=True):
    """What an event that names both customers would do."""

    is_merged: bool
    customer_id: str | None
    identifiers: list[Named]
    could_not_link: list[Named]
    event_count: int
    conflicting_traits: list[str]


class Contribution(Answer, frozen=True):
    """One event and what it adds to a signal: a number, a value, a step, or those by category."""

    at: int
    """Milliseconds since 1970."""
    message_id: str
    name: str
    contribution: Any


class Explanation(Answer, frozen=True):
    """A signal's value and the events behind it, the oldest first."""

    name: str
    kind: str
    at: int
    """Milliseconds since 1970."""
    value: Any
    contributions: list[Contribution]
    is_exact: bool
    """False where so much happened that older events are known to one bin only, or no more."""
    parts: list[Explanation]
    """Of a ratio: the two signals that it is made of."""


class Split(Answer, frozen=True):
    """The customers that an unmerge touched."""

    customers: list[str]


class Erased(Answer, frozen=True):
    """What an erasure removed."""

    customer_id: str
    events: int
    quarantined: int
    identifiers: int
    backups: list[str]
    """Places of the backups that hold the person still."""
    retrain: list[str]
    """Trained models that learned from them, and should be trained anew."""


class StrategyInForce(Answer, frozen=True):
    """A strategy: its version and the texts of its files by path."""

    version: str
    files: dict[str, str]


class Publication(Answer, frozen=True):
    """A strategy that was put in force."""

    version: str
    at: str
    by: str


class StrategyVersions(Answer, frozen=True):
    """What was published, the oldest first."""

    items: list[Publication]


class BackupShown(Answer, frozen=True):
    """One backup that was written."""

    folder: str
    at: str
    erased_people: int
    """People whom it holds and who were erased since."""
    is_there: bool
    """Whether it is where it was put, as the server sees it."""


class Backups(Answer, frozen=True):
    """What was written, the oldest first."""

    items: list[BackupShown]


class Signals(Answer, frozen=True):
    """The declared signals, each as its file says."""

    items: list[dict[str, Any]]


class Health(Answer, frozen=True):
    """Whether the process lives, or requests are taken; else the reason."""

    status: str
    pending: int | msgspec.UnsetType = msgspec.UNSET
    """Events that wait for the writer."""


class Candidate(Answer, frozen=True):
    """One arm that was looked at, and why it won or lost."""

    action: str
    channel: str
    treatment: str
    verdict: Literal["chosen", "lost", "gated"]
    reason_code: str
    why: str
    """`reason_code` as a sentence."""
    p_choose: float
    terms: dict[str, int]
    """Money in micros by term, and `p_ppm`, `p_nothing_ppm`: probabilities in millionths."""


class Why(Answer, frozen=True):
    """A decision, told."""

    decision_id: str
    sentence: str
    candidates: list[Candidate]
    would_change: list[dict[str, Any]]
    """What would have let another through or win, the nearest rival first."""
    versions: dict[str, str]
    """Of strategy, models and governance."""
    flags: list[str]
    because: list[str]
    """What moved the chance of what was chosen, where a model looked at the person."""
    ahead: list[str]
    """Where the person stood in the long game, what later counted, and what is best next if nothing
    comes of it; or why it was not counted. Empty where the strategy declares no such model."""


class EffectOfDecision(Answer, frozen=True):
    """What went out of a decision, or is to."""

    effect_id: str
    destination: str
    status: str
    """`waiting`, `released`, `delivered`, `dead` or `withdrawn`."""
    code: str
    """What became of it last, such as `connect_failed`; empty before its first try."""
    attempts: int
    due: str | None
    """When it is tried next; null where it is settled."""


class OutcomeOfDecision(Answer, frozen=True):
    """What was reported of a decision."""

    outcome: str
    at: str


class Became(Answer, frozen=True):
    """What became of a decision."""

    effects: list[EffectOfDecision]
    outcomes: list[OutcomeOfDecision]
    """The earliest first."""


class Decided(Answer, frozen=True):
    """What is to be done; `action` is `do_nothing` where silence is best."""

    decision_id: str
    """Of a `dry_run`, the id of a decision that is not kept."""
    customer_id: str | None
    """Null where a `dry_run` is about somebody who is not known."""
    action: str
    need: str | None
    tier: str
    class_: str | None = msgspec.field(name="class")
    channel: str | None
    treatment: str | None
    placement: str | None
    content: dict[str, Any] | None
    """The words of the treatment, filled in; null for silence."""
    p_choose: float
    reason: str
    strategy_version: str
    expires_at: str
    hints: list[str] | msgspec.UnsetType = msgspec.UNSET
    """Where nothing in force has the placement or channel that was asked for: what is known."""
    candidates: list[Candidate] | msgspec.UnsetType = msgspec.UNSET
    """Where an explanation was asked for: every arm that was looked at."""
    explanation: Why | msgspec.UnsetType = msgspec.UNSET
    became: Became | msgspec.UnsetType = msgspec.UNSET
    """Of one decision that is read: what went out of it, and what was reported of it."""


class DecidedPage(Answer, frozen=True):
    """A page of a person's decisions, the newest first."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class Withheld(Answer, frozen=True):
    """Why a person gets nothing; empty where a message would go out."""

    items: list[dict[str, str]]


class InboxPage(Answer, frozen=True):
    """Messages that wait for the person, the oldest first."""

    items: list[dict[str, Any]]
    next_cursor: int | None


class Effects(Answer, frozen=True):
    """Effects of one status."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class Levers(Answer, frozen=True):
    """What is stopped, disturbed, or waits for others to agree."""

    items: list[dict[str, Any]]


class Stopped(Answer, frozen=True):
    """Stopped, and durable."""

    success: Literal[True]
    is_known: bool
    """Whether something in force has this name; a placement, which whoever asks names, always."""
    hint: str | None
    """That nothing in force has this name, with the nearest that something has."""


class Switched(Answer, frozen=True):
    """Done, or the request that others have to agree to first."""

    success: bool
    approval: dict[str, Any] | None


class AuditHead(Answer, frozen=True):
    """Where the audit chain stands, signed; keep it elsewhere."""

    seq: int
    hash: str
    at: int
    signature: str
    public_key: str


class AuditVerdict(Answer, frozen=True):
    """What a check of the audit chain found."""

    is_intact: bool
    checked: int
    anchored_seq: int
    fault: dict[str, Any] | None
