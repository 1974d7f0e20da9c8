"""The sample shop's strategy over real histories: what would have been done, and what not.

Each person's calls are played in the order of time on a clock that jumps, with the rooms and the
step of a running server: what was decided then is what would have been decided then. Nothing is
sent, and nobody answers; in retention and growth the most likely action is taken.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from examples.shop.workspace import STRATEGY
from heedful import decide, strategy
from heedful.app import init_workspace
from heedful.cli.client import connect
from heedful.cli.demo_feed import Decided
from heedful.cli.demo_tally import Tally, decision_lines
from heedful.cli.demo_words import Wording, read_wording, tell
from heedful.cli.screen import count
from heedful.decide import Decision
from heedful.engine.decisions import shown
from heedful.events import Event
from heedful.kernel import DAY_MS, format_instant, parse_instant, public_id
from heedful.strategy.stage import Play, Stage

BATCH: Final = 500
"""Calls of one request of an import."""
AFTERWARDS_MS: Final = DAY_MS
"""How long the clock runs on behind somebody's last call, for what was waiting."""
SHOWN_EACH: Final = 2
"""Examples of each action that are printed."""

CONSENT: Final = {"consent": {"categoryPreferences": {"Advertising": True}}}
"""What a page's banner sends along once somebody has agreed to advertising."""

Call = dict[str, Any]
"""A call of Segment's specification, as `heedful import` takes it."""

Asks = Callable[[Call], str | None]
"""Says which place of a page is filled just after a call, if one is."""


class Played(NamedTuple):
    """What a strategy would have done over histories."""

    people: int
    events: int
    seconds: float
    tally: Tally
    wording: Wording
    examples: list[Decided]
    """The first of each action, in the order of time."""


def shop_files() -> dict[str, str]:
    """Read the sample shop's strategy, by path."""
    return {
        path.relative_to(STRATEGY).as_posix(): path.read_text("utf-8")
        for path in sorted(STRATEGY.rglob("*.yaml"))
    }


def by_person(calls: Iterable[Call]) -> dict[str, list[Call]]:
    """Group calls by their person, each in the order of time."""
    people: dict[str, list[Call]] = {}
    for call in calls:
        who = call.get("userId") or call.get("anonymousId")
        if who:
            people.setdefault(str(who), []).append(call)
    for own in people.values():
        own.sort(key=lambda call: (call["timestamp"], call["messageId"]))
    return people


def agreeing(calls: Iterable[Call]) -> Iterator[Call]:
    """Suppose that everybody has agreed to advertising, with their first call."""
    known: set[str] = set()
    for call in calls:
        who = str(call.get("userId") or call.get("anonymousId"))
        yield call if who in known else call | {"context": CONSENT}
        known.add(who)


def sample(calls: Iterable[Call], people: int) -> list[Call]:
    """Keep the calls of so many people, spread evenly over all in the order of their names."""
    held = list(calls)
    names = sorted(by_person(held))
    step = max(1, len(names) // max(people, 1))
    kept = set(names[::step][:people])
    return [call for call in held if str(call.get("userId") or call.get("anonymousId")) in kept]


def event_of(play: Play, call: Call) -> Event:
    """Make the event that a call would have been."""
    kind = call["type"]
    return play.event(
        kind,
        call.get("event") or call.get("name") or kind,
        source="import",
        user_id=call.get("userId"),
        anonymous_id=call.get("anonymousId"),
        properties=call.get("properties", {}),
        traits=call.get("traits", {}),
        context=call.get("context", {}),
    )


def played(stage: Stage, calls: list[Call], asks: Asks) -> list[Decision]:
    """Play one person's calls and give all decisions, in the order of time."""
    play: Play | None = None
    for call in calls:
        at = parse_instant(call["timestamp"])
        if at is None:
            continue
        if play is None:
            play = Play(stage, at, is_held_out=None)
        play.wait(at)
        play.take(event_of(play, call))
        place = asks(call)
        if place is not None:
            play.own(decide.DECISION_REQUESTED, {"placement": place, "context": {}})
    if play is None:
        return []
    play.wait(play.now + AFTERWARDS_MS)
    return [one for one in play.told().decisions if one.reason != "standing"]


def play_all(calls: Iterable[Call], asks: Asks, files: Mapping[str, str]) -> Played:
    """Play everybody's calls under a strategy.

    Parameters
    ----------
    files
        Of the strategy, by path.
    """
    stage, wording = Stage(strategy.load(files)), read_wording(files)
    tally, examples = Tally(), []
    seen: dict[str, int] = {}
    people = by_person(calls)
    began = time.monotonic()
    for who, own in people.items():
        for decision in played(stage, own, asks):
            decided = told(decision, who, stage, wording)
            tally.notice({"kind": "decision", "name": decision.action, "type": decision.tier})
            tally.decided(decided)
            seen[decision.action] = seen.get(decision.action, 0) + 1
            if decided.told.kind != "silence" and seen[decision.action] <= SHOWN_EACH:
                examples.append(decided)
    seconds = time.monotonic() - began
    examples.sort(key=lambda one: (one.at, one.who))
    events = sum(map(len, people.values()))
    return Played(len(people), events, seconds, tally, wording, examples)


def told(decision: Decision, who: str, stage: Stage, wording: Wording) -> Decided:
    """Tell a decision about a person."""
    answer = shown(decision, None)
    answer["explanation"] = msgspec.to_builtins(decide.explain(decision, stage.rules))
    return Decided(
        at=format_instant(decision.at),
        customer_id=who,
        who=who,
        decision_id=public_id("d", decision.id),
        need=decision.need or "",
        tier=decision.tier,
        told=tell(answer, wording),
        answer=answer,
    )


def imported(calls: Iterable[Call]) -> tuple[int, int, float]:
    """Import calls into a new workspace with the shop's strategy, through the server's own route.

    Returns
    -------
    events, customers, seconds
    """
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "history"
        init_workspace(workspace)
        shutil.rmtree(workspace / "strategy")
        shutil.copytree(STRATEGY, workspace / "strategy")
        with connect(workspace) as api:
            sent, began = 0, time.monotonic()
            waiting = iter(calls)
            while batch := list(islice(waiting, BATCH)):
                api.post("/v1/import", {"batch": batch}, source="import")
                sent += len(batch)
            seconds = time.monotonic() - began
            return sent, int(api.get("/v1/doctor")["customers"]), seconds


def report(title: str, calls: list[Call], asks: Asks) -> Iterator[str]:
    """Say in lines what an import and a play of the same calls gave."""
    events, customers, seconds = imported(calls)
    yield f"{title}: {count(events, 'event')}."
    rate = events / max(seconds, 1e-6)
    yield f"imported in {seconds:,.1f} s: {rate:,.0f} events/s, {count(customers, 'customer')}."
    done = play_all(calls, asks, shop_files())
    rate = done.events / max(done.seconds, 1e-6)
    made = f"{count(done.tally.decisions, 'decision')} for {done.people:,} people"
    yield f"played in {done.seconds:,.1f} s: {rate:,.0f} events/s, {made}."
    yield from decision_lines(done.tally, done.wording)
    yield (
        "what would have been done, for example"
        if done.examples
        else "nothing would have been said"
    )
    for one in done.examples:
        yield f"  {one.at[:16].replace('T', ' ')}  {one.who}: {one.told.does}. {one.told.why}"
