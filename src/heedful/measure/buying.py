"""What is known of how often people bought: frequency, recency and age, grouped for a fit."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heedful.kernel import DAY_MS, WEEK_MS, InputError, expected
from heedful.learn.lifetime import Purchases
from heedful.measure.special import Floats


class Grouped(NamedTuple):
    """Customers who look alike as one row with their number."""

    rows: Purchases
    customers: Floats
    levels: Floats
    """The distinct frequencies, ascending; a gamma function is computed once for each."""
    level: npt.NDArray[np.intp]
    """Of each row, the place of its frequency among the levels."""


def purchases(frequency: Any, recency: Any, age: Any) -> Purchases:
    """Check and take in arrays, or single numbers.

    Raises
    ------
    InputError
        `bad_purchases` when shapes differ, a number is negative or not finite, a frequency is not
        whole, somebody bought after the end, or a repeat purchase has no recency.
    """
    columns = [np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (frequency, recency, age)]
    found = Purchases(*columns)
    if len({column.shape for column in columns}) != 1 or found.age.ndim != 1:
        _refuse("three columns of one length", ", ".join(str(c.shape) for c in columns))
    if not all(bool((np.isfinite(c) & (c >= 0.0)).all()) for c in columns):
        _refuse("finite numbers of 0 or more", "others")
    if bool((found.frequency % 1.0 != 0.0).any()):
        _refuse("whole frequencies", "others")
    if bool((found.recency > found.age).any()):
        _refuse("recencies up to the age", "one beyond")
    if bool(((found.recency == 0.0) & (found.frequency > 0.0)).any()):
        _refuse("a recency above 0 after a repeat purchase", "0")
    return found


def _refuse(what: str, got: str) -> None:
    """Refuse columns.

    Raises
    ------
    InputError
        `bad_purchases` when the columns cannot be what people bought.
    """
    raise InputError("bad_purchases", expected(what, got, "$"))


def purchases_of(
    customer: npt.NDArray[np.int64], at_ms: npt.NDArray[np.int64], end_ms: int
) -> tuple[npt.NDArray[np.int64], Purchases]:
    """Summarise transactions up to an end: the customers ascending, and their buying in weeks.

    Parameters
    ----------
    customer, at_ms
        Shape (n_transactions,): who bought, and when, ms since 1970. Those of one UTC day are one
        purchase, as in the papers; those at or after `end_ms` are left out.

    Examples
    --------
    >>> import numpy as np
    >>> day = 86_400_000
    >>> who, found = purchases_of(np.array([7, 7, 7]), np.array([0, 1, 14 * day]), 21 * day)
    >>> who.tolist(), [column.tolist() for column in found]
    ([7], [[1.0], [2.0], [3.0]])
    """
    seen = at_ms < end_ms
    customer, day = customer[seen], at_ms[seen] // DAY_MS
    order = np.lexsort((day, customer))
    customer, day = customer[order], day[order]
    is_new = np.ones(len(customer), dtype=np.bool_)
    is_new[1:] = (np.diff(customer) != 0) | (np.diff(day) != 0)
    customer, day = customer[is_new], day[is_new]
    who, first, count = np.unique(customer, return_index=True, return_counts=True)
    last = first + count - 1
    days_per_week = WEEK_MS / DAY_MS
    return who, purchases(
        count - 1.0,
        (day[last] - day[first]) / days_per_week,
        np.maximum(end_ms / DAY_MS - day[first], 0.0) / days_per_week,
    )


def grouped(found: Purchases) -> Grouped:
    """Count customers who look alike: the work of a fit grows with the distinct rows only."""
    table = np.stack(found, axis=1)
    rows, count = np.unique(table, axis=0, return_counts=True)
    levels, level = np.unique(rows[:, 0], return_inverse=True)
    columns = Purchases(rows[:, 0].copy(), rows[:, 1].copy(), rows[:, 2].copy())
    return Grouped(columns, count.astype(np.float64), levels, level)
