"""Kill switches: what a stop covers, when it ends, and what switching on needs."""

from __future__ import annotations

import pytest

from heedful.events import Event
from heedful.govern import (
    ApprovalNeeded,
    ApprovalRule,
    Governance,
    Subject,
    SwitchSet,
    fold_approval,
    fold_governance,
    request_approval,
    stop,
    switch_on,
    vote,
)
from heedful.kernel import HOUR_MS, InputError
from tests.unit.govern.said import NOW, event

MAIL = Subject(
    action="free_shipping", playbook="rescue", model="beta", channel="email", placement="home"
)


def stopped(scope: str, expires_at: int | None = None) -> Governance:
    switches = Governance().switches
    said = stop(switches, scope, "Ana", "complaints", NOW, expires_at)
    return fold_governance(Governance(), event(said))


@pytest.mark.parametrize(
    "scope",
    ["all", "action:free_shipping", "playbook:rescue", "model:beta", "channel:email",
     "placement:home"],
)  # fmt: skip
def test_a_stop_covers_its_scope(scope: str) -> None:
    found = stopped(scope).stopped(MAIL, NOW)
    assert found is not None
    assert (found.scope, found.by, found.reason, found.since) == (scope, "Ana", "complaints", NOW)
    assert stopped(scope).switches.stops(NOW) == (found,)


@pytest.mark.parametrize("scope", ["action:other", "channel:sms", "model:email", "playbook:beta"])
def test_a_stop_covers_nothing_else(scope: str) -> None:
    assert stopped(scope).stopped(MAIL, NOW) is None


def test_the_widest_stop_is_named() -> None:
    both = stopped("channel:email")
    everything = SwitchSet(scope="all", is_stopped=True, by="Ben", reason="fire")
    found = fold_governance(both, event(everything, NOW + 1, 2)).stopped(MAIL, NOW + 1)
    assert found is not None
    assert found.scope == "all"


def test_a_stop_ends_at_its_expiry() -> None:
    governance = stopped("all", NOW + HOUR_MS)
    assert governance.stopped(MAIL, NOW + HOUR_MS - 1) is not None
    assert governance.stopped(MAIL, NOW + HOUR_MS) is None


def test_switching_on_takes_somebody_else() -> None:
    governance = stopped("channel:email")
    needed = switch_on(governance.switches, "channel:email", "Ana", "fixed", NOW)
    assert isinstance(needed, ApprovalNeeded)
    assert needed.kind == "switch_on"
    request = request_approval(needed, "a1", "Ana", "fixed", ApprovalRule(), NOW)
    approval = fold_approval(None, event(request, NOW, 2))
    assert approval is not None
    unasked = switch_on(
        governance.switches, "channel:email", "Ana", "fixed", NOW, approval=approval
    )
    assert unasked == needed
    said = vote(approval, "Ben", True, "tested", NOW + 1)
    assert said is not None
    approval = fold_approval(approval, event(said, NOW + 1, 3))
    on = switch_on(governance.switches, "channel:email", "Ana", "fixed", NOW + 2, approval=approval)
    assert isinstance(on, SwitchSet)
    assert on.approval_id == "a1"
    governance = fold_governance(governance, event(on, NOW + 2, 4))
    assert governance.stopped(MAIL, NOW + 2) is None

    # The next stop of the same scope is another thing: yesterday's approval is used up.
    again = stop(governance.switches, "channel:email", "Ana", "again", NOW + 3)
    governance = fold_governance(governance, event(again, NOW + 3, 5))
    second = switch_on(
        governance.switches, "channel:email", "Ana", "fixed", NOW + 4, approval=approval
    )
    assert isinstance(second, ApprovalNeeded)
    assert second.subject != needed.subject


def test_a_workspace_may_demand_nobody() -> None:
    on = switch_on(stopped("all").switches, "all", "Ana", "fixed", NOW, required=0)
    assert isinstance(on, SwitchSet)


def test_a_stop_cannot_be_cut_short_by_a_shorter_one() -> None:
    for first, second in ((None, NOW + 1), (NOW + HOUR_MS, NOW + 1)):
        with pytest.raises(InputError) as caught:
            stop(stopped("all", first).switches, "all", "Ana", "sneaky", NOW, second)
        assert caught.value.code == "stop_in_force"
    longer = stop(stopped("all", NOW + 1).switches, "all", "Ana", "more", NOW, NOW + HOUR_MS)
    assert longer.expires_at == NOW + HOUR_MS


@pytest.mark.parametrize(
    ("scope", "remedy"),
    [
        ("chanel:email", "Did you mean channel:email?"),
        ("channel:", "Write all"),
        ("email", "Write all"),
        ("", "Write all"),
    ],
    ids=["typo", "no-name", "no-kind", "empty"],
)
def test_a_scope_is_all_or_a_kind_and_a_name(scope: str, remedy: str) -> None:
    with pytest.raises(InputError, match="scope") as caught:
        stop(Governance().switches, scope, "Ana", "why", NOW)
    assert caught.value.code == "bad_scope"
    assert remedy in caught.value.message


def test_refusals() -> None:
    switches = Governance().switches
    with pytest.raises(InputError) as caught:
        switch_on(switches, "all", "Ana", "why", NOW)
    assert caught.value.code == "not_stopped"
    with pytest.raises(InputError) as caught:
        stop(switches, "all", "Ana", "why", NOW, NOW)
    assert caught.value.code == "bad_expiry"


def test_a_client_cannot_stop_anything_and_nonsense_is_nothing() -> None:
    own = event(SwitchSet(scope="all", is_stopped=True, by="x", reason="y"))
    fields = {name: getattr(own, name) for name in own.__struct_fields__}
    tracked = Event(**{**fields, "type": "track"})
    misshapen = Event(**{**fields, "properties": {"scope": 3}})
    unrelated = Event(**{**fields, "name": "Message Released"})
    for other in (tracked, misshapen, unrelated):
        assert fold_governance(Governance(), other) == Governance()


def test_the_revision_names_the_state() -> None:
    assert Governance().revision == 0
    one, same, other = stopped("all"), stopped("all"), stopped("channel:email")
    assert one.revision == same.revision
    assert len({0, one.revision, other.revision}) == 3
    assert 0 < one.revision < 1 << 63
