"""What happened in a run, counted, and the summary at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from heedful.cli.demo_feed import Decided, Notice
from heedful.cli.demo_words import APPROVE_BEFORE, HELD_BACK, SILENCE, Wording, plain
from heedful.cli.screen import count

TIERS: Final = ("hardship", "service", "retention", "growth")
REASONS_SHOWN: Final = 6


class Tally:
    """Counts of one run; each method is called on one thread."""

    def __init__(self) -> None:
        self.tiers: Counter[str] = Counter()
        self.actions: Counter[str] = Counter()
        self.silences: Counter[str] = Counter()
        """Silent decisions by the sentence that says why."""
        self.withheld: Counter[str] = Counter()
        """Nudges that were withheld, by reason code."""
        self.spared: set[str] = set()
        """People from whom a nudge was withheld; counted, never listed."""
        self.to_agree = 0
        """Decisions that wait until a person has agreed."""
        self.agreed = self.refused = 0
        """Those of them that a person has agreed to, and not."""
        self.outcomes: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        """Notices by kind, and our own events by name."""
        self.in_need: set[str] = set()
        self.helped: set[str] = set()
        """People whose need of hardship or service was answered and is over."""

    @property
    def decisions(self) -> int:
        """Decisions made."""
        return self.tiers.total()

    @property
    def silent(self) -> int:
        """Decisions to say nothing."""
        return self.actions[SILENCE]

    def notice(self, notice: Notice) -> None:
        """Count a notice; every decision is counted here."""
        kind = notice["kind"]
        self.events[kind] += 1
        if kind == "event" and notice.get("type") == "own":
            self.events[notice["name"]] += 1
        if kind == "decision":
            self.tiers[notice["type"]] += 1
            self.actions[notice["name"]] += 1

    def decided(self, decided: Decided) -> None:
        """Count what is known once a decision was read."""
        told = decided.told
        if told.kind == "silence":
            self.silences[told.why] += 1
        elif told.kind == "help" and decided.tier in ("hardship", "service"):
            self.in_need.add(decided.customer_id)
        if APPROVE_BEFORE in decided.answer["explanation"].get("flags", ()):
            self.to_agree += 1
        self.withheld.update(told.withheld.values())
        if told.withheld:
            self.spared.add(decided.customer_id)

    def need_closed(self, customer_id: str) -> None:
        """Count somebody who was in need and is not any more."""
        if customer_id in self.in_need:
            self.helped.add(customer_id)

    def vote(self, is_approved: bool) -> None:
        """Count the word of a second person on a decision."""
        if is_approved:
            self.agreed += 1
        else:
            self.refused += 1

    def outcome(self, outcome: str) -> None:
        """Count what became of a decision."""
        self.outcomes[outcome] += 1


def summary(tally: Tally, wording: Wording, seconds: float) -> list[str]:
    """Say in lines what happened in so many seconds."""
    acted = tally.decisions - tally.silent
    made, said = count(tally.decisions, "decision"), count(acted, "message")
    return [
        f"{made} in {seconds:,.0f} s: {said}, and {tally.silent:,} times silence.",
        *decision_lines(tally, wording),
        _row("outcomes", tally.outcomes.most_common()),
        f"people helped: {len(tally.helped):,} of {len(tally.in_need):,} who needed it",
    ]


def decision_lines(tally: Tally, wording: Wording) -> Iterator[str]:
    """Say what was decided, by tier and action, why there was silence, and what was withheld."""
    yield _row("by tier", ((tier, tally.tiers[tier]) for tier in TIERS))
    done = [(a, n) for a, n in tally.actions.most_common() if a != SILENCE]
    yield _row("done", ((wording.titles.get(a) or plain(a), n) for a, n in done))
    if tally.agreed or tally.refused:
        yield f"four eyes: a second person agreed to {tally.agreed:,}, refused {tally.refused:,}"
    waiting = tally.to_agree - tally.agreed - tally.refused
    if waiting > 0:
        yield f"waiting for a person to agree: {waiting:,} (heedful approvals list)"
    yield "silences, and why"
    for why, number in tally.silences.most_common(REASONS_SHOWN):
        yield f"  {number:>6,}  {why}"
    nudges, people = tally.withheld.total(), len(tally.spared)
    yield f"nudges withheld: {nudges:,} from {people:,} {'person' if people == 1 else 'people'}"
    for code, number in tally.withheld.most_common(REASONS_SHOWN):
        yield f"  {number:>6,}  {HELD_BACK[code]}"


def _row(name: str, counted: Any) -> str:
    parts = [f"{what} {number:,}" for what, number in counted]
    return f"{name}: {' · '.join(parts) or 'none'}"
