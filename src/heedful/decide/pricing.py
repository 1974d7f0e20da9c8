"""What arms are worth, term by term: as arrays over all arms, and as the records of each."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Integers: TypeAlias = npt.NDArray[np.int64]


class Worth(NamedTuple):
    """What an arm is worth, and the terms that make it up."""

    value: int
    """Micros."""
    terms: dict[str, int]
    """Shared between records; never to be changed."""


class Weighed(NamedTuple):
    """What some arms are worth: `gain * p + offset` in micros each."""

    worths: list[Worth]
    gain: Integers
    offset: Integers


class Increment(NamedTuple):
    """Terms of the increment over doing nothing, each of shape (n_arms,): millionths, micros."""

    p: Integers
    p_nothing: Integers
    margin: Integers
    increment: Integers
    d_clv: Integers
    benefit: Integers
    cost: Integers
    fatigue: Integers
    lever: Integers
    value: Integers
    gain: Integers
    offset: Integers
    ahead: Integers | None
    """What an arm changes about later; None where nothing says so."""


class Product(NamedTuple):
    """Terms of the product formula, each of shape (n_arms,): millionths, micros."""

    p: Integers
    margin: Integers
    weight: Integers
    lever: Integers
    value: Integers
    gain: Integers
    offset: Integers


Priced: TypeAlias = Increment | Product


def worths_of(priced: Priced) -> list[Worth]:
    """Write the record of each arm, its terms in the order in which records have them."""
    lists = [term.tolist() for term in priced if term is not None]
    if isinstance(priced, Product):
        terms = [
            {"p_ppm": p, "margin": margin, "weight_ppm": weight, "lever_ppm": lever, "value": value}
            for p, margin, weight, lever, value in zip(*lists[:5], strict=True)
        ]
    else:
        terms = [
            {
                "p_ppm": p, "p_nothing_ppm": nothing, "margin": margin, "increment": increment,
                "d_clv": d_clv, "benefit": benefit, "cost": cost, "fatigue": fatigue,
                "lever_ppm": lever, "value": value,
            }
            for (
                p, nothing, margin, increment, d_clv, benefit, cost, fatigue, lever, value,
            ) in zip(*lists[:10], strict=True)
        ]  # fmt: skip
        if priced.ahead is not None:
            for one, ahead in zip(terms, lists[-1], strict=True):
                one["ahead"] = ahead
    return [Worth(one["value"], one) for one in terms]
