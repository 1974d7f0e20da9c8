"""The nearest known name: what is offered, and that the order of the known ones never shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.kernel.names import nearest, slip_of


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("contry", ["city", "country"], "country"),
        ("Country", ["country"], "country"),
        ("first-name", ["first_name", "fist_nome"], "first_name"),
        ("a", ["b", "c"], None),
        ("a", [], None),
        ("", ["a"], None),
        ("abx", ["aby", "abz"], "aby"),  # a tie: the first in sorted order
        ("x" * 201, ["x" * 201], None),  # too long to be compared
        ("x" * 200, ["x" * 5_000], "x" * 5_000),
    ],
)
def test_nearest(name: str, known: list[str], near: str | None) -> None:
    assert nearest(name, known) == near


names = st.text("abcd_-", max_size=6)


@given(names, st.lists(names, max_size=6))
def test_the_order_of_the_known_names_never_shows(name: str, known: list[str]) -> None:
    shuffled = sorted(known, key=lambda n: (len(n), n[::-1]))
    assert nearest(name, known) == nearest(name, shuffled) == nearest(name, known + known)


@given(names.filter(bool), st.lists(names, max_size=6))
def test_a_known_name_is_nearest_to_itself(name: str, known: list[str]) -> None:
    found = nearest(name, [*known, name])
    assert found is not None
    assert found.lower().replace("-", "_") == name.replace("-", "_")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("wbe", "web"), ("we", "web"), ("webb", "web"), ("wep", "web"), ("Web", "web"),
        ("back-end", "backend"), ("bakcend", "backend"), ("web", None), ("wap", None),
        ("web2", None), ("store2", None), ("store21", None), ("ebw", None), ("", None),
    ],
)  # fmt: skip
def test_one_slip_away_is_one_letter_or_two_that_changed_places(
    name: str, meant: str | None
) -> None:
    assert slip_of(name, ["web", "backend", "store1", "store12"]) == meant
