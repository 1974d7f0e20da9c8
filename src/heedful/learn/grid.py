"""States as points on a grid: a few ordered levels of each of a few things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from heedful.kernel import expected

STATES_MAX: Final = 1_024
"""States of one grid; a greater grid is refused. A fit's work grows with them."""

GONE: Final = -1
"""The state after the last: nobody is there any more, and nothing follows."""


class Grid(msgspec.Struct, frozen=True):
    """States as points on a grid, such as (recency, fatigue, trust, need).

    Raises
    ------
    ValueError
        When an axis has no level, or there are more than `STATES_MAX` states.

    Examples
    --------
    >>> grid = Grid((4, 3, 2))
    >>> grid.place((1, 2, 1)), grid.point(11)
    (11, (1, 2, 1))
    >>> grid.place((9, -1, 1))
    19
    """

    levels: tuple[int, ...]
    """Of each axis."""
    unordered: tuple[int, ...] = ()
    """Axes whose levels are mere names: nothing is borrowed along them."""

    def __post_init__(self) -> None:
        count = 1
        for levels in self.levels:
            count *= levels
        if not self.levels or min(self.levels) < 1 or count > STATES_MAX:
            what = expected(
                f"levels above 0 that make at most {STATES_MAX} states", str(count), "$.levels"
            )
            raise ValueError(what)

    @property
    def size(self) -> int:
        """How many states there are."""
        return int(np.prod(self.levels))

    def place(self, point: Sequence[int]) -> int:
        """Number a state; a level beyond the ends of its axis is the last one there."""
        number = 0
        for level, levels in zip(point, self.levels, strict=True):
            number = number * levels + min(max(level, 0), levels - 1)
        return number

    def point(self, place: int) -> tuple[int, ...]:
        """Give the levels of a state."""
        return tuple(int(level) for level in np.unravel_index(place, self.levels))
