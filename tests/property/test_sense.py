"""Signals are a function of the set of events, and say what a plain reading of that set says."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.events import Event
from heedful.expr import UNKNOWN
from heedful.kernel import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, from_micros, to_micros
from heedful.sense import (
    Automatic,
    Senses,
    SignalDefinition,
    SignalSet,
    adopt,
    compile_signals,
    decode_senses,
    encode_senses,
    evaluate,
    explain,
    features,
    fold,
    merge,
    next_due,
    warm,
)
from heedful.sense.decay import HALF_LIVES_PER_BIN
from heedful.sense.limits import RING_ENTRIES_MAX, TAIL_ENTRIES_MAX, WINDOW_BINS

S = SignalDefinition
NAMES = ("A", "B", "C")
WINDOW = HOUR_MS
DEFINITIONS = [
    S(name="count", kind="count", on="A", window="1h"),
    S(name="count_ever", kind="count", on=["A", {"page": "P"}]),
    S(name="count_where", kind="count", on="A", where="event.properties.n > 10", window="1h"),
    S(name="sum", kind="sum", on="A", of="event.properties.n", window="1h"),
    S(name="sum_ever", kind="sum", on="*", of="event.properties.n"),
    S(name="rate", kind="rate", on="B", window="1h", per="1m"),
    S(name="row", kind="count", on="A", reset_on="B", window="1h"),
    S(name="row_ever", kind="sum", on="A", of="event.properties.n", reset_on="B"),
    S(name="distinct", kind="distinct", on="A", of="event.properties.c", window="1h"),
    S(name="distinct_ever", kind="distinct", on="*", of="event.properties.c"),
    S(name="last", kind="last", on="*", of="event.properties.c"),
    S(name="last_hour", kind="last", on="A", of="event.properties.n", window="1h"),
    S(name="first", kind="first", on=["A", "B"], of="event.properties.c"),
    S(name="recency", kind="recency", on="C"),
    S(name="gap", kind="gap", on="A"),
    S(name="gap_hour", kind="gap", on="A", window="1h"),
    S(name="dwell", kind="dwell", on={"page": "P"}, window="1h", cap="5m"),
    S(name="sequence", kind="sequence", steps=["A", "B"], not_="C", within="10m", holds="30m"),
    S(name="twice", kind="sequence", steps=["A", "A", "B"], within="10m", holds="30m"),
    S(name="absence", kind="absence", after="A", not_="B", within="5m", holds="20m"),
    S(name="by", kind="count", on="*", by="event.properties.c", window="1h"),
    S(name="by_sum", kind="sum", on="A", of="event.properties.n", by="event.properties.c"),
    S(name="by_last", kind="last", on="A", of="event.properties.n", by="event.properties.c"),
    S(name="buying", kind="buying", on="A", of="event.properties.n"),
    S(name="ratio", kind="ratio", of="sum", to="count"),
]
SIGNALS = compile_signals(
    DEFINITIONS, Automatic(properties=("c", "tags"), half_lives=("10m", "1h"))
)
START = 1_700_000_000_000


@st.composite
def histories(
    draw: st.DrawFn, size_max: int = 30, spread: int = 4 * HOUR_MS, step: int = MINUTE_MS
) -> list[Event]:
    """Draw distinct events; few instants, so that ties and exact window edges are common."""
    size = draw(st.integers(1, size_max))
    instants = st.integers(0, spread // step).map(lambda i: i * step)
    near = st.sampled_from([0, 0, 0, 1, -1, 999])
    events = []
    for key in range(size):
        type_, name = draw(st.sampled_from([("track", n) for n in NAMES] + [("page", "P")]))
        properties: dict[str, Any] = {}
        if draw(st.booleans()):
            properties["n"] = draw(st.sampled_from([0.1, 0.2, 5, 12, -3, 1e11, "7.5", "x"]))
        if draw(st.booleans()):
            properties["c"] = draw(st.sampled_from(["x", "y", "z", 1, True]))
        if draw(st.booleans()):
            properties["tags"] = draw(st.lists(st.sampled_from(["x", "y"]), max_size=3))
        events.append(
            Event(
                type=type_,  # type: ignore[arg-type]
                name=name,
                at=START + draw(instants) + draw(near),
                key=(key * 2_654_435_761) % (1 << 63),
                source="s",
                message_id=f"m{key}",
                received_at=START + DAY_MS,
                properties=properties,
            )
        )
    return events


def folded(events: list[Event], signals: SignalSet = SIGNALS) -> Senses:
    """Fold events into one state, and read it back from the bytes that a store would keep."""
    senses = Senses()
    for event in events:
        fold(senses, event, signals)
    return decode_senses(encode_senses(senses))


def dense(count: int, order: int, span: int) -> list[Event]:
    """Make more events than a ring holds, in an order that `order` decides."""
    events = [
        Event(
            type="track",
            name=NAMES[i * i % 7 % 3],
            at=START + i * i * 7_919_333 % span,
            key=i * 2_654_435_761 % (1 << 63),
            source="s",
            message_id=f"m{i}",
            received_at=START + DAY_MS,
            properties={"n": i % 9 / 10, "c": f"c{i * 31 % 97}"},
        )
        for i in range(count)
    ]
    return sorted(events, key=lambda e: (e.key * (2 * order + 1)) % 1_000_003)


@given(histories(), st.data())
def test_any_permutation_gives_the_same_bytes(events: list[Event], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(events))
    assert encode_senses(folded(events)) == encode_senses(folded(shuffled))


@given(histories(), st.data())
def test_any_split_merges_to_the_same_bytes_in_any_shape(
    events: list[Event], data: st.DataObject
) -> None:
    sides = data.draw(st.lists(st.integers(0, 2), min_size=len(events), max_size=len(events)))
    a, b, c = (folded([e for e, s in zip(events, sides, strict=True) if s == k]) for k in range(3))
    whole = encode_senses(folded(events))
    assert encode_senses(merge(merge(a, b, SIGNALS), c, SIGNALS)) == whole
    assert encode_senses(merge(a, merge(b, c, SIGNALS), SIGNALS)) == whole
    assert encode_senses(merge(merge(c, a, SIGNALS), b, SIGNALS)) == whole


@settings(max_examples=40)
@given(
    st.integers(65, 400),
    st.integers(0, 500_000),
    st.sampled_from([MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 10 * DAY_MS, 900 * DAY_MS]),
    st.lists(st.integers(0, 400), min_size=2, max_size=2),
)
def test_beyond_the_ring_order_and_split_still_do_not_matter(
    count: int, order: int, span: int, cuts: list[int]
) -> None:
    events, other = dense(count, order, span), dense(count, 0, span)
    low, high = sorted(min(cut, count) for cut in cuts)
    parts = [folded(part) for part in (events[:low], events[low:high], events[high:])]
    whole = encode_senses(folded(other))
    assert encode_senses(folded(events)) == whole
    a, b, c = parts
    assert encode_senses(merge(c, merge(b, a, SIGNALS), SIGNALS)) == whole


@given(histories(), st.integers(0, 5 * HOUR_MS // 1_000).map(lambda i: i * 1_000))
def test_values_are_what_a_plain_reading_of_the_events_says(
    events: list[Event], later: int
) -> None:
    now = max(e.at for e in events) + later
    shown = evaluate(folded(events), SIGNALS, now)
    told = plain(events, now)
    assert shown == told


def micros(event: Event) -> int | None:
    return to_micros(event.properties.get("n"))


def category(event: Event) -> str | None:
    value = event.properties.get("c")
    return "true" if value is True else None if value is None else str(value)


def plain(events: list[Event], now: int) -> dict[str, Any]:
    """Read every signal off the list of events, the simplest way that can be thought of."""
    ordered = sorted(events, key=lambda e: (e.at, e.key))
    recent = [e for e in ordered if now - WINDOW < e.at <= now]

    def named(name: str, among: list[Event]) -> list[Event]:
        return [e for e in among if e.type == "track" and e.name == name]

    a, a_recent = named("A", ordered), named("A", recent)
    reset = max((e.at for e in named("B", ordered)), default=0)
    paid = [m for e in a_recent if (m := micros(e)) is not None]
    last = [e for e in ordered if e.properties.get("c") is not None]
    first = [e for e in last if e.name in ("A", "B")]
    amounts = [e for e in a if e.properties.get("n") is not None]
    c_last = max((e.at for e in named("C", ordered)), default=None)
    gaps = [e.at for e in a]
    gaps_recent = [e.at for e in a_recent]

    def mean(ats: list[int]) -> float | None:
        return (ats[-1] - ats[0]) / (len(ats) - 1) / SECOND_MS if len(ats) > 1 else None

    by_sum: Counter[str] = Counter()
    for e in a:
        if (c := category(e)) is not None and (m := micros(e)) is not None:
            by_sum[c] += m
    return {
        "count": len(a_recent),
        "count_ever": len(a) + sum(e.type == "page" for e in events),
        "count_where": sum(e.properties.get("n") in (12, 1e11) for e in a_recent),
        "sum": from_micros(sum(paid)),
        "sum_ever": from_micros(sum(micros(e) or 0 for e in events)),
        "rate": len(named("B", recent)) / 60,
        "row": sum(e.at > reset for e in a_recent),
        "row_ever": from_micros(sum(micros(e) or 0 for e in a if e.at > reset)),
        "distinct": len({category(e) for e in a_recent} - {None}),
        "distinct_ever": len({category(e) for e in events} - {None}),
        "last": last[-1].properties["c"] if last else None,
        "last_hour": amounts[-1].properties["n"]
        if amounts and amounts[-1].at > now - WINDOW
        else None,
        "first": first[0].properties["c"] if first else None,
        "recency": None if c_last is None else (now - c_last) / SECOND_MS,
        "gap": mean(gaps),
        "gap_hour": mean(gaps_recent),
        "by": dict(Counter(c for e in recent if (c := category(e)) is not None)),
        "by_last": {c: e.properties["n"] for e in amounts if (c := category(e)) is not None},
        "by_sum": {c: from_micros(m) for c, m in by_sum.items() if m},
        "ratio": from_micros(sum(paid)) / len(a_recent) if a_recent else None,
        "buying": bought(a, now),
        "dwell": dwelt(ordered, recent, now),
        "sequence": happened(ordered, now, ["A", "B"], "C"),
        "twice": happened(ordered, now, ["A", "A", "B"], None),
        "absence": absent(ordered, now),
    }


def bought(a: list[Event], now: int) -> dict[str, float] | None:
    paid = [(e.at, m) for e in a if (m := to_micros(e.properties.get("n"))) is not None]
    if not paid:
        return None
    return {
        "purchases": len(paid),
        "since_first": (now - paid[0][0]) / SECOND_MS,
        "since_last": (now - paid[-1][0]) / SECOND_MS,
        "spent": from_micros(sum(m for _, m in paid)),
    }


def dwelt(ordered: list[Event], recent: list[Event], now: int) -> float:
    total = 0
    for visit in recent:
        if visit.type == "page":
            until = min((e.at for e in ordered if e.at > visit.at), default=now)
            total += min(until - visit.at, 5 * MINUTE_MS)
    return total / SECOND_MS


def happened(ordered: list[Event], now: int, steps: list[str], stop: str | None) -> bool:
    """Try every way to pick the steps; at one instant the order is that of their roles."""

    def mask(event: Event) -> int:
        bits = sum(1 << i for i, step in enumerate(steps) if step == event.name)
        return bits | (1 << len(steps) if event.name == stop else 0)

    line = sorted((e.at, mask(e)) for e in ordered if e.type == "track" and mask(e))

    def pick(place: int, step: int, start: int | None) -> bool:
        for i in range(place, len(line)):
            at, bits = line[i]
            if start is not None and bits >> len(steps) & 1:
                return False
            if not bits >> step & 1:
                continue
            begun = at if start is None else start
            if step + 1 < len(steps):
                if pick(i + 1, step + 1, begun):
                    return True
            elif (
                at - begun <= 10 * MINUTE_MS
                and now < at + 30 * MINUTE_MS
                and not any(b >> len(steps) & 1 for _, b in line[i + 1 :])
            ):
                return True
        return False

    return pick(0, 0, None)


def absent(ordered: list[Event], now: int) -> bool:
    within, holds = 5 * MINUTE_MS, 20 * MINUTE_MS
    afters = [e.at for e in ordered if e.type == "track" and e.name == "A"]
    nots = [e.at for e in ordered if e.type == "track" and e.name == "B"]
    return any(
        t + within <= now < t + within + holds and not any(t < n <= t + within for n in nots)
        for t in afters
    )


@settings(max_examples=40)
@given(st.integers(1, 400), st.integers(0, 500), st.sampled_from([HOUR_MS, 3 * HOUR_MS]))
def test_a_full_ring_is_wrong_by_one_bin_at_most(count: int, order: int, span: int) -> None:
    events = dense(count, order, span)
    now = max(e.at for e in events) + order * SECOND_MS
    shown = evaluate(folded(events), SIGNALS, now, ["count"])["count"]
    ats = [e.at for e in events if e.name == "A"]
    exact = sum(now - WINDOW < at <= now for at in ats)
    slack = sum(now - WINDOW - WINDOW // WINDOW_BINS < at <= now for at in ats)
    assert isinstance(shown, int)
    assert exact <= shown <= slack
    if len(ats) <= RING_ENTRIES_MAX:
        assert shown == exact


@given(histories(size_max=90), st.integers(0, 2 * HOUR_MS), st.data())
def test_an_explanation_says_the_value_and_the_events_behind_it(
    events: list[Event], later: int, data: st.DataObject
) -> None:
    now = max(e.at for e in events) + later
    shown = evaluate(folded(events), SIGNALS, now)
    name = data.draw(st.sampled_from(sorted(SIGNALS.signals)))
    told = explain(name, SIGNALS, events, now)
    assert told.value == shown[name]
    parts = [c.contribution for c in told.contributions]
    if not told.is_exact:
        return
    match SIGNALS.signals[name].definition:
        case S(kind="count" | "sum", by=None):
            assert sum(parts) == pytest.approx(told.value)
        case S(kind="distinct"):
            assert len(set(parts)) == told.value
        case S(kind="last" | "first", by=None):
            assert parts == ([] if told.value is None else [told.value])
        case S(kind="dwell") if len(events) < TAIL_ENTRIES_MAX:
            assert sum(parts) == pytest.approx(told.value)


@given(histories(size_max=12, spread=HOUR_MS), st.integers(0, HOUR_MS // 1_000))
def test_what_is_due_next_is_the_next_change(events: list[Event], later: int) -> None:
    senses = folded(events)
    now = max(e.at for e in events) + later * 1_000
    timed = ["absence", "sequence", "twice"]
    held = evaluate(senses, SIGNALS, now, timed)
    due = next_due(senses, SIGNALS, now)
    # Every instant at which anything can change is some event's, a fixed distance later.
    spans = (5 * MINUTE_MS, 25 * MINUTE_MS, 30 * MINUTE_MS)
    edges = sorted({e.at + span for e in events for span in spans if e.at + span > now})
    changes = [at for at in edges if evaluate(senses, SIGNALS, at, timed) != held]
    assert due == (changes[0] if changes else None)
    if due is not None:
        assert evaluate(senses, SIGNALS, due - 1, timed) == held


@given(histories(size_max=60, spread=3 * DAY_MS, step=SECOND_MS), st.integers(0, DAY_MS))
def test_decayed_counts_are_within_half_a_percent(events: list[Event], later: int) -> None:
    now = max(e.at for e in events) + later
    senses = folded(events)
    names = {e.name for e in events}
    live = {n: evaluate(senses, SIGNALS, now, [f"auto.event.{n}.count"]) for n in names}
    assert len(features(senses, SIGNALS, now)) >= len(names)
    for name in sorted(names):
        seconds = [e.at // 1_000 for e in events if e.name == name]
        assert live[name][f"auto.event.{name}.count"] == len(seconds)
        for label, half_life in (("10m", 600), ("1h", 3_600)):
            field = f"auto.event.{name}.decayed_{label}"
            value = evaluate(senses, SIGNALS, now, [field])[field]
            weights = [2.0 ** (-(now // 1_000 - at) / half_life) for at in seconds]
            width = half_life * HALF_LIVES_PER_BIN
            kept = [
                w
                for w, at in zip(weights, seconds, strict=True)
                if at // width >= max(seconds) // width - 1
            ]
            # What is forgotten weighs less than 1/256 of what the newest event weighs.
            assert sum(weights) - sum(kept) <= len(seconds) * max(weights) / 256
            assert value == pytest.approx(sum(kept), rel=0.005, abs=2e-5)


@given(histories(), st.sets(st.sampled_from([d.name for d in DEFINITIONS[:-1]])), st.data())
def test_warming_up_ends_in_the_state_that_was_never_without(
    events: list[Event], dropped: set[str], data: st.DataObject
) -> None:
    fewer = compile_signals([d for d in DEFINITIONS[:-1] if d.name not in dropped])
    signals = compile_signals(
        DEFINITIONS,
        Automatic(properties=("c", "tags"), half_lives=("10m", "1h")),
        earlier=fewer.lineage(),
    )
    cut = data.draw(st.integers(1, len(events)))
    senses = folded(events[:cut], fewer)
    adopt(senses, signals)
    now = max(e.at for e in events)
    shown = evaluate(senses, signals, now)
    assert {n for n, v in shown.items() if v is UNKNOWN} - {"ratio"} == dropped
    for event in events[cut:]:
        fold(senses, event, signals)
    warm(senses, signals, data.draw(st.permutations(events)))
    assert encode_senses(senses) == encode_senses(folded(events, signals))
