"""What is called a contradiction is one: no values satisfy it, and what they satisfy is not."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.expr import Expression, Names, Open, compile_expression
from heedful.strategy.contradictions import contradiction

NAMES = Names(roots={"t": Open()})


def read(text: str) -> Expression:
    return compile_expression(text, NAMES)


IMPOSSIBLE = {
    ("t.a > 1", "t.a < 1"): "t.a",
    ("t.a >= 1", "t.a <= 1", "t.a != 1"): "t.a",
    ("t.a == 'x'", "t.a == 'y'"): "t.a",
    ("t.a in ['x', 'y']", "t.a not in ['y', 'x']"): "t.a",
    ("t.a", "not t.a"): "t.a",
    ("t.a != true", "t.a"): "t.a",
    ("1 < t.a < 0",): "t.a",
    ("1 > 2",): "",
    ("false or 1 == 2",): "",
    ("not (0 < t.a < 5)", "t.a in [1, 2]"): "t.a",
    ("t.a is none", "t.a > 2"): "t.a",
    ("t.a is none or t.b", "not t.b and t.a > 1"): "t.b",
    ("t.a > 'a'", "t.a > 3"): "t.a",
    ("5 < t.a", "t.a < 3"): "t.a",
    ("t.a in []",): "t.a",
}
POSSIBLE = (
    ("true",),
    ("t.a >= 1", "t.a <= 1"),
    ("t.a in ['x']", "t.a in ['y', 'x']"),
    ("t.a > t.b", "t.b > t.a"),  # two paths are not compared: nothing is known to be wrong
    ("len(t.a) > 3", "t.a is none"),
    ("t.a == 1.0", "t.a == 1"),
    ("t.a > 1 or t.b > 1", "t.a < 1"),
    ("not (t.a > 1 and t.b > 1)", "t.a > 2"),
)


@pytest.mark.parametrize(("texts", "at"), IMPOSSIBLE.items(), ids=map(" & ".join, IMPOSSIBLE))
def test_the_impossible_is_named(texts: tuple[str, ...], at: str) -> None:
    assert contradiction([read(text).tree for text in texts]) == at


@pytest.mark.parametrize("texts", POSSIBLE, ids=map(" & ".join, POSSIBLE))
def test_what_can_hold_is_left_alone(texts: tuple[str, ...]) -> None:
    assert contradiction([read(text).tree for text in texts]) is None


def test_too_many_ways_to_hold_are_not_judged() -> None:
    either = " and ".join(f"(t.a{i} == 1 or t.b{i} == 1)" for i in range(9))
    assert contradiction([read(f"{either} and t.c > 1 and t.c < 1").tree]) is None
    either = " and ".join(f"(t.a{i} == 1 or t.b{i} == 1)" for i in range(7))
    assert contradiction([read(f"{either} and t.c > 1 and t.c < 1").tree]) == "t.c"


PATHS = st.sampled_from(("t.a", "t.b"))
ATOMS = st.one_of(
    st.builds(
        "{} {} {}".format,
        PATHS,
        st.sampled_from(("<", "<=", ">", ">=", "==", "!=")),
        st.sampled_from(("0", "1", "2", "'x'")),
    ),
    st.builds("{} in [1, {}]".format, PATHS, st.sampled_from(("0", "2"))),
    st.builds("{} not in ['x', 'y']".format, PATHS),
    st.builds("{} is none".format, PATHS),
    st.builds("0 <= {} < {}".format, PATHS, st.sampled_from(("0", "2"))),
    PATHS,
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
    ),
    max_leaves=5,
)
VALUES = (None, -1, 0, 0.5, 1, 1.5, 2, 3, "", "w", "x", "xx", "y", True, False)


@given(CONDITIONS, CONDITIONS)
@settings(max_examples=150)
def test_no_values_satisfy_a_contradiction(one: str, other: str) -> None:
    both = read(one), read(other)
    if contradiction([each.tree for each in both]) is None:
        return
    for a, b in product(VALUES, VALUES):
        scope = {"t": {"a": a, "b": b}}
        assert not all(each.holds(scope) for each in both), scope
