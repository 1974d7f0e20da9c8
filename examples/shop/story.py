"""The story that the shop tells: three refused payments in a row, and all that follows from them.

Nothing is played here. A story begins when Heedful has seen the need, and every line of it is
something that was observed: an event, a decision, a ticket at the desk, an answer of the customer.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from heedful.cli.demo_feed import Decided, Notice
from heedful.cli.demo_words import plain
from heedful.kernel import format_instant, parse_instant, parse_span

NEED: Final = "cannot_pay"
HELP: Final = "offer_help"
FRESH_MS: Final = 30_000
"""A need that is seen later than this after the last refusal is of somebody who has left."""
LASTS_S_MAX: Final = 30.0
"""How long a story is shown at most while the next one waits."""
READ_S: Final = 8.0
"""How long the end of a story is left to be read."""
REFUSALS_MAX: Final = 2_000
"""People whose refused payments are remembered; the longest unseen is forgotten."""

Mark = Literal["bad", "need", "help", "quiet", "desk", "held", "good", "wait"]


class Step(msgspec.Struct):
    """One line of a story; mutable, since a line becomes true while one looks."""

    mark: Mark
    title: str
    says: str = ""
    at: str = ""
    is_done: bool = False


class Story(msgspec.Struct, kw_only=True):
    """One person whose payments were refused."""

    customer_id: str
    who: str
    began_s: float
    decision_id: str
    refused: Step
    need: Step
    help: Step
    quiet: Step
    desk: Step
    held: Step
    end: Step
    withheld: dict[str, str] = msgspec.field(default_factory=dict)
    ended_s: float = 0.0

    @property
    def steps(self) -> tuple[Step, ...]:
        """All lines in their order."""
        return (
            self.refused,
            self.need,
            self.help,
            self.quiet,
            self.desk,
            self.held,
            self.end,
        )


def until_of(at: str, span: str) -> str:
    """Say when a silence that began at an instant ends, to the minute.

    Examples
    --------
    >>> until_of("2026-11-21T10:00:00.000Z", "48h")
    'Mon 10:00 UTC'
    """
    began = parse_instant(at)
    if began is None:
        return span
    ends = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=began + parse_span(span, "$"))
    return f"{ends:%a %H:%M} UTC"


def _ms_between(earlier: str, later: str) -> int:
    return (parse_instant(later) or 0) - (parse_instant(earlier) or 0)


def _instant(at: Any) -> str:
    return at if isinstance(at, str) else format_instant(int(at))


class Stories:
    """All stories of a run and the one that is shown.

    Notes
    -----
    Notices come on one thread and decisions on another, so a decision may be told before or after
    the events that follow from it; what was seen of a person before their story began is kept.
    """

    def __init__(self) -> None:
        self.told: dict[str, Story] = {}
        self.shown: Story | None = None
        self._waiting: deque[Story] = deque()
        self._refused: OrderedDict[str, list[str]] = OrderedDict()
        self._tickets: dict[str, str] = {}
        self._by_decision: dict[str, Story] = {}
        self._silences: dict[str, str] = {}

    def notice(self, notice: Notice) -> None:
        """Take in what happened to anybody."""
        if notice["kind"] != "event":
            return
        whose, name, at = notice["customer_id"], notice["name"], _instant(notice["at"])
        story = self.told.get(whose)
        if name == "Payment Failed":
            times = self._refused.setdefault(whose, [])
            self._refused.move_to_end(whose)
            times.append(at)
            if len(self._refused) > REFUSALS_MAX:
                self._refused.popitem(last=False)
        elif name == "Order Completed":
            self._refused.pop(whose, None)
            if story is not None and not story.end.is_done:
                self._end(story, at, "They paid. The need is over, and the receipt goes out.")
        elif name == "Silence Set":
            self._silences[whose] = at
            if story is not None:
                _done(story.quiet, at)
        elif name == "Message Released" and story is not None and not story.help.at:
            story.help.at, story.help.says = at, "It waits for them in the shop."

    def decided(self, decided: Decided, silence: str) -> None:
        """Take in what was decided; `silence` is the span that the action mutes promotions for."""
        story = self.told.get(decided.customer_id)
        if decided.need == NEED and decided.told.kind == "help":
            if story is None or story.end.is_done:
                story = self._begin(decided, silence)
            self._by_decision[decided.decision_id] = story
        if story is not None and decided.told.withheld:
            self._hold(story, decided)

    def ticket(self, ticket: dict[str, Any]) -> None:
        """Take in a ticket of the desk."""
        says = f"Ticket {ticket['number']}, signature checked. {ticket['says']}"
        self._tickets[ticket["decision_id"]] = says
        story = self._by_decision.get(ticket["decision_id"])
        if story is not None:
            _done(story.desk, "", says)

    def outcome(self, decision_id: str, outcome: str) -> None:
        """Take in how the person answered."""
        story = self._by_decision.get(decision_id)
        if story is None:
            return
        said = {
            "shown": "They see it.",
            "accepted": "They take it up.",
            "rejected": "They wave it away; nobody insists.",
            "ignored": "They leave it; nobody insists.",
        }.get(outcome)
        if said is not None:
            _done(story.help, story.help.at, said)

    def turn(self, now_s: float) -> Story | None:
        """Give the story to show: the next one once this one could be read."""
        shown = self.shown
        has_been_read = shown is None or (
            (shown.ended_s and now_s - shown.ended_s > READ_S)
            or now_s - shown.began_s > LASTS_S_MAX
        )
        if has_been_read and self._waiting:
            # The newest of somebody whose name is known: it is still going on, and reads best.
            named = [story for story in self._waiting if " " in story.who]
            self.shown = (named or list(self._waiting))[-1]
            self._waiting.clear()
        return self.shown

    def _begin(self, decided: Decided, silence: str) -> Story:
        refused = self._refused.get(decided.customer_id, [])
        count = max(3, len(refused))
        until = until_of(decided.at, silence) if silence else ""
        story = Story(
            customer_id=decided.customer_id,
            who=decided.who,
            began_s=time.monotonic(),
            decision_id=decided.decision_id,
            refused=Step("bad", f"{count} payments refused, one after another"),
            need=Step("need", "Heedful sees a need: they cannot pay"),
            help=Step("help", f"Help: {decided.told.does}"),
            quiet=Step("quiet", f"No promotion for {silence}, on every channel"),
            desk=Step("desk", "The service desk is called"),
            held=Step("held", "Offers held back meanwhile"),
            end=Step("wait", "Waiting until they can pay"),
        )
        times = " · ".join(at[11:19] for at in refused[-4:])
        _done(story.refused, refused[-1] if refused else decided.at, times)
        _done(story.need, decided.at, "Helping comes first. Selling stops at once.")
        story.help.says = "On its way into the shop."
        _done(story.quiet, self._silences.get(decided.customer_id, decided.at), f"Until {until}.")
        known = self._tickets.get(decided.decision_id)
        if known is not None:
            _done(story.desk, "", known)
        self.told[decided.customer_id] = story
        if not refused or _ms_between(refused[-1], decided.at) < FRESH_MS:
            self._waiting.append(story)
        return story

    def _hold(self, story: Story, decided: Decided) -> None:
        story.withheld |= decided.told.withheld
        names = ", ".join(plain(name) for name in story.withheld)
        number = len(story.withheld)
        story.held.title = f"{number} offer{'s'[: number != 1]} held back since"
        _done(story.held, decided.at, f"{names}.")

    def _end(self, story: Story, at: str, says: str) -> None:
        story.end.mark, story.end.title = "good", "Paid after all"
        _done(story.end, at, says)
        story.ended_s = time.monotonic()


def _done(step: Step, at: str, says: str = "") -> None:
    step.is_done = True
    step.at = at or step.at
    step.says = says or step.says
