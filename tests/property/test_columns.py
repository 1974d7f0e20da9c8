"""Expressions over columns: for every tree and all values, what the scalar path says."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.expr import UNKNOWN, Type
from heedful.expr.columns import EXACT_MAX, columns_of
from tests.property.test_expr import compiled, texts_of

PROPER: dict[str, list[Any]] = {
    "number": [0, 1, 2, 3, -1, 2.5, 0.0, -0.0, 7, 1.0, EXACT_MAX, EXACT_MAX + 1, 10**18],
    "text": ["", "a", "b", "ab", "B"],
    "bool": [True, False],
    "list": [[], [1, 2], ["a"], [{"a": 1}, {"a": 2.5}, {}], ("a", None), [UNKNOWN], [[1]]],
}
IMPROPER = [None, None, UNKNOWN, UNKNOWN, True, 1, "a", [1], {}, 10**400, float("nan"), 1e308]


def scope_of(random: Random) -> dict[str, Any]:
    def pick(kind: str) -> Any:
        return random.choice(PROPER[kind] if random.random() < 0.75 else IMPROPER)

    def some() -> Any:
        return pick(random.choice(list(PROPER)))

    scope = {
        "traits": {"a": some(), "b": pick("bool"), "key with space": pick("text"), "l": some()},
        "signals": {"n": pick("number"), "t": pick("text"), "b": pick("bool")},
        "lists": {"l": pick("list"), "deep": {"l": pick("list")}},
        "x": some(),
        "flag": pick("bool"),
    }
    for name in list(scope):
        if random.random() < 0.05:
            scope[name] = random.choice(IMPROPER)
        elif random.random() < 0.03:
            del scope[name]
    return scope


def crowd(seed: int, count: int) -> list[dict[str, Any]]:
    random = Random(seed)
    return [scope_of(random) for _ in range(count)]


crowds = st.builds(crowd, st.integers(0, 1 << 32), st.integers(0, 60))


def is_same(left: Any, right: Any) -> bool:
    return left.__class__ is right.__class__ and (left == right or left != left)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(texts_of("condition"), crowds)
def test_a_condition_holds_of_the_same_people(text: str, scopes: list[dict[str, Any]]) -> None:
    read = compiled(text)
    if read is None:
        return
    columns = columns_of(scopes)
    assert columns.holds(read.tree).tolist() == [read.holds(scope) for scope in scopes]
    truth = columns.truth(read.tree)
    said = [read.evaluate(scope) for scope in scopes]
    if read.type is Type.BOOL:
        assert truth.false.tolist() == [value is False for value in said]
        assert not (truth.true & truth.false).any()


@settings(max_examples=200, derandomize=True, deadline=None)
@given(texts_of("number"), crowds)
def test_a_value_is_the_same(text: str, scopes: list[dict[str, Any]]) -> None:
    read = compiled(text)
    if read is None:
        return
    found = columns_of(scopes).values(read.tree, read.type)
    assert all(is_same(a, read.evaluate(s)) for a, s in zip(found, scopes, strict=True))


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.sampled_from([0, -1, 2.5, 9007199254740991, 9007199254740993]),
    st.booleans(),
    st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.booleans(), st.text())),
)
def test_numbers_compare_exactly_beyond_what_floats_hold(
    op: str, bound: float, is_turned: bool, values: list[Any]
) -> None:
    read = compiled(f"{bound} {op} x" if is_turned else f"x {op} {bound}")
    assert read is not None
    scopes = [{"x": value} for value in values]
    assert columns_of(scopes).holds(read.tree).tolist() == [read.holds(s) for s in scopes]
