"""What every connector looks at before it calls anybody."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from heedful.effects import OutboundEffect
from heedful.ports import Delivery

EFFECT_BYTES_MAX: Final = 1 << 20
"""Bytes of one effect as JSON; a larger one is refused with `content_too_large`."""

Clock = Callable[[], int]
"""Milliseconds since 1970."""

_ENCODER: Final = msgspec.json.Encoder()


def wall_clock() -> int:
    """Read the clock."""
    return time.time_ns() // 1_000_000


def refusal(
    effect: OutboundEffect,
    kind: type[msgspec.Struct],
    now: int,
    *,
    bytes_max: int = EFFECT_BYTES_MAX,
) -> Delivery | None:
    """Say why an effect is not to be carried out, or None when nothing speaks against it.

    Parameters
    ----------
    kind
        The kind of effect that the connector carries.
    now
        Milliseconds.

    Returns
    -------
    Delivery or None
        `failed` with `wrong_effect`, `expired` (its time is over), `bad_content` (a text that is
        no Unicode, a number that is none) or `content_too_large`.
    """
    if not isinstance(effect.effect, kind):
        return Delivery("failed", "wrong_effect")
    if effect.expires_at <= now:
        return Delivery("failed", "expired")
    try:
        size = len(_ENCODER.encode(effect))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return Delivery("failed", "bad_content")
    return Delivery("failed", "content_too_large") if size > bytes_max else None
