"""What outcomes were worth so far, for goals that state no margin.

Law: sums of integers over learning rows, in the order of their numbers: a decision that names the
`learn_seq` of a model names these, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from heedful.kernel import canonical
from heedful.learn import LearningRow

MARGINS: Final = "margins"
"""Name under which they stand beside the models."""


class Margins(msgspec.Struct, frozen=True):
    """Outcomes that were reached, and what they were worth together, by goal."""

    learn_seq: int = 0
    sums: Mapping[str, tuple[int, int]] = MappingProxyType({})
    """Count and micros."""

    def plus(self, rows: list[LearningRow]) -> Margins:
        """Give the sums with further rows.

        Examples
        --------
        >>> row = LearningRow(
        ...     learn_seq=1, decision_id="d_1", arm="sale", goal="purchase", state="converted",
        ...     value=6_000_000, decided_at=0, at=1,
        ... )
        >>> Margins().plus([row, row]).means()
        {'purchase': 6000000}
        """
        if not rows:
            return self
        sums = dict(self.sums)
        for row in rows:
            if row.state == "converted":
                count, micros = sums.get(row.goal, (0, 0))
                sums[row.goal] = (count + 1, micros + row.value)
        return Margins(max(self.learn_seq, rows[-1].learn_seq), dict(sorted(sums.items())))

    def means(self) -> dict[str, int]:
        """Give the mean worth of an outcome in micros, by goal."""
        return {goal: micros // count for goal, (count, micros) in self.sums.items()}

    def encode(self) -> bytes:
        """Write them as canonical bytes."""
        return canonical.encode((self.learn_seq, dict(self.sums)))

    @classmethod
    def decode(cls, body: bytes) -> Margins:
        """Read them back."""
        learn_seq, sums = msgspec.msgpack.decode(body, type=tuple[int, dict[str, tuple[int, int]]])
        return cls(learn_seq, sums)


def apart(models: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """Take models and margins apart: what estimates chances, and the mean worth by goal."""
    known: Margins = models.get(MARGINS, Margins())
    return {name: one for name, one in models.items() if name != MARGINS}, known.means()
