"""What bounds an expression: each limit with its unit and what happens when it is reached."""

from __future__ import annotations

from typing import Final

TEXT_CHARS_MAX: Final = 2_000
"""Characters of one expression; a longer one is refused."""

LITERAL_CHARS_MAX: Final = 200
"""Characters of one quoted text, quotes not counted; a longer one is refused."""

NODES_MAX: Final = 200
"""Nodes of the checked tree, a path counting one per name; a larger expression is refused."""

DEPTH_MAX: Final = 30
"""Levels of nesting, of brackets and of the checked tree; a deeper expression is refused."""

RESULT_CHARS_MAX: Final = 4_096
"""Characters that joining texts may give; a longer result is unknown."""

INTEGER_MAX: Final = (1 << 63) - 1
"""Largest magnitude of a whole number, literal or result: int64, as every store and every
columnar engine keeps it. A larger literal is refused, a larger result is unknown."""

ROUND_DIGITS_MAX: Final = 6
"""Digits after the point that `round` keeps at most: micro-units, as money. More is unknown."""
