"""Governing folds: any order and duplication gives the same bytes; tampering is always found."""

from __future__ import annotations

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.events import Event
from heedful.govern import (
    Approval,
    ApprovalRequested,
    ApprovalVoted,
    Challenger,
    Counts,
    Governance,
    Guardrail,
    GuardrailLoosened,
    GuardrailTightened,
    Head,
    IncidentDeclared,
    IncidentEnded,
    IncidentScope,
    ModelRouted,
    Place,
    QuietSpan,
    Statement,
    Subject,
    SwitchSet,
    audit,
    count,
    fold_approval,
    fold_governance,
    next_open,
    opt_out,
    quiet_at,
    status_of,
    verify,
    write,
)
from heedful.kernel import DAY_MS, MINUTE_MS, canonical

NOW = 1_800_000_000_000
instants = st.integers(NOW, NOW + 6)
people = st.sampled_from(["Ana", "Ben", "ana ", "Cleo"])
scopes = st.sampled_from(["all", "channel:email", "action:offer"])
ids = st.sampled_from(["i1", "i2"])

in_force: st.SearchStrategy[Statement] = st.one_of(
    st.builds(
        SwitchSet,
        scope=scopes,
        is_stopped=st.booleans(),
        by=people,
        reason=st.just("r"),
        expires_at=st.none() | instants,
    ),
    st.builds(
        IncidentDeclared,
        incident_id=ids,
        plan=st.just("p"),
        scope=st.builds(IncidentScope, country=st.sampled_from([None, "DE"])),
        is_growth_off=st.booleans(),
        expires_at=instants,
        by=people,
        reason=st.just("r"),
    ),
    st.builds(IncidentEnded, incident_id=ids, by=people, reason=st.just("r")),
    st.builds(
        GuardrailTightened,
        guardrail=ids,
        scope=scopes,
        factor_ppm=st.integers(0, 10**6),
        trials=st.just(1),
        hits=st.just(1),
        limit_ppm=st.just(1),
        crossed=st.just("ratio_max"),
    ),
    st.builds(
        GuardrailLoosened,
        guardrail=ids,
        scope=scopes,
        factor_ppm=st.integers(0, 10**6),
        by=people,
        reason=st.just("r"),
    ),
    st.builds(
        ModelRouted,
        line=ids,
        change=st.just("promoted"),
        champion=ids,
        challengers=st.lists(
            st.builds(Challenger, model=ids, share_ppm=st.integers(0, 10**6)), max_size=2
        ).map(tuple),
        before=st.lists(ids, max_size=2).map(tuple),
        by=people,
        reason=st.just("r"),
    ),
)
votes = st.builds(
    ApprovalVoted,
    approval_id=st.just("a1"),
    by=people,
    is_approved=st.booleans(),
    reason=st.just("r"),
)


def stamped(said: Statement, at: int, key: int) -> Event:
    name, properties = write(said)
    return Event(
        type="own",
        name=name,
        at=at,
        key=key,
        source="heedful",
        message_id=str(key),
        received_at=at,
        properties=properties,
    )


def happened(said: st.SearchStrategy[Statement]) -> st.SearchStrategy[list[Event]]:
    events = st.builds(stamped, said, instants, st.integers(1, 1 << 40))
    return st.lists(events, max_size=10, unique_by=lambda event: event.key)


def folded(events: list[Event]) -> Governance:
    governance = Governance()
    for event in events:
        governance = fold_governance(governance, event)
    return governance


@given(happened(in_force), st.data())
@settings(max_examples=150, deadline=None)
def test_governance_is_the_same_in_any_order_and_twice(
    events: list[Event], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*events, *events[: len(events) // 2]]))
    governance = folded(events)
    assert canonical.encode(folded(shuffled)) == canonical.encode(governance)
    assert msgspec.convert(msgspec.to_builtins(governance), Governance) == governance


@given(happened(in_force), st.integers(NOW, NOW + 8))
@settings(max_examples=150, deadline=None)
def test_a_stop_in_force_is_found(events: list[Event], now: int) -> None:
    newest: dict[str, Event] = {}
    for event in sorted(events, key=lambda e: (e.at, e.key)):
        if event.name == "Switch Set":
            newest[event.properties["scope"]] = event
    expected = {
        scope
        for scope, event in newest.items()
        if event.properties["is_stopped"] and event.properties.get("expires_at", now + 1) > now
    }
    governance = folded(events)
    assert {stop.scope for stop in governance.switches.stops(now)} == expected
    found = governance.stopped(Subject(action="offer", channel="email"), now)
    assert (found is not None) == bool(expected)


@given(happened(votes), st.integers(1, 3), st.data())
@settings(max_examples=150, deadline=None)
def test_votes_commute_and_only_others_count(
    events: list[Event], required: int, data: st.DataObject
) -> None:
    request = ApprovalRequested(
        approval_id="a1",
        kind="publish",
        subject="v1",
        requested_by="Ana",
        reason="r",
        required=required,
        expires_at=NOW + 5,
    )
    start = fold_approval(None, stamped(request, NOW, 0))
    shuffled = data.draw(st.permutations([*events, *events[:3]]))

    def voted(cast: list[Event]) -> Approval | None:
        approval = start
        for event in cast:
            approval = fold_approval(approval, event)
        return approval

    approval = voted(events)
    assert approval == voted(shuffled)
    assert approval is not None
    if status_of(approval, NOW + 4) == "approved":
        agreed = {e.properties["by"] for e in events if e.properties["is_approved"]}
        assert len(agreed - {"Ana", "ana "}) >= required


@given(
    st.lists(
        st.tuples(st.integers(0, 20 * DAY_MS), st.integers(0, 3), st.integers(0, 3)), max_size=20
    ),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_guardrail_counters_are_the_same_in_any_order(
    seen: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    rail = Guardrail(name="g", watches="complained", ratio_max=0.1)

    def counted(observations: list[tuple[int, int, int]]) -> bytes:
        counts = Counts()
        for at, trials, hits in observations:
            count(counts, rail, NOW + at, trials=trials, hits=hits)
        return canonical.encode(counts)

    assert counted(seen) == counted(data.draw(st.permutations(seen)))


PRIVATE = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(PRIVATE).public_key().public_bytes_raw()


def chain(length: int) -> tuple[list[bytes], Head]:
    head, lines = Head(), []
    for i in range(length):
        line, head = audit.append(head, "release", f"e_{i}", i, {"n": i})
        lines.append(line)
    return lines, head


@given(st.integers(1, 8), st.data())
@settings(max_examples=150, deadline=None)
def test_any_changed_byte_before_an_anchor_is_found(length: int, data: st.DataObject) -> None:
    lines, head = chain(length)
    index = data.draw(st.integers(0, length - 1))
    place = data.draw(st.integers(0, len(lines[index]) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda b: b != lines[index][place]))
    line = bytes([*lines[index][:place], other, *lines[index][place + 1 :]])
    found = verify([*lines[:index], line, *lines[index + 1 :]], [audit.sign_head(PRIVATE, head)],
                   PUBLIC)  # fmt: skip
    assert found.fault is not None
    assert found.fault.seq == index + 1


@given(st.integers(1, 8), st.data())
@settings(max_examples=150, deadline=None)
def test_any_other_selection_of_lines_is_found(length: int, data: st.DataObject) -> None:
    lines, head = chain(length)
    chosen = data.draw(st.lists(st.integers(0, length - 1), max_size=length + 2))
    found = verify([lines[i] for i in chosen], [audit.sign_head(PRIVATE, head)], PUBLIC)
    # Lines after the anchored one are not the anchor's business, but they must follow it.
    assert found.is_intact == (chosen == list(range(length)))
    if not found.is_intact:
        assert found.fault is not None
        right = next(
            (n for n, i in enumerate(chosen) if n != i), min(len(chosen), length)
        )  # fmt: skip
        assert found.fault.seq == right + 1


places = st.builds(
    Place,
    st.sampled_from([None, "DE", "FR", "IT", "US", "US-TX", "PT"]),
    st.sampled_from([None, "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
)
spans = st.lists(
    st.builds(QuietSpan, st.integers(0, 1440), st.integers(0, 1440)).filter(
        lambda span: (span.end - span.start) % 1440 < 1000
    ),
    max_size=1,
)


@given(
    st.integers(1_767_225_600_000, 1_798_761_600_000),  # the year 2026
    st.sampled_from(["phone", "sms", "email"]),
    places,
    spans,
)
@settings(max_examples=60, deadline=None)
def test_next_open_is_the_first_open_minute(
    at: int, channel: str, place: Place, own: list[QuietSpan]
) -> None:
    start = at - at % MINUTE_MS
    minutes = (at, *range(start + MINUTE_MS, at + 14 * DAY_MS, MINUTE_MS))
    is_open = (m for m in minutes if not quiet_at(m, channel, place, ["Europe/Berlin"], own))
    assert next_open(at, channel, place, ["Europe/Berlin"], own) == next(is_open, None)


@given(st.text(max_size=300), st.sampled_from([None, "it", ""]))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_read(text: str, language: str | None) -> None:
    found = opt_out(text, language)
    assert found is None or found.scope in ("channel", "all")
