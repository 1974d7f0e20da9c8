"""What guardrails watch, counted from the log; a limit that went bad tightens by itself.

Law: a tightening is an event in the log, in force between two batches, so that a replay meets it
at the same place and never has to count again. A message and what came of it are counted under the
instant of its decision, each kind of outcome of a decision once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from heedful.core import World
from heedful.decide import EFFECT_SETTLED, OUTCOME_REPORTED, Candidate, Decision
from heedful.engine import ledger
from heedful.engine.claims import slot_of
from heedful.engine.deciding import read_decision, subject_of
from heedful.engine.proofs import Proof
from heedful.engine.writer import Writer
from heedful.events import MESSAGE_RELEASED, decode_event
from heedful.govern import Counts, Guardrail, count, fold_governance, judge, write
from heedful.kernel import canonical, hash_key, parse_public_id
from heedful.learn import LearningRow
from heedful.ports import CLAIM_NEW, Claim, LogRow, Store, Transaction

WATCH_WAIT_S: Final = 1.0
"""How often the log is looked through: a limit tightens about so long after the outcome."""

ROWS: Final = 5_000
"""Rows of the log that are looked through at once."""

_META: Final = "guardrails"
_LESSONS: Final = msgspec.msgpack.Decoder(LearningRow)
_RELEASED, _CONVERTED, _FAILED = "released", "converted", "failed"
_TOLD: Final = tuple(name.encode() for name in (MESSAGE_RELEASED, OUTCOME_REPORTED, EFFECT_SETTLED))


class Watched(msgspec.Struct):
    """What was counted so far, and up to where."""

    seq: int = 0
    """Place in the log."""
    lesson: int = 0
    """Learning row."""
    counts: dict[str, Counts] = {}
    """By the digest of the guardrail: one that is written anew begins anew."""


class Seen(NamedTuple):
    """Something that became known of a decision."""

    decision: int
    what: str
    """`released`, or an outcome."""


def read_watched(tx: Transaction) -> Watched:
    """Read what was counted so far."""
    body = tx.get_meta(_META)
    return Watched() if body is None else msgspec.msgpack.decode(body, type=Watched)


def counts_of(watched: Watched, guardrail: Guardrail) -> Counts:
    """Give what one guardrail has counted."""
    return watched.counts.get(canonical.digest(guardrail), Counts())


def watch(tx: Transaction, world: World, watched: Watched, secret: bytes, seen: list[Seen]) -> None:
    """Count what became known, into a private copy."""
    wanted = {canonical.digest(one): one for one in world.guardrails}
    watched.counts = {key: watched.counts.get(key) or Counts() for key in sorted(wanted)}
    rows = tx.decisions(sorted({one.decision for one in seen}))
    known = {id_: read_decision(row.body) for id_, row in rows.items()}
    fresh = _fresh(tx, secret, [one for one in seen if one.decision in known], known)
    for one in fresh:
        decision = known[one.decision]
        scopes = subject_of(world, decision).scopes()
        for key, guardrail in wanted.items():
            if guardrail.scope not in scopes:
                continue
            is_trial = one.what == guardrail.over
            is_hit = one.what == guardrail.watches
            if is_trial or is_hit:
                count(
                    watched.counts[key],
                    guardrail,
                    decision.at,
                    trials=int(is_trial),
                    hits=int(is_hit),
                    expected_ppm=_believed(decision) if is_trial else 0,
                )


def _fresh(
    tx: Transaction, secret: bytes, seen: Sequence[Seen], known: Mapping[int, Decision]
) -> list[Seen]:
    """Leave out what was said before of the same decision."""
    claims = []
    for decision, what in seen:
        key = hash_key(secret, "guardrail", str(decision), what)
        claims.append(Claim(slot_of(known[decision].at, key), key, 0))
    verdicts = tx.claim(claims) if claims else []
    return [one for one, verdict in zip(seen, verdicts, strict=True) if verdict == CLAIM_NEW]


def _believed(decision: Decision) -> int:
    """Give the chance that the model saw in what was chosen, in millionths."""
    chosen: Candidate | None = next((c for c in decision.candidates if c.verdict == "chosen"), None)
    return 0 if chosen is None else chosen.terms.get("p_ppm", 0)


def _seen_in(rows: Sequence[LogRow]) -> Iterator[Seen]:
    for row in rows:
        if not any(name in row.body for name in _TOLD):
            continue  # reading is dear, and most events are about something else
        event = decode_event(row.body)
        if event.type == "own" and (what := _told(event.name, event.properties)) is not None:
            said = event.properties["decision_id"]
            decision = said if isinstance(said, int) else parse_public_id("d", str(said))
            if decision is not None:
                yield Seen(decision, what)


def _told(name: str, said: dict[str, Any]) -> str | None:
    if name == MESSAGE_RELEASED:
        return _RELEASED
    if name == EFFECT_SETTLED:
        return _FAILED if said.get("status") == "dead" else None
    # That a goal was reached is known from more than reports: see `_lessons`.
    outcome = said.get("outcome") if name == OUTCOME_REPORTED else None
    return outcome if isinstance(outcome, str) and outcome != _CONVERTED else None


def _lessons(rows: Sequence[tuple[int, bytes]]) -> Iterator[Seen]:
    for _, body in rows:
        lesson = _LESSONS.decode(body)
        decision = parse_public_id("d", lesson.decision_id)
        is_its = not (lesson.is_unsent or lesson.is_beside)
        if lesson.state == _CONVERTED and is_its and decision is not None:
            yield Seen(decision, _CONVERTED)


class Guard:
    """Counts what guardrails watch, in the background."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self._watched: Watched | None = None

    def step(self) -> bool:
        """Count what is new; False when nothing was."""
        if not self._writer.world.guardrails:
            return False
        watched = self._watched or self._store.read(read_watched)
        rows = self._store.read(lambda tx: tx.log(watched.seq, ROWS))
        lessons = self._store.read(lambda tx: tx.lessons(watched.lesson, ROWS))
        if not rows and not lessons:
            return False
        seen = [*_seen_in(rows), *_lessons(lessons)]
        newer = Watched(
            rows[-1].seq if rows else watched.seq,
            lessons[-1][0] if lessons else watched.lesson,
            watched.counts,
        )
        if seen or len(rows) >= ROWS:
            self._writer.change_world(lambda tx, world: self._changed(tx, world, newer, seen))
        self._watched = newer
        return len(rows) >= ROWS or len(lessons) >= ROWS

    def _changed(self, tx: Transaction, world: World, newer: Watched, seen: list[Seen]) -> World:
        # A transaction may be repeated: what it counts goes into a copy.
        watched = msgspec.msgpack.decode(msgspec.msgpack.encode(newer), type=Watched)
        now, secret = self._writer.now(), self._writer.secret
        watch(tx, world, watched, secret, seen)
        governance = world.governance
        for guardrail in world.guardrails:
            factors = governance.factors
            tightened = judge(counts_of(watched, guardrail), guardrail, factors, now)
            if tightened is None:
                continue
            name, said = write(tightened)
            proof = Proof("guardrail", guardrail.name, now, {"event": name, "by": "heedful"})
            event = ledger.note(tx, secret, name, said, now, [proof])
            governance = fold_governance(governance, event)
        tx.put_meta(_META, msgspec.msgpack.encode(watched))
        newer.counts = watched.counts
        return msgspec.structs.replace(world, governance=governance)
