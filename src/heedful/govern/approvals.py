"""Four eyes: a request, votes by others, an expiry; what it allows, once.

Law: an approval's state is a function of its request and the set of votes; votes commute, and the
same vote twice is one. Who asked never counts among those who agree. A subject names the very
thing it is about (`subject_of`), so an approval is used up when that thing has changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from heedful.events import Event
from heedful.govern.definitions import ApprovalRule
from heedful.govern.errors import fault, require_future, require_statement
from heedful.govern.limits import APPROVALS_REQUIRED_MAX, VOTES_MAX
from heedful.govern.types import (
    ApprovalKind,
    ApprovalNeeded,
    ApprovalRequested,
    ApprovalVoted,
    read,
)
from heedful.kernel import parse_span, public_id

Status = Literal["pending", "approved", "rejected", "expired"]

_VOTE_REMEDY: Final = "Ask somebody else."


class Vote(msgspec.Struct, frozen=True, array_like=True):
    """One person's word on a request."""

    at: int
    key: int
    by: str
    is_approved: bool
    reason: str


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A request and what others said of it."""

    id: str
    kind: ApprovalKind
    subject: str
    requested_by: str
    reason: str
    at: int
    required: int
    expires_at: int
    votes: tuple[Vote, ...] = ()
    """By (at, key); the first of each person."""


def subject_of(name: str, key: int) -> str:
    """Name one state of a thing: the thing and the event that put it there."""
    return f"{name}@{public_id('e', key)}"


def name_of(subject: str) -> str:
    """Give the name of the thing that a subject is a state of."""
    return subject.rpartition("@")[0]


def request_approval(
    needed: ApprovalNeeded,
    approval_id: str,
    requested_by: str,
    reason: str,
    rule: ApprovalRule,
    now: int,
) -> ApprovalRequested:
    """Ask for what is needed.

    Raises
    ------
    InputError
        `missing_person`, `missing_reason`, `bad_span`; `no_approval_needed` when the rule demands
        nobody.
    """
    require_statement(requested_by, reason)
    if not 0 < needed.required <= APPROVALS_REQUIRED_MAX:
        what = f"1 to {APPROVALS_REQUIRED_MAX} approvals to ask for"
        raise fault("no_approval_needed", what, str(needed.required), "$.required")
    expires_at = now + parse_span(rule.expires_after, "$.expires_after")
    require_future(expires_at, now)
    return ApprovalRequested(
        approval_id=approval_id,
        kind=needed.kind,
        subject=needed.subject,
        requested_by=requested_by,
        reason=reason,
        required=needed.required,
        expires_at=expires_at,
    )


def vote(
    approval: Approval, by: str, is_approved: bool, reason: str, now: int
) -> ApprovalVoted | None:
    """Agree or refuse; None when this person has said the same before.

    Raises
    ------
    InputError
        `own_approval` by the asker; `approval_settled` or `approval_expired` when it is too late;
        `already_voted` when this person said the opposite; `missing_person`, `missing_reason`.
    """
    require_statement(by, reason)
    if is_same_person(by, approval.requested_by):
        what = "somebody else than who asked"
        raise fault("own_approval", what, "the asker", "$.by", _VOTE_REMEDY)
    earlier = next((v for v in approval.votes if is_same_person(v.by, by)), None)
    if earlier is not None and earlier.is_approved == is_approved:
        return None
    status = status_of(approval, now)
    if status == "expired":
        remedy = "Ask again."
        raise fault("approval_expired", "a request that is open", "a lapsed one", "$", remedy)
    if status != "pending":
        raise fault("approval_settled", "a request that is open", f"one {status}", "$")
    if earlier is not None:
        said = "an approval" if earlier.is_approved else "a refusal"
        raise fault("already_voted", "the first word of this person", said, "$.by", _VOTE_REMEDY)
    return ApprovalVoted(
        approval_id=approval.id, by=by.strip(), is_approved=is_approved, reason=reason
    )


def fold_approval(approval: Approval | None, event: Event) -> Approval | None:
    """Fold one event into the approval that it is about.

    Notes
    -----
    The first request of an id counts; a vote on what was never asked for is nothing.
    """
    said = read(event)
    if isinstance(said, ApprovalRequested):
        if approval is not None:
            return approval
        return Approval(
            id=said.approval_id,
            kind=said.kind,
            subject=said.subject,
            requested_by=said.requested_by,
            reason=said.reason,
            at=event.at,
            required=said.required,
            expires_at=said.expires_at,
        )
    if not isinstance(said, ApprovalVoted) or approval is None or said.approval_id != approval.id:
        return approval
    cast = Vote(event.at, event.key, said.by, said.is_approved, said.reason)
    first: dict[str, Vote] = {}
    for one in sorted((*approval.votes, cast), key=lambda v: (v.at, v.key)):
        first.setdefault(_person(one.by), one)
    votes = tuple(first.values())[:VOTES_MAX]
    return approval if votes == approval.votes else msgspec.structs.replace(approval, votes=votes)


def status_of(approval: Approval, now: int) -> Status:
    """Say where a request stands: one refusal settles it, and so do enough approvals.

    Notes
    -----
    An approval that was given lapses with its request: what was agreed to last week is not
    what is done today.
    """
    agreed = 0
    for one in approval.votes:
        if is_same_person(one.by, approval.requested_by) or one.at >= approval.expires_at:
            continue
        if not one.is_approved:
            return "rejected"
        agreed += 1
        if agreed >= approval.required:
            break
    if now >= approval.expires_at:
        return "expired"
    return "approved" if agreed >= approval.required else "pending"


def allows(approval: Approval | None, needed: ApprovalNeeded, now: int) -> bool:
    """Say whether an approval allows exactly what is needed, now."""
    if needed.required <= 0:
        return True
    return (
        approval is not None
        and (approval.kind, approval.subject) == (needed.kind, needed.subject)
        and approval.required >= needed.required
        and status_of(approval, now) == "approved"
    )


def pending_for(needed: ApprovalNeeded, known: Iterable[Approval], now: int) -> Approval | None:
    """Find the request that waits for exactly what is needed: nobody is asked twice."""
    for approval in known:
        is_same = (approval.kind, approval.subject) == (needed.kind, needed.subject)
        is_enough = approval.required >= needed.required
        if is_same and is_enough and status_of(approval, now) == "pending":
            return approval
    return None


def is_same_person(a: str, b: str) -> bool:
    """Say whether two names are one person; case and outer spaces do not count."""
    return _person(a) == _person(b)


def _person(name: str) -> str:
    return name.strip().casefold()
