"""What arms are worth, term by term: as arrays over all arms, and as the records of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from heedful.decide.choice import members

Integers: TypeAlias = npt.NDArray[np.int64]


Terms: TypeAlias = dict[str, int]
"""What an arm is worth, as records have it: `value` and what makes it up; never to be changed."""


class Fixed(NamedTuple):
    """Terms of every arm of a choice that no person changes, as lists for their records."""

    margin: Sequence[int]
    d_clv: Sequence[int]
    benefit: Sequence[int]
    cost: Sequence[int]
    lever: Sequence[int]

    def of(self, passed: int) -> list[Iterator[int]]:
        """Give those of some arms."""
        return [members(terms, passed) for terms in self]


class Weighed(NamedTuple):
    """What some arms are worth: `gain * p + offset` in micros each."""

    terms: list[Terms]
    gain: Integers
    offset: Integers


class Increment(NamedTuple):
    """Terms of the increment over doing nothing that a person changes, each of shape (n_arms,):
    millionths, micros."""

    p: Integers
    p_nothing: Integers
    increment: Integers
    fatigue: Integers
    value: Integers
    gain: Integers
    offset: Integers
    ahead: Integers | None
    """What an arm changes about later; None where nothing says so."""


class Product(NamedTuple):
    """Terms of the product formula that a person changes, each of shape (n_arms,): as above."""

    p: Integers
    weight: Integers
    value: Integers
    gain: Integers
    offset: Integers


Priced: TypeAlias = Increment | Product


def terms_of(priced: Priced, fixed: Fixed, passed: int) -> list[Terms]:
    """Write what the arms that passed are worth, the terms in the order in which records have them.

    Notes
    -----
    Terms that are the same for everybody are shared, so only what differs is made anew.
    """
    margin, d_clv, benefit, cost, lever = fixed.of(passed)
    values = priced.value.tolist()
    if isinstance(priced, Product):
        return [
            {"p_ppm": p, "margin": m, "weight_ppm": weight, "lever_ppm": le, "value": value}
            for p, m, weight, le, value in zip(
                priced.p.tolist(), margin, priced.weight.tolist(), lever, values, strict=True
            )
        ]
    terms = [
        {
            "p_ppm": p, "p_nothing_ppm": nothing, "margin": m, "increment": increment,
            "d_clv": d, "benefit": b, "cost": c, "fatigue": fatigue, "lever_ppm": le,
            "value": value,
        }
        for p, nothing, m, increment, d, b, c, fatigue, le, value in zip(
            priced.p.tolist(), priced.p_nothing.tolist(), margin, priced.increment.tolist(),
            d_clv, benefit, cost, priced.fatigue.tolist(), lever, values, strict=True,
        )
    ]  # fmt: skip
    if priced.ahead is not None:
        for one, ahead in zip(terms, priced.ahead.tolist(), strict=True):
            one["ahead"] = ahead
    return terms
