"""The contact policy: caps that leave room, hours that are some, names that are known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, get_args

from heedful.decide.definitions import Action, Cap, ContactPolicy
from heedful.decide.limits import HOLDOUT_SHARE_MAX
from heedful.effects import MessageClass
from heedful.strategy.parts import Part, Parts, check_span, did_you_mean
from heedful.strategy.people import known_purposes
from heedful.strategy.sections import ConsentFile
from heedful.strategy.yaml import StrategyProblem

_CLASSES: Final[tuple[str, ...]] = get_args(MessageClass)
_HELD_OUT: Final = ("retention", "growth")
_TIME: Final = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


def known_channels(parts: Parts) -> tuple[str, ...]:
    """List the channels that actions and policies may name."""
    return parts.only(ContactPolicy).channels


def channel_problem(
    part: Part[Any], path: str, name: str, parts: Parts
) -> Iterator[StrategyProblem]:
    """Find a channel that nobody listed."""
    if not parts.is_whole(ContactPolicy):
        return
    known = known_channels(parts)
    if name not in known:
        listed = f"Known are {', '.join(known)}; `channels` in policies/contact.yaml lists them."
        yield part.problem(path, "a known channel", repr(name), did_you_mean(name, known, listed))


def check_contact(parts: Parts) -> Iterator[StrategyProblem]:
    """Find caps without room, unknown names, hours and shares that are none."""
    for part in parts.of(ContactPolicy):
        policy = part.section
        yield from cap_problems(part, "$.caps", policy.caps, parts)
        if policy.caps and "promotional" not in policy.capped:
            what, got = "`promotional` among the classes that are capped", "others"
            remedy = "Where nothing is to be capped, leave no caps: `caps: []`."
            yield part.problem("$.capped", what, got, remedy)
        yield from _check_hours(part, policy, parts)
        yield from _check_holdout(part, policy)
        for name, budget in policy.budgets.items():
            if budget.amount <= 0:
                got = f"{budget.amount:g}"
                yield part.problem(f"$.budgets.{name}.amount", "an amount above 0", got)
        yield from _check_purposes(part, policy, parts)
        if policy.fatigue_cost < 0:
            got = f"{policy.fatigue_cost:g}"
            yield part.problem("$.fatigue_cost", "a cost of 0 or more", got)
        if not 0 <= policy.floor < 1:
            what = "a probability of at least 0 and below 1"
            yield part.problem("$.floor", what, f"{policy.floor:g}")
        if policy.benefit_weight < 0:
            got = f"{policy.benefit_weight:g}"
            yield part.problem("$.benefit_weight", "a weight of 0 or more", got)


def _check_hours(
    part: Part[ContactPolicy], policy: ContactPolicy, parts: Parts
) -> Iterator[StrategyProblem]:
    hours = policy.quiet_hours
    if hours is None:
        return
    for field in ("start", "end"):
        text = getattr(hours, field)
        if not _TIME.fullmatch(text):
            yield part.problem(f"$.quiet_hours.{field}", "a time such as 21:00", repr(text))
    if hours.start == hours.end:
        remedy = "Leave `quiet_hours` out for the default, or write `quiet_hours: null` for none."
        yield part.problem("$.quiet_hours.end", "another time than the start", hours.end, remedy)
    for i, name in enumerate(hours.channels):
        yield from channel_problem(part, f"$.quiet_hours.channels[{i}]", name, parts)


def _check_holdout(part: Part[ContactPolicy], policy: ContactPolicy) -> Iterator[StrategyProblem]:
    share = policy.holdout.share
    if not 0 <= share <= HOLDOUT_SHARE_MAX:
        yield part.problem(
            "$.holdout.share", f"a share of 0 to {HOLDOUT_SHARE_MAX:g}", f"{share:g}"
        )
    for i, tier in enumerate(policy.holdout.tiers):
        if tier not in _HELD_OUT:
            remedy = "Help is never withheld to prove a point."
            what = " or ".join(_HELD_OUT)
            yield part.problem(f"$.holdout.tiers[{i}]", what, tier, remedy)


def _check_purposes(
    part: Part[ContactPolicy], policy: ContactPolicy, parts: Parts
) -> Iterator[StrategyProblem]:
    for channel, purpose in policy.purposes.items():
        path = f"$.purposes.{channel}"
        yield from channel_problem(part, path, channel, parts)
        if parts.is_whole(ConsentFile) and purpose not in (known := known_purposes(parts)):
            remedy = did_you_mean(purpose, known, "consent.yaml declares them.")
            yield part.problem(path, "a known purpose", repr(purpose), remedy)


def cap_problems(
    part: Part[Any], path: str, caps: Sequence[Cap], parts: Parts
) -> Iterator[StrategyProblem]:
    """Find caps that leave no room, count over no time, or name what is not there."""
    for i, cap in enumerate(caps):
        place = f"{path}[{i}]"
        if cap.at_most < 1:
            remedy = "With 0 nothing is ever sent; switch the action or the channel off instead."
            what = "at least 1 message"
            yield part.problem(f"{place}.at_most", what, str(cap.at_most), remedy)
        yield from check_span(part, f"{place}.within", cap.within)
        if cap.of is not None:
            yield from _check_counted(part, f"{place}.of", cap, cap.of, parts)


def _check_counted(
    part: Part[Any], path: str, cap: Cap, name: str, parts: Parts
) -> Iterator[StrategyProblem]:
    if cap.per == "person":
        yield part.problem(path, "no `of` beside `per: person`", repr(name))
    elif cap.per == "channel":
        yield from channel_problem(part, path, name, parts)
    elif cap.per == "class":
        if name not in _CLASSES:
            remedy = did_you_mean(name, _CLASSES)
            yield part.problem(path, f"one of {', '.join(_CLASSES)}", repr(name), remedy)
    elif parts.is_whole(Action):
        actions = parts.sections(Action)
        known = {a.action for a in actions} if cap.per == "action" else {a.group for a in actions}
        named = sorted(one for one in known if one is not None)
        if name not in named:
            remedy = did_you_mean(name, named, f"No action has it as its {cap.per}.")
            yield part.problem(path, f"a known {cap.per}", repr(name), remedy)
