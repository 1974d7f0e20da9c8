"""A workspace of many customers, filled through the store's port: for `bench_audience.py`.

Customers are those of `bench_decide.py`, 2,000 different ones again and again, each with a key, an
identifier and a cluster of their own. They stand in the tables that a decision reads; the log holds
none of their events.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import bench_decide as bench
from heedful import core
from heedful.app import App, init_workspace, open_app
from heedful.core import Customer
from heedful.customer import Cluster
from heedful.customer.identity import Person
from heedful.engine.graph import identifier_key
from heedful.events import Identifier
from heedful.kernel import canonical
from heedful.ports import ClusterRow, CustomerRow

DIFFERENT = 2_000
AT_ONCE = 20_000
"""Customers of one transaction."""
SEED = 20_261_121


def files_of(actions: int) -> dict[str, str]:
    """Write the strategy of `bench_decide.py` as its files; JSON is YAML, too."""
    made = bench.definitions(actions, random.Random(SEED))
    goals = {
        name: {"on": g.on, "within": g.within, "value": g.value} for name, g in made.goals.items()
    }
    signals = [
        {"name": f"count_{i}", "kind": "count", "on": f"Event {i}", "window": "30d"}
        for i in range(bench.SIGNALS)
    ]
    (need,) = made.needs
    opened = {"name": need.name, "tier": need.tier, "opens_when": need.opens_when}
    caps = [{"at_most": 9, "within": "7d"}, {"at_most": 5, "within": "7d", "per": "group"}]
    files = {
        "signals.yaml": {"signals": signals},
        "needs.yaml": {"needs": [{**opened, "expires_after": need.expires_after}]},
        "goals.yaml": {"goals": goals},
        "rules.yaml": {"builtin": [], "rules": []},
        "policies/decision-types.yaml": {
            "decision_types": [{"name": "offer", "owner": "marketing", "transparency": 1}]
        },
        "policies/contact.yaml": {"caps": caps, "fatigue_cost": 0.05},
    }
    for one in made.actions:
        files[f"actions/{one.action.replace('_', '-')}.yaml"] = {
            "action": one.action,
            "tier": one.tier,
            "class": one.message_class,
            "decision_type": one.decision_type,
            "goal": one.goal,
            "channels": list(one.channels),
            "eligible": one.eligible,
            "applicable": one.applicable,
            "suitable": one.suitable,
            "cost": one.cost,
            "benefit": one.benefit,
            "prior": {"p": one.prior.p, "strength": one.prior.strength},
            "group": one.group,
        }
    return {name: json.dumps(said) for name, said in files.items()}


def make(directory: Path, customers: int, actions: int) -> float:
    """Make and fill a workspace; gives the seconds that filling took."""
    init_workspace(directory)
    for old in (directory / "strategy").rglob("*.yaml"):
        old.unlink()
    for name, text in files_of(actions).items():
        file = directory / "strategy" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    bench.NOW = time.time_ns() // 1_000_000  # the command reads the machine's clock
    with open_app(directory) as app:
        begun = time.perf_counter()
        _fill(app, customers)
        return time.perf_counter() - begun


def _fill(app: App, customers: int) -> None:
    world, draw = app.engine.world, random.Random(SEED)
    bodies: list[bytes] = []
    while len(bodies) < DIFFERENT:
        for one in bench.people(world.signals, draw):
            bodies.append(core.encode(Customer(core.SCHEMA, one.profile, one.senses)))
    number = core.world_signal_set(world)
    for start in range(0, customers, AT_ONCE):
        rows, clusters = [], []
        for i in range(start, min(start + AT_ONCE, customers)):
            anchor = Identifier("user_id", f"u{i}")
            key = identifier_key(app.secret, anchor)
            body = bodies[i % DIFFERENT]
            rows.append(CustomerRow(key, 0, key, number, None, 0, body))
            known = Cluster((), (), (Person(anchor, (anchor,), (), ()),))
            clusters.append(ClusterRow(key, 0, canonical.encode(known)))
        app.engine.transact(
            lambda tx: (tx.put_customers(rows), tx.put_clusters(clusters))  # noqa: B023
        )
