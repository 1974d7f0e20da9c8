"""Four eyes: who may agree, when it counts, and what it allows."""

from __future__ import annotations

import msgspec
import pytest

from heedful.govern import (
    Approval,
    ApprovalNeeded,
    ApprovalRule,
    ApprovalVoted,
    allows,
    fold_approval,
    request_approval,
    status_of,
    vote,
)
from heedful.kernel import DAY_MS, InputError
from tests.unit.govern.said import NOW, event

NEEDED = ApprovalNeeded("publish", "v14", required=1)
RULE = ApprovalRule(required=1, expires_after="2d")


def asked(required: int = 1) -> Approval:
    needed = msgspec.structs.replace(NEEDED, required=required)
    request = request_approval(needed, "a1", "Ana", "release v14", RULE, NOW)
    approval = fold_approval(None, event(request))
    assert approval is not None
    return approval


def voted(
    approval: Approval, by: str, is_approved: bool = True, at: int = NOW + 1, key: int = 9
) -> Approval:
    said = vote(approval, by, is_approved, "looked at it", at)
    assert said is not None
    folded = fold_approval(approval, event(said, at, key))
    assert folded is not None
    return folded


def test_another_person_approves() -> None:
    approval = asked()
    assert status_of(approval, NOW) == "pending"
    assert not allows(approval, NEEDED, NOW)
    approval = voted(approval, "Ben")
    assert status_of(approval, NOW + 1) == "approved"
    assert allows(approval, NEEDED, NOW + 1)


@pytest.mark.parametrize("by", ["Ana", "ana", " ANA "], ids=["same", "case", "spaces"])
def test_nobody_approves_their_own(by: str) -> None:
    with pytest.raises(InputError, match="somebody else") as caught:
        vote(asked(), by, True, "fine by me", NOW)
    assert caught.value.code == "own_approval"


def test_an_own_vote_that_got_into_the_log_counts_for_nothing() -> None:
    said = ApprovalVoted(approval_id="a1", by="ANA", is_approved=True, reason="me")
    approval = fold_approval(asked(), event(said, NOW + 1, 9))
    assert approval is not None
    assert status_of(approval, NOW + 1) == "pending"


def test_a_refusal_settles_it() -> None:
    approval = voted(asked(required=2), "Ben")
    assert status_of(approval, NOW + 1) == "pending"
    approval = voted(approval, "Cleo", is_approved=False, at=NOW + 2, key=10)
    assert status_of(approval, NOW + 2) == "rejected"
    with pytest.raises(InputError) as caught:
        vote(approval, "Dan", True, "but I like it", NOW + 3)
    assert caught.value.code == "approval_settled"
    assert status_of(approval, NOW + 9 * DAY_MS) == "rejected"


def test_what_is_approved_is_not_undone_by_a_late_refusal() -> None:
    approval = voted(asked(), "Ben")
    late = ApprovalVoted(approval_id="a1", by="Cleo", is_approved=False, reason="no")
    folded = fold_approval(approval, event(late, NOW + 5, 11))
    assert folded is not None
    assert status_of(folded, NOW + 6) == "approved"


def test_two_approvals_need_two_people() -> None:
    approval = voted(asked(required=2), "Ben")
    assert vote(approval, "ben ", True, "again", NOW + 2) is None
    twice = ApprovalVoted(approval_id="a1", by="BEN", is_approved=True, reason="again")
    folded = fold_approval(approval, event(twice, NOW + 2, 10))
    assert folded == approval
    approval = voted(approval, "Cleo", at=NOW + 3, key=11)
    assert status_of(approval, NOW + 3) == "approved"


def test_a_person_does_not_take_back_their_word() -> None:
    approval = voted(asked(required=2), "Ben")
    with pytest.raises(InputError) as caught:
        vote(approval, "Ben", False, "changed my mind", NOW + 2)
    assert caught.value.code == "already_voted"


def test_it_lapses_unasked_and_unused() -> None:
    approval, end = asked(), NOW + 2 * DAY_MS
    assert approval.expires_at == end
    assert status_of(approval, end - 1) == "pending"
    assert status_of(approval, end) == "expired"
    with pytest.raises(InputError) as caught:
        vote(approval, "Ben", True, "better late", end)
    assert caught.value.code == "approval_expired"
    approval = voted(approval, "Ben", at=end - 1)
    assert allows(approval, NEEDED, end - 1)
    assert not allows(approval, NEEDED, end)
    late = ApprovalVoted(approval_id="a1", by="Ben", is_approved=True, reason="late")
    folded = fold_approval(asked(), event(late, end, 9))
    assert folded is not None
    assert status_of(folded, end - 1) == "pending"


@pytest.mark.parametrize(
    "needed",
    [
        ApprovalNeeded("publish", "v15", 1),
        ApprovalNeeded("decision", "v14", 1),
        ApprovalNeeded("publish", "v14", 2),
    ],
    ids=["subject", "kind", "number"],
)
def test_it_allows_exactly_what_was_asked(needed: ApprovalNeeded) -> None:
    assert not allows(voted(asked(), "Ben"), needed, NOW + 1)


def test_nothing_is_needed_where_nobody_is_demanded() -> None:
    none = msgspec.structs.replace(NEEDED, required=0)
    assert allows(None, none, NOW)
    with pytest.raises(InputError) as caught:
        request_approval(none, "a1", "Ana", "why", RULE, NOW)
    assert caught.value.code == "no_approval_needed"


@pytest.mark.parametrize(
    ("by", "reason", "code"),
    [
        (" ", "why", "missing_person"),
        ("Ben", " ", "missing_reason"),
        ("Ben", "x" * 1001, "reason_too_long"),
    ],
    ids=["nobody", "no-reason", "long"],
)
def test_every_word_has_a_person_and_a_reason(by: str, reason: str, code: str) -> None:
    for speak in (
        lambda: vote(asked(), by, True, reason, NOW),
        lambda: request_approval(NEEDED, "a1", by, reason, RULE, NOW),
    ):
        with pytest.raises(InputError) as caught:
            speak()
        assert caught.value.code == code


def test_votes_on_what_was_never_asked_are_nothing() -> None:
    said = ApprovalVoted(approval_id="a2", by="Ben", is_approved=True, reason="ok")
    assert fold_approval(None, event(said)) is None
    assert fold_approval(asked(), event(said)) == asked()


def test_the_first_request_of_an_id_counts() -> None:
    again = request_approval(NEEDED, "a1", "Ben", "mine now", RULE, NOW + 5)
    assert fold_approval(asked(), event(again, NOW + 5, 3)) == asked()
