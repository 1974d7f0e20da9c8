"""The protocols behind which the outside stands, with their obligations.

A back end of `Store` passes `tests/contract/test_store.py`; nothing above this file knows which
one runs. Rows are plain tuples of integers, texts and bytes: what the bytes mean is known to the
engine alone, so a back end never decodes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

from heedful.effects import OutboundEffect
from heedful.kernel import PeerError

T = TypeVar("T")

ERASE_AGAIN: Final = "erase_again"
"""Named value in which a restored store finds which identifiers were erased since: (key, at)."""

CLAIM_NEW: Final = 0
CLAIM_DUPLICATE: Final = 1
CLAIM_CONFLICT: Final = 2


class StaleWrite(PeerError):
    """Somebody else changed an aggregate since it was read: read again and repeat the step."""

    def __init__(self, aggregate: str) -> None:
        super().__init__(
            "stale_write",
            f"Expected the version of the {aggregate} that was read, got a newer one - at the "
            "store. Repeat the transaction.",
        )


class StoreFull(PeerError):
    """The disk, or what is allowed of it, is full; nothing of the transaction was kept."""

    def __init__(self, what: str) -> None:
        super().__init__(
            "store_full",
            f"Expected room on the disk, got {what} - at the store. Free space; nothing was lost.",
        )


class StoreUnavailable(PeerError):
    """The store cannot be reached or is owned by another process."""


class Claim(NamedTuple):
    """A message that wants to be new.

    `slot` is a 63-bit integer whose high 31 bits are the second of the raw timestamp, so recent
    slots stand together; `check` are independent bits of the same identity, which tell a true
    repeat from two messages that met in one slot; `content` is a hash of what the message says.
    """

    slot: int
    check: int
    content: int


class FragmentRow(NamedTuple):
    """Where a distinct identifier set belongs now."""

    key: int
    first_at: int
    cluster: int
    customer: int


class IdentifierRow(NamedTuple):
    """Where one identifier belongs now; `customer` is None while it links nobody."""

    key: int
    namespace: str
    value: str
    cluster: int | None
    customer: int | None
    is_shared: bool


class ClusterRow(NamedTuple):
    """A cluster of the identity graph; `version` is the one that was read, 0 for a new one."""

    key: int
    version: int
    body: bytes


class CustomerRow(NamedTuple):
    """One customer's facts; `version` is the one that was read, 0 for a new one."""

    key: int
    version: int
    cluster: int
    signal_set: int
    """Hash of the signal definitions under which the body is complete."""
    due: int | None
    """When something changes without an event: the customer is to be looked at again."""
    refold: int
    """1 while the body waits to be folded anew from the log, else 0."""
    body: bytes
    process: bytes = b""
    """What goes on with the customer: needs, standing decisions; empty where nothing does."""


class LogRow(NamedTuple):
    """One event of the log: `(fragment, at, key)` is its address, `seq` its place in time."""

    fragment: int
    at: int
    key: int
    seq: int
    body: bytes


class QuarantineRow(NamedTuple):
    """Something that arrived and could not become an event."""

    id: int
    """0 for a new row."""
    received_at: int
    source: str
    reason: str
    message: str
    identifiers: bytes
    """MessagePack array of identifier keys, so that erasure finds the row."""
    body: bytes


class DecisionRow(NamedTuple):
    """One decision, filed under the fragment of the event that it answers."""

    id: int
    fragment: int
    at: int
    seq: int
    """Place in the log of the event that it answers: the decision saw all up to it."""
    body: bytes


EffectStatus = Literal["waiting", "released", "delivered", "dead", "withdrawn"]


class EffectRow(NamedTuple):
    """One effect in the outbox."""

    id: str
    decision: int
    fragment: int
    destination: str
    status: EffectStatus
    due: int
    """When it is to be looked at again: its time, its next try, or the end of a lease."""
    attempts: int
    expires_at: int
    code: str
    """What became of it last, such as `http_503` or `cap_reached`; free of personal data."""
    body: bytes


class SliceRow(NamedTuple):
    """What one worker may spend of a budget in a period."""

    budget: str
    period: int
    worker: str
    granted: int
    """Micros that were promised to it."""
    used: int
    """Micros of them that are spent."""
    until: int
    """When others may take back what is left."""


class MessageRow(NamedTuple):
    """One message in a person's inbox."""

    number: int
    """0 for a new row; greater for a later one."""
    effect: str
    fragment: int
    put_at: int
    expires_at: int
    mark: str
    """How far the person came with it; empty at first."""
    body: bytes


class AuditRow(NamedTuple):
    """One link of the audit chain."""

    number: int
    """From 1, without a gap."""
    hash: bytes
    body: bytes


class KeyRow(NamedTuple):
    """An API key: only its hash is kept."""

    hash: bytes
    role: str
    name: str
    created_at: int
    revoked_at: int | None


class Transaction(Protocol):
    """One atomic unit of reads and writes; all of it is durable, or none.

    Obligations: a transaction sees what it wrote itself; once it has raised StaleWrite it never
    commits, even if the error is caught; after its end every call raises InvariantError.
    """

    def claim(self, claims: Sequence[Claim]) -> list[Literal[0, 1, 2]]:
        """Take each slot, or say why not: CLAIM_NEW, CLAIM_DUPLICATE, CLAIM_CONFLICT.

        A slot with another `check` is not a repeat: the next slot is tried. A repeat with another
        `content` is a conflict. Two equal claims in one call are new and duplicate, in order.
        """

    def forget_claims(self, below_slot: int, limit: int) -> int:
        """Drop the claims of slots below a bound, the lowest first; say how many were dropped.

        The high 31 bits of the bound are the second of the raw timestamp before which no copy is
        looked for any more; its other bits are 0.
        """

    def fragments(self, keys: Sequence[int]) -> dict[int, FragmentRow]:
        """Read fragments; unknown ones are absent."""

    def identifiers(self, keys: Sequence[int]) -> dict[int, IdentifierRow]:
        """Read identifiers; unknown ones are absent."""

    def clusters(self, keys: Sequence[int]) -> dict[int, ClusterRow]:
        """Read clusters with their versions; unknown ones are absent."""

    def customers(self, keys: Sequence[int]) -> dict[int, CustomerRow]:
        """Read customers with their versions; unknown ones are absent."""

    def put_fragments(self, rows: Sequence[FragmentRow]) -> None:
        """Write fragments, replacing what stands there."""

    def put_identifiers(self, rows: Sequence[IdentifierRow]) -> None:
        """Write identifiers, replacing what stands there."""

    def put_clusters(self, rows: Sequence[ClusterRow]) -> None:
        """Write clusters at `version + 1`; raise StaleWrite unless the version read still stands.

        A row of version 0 must not exist yet.
        """

    def put_customers(self, rows: Sequence[CustomerRow]) -> None:
        """Write customers at `version + 1`; raise StaleWrite as `put_clusters` does."""

    def delete_clusters(self, rows: Sequence[ClusterRow]) -> None:
        """Delete clusters; raise StaleWrite unless the version read still stands."""

    def delete_customers(self, rows: Sequence[CustomerRow]) -> None:
        """Delete customers; raise StaleWrite unless the version read still stands."""

    def delete_fragments(self, keys: Sequence[int]) -> None:
        """Delete fragments, but not the events filed under them."""

    def delete_identifiers(self, keys: Sequence[int]) -> None:
        """Delete identifiers."""

    def last_seq(self) -> int:
        """The greatest `seq` ever given, 0 at the start; never falls, also after deletions."""

    def append(self, rows: Sequence[LogRow]) -> None:
        """Add events to the log; their `seq` continue `last_seq()` without a gap.

        Raises
        ------
        InvariantError
            `seq_gap` for any other `seq`.
        """

    def events_of(
        self,
        fragments: Sequence[int],
        *,
        after_seq: int = 0,
        from_at: int | None = None,
        before: tuple[int, int] | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[LogRow]:
        """Read the events of fragments, merged into the order of `(at, key, seq)`.

        `from_at` is inclusive; `before` is an exclusive `(at, key)` bound, the cursor of a
        timeline read newest first.
        """

    def count_events(self, fragments: Sequence[int]) -> int:
        """Count the events of fragments."""

    def log(self, after_seq: int, limit: int) -> list[LogRow]:
        """Read the log in the order of `seq`; erased events are left out."""

    def delete_events(self, fragments: Sequence[int]) -> int:
        """Delete all events of fragments; say how many."""

    def delete_rows(self, seqs: Sequence[int]) -> int:
        """Delete single events of the log; say how many were there."""

    def separations(self, identifiers: Sequence[int]) -> dict[int, bytes]:
        """Read the separations (by key) that name one of these identifiers."""

    def put_separation(self, key: int, identifiers: Sequence[int], body: bytes) -> None:
        """Keep a separation under each identifier that it names, replacing one of the same key."""

    def delete_separations(self, keys: Sequence[int]) -> None:
        """Delete separations, as an erasure must."""

    def suppressed(self, identifiers: Sequence[int]) -> set[int]:
        """Of these identifiers, those whose person was erased and must not return."""

    def suppress(self, identifiers: Sequence[int], at: int) -> None:
        """Refuse these identifiers from now on; the first refusal of an identifier stands."""

    def suppressions(self, after: int, limit: int) -> list[tuple[int, int]]:
        """Read what is suppressed as (identifier, since when), ascending, beyond an identifier."""

    def lift_suppression(self, identifiers: Sequence[int]) -> None:
        """Allow these identifiers again."""

    def quarantine(self, rows: Sequence[QuarantineRow]) -> None:
        """Keep what could not become an event; a row with an id replaces the one of that id.

        New ids ascend, and the id of a deleted row is never given again.
        """

    def quarantined(self, after_id: int, limit: int) -> list[QuarantineRow]:
        """Read the quarantine in the order of arrival."""

    def delete_quarantined(self, ids: Sequence[int]) -> None:
        """Delete rows of the quarantine."""

    def due_customers(self, now: int, limit: int) -> list[int]:
        """Keys of customers whose `due` has come, the earliest first."""

    def customers_to_refold(self, limit: int) -> list[int]:
        """Keys of customers that wait to be folded anew."""

    def customers_outside(self, signal_set: int, after_key: int, limit: int) -> list[int]:
        """Keys above `after_key` whose body is complete under another signal set, ascending."""

    def scan_customers(self, after_key: int, limit: int) -> list[CustomerRow]:
        """Read customers by key, ascending."""

    def scan_clusters(self, after_key: int, limit: int) -> list[ClusterRow]:
        """Read clusters by key, ascending."""

    def features(self) -> list[tuple[int, str]]:
        """The dictionary of automatic features: (id, name), in no particular order."""

    def put_features(self, rows: Sequence[tuple[int, str]]) -> None:
        """Extend the dictionary; a known id is left as it is."""

    def rename_features(self, rows: Sequence[tuple[int, str]]) -> None:
        """Give known ids another name, as an erasure must."""

    def keys(self) -> list[KeyRow]:
        """All API keys, revoked ones included."""

    def put_key(self, row: KeyRow) -> None:
        """Write an API key, replacing one of the same hash."""

    def commits(self, after_seq: int, limit: int) -> list[int]:
        """The last `seq` of each `append` beyond a `seq`, ascending: where batches ended."""

    def put_decisions(self, rows: Sequence[DecisionRow]) -> None:
        """Write decisions, replacing those of the same id."""

    def decisions(self, ids: Sequence[int]) -> dict[int, DecisionRow]:
        """Read decisions; unknown ones are absent."""

    def decisions_of(
        self, fragments: Sequence[int], *, before: tuple[int, int] | None, limit: int
    ) -> list[DecisionRow]:
        """Read the decisions of fragments, the newest first; `before` is an `(at, id)` bound."""

    def decisions_after(self, seq: int, limit: int) -> list[DecisionRow]:
        """Read decisions in the order of `(seq, id)`, beyond all of a `seq`.

        All decisions of one `seq` are given, so a page may be longer than its limit.
        """

    def put_effects(self, rows: Sequence[EffectRow]) -> None:
        """Write effects, replacing those of the same id."""

    def effects(self, ids: Sequence[str]) -> dict[str, EffectRow]:
        """Read effects; unknown ones are absent."""

    def effects_of(
        self, fragments: Sequence[int], destination: str | None = None
    ) -> list[EffectRow]:
        """Read the effects of fragments in the order of their ids, of one destination if given."""

    def due_effects(self, now: int, limit: int, without: Sequence[str] = ()) -> list[EffectRow]:
        """Effects that wait, or whose lease ran out, and whose `due` has come; earliest first.

        Effects for the destinations in `without` are passed over.
        """

    def effects_in(self, status: EffectStatus, after: str, limit: int) -> list[EffectRow]:
        """Read effects of one status in the order of their ids, beyond an id."""

    def count_effects(self) -> dict[tuple[str, EffectStatus], int]:
        """Count effects by destination and status."""

    def delete_effects(self, fragments: Sequence[int]) -> int:
        """Delete the effects of fragments, as an erasure must; say how many."""

    def put_message(self, row: MessageRow) -> bool:
        """Keep a message for the inbox; False when one of its effect is kept already."""

    def messages_of(self, fragments: Sequence[int], after: int, limit: int) -> list[MessageRow]:
        """Read the inbox of fragments in the order of arrival, beyond a number."""

    def mark_message(self, effect: str, fragments: Sequence[int], mark: str) -> bool:
        """Set how far the person came with a message; False when they have none of that effect."""

    def delete_messages(self, fragments: Sequence[int]) -> int:
        """Delete the inbox of fragments, as an erasure must; say how many."""

    def last_lesson(self) -> int:
        """The greatest number of a learning row, 0 at the start."""

    def append_lessons(self, bodies: Sequence[bytes]) -> None:
        """Add learning rows; their numbers continue `last_lesson()` without a gap."""

    def lessons(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Read learning rows in the order of their numbers."""

    def put_snapshot(self, model: str, number: int, body: bytes) -> None:
        """Keep what a model knew after the learning row of a number."""

    def snapshot(self, model: str, at_most: int | None = None) -> tuple[int, bytes] | None:
        """Read a model's newest snapshot, or its newest up to a number."""

    def promised(self, budget: str, period: int) -> int:
        """Micros of a budget that are in slices, spent or not, in a period."""

    def promise(self, budget: str, period: int, micros: int) -> None:
        """Add to what is promised; below zero gives back. Two that do it at once conflict."""

    def slices(self, budget: str, period: int) -> list[SliceRow]:
        """Read the slices of a budget in a period, by worker."""

    def slices_of(self, worker: str) -> list[SliceRow]:
        """Read all slices of a worker, by budget and period."""

    def put_slice(self, row: SliceRow) -> None:
        """Write a slice, by budget, period and worker."""

    def delete_slices(self, budget: str, before: int, worker: str) -> None:
        """Delete a worker's slices of a budget in earlier periods."""

    def append_audit(self, rows: Sequence[AuditRow]) -> None:
        """Add links to the audit chain; their numbers continue the newest without a gap."""

    def audit(self, after: int, limit: int) -> list[AuditRow]:
        """Read the audit chain in order."""

    def audit_head(self) -> AuditRow | None:
        """The newest link of the audit chain; None at the start."""

    def get_meta(self, name: str) -> bytes | None:
        """Read one named value of the workspace."""

    def put_meta(self, name: str, value: bytes) -> None:
        """Write one named value of the workspace."""


class Delivery(NamedTuple):
    """What became of one call of a connector.

    `delivered`: the other side has it. `retry`: it has it not, and it may work later (429, 5xx, no
    connection). `failed`: it will never work (4xx, unknown address). `unknown`: the request left
    and no answer came; it is sent again under the same id, unless it goes out at most once.
    """

    status: Literal["delivered", "retry", "failed", "unknown"]
    code: str
    """Stable, snake_case, such as `http_503` or `smtp_550`; free of personal data."""
    retry_after_s: float | None = None
    """How long the other side asks to be left alone."""
    reference: str = ""
    """Id of what was made on the other side, where there is one."""
    is_gone: bool = False
    """Whether the destination says that it is gone: nothing more is sent there until a person
    switches it on again."""


class Connector(Protocol):
    """A way out: carries effects of one kind into another system.

    Obligations: `deliver` uses nothing but the effect and the connector's own settings; it never
    raises for what the other side does; it ends within `timeout_s`; an effect whose time is over
    is not sent; the same effect id delivered twice leaves one thing on the other side, unless it
    is at most once. An implementer runs `heedful.connectors.contract`.
    """

    @property
    def name(self) -> str:
        """Of the connector, as settings and kill switches know it."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels whose messages it carries; empty where it carries no messages."""

    @property
    def destinations(self) -> tuple[str, ...]:
        """Names under which `CallWebhook` reaches it; empty where it takes none."""

    @property
    def timeout_s(self) -> float:
        """Longest that `deliver` takes."""

    def is_at_most_once(self, effect: OutboundEffect) -> bool:
        """Say whether a call of this effect whose end is unknown must not be repeated."""

    def deliver(self, effect: OutboundEffect) -> Delivery:
        """Carry out one effect now; called on worker threads, several at once."""

    def close(self) -> None:
        """Let go of connections."""


class StoreStats(NamedTuple):
    """Sizes for `doctor` and the metrics."""

    customers: int
    events: int
    quarantined: int
    bytes_on_disk: int
    bytes_free: int


class Archived(NamedTuple):
    """What an archiving moved."""

    events: int
    files: int
    bytes: int


class Store(Protocol):
    """Durable state of one workspace.

    Obligations: `write` returns only after its transaction is durable (on the disk, not in a
    buffer); a transaction that raises leaves no trace; readers see a committed snapshot and never
    wait for a writer.
    """

    def write(self, work: Callable[[Transaction], T], *, makes_room: bool = False) -> T:
        """Run `work` in one read-write transaction and commit it; one at a time, never nested.

        Parameters
        ----------
        makes_room
            Whether `work` deletes. It is then let through on a disk that is almost full, where
            other writes are refused, and may be run twice.

        Raises
        ------
        StaleWrite
            Another worker was faster; run the whole step again.
        StoreFull
            Nothing was kept; answer 503 and let the operator free space.
        """

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a committed snapshot; writing in it is an error. Any thread may call."""

    def backup(self, target: str, progress: Callable[[int, int], None] | None = None) -> None:
        """Write a consistent copy to a new file while work goes on; `progress(done, total)`."""

    def archive(
        self,
        before_at: int,
        describe: Callable[[bytes], Mapping[str, str | int | None]],
        *,
        keep: Sequence[int] = (),
        only_full: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Archived:
        """Move the beginning of the log, up to the first event that is younger, into files.

        Obligations: every reading method goes on giving the events that were moved, and deleting
        reaches them. A back end that has no files moves nothing.

        Parameters
        ----------
        describe
            Names what an event says, for columns beside its bytes; names of times end in `_at`.
        keep
            Fragments whose events stay.
        only_full
            Leave what would not fill a file.
        """

    def vacuum(self) -> None:
        """Rewrite the store so that no deleted byte remains in it."""

    def stats(self) -> StoreStats:
        """Measure the store."""

    def close(self) -> None:
        """Let go of everything; `write` and `read` fail afterwards."""
