"""The one shape of this room's refusals, and what every statement of a person must carry."""

from __future__ import annotations

from heedful.govern.limits import REASON_CHARS_MAX
from heedful.kernel import InputError, expected


def fault(code: str, what: str, got: str, path: str, remedy: str = "") -> InputError:
    """Make the error of one field; `detail.path` says where."""
    return InputError(code, expected(what, got, path, remedy), {"path": path})


def require_statement(by: str, reason: str) -> None:
    """Refuse what nobody said, or said without a reason.

    Raises
    ------
    InputError
        `missing_person` without a name; `missing_reason` without a reason, `reason_too_long`
        beyond `REASON_CHARS_MAX`.
    """
    if not by.strip():
        raise fault("missing_person", "who does it", "nothing", "$.by")
    if not reason.strip():
        raise fault("missing_reason", "a reason", "nothing", "$.reason", "Say why in one line.")
    if len(reason) > REASON_CHARS_MAX:
        what, got = f"at most {REASON_CHARS_MAX} characters", f"{len(reason)}"
        raise fault("reason_too_long", what, got, "$.reason")


def require_future(expires_at: int, now: int) -> None:
    """Refuse an expiry that is not ahead.

    Raises
    ------
    InputError
        `bad_expiry` when it is now or over.
    """
    if expires_at <= now:
        got = "one that is over"
        raise fault("bad_expiry", "an expiry in the future", got, "$.expires_at")
