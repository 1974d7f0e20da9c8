"""What a logistic model believes before its first outcome, and how it forgets."""

from __future__ import annotations

import math

import msgspec

from heedful.kernel import expected
from heedful.learn.context import Basis


class LogisticSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is believed before the first outcome, and how the past fades."""

    basis: Basis = Basis()
    """The dense features."""
    fields: tuple[int, ...] | None = None
    """Fields whose features are read, ascending: the high bits of their ids; None for all."""
    feature_variance: float = 1.0
    """Variance of a dense weight of an action around its group's, in squared log-odds."""
    group_strength: float = 10.0
    """How many well-known actions it takes to move a group half the way from 0 to their mean, at
    least 1: far below it actions that were declared wrongly throw each other's mean about."""
    sparse_bits: int = 18
    """The hashed weights number 2^sparse_bits."""
    sparse_variance: float = 0.02
    """Variance of a hashed weight, in squared log-odds."""
    half_life_ms: int | None = None
    """Age at which what was learned counts half; None keeps it for ever."""
    detects_change: bool = True
    """Whether surprise makes an action forget at once."""
    exploration: float = 0.3
    """Factor on the deviation of log-odds that choices are made with. 1 is Thompson sampling as it
    stands, less explores less: of 1, 0.5, 0.35, 0.3 and 0.25 the last three regretted the least in
    worlds of twenty arms, also when outcomes came late or the world changed. Of doing nothing it is
    1 at least."""

    def __post_init__(self) -> None:
        """Refuse settings out of range.

        Raises
        ------
        ValueError
            When a variance is not above 0, a strength below 1, or bits are not in 8 to 24.
        """
        for name in ("feature_variance", "group_strength", "sparse_variance", "exploration"):
            if not 0.0 < getattr(self, name) < math.inf:
                got = repr(getattr(self, name))
                raise ValueError(expected("a number above 0", got, f"$.{name}"))
        if self.group_strength < 1.0:
            got = repr(self.group_strength)
            raise ValueError(expected("1 or more", got, "$.group_strength"))
        if not 8 <= self.sparse_bits <= 24:
            raise ValueError(expected("8 to 24 bits", f"{self.sparse_bits}", "$.sparse_bits"))
        if self.half_life_ms is not None and self.half_life_ms <= 0:
            raise ValueError(expected("a span above 0", f"{self.half_life_ms}", "$.half_life_ms"))
