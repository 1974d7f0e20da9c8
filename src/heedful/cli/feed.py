"""What happens in a workspace, as a watcher sees it: lines with a person and what changed.

Used by `heedful stream` and by the sample shop's screen. Notices come from `/v1/stream`; the
person and the signals are read beside it, at a bounded pace, since a watcher must cost little.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from heedful.cli.client import Api
from heedful.cli.demo_words import SILENCE, plain
from heedful.cli.person import Kinds, name_of, read_kinds, signal_value
from heedful.cli.screen import NOTHING
from heedful.kernel import HeedfulError, format_instant

PEOPLE_MAX: Final = 2_000
"""People whose last record is remembered, to see what changed; the longest unseen goes first."""
LINES_MAX: Final = 500
"""Lines that wait to be shown; when more come, the oldest are left out."""
LOOKS_PER_S: Final = 25.0
"""Most customers read in one second."""


class Seen(NamedTuple):
    """One line: who did what, and what that changed."""

    at: str
    customer_id: str
    who: str
    kind: str
    """As in a notice: `event`, `merge`, `split`, `due`, `refold`, `erase`, `strategy`,
    `alarm`."""
    what: str
    source: str
    changed: dict[str, tuple[Any, Any]]
    """Signals whose values changed: by name, the value before and after."""


class Feed:
    """Follow a workspace on a thread of its own.

    Parameters
    ----------
    api
        The server to follow; it must be a running one.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._people: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lines: deque[Seen] = deque(maxlen=LINES_MAX)
        self._news = threading.Event()
        self._looked_at = 0.0
        self.counts = {"event": 0, "merge": 0}
        self.kinds: Kinds = {}
        self.failure: HeedfulError | None = None
        """Why the feed ended, where the server did not end it in order."""
        self.is_ended = False
        self._thread = threading.Thread(target=self._follow, name="feed", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def take(self, wait_s: float) -> list[Seen]:
        """Give the lines that came since the last call; waits for the first one."""
        self._news.wait(wait_s)
        self._news.clear()
        taken = []
        while self._lines:
            taken.append(self._lines.popleft())
        return taken

    def person(self, customer_id: str) -> dict[str, Any] | None:
        """Give the record of a person as it was last seen."""
        return self._people.get(customer_id)

    def _follow(self) -> None:
        try:
            self.kinds = read_kinds(self._api)
            for _, notice in self._api.messages("GET", "/v1/stream", wait=True):
                if isinstance(notice, dict) and "kind" in notice:
                    self._notice(notice)
        except HeedfulError as error:
            self.failure = error
        finally:
            self.is_ended = True
            self._news.set()

    def _notice(self, notice: dict[str, Any]) -> None:
        kind = notice["kind"]
        if kind == "strategy":
            self.kinds = read_kinds(self._api)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        number = notice.get("customer_id", "")
        before, after = self._look(number) if number else (None, None)
        record = after or before
        self._lines.append(
            Seen(
                _instant(notice["at"]),
                number,
                name_of(record) if record else number or NOTHING,
                kind,
                said(notice),
                notice.get("source", ""),
                changes(before, after, self.kinds),
            )
        )
        self._news.set()

    def _look(self, number: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Read a person when the pace allows it; give the record before and after."""
        before = self._people.get(number)
        now = time.monotonic()
        if now - self._looked_at < 1 / LOOKS_PER_S:
            return before, None
        self._looked_at = now
        try:
            after: dict[str, Any] = self._api.get(f"/v1/customers/{number}")
        except HeedfulError:
            return before, None
        self._people[number] = after
        self._people.move_to_end(number)
        while len(self._people) > PEOPLE_MAX:
            self._people.popitem(last=False)
        return before, after


def _instant(at: Any) -> str:
    return at if isinstance(at, str) else format_instant(int(at))


def said(notice: Mapping[str, Any]) -> str:
    """Say what a notice is about in a few words.

    Examples
    --------
    >>> said({"kind": "event", "type": "page", "name": "Pricing"})
    'page Pricing'
    >>> said({"kind": "decision", "name": "offer_help", "source": "inapp", "need": "cannot_pay"})
    'decided: offer help by inapp, for cannot pay'
    """
    kind, name, type_ = notice["kind"], notice.get("name", ""), notice.get("type", "")
    if kind == "event":
        return str(name) if type_ in ("track", "own", name) else f"{type_} {name}"
    if kind == "decision":
        return _decided(str(name), notice.get("source", ""), notice.get("need", ""))
    if kind == "merge":
        count = len(notice.get("absorbed", ()))
        return f"one person with {count} other{'s'[: count != 1]}" if count else "one person"
    if kind == "alarm":
        return f"alarm {type_}: {notice.get('reason', '')}"
    said_of = {
        "split": "two people again",
        "due": "time passed",
        "refold": "rebuilt from the log",
        "erase": "erased",
        "strategy": "a strategy came into force",
    }
    return said_of.get(kind, str(kind))


def _decided(action: str, channel: str, need: str) -> str:
    done = "silence" if action == SILENCE else plain(action)
    by = f" by {channel}" if channel else ""
    return f"decided: {done}{by}" + (f", for {plain(need)}" if need else "")


def changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, kinds: Kinds
) -> dict[str, tuple[Any, Any]]:
    """Find the signals that differ between two records of a person; of a category, each.

    Examples
    --------
    >>> old = {"signals": {"orders": 1, "spend": 5, "views": {"boots": 1}}}
    >>> new = {"signals": {"orders": 2, "spend": 5, "views": {"boots": 1, "tents": 1}}}
    >>> changes(old, new, {})
    {'orders': (1, 2), 'views tents': (None, 1)}
    """
    if before is None or after is None:
        return {}
    old, new = before.get("signals", {}), after.get("signals", {})
    found: dict[str, tuple[Any, Any]] = {}
    for name, now in new.items():
        was = old.get(name)
        # What only grows with the clock, such as the time since an order, is no news.
        if was == now or (kinds.get(name) == "recency" and None not in (was, now)):
            continue
        if isinstance(now, Mapping) and isinstance(was, Mapping):
            for category in sorted(now.keys() | was.keys()):
                if was.get(category) != now.get(category):
                    found[f"{name} {category}"] = (was.get(category), now.get(category))
        else:
            found[name] = (was, now)
    return found


def say_changes(changed: Mapping[str, tuple[Any, Any]], kinds: Kinds) -> str:
    """Say what changed on one line.

    Examples
    --------
    >>> say_changes({"orders": (1, 2), "gap": (None, 90)}, {"gap": "gap"})
    'orders 1 → 2 · gap – → 1m 30s'
    """
    parts = []
    for name, pair in changed.items():
        was, now = (signal_value(name.partition(" ")[0], value, kinds) for value in pair)
        if was != now:
            parts.append(f"{name} {was} → {now}")
    return " · ".join(parts)
