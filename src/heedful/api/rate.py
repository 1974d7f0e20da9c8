"""How fast one source may send: a bucket that refills with time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from heedful.kernel import InputError, expected


class RateLimit:
    """A token bucket per source.

    Notes
    -----
    A request passes while the bucket is not empty and may take more than is in it; the debt is
    waited for by the next ones. So a batch larger than the bucket passes, and the average holds.
    """

    def __init__(
        self, events_per_s: int, burst_s: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = events_per_s
        self._most = float(events_per_s * burst_s)
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def require(self, source: str, events: int) -> None:
        """Take `events` from a source's bucket.

        Raises
        ------
        InputError
            `rate_limited`, with `retry_after_s` in its detail.
        """
        if not self._per_s:
            return
        now = self._clock()
        left, at = self._left.get(source, (self._most, now))
        left = min(self._most, left + (now - at) * self._per_s)
        if left <= 0:
            self._left[source] = (left, now)
            again = max(1, math.ceil((1 - left) / self._per_s))
            what = expected(f"at most {self._per_s} events per second", "more", "source")
            raise InputError("rate_limited", what, {"retry_after_s": again})
        self._left[source] = (left - events, now)
