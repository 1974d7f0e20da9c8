"""What arms are worth, term by term: as arrays over all arms, and as the records of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress, repeat
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from heedful.decide.choice import selectors
from heedful.decide.types import Terms

Integers: TypeAlias = npt.NDArray[np.int64]


class Fixed(NamedTuple):
    """Terms of every arm of a choice that no person changes, as lists for their records."""

    margin: Sequence[int]
    d_clv: Sequence[int]
    benefit: Sequence[int]
    cost: Sequence[int]
    lever: Sequence[int]

    def of(self, passed: int) -> list[Iterator[int]]:
        """Give those of some arms."""
        chosen = selectors(passed)
        return [compress(terms, chosen) for terms in self]


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
    """Write what the arms that passed are worth, by columns: terms are made in the order of fields.

    Notes
    -----
    Terms that are the same for everybody are shared, so only what differs is made anew.
    """
    margin, d_clv, benefit, cost, lever = fixed.of(passed)
    p, values, none = priced.p.tolist(), priced.value.tolist(), repeat(UNSET)
    if isinstance(priced, Product):
        weight = priced.weight.tolist()
        unused = none, none, none, none, none
        return list(map(Terms, p, none, margin, weight, *unused, lever, values))
    nothing, increment = priced.p_nothing.tolist(), priced.increment.tolist()
    ahead = none if priced.ahead is None else priced.ahead.tolist()
    rest = d_clv, benefit, cost, priced.fatigue.tolist(), lever, values, ahead
    return list(map(Terms, p, nothing, margin, none, increment, *rest))
