"""A thread that does one piece of work after another, and rests while there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable

from heedful.kernel import PeerError


class Background:
    """Repeats a step until it is closed.

    Parameters
    ----------
    name
        Of the thread.
    step
        Does one piece of work; False when there was none.
    rest_s
        How long to rest then, unless something wakes it.
    """

    def __init__(self, name: str, step: Callable[[], bool], rest_s: float) -> None:
        self._step = step
        self._rest_s = rest_s
        self._wake = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """End the rest: there may be work."""
        self._wake.set()

    def close(self) -> None:
        """Stop after the step at hand."""
        self._is_closing = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closing:
            try:
                is_busy = self._step()
            except PeerError:
                is_busy = False  # the store is away or full: what waits is still in it
            if not is_busy:
                self._wake.wait(self._rest_s)
                self._wake.clear()
