"""The log met by another strategy: the same people, moments and draws, one decision at a time.

Law: what is replayed is what ran. The strategy of each time decides again with the models and
switches of that time, through the step that the engine takes; where it does so with the same
result, the other strategy is asked in the very state that the decision saw. Where it does not, as
where two were one customer only later, nothing is compared: a strategy never differs from itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from typing import Any, Final, NamedTuple

import msgspec

from heedful import core, decide
from heedful.core import Customer, World
from heedful.decide import Case, Decision, Person, Surroundings
from heedful.decide.case import decode_case, encode_case
from heedful.decide.margins import apart, delays_of
from heedful.engine import ledger, reading
from heedful.engine.deciding import DERIVED, read_decision
from heedful.engine.engine import under
from heedful.engine.histories import Placed, seq_at
from heedful.engine.learning import learned
from heedful.engine.register import trained_at
from heedful.engine.rewards import Reward, rewards
from heedful.events import Event, Identifier, decode_event
from heedful.govern.governance import Governance, fold_governance
from heedful.govern.monitors import ProtectedTrait, group_of
from heedful.kernel import InputError, to_micros
from heedful.learn import Trained
from heedful.measure.whatif import SILENCE, Meeting, policy_of
from heedful.ports import Store, Transaction

MEETING_PEOPLE_MAX: Final = 5_000
"""People whose past one what-if replays; asking for more is refused."""

_PAGE: Final = 500
_LEFT_OUT: Final = frozenset(("qa", "erased"))
Compiled = Callable[[str], World]
"""Gives the rules of a version that was in force."""


class Met(NamedTuple):
    """What came of a replay."""

    meetings: list[Meeting]
    logged: int
    """Decisions of the log since then, of the people that were looked at."""
    repeated: int
    """Those that the strategy of their time made again with the same result."""


class _Who(msgspec.Struct):
    """One person while their past is replayed."""

    key: int
    names: tuple[Identifier, ...]
    groups: dict[str, str]
    placed: list[Placed]
    live: Customer
    other: Customer
    case: Case
    decisions: dict[int, list[Decision]]
    """Those of the log that count, by the event that they answer."""


class Told(NamedTuple):
    """What is known beside the log."""

    secret: bytes
    other: World
    """The rules that are asked."""
    compiled: Compiled
    protected: Sequence[ProtectedTrait]


def meet(store: Store, world: World, told: Told, since: int, people: int) -> Met:
    """Replay what people did and ask another strategy at each decision since an instant.

    Parameters
    ----------
    world
        In force now.
    people
        Most people to look at, of those about whom something was decided; keys are hashes, so the
        first ones by key are a fair sample.
    """
    keys = sorted(_decided(store, since))[:people]
    past = _Past(store, world, told)
    everybody = []
    for key in keys:
        who = store.read(lambda tx, k=key: _read(tx, world, told, k, since))  # type: ignore[misc]
        if who is not None:
            everybody.append(who)
    known = rewards(store, since)
    met = Met([], sum(len(its) for who in everybody for its in who.decisions.values()), 0)
    for number, one in _in_order(everybody):
        past.go_to(one.seq)
        who = everybody[number]
        found = _happen(who, one, past, told, since)
        for meeting, id_, is_repeated in found:
            if is_repeated:
                met = met._replace(repeated=met.repeated + 1)
            elif meeting.logged is not None:
                continue  # its state is not known, so neither is what another strategy would do
            meeting = meeting._replace(person=number)
            met.meetings.append(_rewarded(meeting, known.get(id_)) if is_repeated else meeting)
    return met


def _rewarded(meeting: Meeting, reward: Reward | None) -> Meeting:
    """Add what followed on the decision; what was not sent has cost nothing."""
    if reward is None:
        return meeting
    logged = meeting.logged
    if logged is not None and reward.is_unsent:
        logged = logged._replace(cost=0.0)
    return meeting._replace(logged=logged, reward=reward.money)


def _decided(store: Store, since: int) -> set[int]:
    """Find whom something was decided about."""
    after = store.read(lambda tx: seq_at(tx, since))
    customers: set[int] = set()
    while rows := store.read(lambda tx, a=after: tx.decisions_after(a, _PAGE)):  # type: ignore[misc]
        after = rows[-1].seq
        fragments = sorted({row.fragment for row in rows if row.at >= since})
        homes = store.read(lambda tx, f=fragments: tx.fragments(f))  # type: ignore[misc]
        customers.update(home.customer for home in homes.values())
    return customers


def _read(tx: Transaction, world: World, told: Told, key: int, since: int) -> _Who | None:
    try:
        found = reading.find(tx, world, key)
    except InputError:
        return None  # gone since
    fragments = found.person.fragments
    placed = [
        Placed(row.seq, row.fragment, decode_event(row.body)) for row in tx.events_of(fragments)
    ]
    placed.sort(key=lambda one: one.seq)
    anchor = found.person.anchor
    case = decide.new_case()
    if found.row.process:  # where somebody was drawn into a hold-out, they are
        case.holdouts = decode_case(found.row.process).holdouts
    return _Who(
        found.row.key,
        (anchor, *(one for one in found.person.identifiers if one != anchor)),
        _groups(reading.traits(found.state, world.profile, _last(placed)), told.protected),
        placed,
        core.new_customer(world),
        core.new_customer(told.other),
        case,
        _decisions(tx, fragments, since),
    )


def _last(placed: Sequence[Placed]) -> int:
    return max((one.event.at for one in placed), default=0)


def _groups(traits: Mapping[str, Any], protected: Iterable[ProtectedTrait]) -> dict[str, str]:
    return {one.trait: group_of(one, traits.get(one.trait)) for one in protected}


def _decisions(tx: Transaction, fragments: Sequence[int], since: int) -> dict[int, list[Decision]]:
    found: dict[int, list[Decision]] = {}
    before: tuple[int, int] | None = None
    while rows := tx.decisions_of(fragments, before=before, limit=_PAGE):
        before = rows[-1].at, rows[-1].id
        for row in rows:
            if row.at < since:
                return found
            decision = read_decision(row.body)
            if _LEFT_OUT.isdisjoint(decision.flags):
                found.setdefault(decision.trigger, []).append(decision)
    return found


def _in_order(everybody: Sequence[_Who]) -> Iterator[tuple[int, Placed]]:
    streams = [_stream(number, who.placed) for number, who in enumerate(everybody)]
    for _, number, one in merge(*streams, key=lambda entry: entry[:2]):
        yield number, one


def _stream(number: int, placed: Iterable[Placed]) -> Iterator[tuple[int, int, Placed]]:
    for one in placed:
        yield one.seq, number, one


class _Past:
    """The workspace as it was at a place in the log."""

    def __init__(self, store: Store, world: World, told: Told) -> None:
        self._store = store
        self._told = told
        self._today = world.trained
        self.world = msgspec.structs.replace(
            world, models={}, origins={}, governance=Governance(), trained={}
        )
        self.other = told.other
        about = (ledger.WORKSPACE_FRAGMENT, ledger.LEARNING_FRAGMENT)
        rows = store.read(lambda tx: list(tx.events_of(about)))
        ahead = [(row.seq, decode_event(row.body)) for row in rows]
        self._ahead = sorted(ahead, key=lambda entry: entry[0], reverse=True)
        self._said: Mapping[str, Any] | None = None
        self._shared: dict[bool, Surroundings] = {}

    def go_to(self, seq: int) -> None:
        """Let everything about the workspace happen that stands before a place."""
        while self._ahead and self._ahead[-1][0] < seq:
            _, event = self._ahead.pop()
            if event.name == ledger.MODEL_LEARNED:
                self._said = event.properties
            elif event.name == ledger.MODEL_TRAINED:
                self._train(event.properties["model"], event.properties["version"])
            elif event.name == ledger.STRATEGY_PUBLISHED:
                self.world = under(self.world, self._told.compiled(event.properties["version"]))
                self._shared.clear()
            else:
                governance = fold_governance(self.world.governance, event)
                self.world = msgspec.structs.replace(self.world, governance=governance)
                self._shared.clear()

    def _train(self, name: str, version: int) -> None:
        model = self._store.read(lambda tx: trained_at(tx, name, version))
        if model is not None:
            trained = {**self.world.trained, name: model}
            self.world = msgspec.structs.replace(self.world, trained=trained)
            self._shared.clear()

    def _trained(self) -> dict[str, Trained]:
        """Give the other strategy what was trained then, and what it alone declares as of today."""
        declared = {one.model for one in self.world.signals.foreseen.values()}
        newer = {name: one for name, one in self._today.items() if name not in declared}
        return {**newer, **self.world.trained}

    def surroundings(self, *, is_other: bool) -> Surroundings:
        """Give what is shared between people, as one of the strategies sees it."""
        said = self._said
        if said is not None:
            # Models are brought up to date only where somebody is about to decide with them.
            self.world = self._store.read(lambda tx: learned(tx, self.world, said))
            self._said = None
            self._shared.clear()
        known = self._shared.get(is_other)
        if known is None:
            rules = self.other if is_other else self.world
            models, margins = apart(self.world.models)
            known = self._shared[is_other] = Surroundings(
                secret=self._told.secret,
                models=models,
                margins=margins,
                delays=delays_of(self.world.models),
                governance=self.world.governance,
                # What others spent is not replayed: a budget is taken to be full.
                budgets={n: to_micros(b.amount) or 0 for n, b in sorted(rules.budgets.items())},
                dictionary=self.world.dictionary,
                trained=self._trained() if is_other else self.world.trained,
                foresight=self.world.sequences,
            )
        return known


def _happen(
    who: _Who, one: Placed, past: _Past, told: Told, since: int
) -> list[tuple[Meeting, int, bool]]:
    """Let one event happen to a person; gives what either strategy decides on it."""
    event, live = one.event, past.world
    if who.live.senses.set_id != live.signals.id:
        who.live = core.folded(live, (p.event for p in who.placed if p.seq < one.seq))
    core.fold(live, who.live, event)
    core.fold(told.other, who.other, event)
    if DERIVED in event.flags:
        return []
    asked: tuple[Decision, ...] = ()
    is_active = who.case.is_active
    if event.received_at >= since and (is_active or told.other.rules.concerns(event)):
        case = decode_case(encode_case(who.case))
        shared = past.surroundings(is_other=True)
        asked = decide.step(
            told.other.rules, shared, _person(who, who.other), case, event, one.fragment
        ).decisions
    again: tuple[Decision, ...] = ()
    if not live.rules.is_empty and (is_active or live.rules.concerns(event)):
        shared = past.surroundings(is_other=False)
        again = decide.step(
            live.rules, shared, _person(who, who.live), who.case, event, one.fragment
        ).decisions
    if event.received_at < since:
        return []
    return list(_paired(who, event, asked, again))


def _person(who: _Who, state: Customer) -> Person:
    return Person(who.key, state.profile, state.senses, lambda: who.names)


def _paired(
    who: _Who, event: Event, asked: Sequence[Decision], again: Sequence[Decision]
) -> Iterator[tuple[Meeting, int, bool]]:
    """Pair decisions by their ids, which name the event, the slot and the place among several."""
    repeated = {decision.id: decision for decision in again}
    logged = {decision.id: decision for decision in who.decisions.get(event.key, ())}
    others = {decision.id: decision for decision in asked}
    for id_ in dict.fromkeys((*logged, *others)):
        ours, other = logged.get(id_), others.get(id_)
        policy = None if ours is None else policy_of(ours)
        target = None if other is None else policy_of(other)
        if ours is None and (id_ in repeated or target is None or set(target.weights) == {SILENCE}):
            continue  # one of the log's that does not count, or a silence more
        yield Meeting(0, who.groups, policy, target, None), id_, _is_same(ours, repeated)


def _is_same(logged: Decision | None, repeated: Mapping[int, Decision]) -> bool:
    if logged is None:
        return False
    again = repeated.get(logged.id)
    return again is not None and (
        (again.action, again.channel, again.treatment, again.p_choose)
        == (logged.action, logged.channel, logged.treatment, logged.p_choose)
    )
