"""Kill switches: anybody stops at once, two people start again.

Law: per scope the newest word by `(at, key)` counts, so any order of the same events gives the
same switches. Stopping needs no approval; switching on does, and so does cutting a stop short.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from heedful.govern.approvals import Approval, allows, subject_of
from heedful.govern.errors import fault, require_future, require_statement
from heedful.govern.limits import SCOPES_STOPPED_MAX
from heedful.govern.scopes import Subject, check_scope
from heedful.govern.types import ApprovalNeeded, SwitchSet

_NEVER: Final = 1 << 62


class Switch(msgspec.Struct, frozen=True, array_like=True):
    """The newest word on one scope."""

    at: int
    key: int
    is_stopped: bool
    by: str
    reason: str
    expires_at: int | None = None


class Stop(NamedTuple):
    """Why something does not go out."""

    scope: str
    by: str
    reason: str
    since: int
    expires_at: int | None
    key: int
    """Of the event that set it."""


class Switches(msgspec.Struct, frozen=True):
    """All switches of a workspace."""

    states: dict[str, Switch] = {}
    """By scope, sorted; a scope that nobody ever touched is on."""

    def stopped(self, subject: Subject, now: int) -> Stop | None:
        """Find the widest stop that covers a subject now."""
        if not self.states:
            return None
        for scope in subject.scopes():
            if (stop := self.stop_of(scope, now)) is not None:
                return stop
        return None

    def stop_of(self, scope: str, now: int) -> Stop | None:
        """Find the stop of exactly this scope."""
        state = self.states.get(scope)
        if state is None or not state.is_stopped or now >= (state.expires_at or _NEVER):
            return None
        return Stop(scope, state.by, state.reason, state.at, state.expires_at, state.key)

    def stops(self, now: int) -> tuple[Stop, ...]:
        """List all stops in force, by scope."""
        found = (self.stop_of(scope, now) for scope in self.states)
        return tuple(stop for stop in found if stop is not None)


def fold_switch(switches: Switches, said: SwitchSet, at: int, key: int) -> Switches:
    """Fold one word on a scope."""
    known = switches.states.get(said.scope)
    if known is not None and (at, key) <= (known.at, known.key):
        return switches
    state = Switch(at, key, said.is_stopped, said.by, said.reason, said.expires_at)
    return Switches(dict(sorted({**switches.states, said.scope: state}.items())))


def stop(
    switches: Switches,
    scope: str,
    by: str,
    reason: str,
    now: int,
    expires_at: int | None = None,
) -> SwitchSet:
    """Stop a scope at once.

    Raises
    ------
    InputError
        `bad_scope`, `missing_person`, `missing_reason`, `bad_expiry`; `stop_in_force` when it is
        stopped for longer already; `too_many_stops` beyond `SCOPES_STOPPED_MAX`.
    """
    check_scope(scope)
    require_statement(by, reason)
    if expires_at is not None:
        require_future(expires_at, now)
    known = switches.stop_of(scope, now)
    if known is not None and (expires_at or _NEVER) < (known.expires_at or _NEVER):
        remedy = "Switch it on by approval instead."
        what = "an end that is not before the one in force"
        raise fault("stop_in_force", what, "an earlier one", "$.expires_at", remedy)
    if known is None and len(switches.stops(now)) >= SCOPES_STOPPED_MAX:
        what = f"at most {SCOPES_STOPPED_MAX} stopped scopes"
        raise fault("too_many_stops", what, "one more", "$.scope", "Stop `all`.")
    return SwitchSet(scope=scope, is_stopped=True, by=by, reason=reason, expires_at=expires_at)


def switch_on(
    switches: Switches,
    scope: str,
    by: str,
    reason: str,
    now: int,
    *,
    required: int = 1,
    approval: Approval | None = None,
) -> SwitchSet | ApprovalNeeded:
    """Switch a stopped scope on, or say which approval that needs.

    Notes
    -----
    The approval is bound to this very stop: another stop of the same scope needs another one.

    Raises
    ------
    InputError
        `not_stopped` when the scope is on; `bad_scope`, `missing_person`, `missing_reason`.
    """
    check_scope(scope)
    require_statement(by, reason)
    known = switches.stop_of(scope, now)
    if known is None:
        raise fault("not_stopped", "a stopped scope", f"{scope}, which is on", "$.scope")
    needed = ApprovalNeeded("switch_on", subject_of(scope, known.key), required)
    if not allows(approval, needed, now):
        return needed
    approval_id = approval.id if approval is not None else None
    return SwitchSet(scope=scope, is_stopped=False, by=by, reason=reason, approval_id=approval_id)
