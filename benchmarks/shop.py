"""The sample shop as a load: its calls as texts, its customers with a history, its workspace.

A customer's history is folded and stored as what 300 events make of a person. Their log rows are
not written: no event that arrives reads them, and 30 million would take an hour.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from heedful import core
from heedful.app import App, init_workspace, open_app
from heedful.core import World
from heedful.customer import Fragment, identifiers_of
from heedful.engine.batch import Filing
from heedful.engine.graph import Graph
from heedful.events import Event
from heedful.ingest import SourceRules, parse_request
from heedful.kernel import DAY_MS, format_instant
from heedful.ports import CustomerRow, Transaction
from machine import ROOT

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from examples.shop.calls import Call
from examples.shop.population import Population

STRATEGY = ROOT / "examples" / "shop" / "strategy"
FACTS = ("consent", "identity", "signals", "sources", "traits")
"""Files of the shop's strategy that decide nothing."""
STORES = ROOT / "build" / "bench"
"""Where filled workspaces are kept between runs."""

HISTORY_EVENTS = 300
HISTORY_MS = 90 * DAY_MS
TEMPLATES = 200
"""People of whom a history is folded; every customer gets a copy of one."""
KEY = "bench_write_key_0123456789"
OWNER_FILE = "owner.key"
AT_ONCE = 500
SEED = 20_261_121


def calls(people: int, count: int, seed: int = SEED) -> Iterator[Call]:
    """Give calls of the shop's people, but for aliases: who is who is known in advance here."""
    every = Population(Random(seed), people).calls()
    return islice((call for call in every if call.kind != "alias"), count)


class Lives:
    """What customers do next: each lives one of a few lives, from a place of their own on.

    So one customer's events follow each other as one person's do, on that person's devices.
    """

    def __init__(self, lives: int = TEMPLATES) -> None:
        self._lives = [
            [_text(call) for call in calls(1, HISTORY_EVENTS, SEED + life)] for life in range(lives)
        ]
        self._places: dict[int, int] = {}

    def next(self, whose: int, message_id: str, at: str) -> str:
        """Write the next call of a customer."""
        life = self._lives[whose % len(self._lives)]
        place = self._places.get(whose, whose * 7 % len(life))
        self._places[whose] = (place + 1) % len(life)
        return life[place] % {"n": whose, "m": message_id, "t": at}


def history(people: int, events: int, now: int) -> list[str]:
    """Write a log of past events, each of somebody drawn at random, the oldest first."""
    draw, lives = Random(SEED), Lives()
    step = HISTORY_MS // max(events, 1)
    return [
        lives.next(draw.randrange(people), f"past-{i}", format_instant(now - HISTORY_MS + i * step))
        for i in range(events)
    ]


def _text(call: Call) -> str:
    """Write a call as the Segment SDK for Python sends it.

    It has places for `n` (whose), `m` (the messageId) and `t` (when).
    """
    said: dict[str, Any] = {
        "integrations": {},
        "anonymousId": "anon-%(n)d" if call.anonymous_id else None,
        "userId": "user-%(n)d" if call.user_id and call.user_id != "null" else None,
        "timestamp": "%(t)s",
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}}
        | _escaped(call.context),
        "type": call.kind,
        "messageId": "%(m)s",
    }
    if said["anonymousId"] is None and said["userId"] is None:
        said["anonymousId"] = "anon-%(n)d"
    fields = _escaped(call.fields)
    if call.kind == "track":
        said |= {"event": call.name, "properties": fields}
    elif call.kind in ("page", "screen"):
        said |= {"name": call.name, "properties": fields, "category": None}
    else:
        if "email" in fields:
            fields["email"] = "user%(n)d@example.org"
        fields.pop("phone", None)
        said["traits"] = fields
    if call.kind == "group":
        said["groupId"] = call.group_id
    return json.dumps(said, ensure_ascii=False)


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("%", "%%")
    if isinstance(value, dict):
        return {_escaped(key): _escaped(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(held) for held in value]
    return value


def batch_body(texts: list[str], sent_at: str) -> bytes:
    """Write the body of a batch."""
    return f'{{"batch": [{", ".join(texts)}], "sentAt": "{sent_at}"}}'.encode()


def parsed(texts: list[str], secret: bytes, received_at: int, kind: str = "server") -> list[Event]:
    """Read texts as ingest does; `import` believes their timestamps."""
    rules = SourceRules(name="bench", kind=kind)
    body = batch_body(texts, format_instant(received_at))
    taken = parse_request("/v1/batch", body, source=rules, secret=secret, received_at=received_at)
    if taken.refused:
        raise SystemExit(f"A call of the shop was refused: {taken.refused[0].message}")
    return taken.events


def histories(app: App, now: int) -> tuple[World, list[bytes]]:
    """Fold the histories of some people; gives the world that knows their features."""
    world, bodies = app.engine.world, []
    lives, step = Lives(), HISTORY_MS // HISTORY_EVENTS
    for person in range(TEMPLATES):
        texts = [
            lives.next(person, f"history-{person}-{i}", format_instant(now - HISTORY_MS + i * step))
            for i in range(HISTORY_EVENTS)
        ]
        state = core.new_customer(world)
        events = [
            e
            for start in (0, 100, 200)
            for e in parsed(texts[start : start + 100], app.secret, now, "import")
        ]
        world = core.learn_features(world, events)
        for event in events:
            core.fold(world, state, event)
        bodies.append(core.encode(state))
    return world, bodies


def fill(app: App, customers: int, say: Callable[[str], None]) -> None:
    """Store customers, each with the identifier sets under which their events will come."""
    now = time.time_ns() // 1_000_000
    world, bodies = histories(app, now)
    learned = core.new_features(app.engine.world, world)
    app.store.write(lambda tx: tx.put_features(learned))
    filing, signal_set = Filing(world, app.secret), core.world_signal_set(world)
    begun = time.perf_counter()
    for start in range(0, customers, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, customers))

        def work(tx: Transaction, numbers: range = numbers) -> None:
            graph = Graph(tx, world, app.secret)
            arrived = [f for n in numbers for f in _fragments(filing, world, n, now)]
            graph.arrive(arrived)
            rows: list[CustomerRow] = [
                staged.row._replace(signal_set=signal_set, body=bodies[index % TEMPLATES])
                for index, staged in enumerate(graph.customers.values())
            ]
            tx.put_customers(rows)

        app.store.write(work)
        if (start + AT_ONCE) % 100_000 == 0:
            say(f"{start + AT_ONCE:,} customers in {time.perf_counter() - begun:.0f} s")


def _fragments(filing: Filing, world: World, n: int, now: int) -> Iterator[Fragment]:
    """Give the identifier sets of one customer: device, account, both, and an identify call."""
    user, device = f"user-{n}", f"anon-{n}"
    sets: tuple[tuple[str | None, str | None, str | None], ...] = (
        (user, None, None),
        (user, device, None),
        (None, device, None),
        (user, device, f"user{n}@example.org"),
    )
    at = now - HISTORY_MS
    for user_id, anonymous_id, email in sets:
        event = Event(
            type="identify",
            name="identify",
            at=at,
            key=0,
            source="bench",
            message_id="",
            received_at=at,
            user_id=user_id,
            anonymous_id=anonymous_id,
            traits={} if email is None else {"email": email},
        )
        identifiers = identifiers_of(event, world.identity)
        arrival = filing.under(event, identifiers)
        yield Fragment(arrival.fragment, at, arrival.kind, identifiers)


def workspace(customers: int, *, decides: bool, say: Callable[[str], None] = print) -> Path:
    """Give a workspace of the shop with customers in it: a copy of one that is made once."""
    name = f"{'shop' if decides else 'facts'}-{customers}"
    made = STORES / name
    if not (made / "ready").exists():
        say(f"Making {customers:,} customers of {HISTORY_EVENTS} events each, once.")
        shutil.rmtree(made, ignore_errors=True)
        made.parent.mkdir(parents=True, exist_ok=True)
        init_workspace(made)
        shutil.rmtree(made / "strategy")
        if decides:
            shutil.copytree(STRATEGY, made / "strategy")
        else:
            (made / "strategy").mkdir()
            for file in FACTS:
                shutil.copy(STRATEGY / f"{file}.yaml", made / "strategy")
        app = open_app(made)
        fill(app, customers, say)
        app.create_key("source", "bench", KEY)
        (made / OWNER_FILE).write_text(app.create_key("owner", "bench-owner"), "ascii")
        app.close()
        (made / "ready").touch()
    copy = STORES / f"{name}-run-{os.getpid()}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(made, copy)
    os.sync()
    return copy
