"""Claims: a message that was seen before is not taken twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Protocol

CLAIM_NEW: Final = 0
CLAIM_DUPLICATE: Final = 1
CLAIM_CONFLICT: Final = 2


class Claim(NamedTuple):
    """A message that wants to be new.

    `slot` is a 63-bit integer whose high 31 bits are the second of the raw timestamp, so recent
    slots stand together; `check` are independent bits of the same identity, which tell a true
    repeat from two messages that met in one slot; `content` is a hash of what the message says.
    """

    slot: int
    check: int
    content: int


class Claims(Protocol):
    """Which messages were taken."""

    def claim(self, claims: Sequence[Claim]) -> list[Literal[0, 1, 2]]:
        """Take each slot, or say why not: CLAIM_NEW, CLAIM_DUPLICATE, CLAIM_CONFLICT.

        A slot with another `check` is not a repeat: the next slot is tried. A repeat with another
        `content` is a conflict. Two equal claims in one call are new and duplicate, in order.
        A claim is kept as long as the store, at about 30 bytes: a copy that is sent again after a
        year must not count twice.
        """
