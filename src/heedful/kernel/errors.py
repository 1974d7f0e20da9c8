"""Error bases, one per blame, with a stable code and one sentence shape.

"Expected X, got Y - at `$.path`. Remedy."  No secrets and no personal data in a message.
"""

from __future__ import annotations

from typing import Any


class HeedfulError(Exception):
    """Base of every error that Heedful raises on purpose.

    Parameters
    ----------
    code
        Stable, snake_case; programs match on it, never on the message.
    message
        One sentence for a person.
    detail
        Machine-readable extras, free of personal data.
    """

    def __init__(self, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail or {}


class InputError(HeedfulError):
    """The caller is wrong: what they sent cannot be accepted as it is."""


class PeerError(HeedfulError):
    """Another system is wrong or away; `retryable` says whether trying again can help."""

    def __init__(
        self,
        code: str,
        message: str,
        detail: dict[str, Any] | None = None,
        *,
        retryable: bool = True,
    ) -> None:
        super().__init__(code, message, detail)
        self.retryable = retryable


class InvariantError(HeedfulError):
    """We are wrong: a law of the system was about to be broken, so the work stopped."""


def expected(what: str, got: str, path: str, remedy: str = "") -> str:
    """Write the one sentence shape of an error.

    Examples
    --------
    >>> expected("an ISO 8601 time", "a list", "$.batch[3].timestamp", "Send a string.")
    'Expected an ISO 8601 time, got a list - at `$.batch[3].timestamp`. Send a string.'
    """
    return f"Expected {what}, got {got} - at `{path}`.{' ' + remedy if remedy else ''}"
