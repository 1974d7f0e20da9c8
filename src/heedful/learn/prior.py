"""What is believed of an arm before its first outcome."""

from __future__ import annotations

import msgspec

from heedful.kernel import expected


class Prior(msgspec.Struct, frozen=True):
    """What is believed of an arm before its first outcome.

    Raises
    ------
    ValueError
        When `p` lies outside (0, 1) or `strength` is not above 0.
    """

    p: float
    """Expected chance that the goal is reached, in (0, 1)."""
    strength: float
    """How many outcomes the belief is worth, above 0."""

    def __post_init__(self) -> None:
        if not 0.0 < self.p < 1.0:
            raise ValueError(expected("a chance in (0, 1)", repr(self.p), "$.prior.p"))
        if not 0.0 < self.strength < float("inf"):
            got = repr(self.strength)
            raise ValueError(expected("a count above 0", got, "$.prior.strength"))
