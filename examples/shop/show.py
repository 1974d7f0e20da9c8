"""What the screen shows next: takes in what is heard, thins it out, and answers to keys."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections import deque
from typing import Any, Final, TextIO

from examples.shop.screen import NUMBERED, Scene
from examples.shop.story import Stories
from heedful.app import App
from heedful.cli.client import Api
from heedful.cli.demo_feed import Decided, DecisionFeed, Notice
from heedful.cli.demo_tally import Tally
from heedful.cli.person import read_kinds

QUIET_PAUSE_S: Final = 2.0
"""Least time between two silences on the screen, so that one can read; all are counted."""
SAME_PAUSE_S: Final = 10.0
"""Least time between two silences of one person for the same reason."""
SILENCES_MAX: Final = 5_000
"""People and reasons that are remembered for it."""
RATE_SPAN_S: Final = 5.0
COUNT_EVERY_S: Final = 0.5


class Show:
    """Keeps a scene up to date; what is heard comes on other threads, under one lock."""

    crowd: subprocess.Popen[str]

    def __init__(self, app: App, api: Api, url: str, said: TextIO | None = None) -> None:
        self._app, self._said = app, said
        self._start(Scene(url=url, kinds=read_kinds(api)))
        self.feed = DecisionFeed(api, self._notice, self._decided)
        self.feed.start()

    def _start(self, scene: Scene) -> None:
        self._lock = threading.Lock()
        self.tally, self.stories, self.scene = Tally(), Stories(), scene
        self.tickets = self.mails = self.refused = 0
        self.began_s = time.monotonic()
        self._counted: deque[tuple[float, int]] = deque()
        self._count_due = self._quiet_due = 0.0
        self._values_each = 0
        self._silences: dict[tuple[str, str], float] = {}

    # -- what is heard --------------------------------------------------------------------------

    def _notice(self, notice: Notice) -> None:
        with self._lock:
            self.tally.notice(notice)
            self.stories.notice(notice)
            if notice["kind"] == "event" and notice["name"] == "Need Closed":
                self.tally.need_closed(notice["customer_id"])

    def _decided(self, decided: Decided) -> None:
        silence = self.feed.wording.silences.get(decided.answer["action"], "")
        if self.hear_decision(decided, silence) and self._said is not None:
            print(line_of(decided), file=self._said, flush=True)

    def hear_decision(self, decided: Decided, silence: str) -> bool:
        """Take in a decision; `silence` is for how long it mutes promotions. False if thinned."""
        with self._lock:
            self.tally.decided(decided)
            self.stories.decided(decided, silence)
            if not self._is_worth_a_line(decided):
                return False
            if self.scene.is_paused:
                self.scene.missed += 1
            else:
                self.scene.lines.appendleft(decided)
            return True

    def _is_worth_a_line(self, decided: Decided) -> bool:
        """Let through whatever is done, and of the silences those that say something."""
        if decided.told.kind != "silence":
            return True
        now = time.monotonic()
        same = (decided.customer_id, decided.told.why)
        is_of_a_story = decided.customer_id in self.stories.told and bool(decided.told.withheld)
        is_new = now - self._silences.get(same, -SAME_PAUSE_S) >= SAME_PAUSE_S
        if not (is_new and (is_of_a_story or now >= self._quiet_due)):
            return False
        self._quiet_due = now + QUIET_PAUSE_S
        self._silences[same] = now
        if len(self._silences) > SILENCES_MAX:
            self._silences.clear()
        return True

    def hear_desk(self, said: dict[str, Any]) -> None:
        """Take in a line of the desk: a ticket, a mail, a refusal."""
        with self._lock:
            if said["kind"] == "ticket":
                self.tickets += 1
                self.stories.ticket(said)
            elif said["kind"] == "mail":
                self.mails += 1
            else:
                self.refused += 1
        if self._said is not None and said["kind"] == "ticket":
            print(f"          desk: ticket {said['number']}. {said['says']}", file=self._said)

    def hear_vote(self, said: dict[str, Any]) -> None:
        """Take in that the second person agreed to a decision, or did not."""
        word = "agreed" if said["is_approved"] else "said no"
        end = "It goes out now." if said["is_approved"] else "It never goes out."
        who = said["by"].capitalize()
        told = f"{who} of the credit desk {word}: “{said['reason']}” {end}"
        name, id_ = said["customer_id"], said["decision_id"]
        with self._lock:
            self.tally.vote(said["is_approved"])
            for place, line in enumerate(self.scene.lines):
                if line.decision_id == id_:
                    name = line.who
                    does = line.told._replace(why=told)
                    self.scene.lines[place] = line._replace(told=does)
            self.scene.note = f"four eyes: {who} {word}, for {name}"
        if self._said is not None:
            print(f"          four eyes, for {name}: {told}", file=self._said, flush=True)

    def hear_crowd(self, said: dict[str, Any]) -> None:
        """Take in a line of the crowd: how somebody answered."""
        if said.get("kind") != "outcome":
            return
        with self._lock:
            self.tally.outcome(said["outcome"])
            self.stories.outcome(said["decision_id"], said["outcome"])

    # -- what is shown --------------------------------------------------------------------------

    def look(self) -> Scene:
        """Bring the scene up to date."""
        now = time.monotonic()
        with self._lock:
            scene, tally = self.scene, self.tally
            scene.story = self.stories.turn(now)
            scene.decisions, scene.silent = tally.decisions, tally.silent
            scene.helped, scene.tickets = len(tally.helped), self.tickets
            scene.merges = tally.events["merge"]
        if now >= self._count_due:
            self._count_due = now + COUNT_EVERY_S
            self._count(now)
        return scene

    def _count(self, now: float) -> None:
        scene, stats = self.scene, self._app.store.stats()
        self._counted.append((now, stats.events))
        while now - self._counted[0][0] > RATE_SPAN_S:
            self._counted.popleft()
        then, count = self._counted[0]
        scene.customers, scene.events = stats.customers, stats.events
        scene.per_second = (stats.events - count) / (now - then) if now > then else 0.0
        world = self._app.engine.world
        # Every feature of the dictionary is a counter with each of these readings.
        self._values_each = self._values_each or len(world.signals.automatic.values([], 0))
        scene.automatic = len(world.dictionary.keys) * self._values_each
        story = scene.story
        scene.person = None if story is None else self.feed.person(story.customer_id)

    def press(self, key: str) -> bool:
        """Answer to a key; False ends the show."""
        scene = self.scene
        with self._lock:
            if key == "q":
                return False
            if key == "space":
                self._pause(not scene.is_paused)
            elif key in ("up", "down") and scene.lines:
                self._select(1 if key == "down" else -1)
            elif key == "escape":
                scene.opened, scene.selected = None, None
            elif key == "enter":
                is_open = scene.opened is not None or scene.selected is None
                scene.opened = None if is_open else scene.lines[scene.selected]
            elif key.isdecimal() and 1 <= int(key) <= min(NUMBERED, len(scene.lines)):
                self._pause(True)
                scene.selected = int(key) - 1
                scene.opened = scene.lines[scene.selected]
        return True

    def _pause(self, is_paused: bool) -> None:
        self.scene.is_paused, self.scene.missed = is_paused, 0
        if not is_paused:
            self.scene.selected = None

    def _select(self, by: int) -> None:
        scene = self.scene
        self._pause(True)
        before = scene.selected
        last = len(scene.lines) - 1
        scene.selected = 0 if before is None else min(max(before + by, 0), last)
        if scene.opened is not None:
            scene.opened = scene.lines[scene.selected]


def line_of(decided: Decided) -> str:
    """Tell a decision in one line, for where no terminal is."""
    told = decided.told
    return f"{decided.at[11:19]}  {told.kind:<7}  {decided.who}: {told.does}. {told.why}"


def standard_output() -> TextIO | None:
    """Give where lines are told when no screen is drawn."""
    with contextlib.suppress(ValueError, AttributeError):
        return None if sys.stdout.isatty() else sys.stdout
    return sys.stdout
