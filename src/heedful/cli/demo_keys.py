"""Keys that are pressed while a screen is up, one name each, without waiting for Enter."""

from __future__ import annotations

import os
import select
import sys
import time
from types import TracebackType
from typing import Any, Final, Self

NAMES: Final = {
    "\x1b[A": "up",
    "\x1bOA": "up",
    "k": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "j": "down",
    "\r": "enter",
    "\n": "enter",
    " ": "space",
    "\x1b": "escape",
    "\x7f": "escape",
}
"""What a terminal sends for a key; anything else is its own name."""

_READ_BYTES: Final = 64


def keys_in(text: str) -> list[str]:
    """Split what a terminal sent into the names of keys.

    Examples
    --------
    >>> keys_in("q" + chr(27) + "[B" + chr(13) + "3")
    ['q', 'down', 'enter', '3']
    """
    found = []
    while text:
        size = 3 if text[:3] in NAMES else 1
        found.append(NAMES.get(text[:size], text[:size]))
        text = text[size:]
    return found


class Keys:
    """The terminal's keys, unbuffered for as long as it is open; none where no terminal is."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._before: Any = None

    def __enter__(self) -> Self:
        if sys.stdin is None or not sys.stdin.isatty():
            return self
        try:
            import termios
            import tty
        except ImportError:  # Windows: the screen works, the keys do not
            return self
        self._descriptor = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is not None and self._before is not None:
            import termios

            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
            self._descriptor = None

    @property
    def are_there(self) -> bool:
        """Whether there is a terminal to press keys on."""
        return self._descriptor is not None

    def read(self, wait_s: float) -> list[str]:
        """Give the keys that were pressed, at the latest after so many seconds."""
        if self._descriptor is None:
            time.sleep(wait_s)
            return []
        ready, _, _ = select.select([self._descriptor], [], [], wait_s)
        if not ready:
            return []
        return keys_in(os.read(self._descriptor, _READ_BYTES).decode("utf-8", "ignore"))
