"""Categories that have left their window are told by their bytes; the slow reading agrees."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heedful.events import Event
from heedful.sense.rule import ON
from heedful.sense.tail import Visits
from heedful.sense.tallies import RESET, Shown, TallyRule
from heedful.sense.types import Scope

WINDOW = 600_000
NOW = 1_795_000_000_000


def slot(rule: TallyRule, ats: list[int], reset: int | None = None) -> bytes:
    body: bytes | None = None
    for at, mask in [(at, ON) for at in ats] + ([] if reset is None else [(reset, RESET)]):
        event = Event(
            type="track", name="Seen", at=at, key=at, source="s", message_id="m", received_at=at
        )
        body = rule.fold(body, event, mask, Scope(event))
    assert body is not None
    return body


def value(rule: TallyRule, body: bytes, now: int) -> object:
    return rule.value(body, now, Visits(b""))


INSTANTS = st.one_of(
    st.integers(NOW - 3 * WINDOW, NOW),
    st.integers(NOW - WINDOW - 2, NOW - WINDOW + 2),
    st.integers(-5_000, 1 << 33),
)


@given(
    st.lists(INSTANTS, min_size=1, max_size=90),
    st.none() | INSTANTS,
    st.sampled_from(("count", "sum", "rate", "gap")),
    st.integers(0, 2 * WINDOW),
)
def test_what_is_not_live_has_no_value(
    ats: list[int], reset: int | None, shown: Shown, later: int
) -> None:
    rule = TallyRule(shown, WINDOW, (lambda event, scope: 1) if shown == "sum" else None, 1_000)
    now = max([*ats, reset or 0]) + later
    body = slot(rule, ats, reset)
    if not list(rule.live({"a": body}, now)):
        assert value(rule, body, now) in (0, None)


def test_the_edge_of_the_window() -> None:
    rule = TallyRule("count", WINDOW)
    bodies = {"out": slot(rule, [NOW - WINDOW]), "in": slot(rule, [NOW - WINDOW + 1])}
    assert [category for category, _ in rule.live(bodies, NOW)] == ["in"]


def test_without_a_window_everything_is_live() -> None:
    rule = TallyRule("count", None)
    assert list(rule.live({"a": slot(rule, [5])}, NOW)) == [("a", slot(rule, [5]))]
