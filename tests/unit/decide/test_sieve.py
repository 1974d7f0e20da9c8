"""What closes many arms at once says the same as asking each arm alone."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.decide.choice import members
from heedful.decide.sieve import Sieve
from heedful.expr import UNKNOWN, Expression, Names, Open, compile_expression
from heedful.expr.scalar import compile_together
from heedful.learn import ArmColumns, ArmValue, selection_probabilities

NAMES = Names(roots={"traits": Open(), "signals": Open()})
PARTS = (
    "traits.a == 1",
    "traits.a == true",
    "traits.a != 'x'",
    "not traits.b",
    "traits.b or traits.a is none",
    "traits.deep.c >= 2",
    "signals.n < 3",
    "signals.n >= 2 or traits.b",
    "traits.a in [1, 2.0]",
    "len(traits.l) > 1",
    "'x' in traits.l",
)
VALUES = (None, True, False, 0, 1, 1.0, 2, 2.5, "x", "1", UNKNOWN, ["x"], ["x", 1], {"c": 2}, {})


def drawn_scope(luck: Random) -> dict[str, Any]:
    """Draw values of any type, some of them absent."""
    traits = {name: luck.choice(VALUES) for name in ("a", "b", "deep", "l") if luck.random() < 0.8}
    return {"traits": traits, "signals": {"n": luck.choice(VALUES)}}


def drawn_conditions(luck: Random) -> list[Expression]:
    drawn = [luck.sample(PARTS, luck.randint(1, 3)) for _ in range(40)]
    texts = [" and ".join(f"({part})" for part in parts) for parts in drawn]
    return [compile_expression(text, NAMES) for text in texts]


@settings(max_examples=25)
@given(st.integers(0, 1 << 32))
def test_a_sieve_says_what_every_condition_says(seed: int) -> None:
    luck = Random(seed)
    conditions = drawn_conditions(luck)
    asked = [(luck.randrange(3), 1 << i, c.tree) for i, c in enumerate(conditions)]
    sieve = Sieve(asked)
    for _ in range(30):
        scope = drawn_scope(luck)
        wanted = [0, 0, 0]
        for (gate, arm, _), condition in zip(asked, conditions, strict=True):
            if not condition.holds(scope):
                wanted[gate] |= arm
        assert sieve.closed(scope) == tuple(wanted)
        assert sieve.closed(scope) == tuple(wanted)  # and again, as it is remembered


def test_true_and_one_are_not_taken_for_each_other() -> None:
    sieve = Sieve([(0, 1, compile_expression("traits.a == 1", NAMES).tree)])
    for value, closed in ((1, 0), (True, 1), (1.0, 0), (1, 0), (True, 1), ([1], 1), (None, 1)):
        assert sieve.closed({"traits": {"a": value}})[0] == closed


def test_a_sieve_that_has_seen_too_many_values_still_says_the_truth() -> None:
    sieve = Sieve([(1, 1, compile_expression("traits.a < 500", NAMES).tree)])
    for value in (*range(1_000), *range(1_000)):
        assert sieve.closed({"traits": {"a": value}}) == (0, int(value >= 500), 0)


def test_conditions_compiled_together_hold_as_they_do_alone() -> None:
    luck = Random(7)
    conditions = drawn_conditions(luck)
    together = compile_together(tuple(condition.tree for condition in conditions))
    for _ in range(200):
        scope = drawn_scope(luck)
        assert together(scope) == [condition.holds(scope) for condition in conditions]


@given(st.integers(0, 1 << 200), st.integers(0, 200))
def test_members_stand_at_the_bits_of_a_set(arms: int, count: int) -> None:
    found = list(members(range(count), arms))
    assert found == [i for i in range(count) if arms >> i & 1]


def test_chances_are_the_same_from_columns_as_from_values() -> None:
    luck = Random(3)
    values = [
        ArmValue(luck.uniform(0.3, 40), luck.uniform(0.3, 400), luck.choice([0.0, 5.0, -3.0]), 0.1)
        for _ in range(60)
    ]
    nothing = ArmValue(2.0, 98.0, 20.0, -0.4)
    columns, last = ArmColumns(values), ArmColumns([nothing])
    for _ in range(20):
        arms = sorted(luck.sample(range(len(values)), luck.randint(1, 60)))
        taken = columns.take(arms).with_last(last)
        assert len(taken) == len(arms) + 1
        listed = [values[arm] for arm in arms] + [nothing]
        assert selection_probabilities(taken, 0.02) == selection_probabilities(listed, 0.02)
