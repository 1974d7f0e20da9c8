"""The sample shop after three weeks in which offers worked: what measures are tried on.

Half of the people are held out. An offer in the shop raises who orders on the next day from one in
five to three in five; a dearer one, to one in two. The clock is ours and draws are keyed, but what
was learned by the second week depends on when the learner looked: so much is explored, and tests
leave room.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heedful.app import App, init_workspace, open_app
from heedful.decide import DO_NOTHING, Decision
from heedful.engine.decisions import Asked
from heedful.events import Event
from heedful.kernel import DAY_MS, HOUR_MS, hash_key
from tests.unit.cli.live import Live, copy_strategy, speaking, until

START = 1_800_000_000_000
PEOPLE = 240
ROUNDS = 2
WEEK_MS = 7 * DAY_MS
P_ORDER = {DO_NOTHING: 0.2, "member_evening": 0.6, "free_lesson": 0.5}
"""Chance to order on the next day, by what was shown."""


class Weeks:
    """A clock, and people who live by it."""

    def __init__(self) -> None:
        self.now = START
        self._number = 0

    def event(self, user: str, name: str, at: int | None = None, **said: Any) -> Event:
        self._number += 1
        moment = self.now if at is None else at
        return Event(
            type=said.pop("type", "track"),
            name=name,
            at=moment,
            key=hash_key(b"weeks", "event", str(self._number)),
            source="web",
            message_id=f"w{self._number}",
            received_at=self.now,
            original_at=moment,
            user_id=user,
            **said,
        )


def chance(*about: Any) -> float:
    """Draw a number of [0, 1) that is always the same for the same thing."""
    return hash_key(b"weeks", *map(str, about)) % 1_000_003 / 1_000_003


def arrived(weeks: Weeks, user: str) -> list[Event]:
    """Make somebody known who agreed to offers and ordered before."""
    context = {"consent": {"categoryPreferences": {"Advertising": True}}}
    traits = {
        "country": "DE" if chance(user, "country") < 0.7 else "AT",
        "value_class": "gold" if chance(user, "class") < 0.5 else "plain",
    }
    known = weeks.event(user, "identify", type="identify", traits=traits, context=context)
    orders = [ordered(weeks, user, f"past {k}", START - (5 + 4 * k) * DAY_MS) for k in range(3)]
    if chance(user, "regular") < 0.5:
        orders += [ordered(weeks, user, "lately", START - 2 * DAY_MS)]
    return [known, *orders]


def ordered(weeks: Weeks, user: str, what: str, at: int | None = None) -> Event:
    total = 50.0 + round(100.0 * chance(user, what, "total"))
    said = {"order_id": f"{user} {what}", "revenue": total, "total": total}
    return weeks.event(user, "Order Completed", at, properties=said)


def week(app: App, weeks: Weeks, users: list[str], number: int) -> dict[str, Decision]:
    """Let everybody come to the shop's front page, and some of them order on the next day."""
    advertised = {"campaign": {"source": "search" if number else "magazine"}}
    came = [u for u in users if chance(u, number, "came") < 0.4]
    visits = [weeks.event(u, "Home", type="page", context=advertised) for u in came]
    land(app, visits)
    asked = [app.engine.decisions.ask(Asked(user_id=u, placement="home")) for u in users]
    decided = {u: one.result() for u, one in zip(users, asked, strict=True)}
    weeks.now += DAY_MS
    orders = []
    for user, decision in decided.items():
        if chance(user, number, "orders") < P_ORDER[decision.action]:
            orders.append(ordered(weeks, user, f"week {number}"))
    land(app, orders)
    weeks.now += WEEK_MS - DAY_MS
    return decided


def land(app: App, events: list[Event]) -> None:
    app.engine.ingest(events, ()).result()


def is_settled(app: App) -> bool:
    """Say whether every window that is over was closed by the caretaker."""
    return not app.store.read(lambda tx: tx.due_customers(app.clock(), 1))


@contextmanager
def living_for_weeks(directory: Path) -> Iterator[Live]:
    """Give the workspace, open, until the block ends."""
    init_workspace(directory)
    (directory / "secret.key").write_text("5e" * 32, "ascii")
    copy_strategy(directory)
    (directory / "strategy" / "tests" / "first.yaml").unlink()  # a new workspace's own story
    contact = directory / "strategy" / "policies" / "contact.yaml"
    text = contact.read_text("utf-8")
    assert "share: 0.05" in text
    text = text.replace("share: 0.05", "share: 0.5").replace("floor: 0.02", "floor: 0.5")
    contact.write_text(text, "utf-8")
    offers = directory / "strategy" / "actions"
    lesson = (offers / "member-evening.yaml").read_text("utf-8")
    lesson = lesson.replace("member_evening", "free_lesson").replace("cost: 0.50", "cost: 5.00")
    (offers / "free-lesson.yaml").write_text(lesson, "utf-8")
    weeks = Weeks()
    users = [f"u{k}" for k in range(PEOPLE)]
    with open_app(directory, clock=lambda: weeks.now) as app:
        land(app, [event for user in users for event in arrived(weeks, user)])
        weeks.now += HOUR_MS
        for number in range(ROUNDS):
            week(app, weeks, users, number)
        until(lambda: is_settled(app))
        with speaking(directory, app) as live:
            yield live
