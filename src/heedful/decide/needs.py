"""Needs: opened by a condition, closed by an event, a condition or time, and latched.

A need that was closed opens again only when something new makes its condition true: an event that
can change the condition came after, or the condition was false meanwhile. An event from the past
opens a need only if it would still be open today.
"""

from __future__ import annotations

from heedful.decide.case import OpenNeed, bounded_needs, need_key, sort_in
from heedful.decide.compiled import NeedRule
from heedful.decide.run import Run
from heedful.decide.types import NEED_CLOSED, NEED_OPENED, TIME_PASSED


def expire_needs(run: Run) -> list[str]:
    """Close what has been open for long enough, and what the strategy no longer knows."""
    closed = []
    for need in run.case.needs:
        if need.closed_at:
            continue
        if need.name not in run.rules.need_by_name:
            _close(run, need, "unpublished")
            closed.append(need.name)
        elif need.expires_at <= run.now:
            _close(run, need, "expired")
            closed.append(need.name)
    return closed


def close_needs(run: Run) -> list[str]:
    """Close the needs that the event, or a condition that came true, ends."""
    if all(need.closed_at for need in run.case.needs):
        return []
    by_event = {rule.name for rule in run.rules.closed_by(run.event, run.readings)}
    closed = []
    for need in run.case.needs:
        if need.closed_at:
            continue
        rule = run.rules.need_by_name[need.name]
        is_later = run.event.at >= need.opened_at and run.event.key != need.event
        if need.name in by_event and is_later:
            _close(run, need, "event")
        elif rule.closes_when is not None and run.readings.holds(rule.closes_when):
            _close(run, need, "condition")
        else:
            continue
        closed.append(need.name)
    return closed


def open_needs(run: Run, *, just_closed: list[str]) -> list[OpenNeed]:
    """Open the needs whose condition holds and that are not latched."""
    is_timer = run.event.type == "own" and run.event.name == TIME_PASSED
    touched = run.rules.opened_by(run.event)
    looked_at = run.rules.needs if is_timer else touched
    opened = []
    for rule in looked_at:
        if rule.name in just_closed:
            continue
        need = _opened(run, rule, is_touched=rule in touched and not is_timer)
        if need is not None:
            opened.append(need)
    return opened


def open_unseen_needs(run: Run) -> list[OpenNeed]:
    """Open, before something is decided, what nobody has had a reason to look at.

    Notes
    -----
    A need that was published after the events that make it true, or that time alone made true,
    must not be overlooked by a decision.
    """
    opened = (_opened(run, rule, is_touched=False) for rule in run.rules.needs)
    return [need for need in opened if need is not None]


def _opened(run: Run, rule: NeedRule, *, is_touched: bool) -> OpenNeed | None:
    case, now = run.case, run.now
    known = [need for need in case.needs if need.name == rule.name]
    # After two people were joined, an older one may be open while the newest is closed.
    if not all(need.closed_at for need in known):
        return None
    last = known[-1] if known else None
    # The condition is evaluated as of now; the event only says when it came true.
    opened_at = min(run.event.at, now)
    if opened_at + rule.expires_ms <= now:
        return None
    if not run.readings.holds(rule.opens):
        if last is not None:
            last.is_rearmed = True
        return None
    if last is not None and not (is_touched or last.is_rearmed):
        return None
    need = OpenNeed(
        opened_at=opened_at,
        event=run.event.key,
        name=rule.name,
        tier=rule.tier,
        fragment=run.fragment,
        expires_at=opened_at + rule.expires_ms,
    )
    sort_in(case.needs, need, need_key)
    case.needs = bounded_needs(case.needs)
    run.say(NEED_OPENED, {"need": rule.name, "tier": rule.tier})
    _stand_down(run)
    return need


def _close(run: Run, need: OpenNeed, reason: str) -> None:
    need.closed_at, need.reason = run.now, reason
    rule = run.rules.need_by_name.get(need.name)
    need.is_rearmed = rule is not None and not run.readings.holds(rule.opens)
    run.say(NEED_CLOSED, {"need": need.name, "tier": need.tier, "reason": reason})
    _stand_down(run)


def _stand_down(run: Run) -> None:
    """Have the next request decide anew: what is needed has changed."""
    for standing in run.case.standing:
        if standing.slot or not standing.channel:
            standing.stands_until = min(standing.stands_until, run.now)
