"""A circuit breaker per destination: who does not answer is left alone for a while, then probed.

A pure state machine: `admit` before a call, `record` after it, both with `now` and the state as it
stands. Closed lets calls through and counts failures in a row. Open lets none through until its
time is over. Half-open lets one probe through at a time: enough good ones close it, a bad one opens
it again for twice as long.

References
----------
M. Nygard, "Release It!", 2nd edition, 2018, chapter 5.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from heedful.kernel import MINUTE_MS, SECOND_MS
from heedful.ports import Delivery

State = Literal["closed", "open", "half_open"]

_DOUBLINGS_MAX: Final = 32


class BreakerRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a destination is left alone, and for how long."""

    failures_to_open: int = 5
    """Failures in a row after which it is left alone."""
    open_ms: int = 30 * SECOND_MS
    """How long at first; doubles with every probe that fails."""
    open_ms_max: int = 5 * MINUTE_MS
    """How long at most."""
    successes_to_close: int = 2
    """Probes in a row that must succeed before all calls go through again."""
    probe_ms: int = 2 * MINUTE_MS
    """Time after which a probe whose end was never recorded counts as lost; another may go."""


class Breaker(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one destination's breaker."""

    state: State = "closed"
    failures: int = 0
    """In a row, while closed."""
    successes: int = 0
    """Of probes in a row, while half-open."""
    openings: int = 0
    """How often it opened since it was last closed."""
    until: int = 0
    """Milliseconds: open until then; half-open, the probe that is out counts until then."""


DEFAULT_RULES: Final = BreakerRules()
"""Thirty seconds after five failures in a row, five minutes at most."""


def is_failure(delivery: Delivery) -> bool:
    """Say whether an outcome speaks against the destination.

    Notes
    -----
    A refusal (`failed`) is an answer: the destination is there, this effect is wrong. That it is
    gone for good is no matter of waiting.
    """
    return delivery.status in ("retry", "unknown")


def opens_at(breaker: Breaker) -> int | None:
    """Say when the next call may go through; None when it may at once."""
    if breaker.state == "closed" or breaker.until == 0:
        return None
    return breaker.until


def admit(breaker: Breaker, now: int, rules: BreakerRules = DEFAULT_RULES) -> tuple[Breaker, bool]:
    """Ask for leave to call: the new state, and whether the call may go.

    Examples
    --------
    >>> admit(Breaker(), now=0)[1]
    True
    >>> left_alone = Breaker(state="open", openings=1, until=30_000)
    >>> admit(left_alone, now=29_999)[1]
    False
    >>> probing, may_call = admit(left_alone, now=30_000)
    >>> probing.state, may_call, admit(probing, now=30_001)[1]
    ('half_open', True, False)
    """
    if breaker.state == "closed":
        return breaker, True
    if now < breaker.until:
        return breaker, False
    probing = msgspec.structs.replace(breaker, state="half_open", until=now + rules.probe_ms)
    return probing, True


def record(
    breaker: Breaker, is_good: bool, now: int, rules: BreakerRules = DEFAULT_RULES
) -> Breaker:
    """Fold the end of a call into the state.

    Parameters
    ----------
    is_good
        Not `is_failure` of what came of it.

    Notes
    -----
    While it is open, calls that were let through before may still end: a bad one changes nothing,
    a good one neither, as one swallow makes no summer.

    Examples
    --------
    >>> breaker = Breaker()
    >>> for _ in range(5):
    ...     breaker = record(breaker, False, now=1_000)
    >>> breaker.state, breaker.until
    ('open', 31000)
    """
    if breaker.state == "open":
        return breaker
    if breaker.state == "half_open":
        return _probed(breaker, is_good, now, rules)
    if is_good:
        return breaker if breaker.failures == 0 else Breaker()
    failures = breaker.failures + 1
    if failures < rules.failures_to_open:
        return msgspec.structs.replace(breaker, failures=failures)
    return _opened(breaker, now, rules)


def _probed(breaker: Breaker, is_good: bool, now: int, rules: BreakerRules) -> Breaker:
    if not is_good:
        return _opened(breaker, now, rules)
    successes = breaker.successes + 1
    if successes >= rules.successes_to_close:
        return Breaker()
    return msgspec.structs.replace(breaker, successes=successes, until=0)


def _opened(breaker: Breaker, now: int, rules: BreakerRules) -> Breaker:
    doubled = rules.open_ms << min(breaker.openings, _DOUBLINGS_MAX)
    until = now + min(doubled, rules.open_ms_max)
    return Breaker(state="open", openings=breaker.openings + 1, until=until)
