"""What outcomes were worth so far, for goals that state no margin, and how soon they came.

Law: sums of integers over learning rows, in the order of their numbers: a decision that names the
`learn_seq` of a model names these, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import add
from types import MappingProxyType
from typing import Any, Final

import msgspec

from heedful.decide.case import RIPENING, RIPENING_PARTS
from heedful.kernel import MICRO, canonical
from heedful.learn import LearningRow

MARGINS: Final = "margins"
"""Name under which they stand beside the models."""

DELAY_STRENGTH: Final = 20
"""Outcomes that the belief about their delay is worth before any has come."""


_COUNTS: Final = len(RIPENING) + 1


class Margins(msgspec.Struct, frozen=True):
    """Outcomes that were reached: what they were worth together and how soon they came, by goal."""

    learn_seq: int = 0
    sums: Mapping[str, tuple[int, int]] = MappingProxyType({})
    """Count and micros."""
    delays: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    """How many came within each part of their window that `RIPENING` names, and in all."""

    def plus(self, rows: list[LearningRow]) -> Margins:
        """Give the sums with further rows.

        Examples
        --------
        >>> row = LearningRow(
        ...     learn_seq=1, decision_id="d_1", arm="sale", goal="purchase", state="converted",
        ...     value=6_000_000, decided_at=0, at=1, window_ms=100,
        ... )
        >>> known = Margins().plus([row, row])
        >>> known.means(), known.delays
        ({'purchase': 6000000}, {'purchase': (2, 2, 2, 2, 2)})
        """
        if not rows:
            return self
        sums, delays = dict(self.sums), dict(self.delays)
        for row in rows:
            if row.state != "converted" or row.is_beside:
                continue
            count, micros = sums.get(row.goal, (0, 0))
            sums[row.goal] = (count + 1, micros + row.value)
            if row.window_ms > 0:
                late = row.at - row.decided_at
                parts = late * RIPENING_PARTS
                came = [int(parts <= row.window_ms * part) for part in RIPENING]
                known = delays.get(row.goal, (0,) * _COUNTS)
                delays[row.goal] = tuple(map(add, known, (*came, 1)))
        learn_seq = max(self.learn_seq, rows[-1].learn_seq)
        return Margins(learn_seq, dict(sorted(sums.items())), dict(sorted(delays.items())))

    def means(self) -> dict[str, int]:
        """Give the mean worth of an outcome in micros, by goal."""
        return {goal: micros // count for goal, (count, micros) in self.sums.items()}

    def encode(self) -> bytes:
        """Write them as canonical bytes."""
        return canonical.encode(_Body(self.learn_seq, dict(self.sums), dict(self.delays)))

    @classmethod
    def decode(cls, body: bytes) -> Margins:
        """Read them back."""
        held = _BODIES.decode(body)
        # Until outcomes come again nothing is known of delays that were counted by other parts.
        delays = {goal: come for goal, come in held.delays.items() if len(come) == _COUNTS}
        return cls(held.learn_seq, held.sums, delays)


class _Body(msgspec.Struct, array_like=True):
    learn_seq: int
    sums: dict[str, tuple[int, int]]
    delays: dict[str, tuple[int, ...]] = {}


_BODIES: Final = msgspec.msgpack.Decoder(_Body)


def share_come(counts: tuple[int, ...] | None, part: int) -> int:
    """Give the share of a goal's outcomes that come within a part of its window, in millionths.

    Notes
    -----
    Until outcomes have come they are believed to come evenly over the window, a belief that is
    worth `DELAY_STRENGTH` of them.

    Examples
    --------
    >>> share_come(None, 1), share_come((60, 90, 95, 98, 100), 1)
    (250000, 791666)
    """
    even = MICRO * RIPENING[part] // RIPENING_PARTS
    if counts is None:
        return even
    return (counts[part] * MICRO + DELAY_STRENGTH * even) // (counts[-1] + DELAY_STRENGTH)


def apart(models: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """Take models and margins apart: what estimates chances, and the mean worth by goal."""
    known: Margins = models.get(MARGINS, Margins())
    return {name: one for name, one in models.items() if name != MARGINS}, known.means()


def delays_of(models: Mapping[str, Any]) -> Mapping[str, tuple[int, ...]]:
    """Give how soon outcomes came, by goal."""
    known: Margins = models.get(MARGINS, Margins())
    return known.delays
