"""Cross-origin rules of the routes that browsers' SDKs call.

Any origin may send: a write key is public by nature, and it opens nothing but sending. No cookies
are read or set, so no credentials are allowed along.
"""

from __future__ import annotations

from typing import Final

PREFLIGHT_S: Final = 86_400
"""Seconds for which a browser may remember a preflight; browsers have bounds of their own."""

_ALLOWED: Final = ("Authorization", "Content-Type", "X-Retry-Count", "AnonymousId", "SentAt")
_RUDDER: Final = "rsa-"
_RUDDER_MAX: Final = 20


def with_origin(headers: dict[str, str]) -> dict[str, str]:
    """Let any origin read an answer."""
    return {
        **headers,
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Retry-After, X-RateLimit-Reset",
    }


def preflight(headers: dict[str, str]) -> dict[str, str]:
    """Answer what a browser asks before it sends; of RudderStack's headers, those it names."""
    asked = [name.strip() for name in headers.get("access-control-request-headers", "").split(",")]
    rudder = [
        name
        for name in asked[:_RUDDER_MAX]
        if name.lower().startswith(_RUDDER) and name.replace("-", "").isalnum() and name.isascii()
    ]
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
        "Access-Control-Allow-Headers": ", ".join([*_ALLOWED, *rudder]),
        "Access-Control-Max-Age": str(PREFLIGHT_S),
        "Vary": "Access-Control-Request-Headers",
    }
