"""The one table from an error's code to its HTTP status, and the one form of an error's body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from heedful.kernel import HeedfulError, InputError, PeerError, expected

RETRY_AFTER_S: Final = 2
"""What Retry-After says: a writer that was behind has caught up, or a disk is still full."""

STATUS: Final[dict[str, int]] = {
    "unknown_key": 401,
    "source_disabled": 401,
    "signature_missing": 401,
    "signature_expired": 401,
    "signature_mismatch": 401,
    "forbidden": 403,
    "customer_not_found": 404,
    "decision_not_found": 404,
    "effect_not_found": 404,
    "message_not_found": 404,
    "approval_not_found": 404,
    "model_not_found": 404,
    "version_not_found": 404,
    "incident_plan_not_found": 404,
    "no_such_incident": 404,
    "strategy_not_found": 404,
    "key_not_found": 404,
    "quarantine_not_found": 404,
    "route_not_found": 404,
    "unknown_signal": 404,
    "unknown_webhook": 404,
    "bad_token": 404,
    "method_not_allowed": 405,
    "body_too_slow": 408,
    "key_exists": 409,
    "is_champion": 409,
    "model_in_use": 409,
    "model_not_promoted": 409,
    "model_definition_differs": 409,
    "nothing_to_roll_back": 409,
    "model_too_opaque": 409,
    "backup_exists": 409,
    "job_running": 409,
    "nothing_to_decide": 409,
    "stop_in_force": 409,
    "too_many_incidents": 409,
    "not_stopped": 409,
    "not_tightened": 409,
    "own_approval": 409,
    "already_voted": 409,
    "approval_settled": 409,
    "approval_expired": 409,
    "effect_not_dead": 409,
    "body_too_large": 413,
    "model_file_too_large": 413,
    "inflate_over_limit": 413,
    "too_many_events": 413,
    "overloaded": 429,
    "rate_limited": 429,
    "too_many_watchers": 429,
    "internal": 500,
    "store_full": 503,
    "too_busy": 503,
}
"""Codes whose status is not that of their kind."""

INPUT_STATUS: Final = 400
PEER_STATUS: Final = 503
FAULT_STATUS: Final = 500


class Answer(msgspec.Struct, frozen=True):
    """An error as it goes over the wire."""

    status: int
    code: str
    message: str
    detail: dict[str, Any]
    retry_after_s: int | None

    def body(self) -> bytes:
        """Write `{"code", "message", "detail"?}`."""
        said: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.detail:
            said["detail"] = self.detail
        return msgspec.json.encode(said)

    def headers(self) -> dict[str, str]:
        """Give the headers that say when to come again, how to, or that this connection ends."""
        if self.status in {408, 413}:
            return {"Connection": "close"}  # the body may not have been read to its end
        if self.status == 405:
            return {"Allow": ", ".join(self.detail["allow"])}
        if self.retry_after_s is None:
            return {}
        said = {"Retry-After": str(self.retry_after_s)}
        if self.status == 429:
            said["X-RateLimit-Reset"] = str(self.retry_after_s)
        return said


def answer_to(error: BaseException) -> Answer:
    """Decide what the caller is told of an error; of one of ours, nothing but that it was ours."""
    if isinstance(error, RecursionError):
        error = InputError("too_deep", expected("a flat body", "a deep one", "$"))
    if not isinstance(error, HeedfulError):
        message = "Expected to answer, got a fault of our own - at the server. Report it."
        return Answer(FAULT_STATUS, "internal", message, {}, None)
    if isinstance(error, InputError):
        status = STATUS.get(error.code, INPUT_STATUS)
    elif isinstance(error, PeerError):
        status = STATUS.get(error.code, PEER_STATUS)
    else:
        status = FAULT_STATUS
    again = None
    if status in {429, 503}:
        wanted = error.detail.get("retry_after_s", RETRY_AFTER_S)
        again = max(1, min(int(wanted), 300))
    return Answer(status, error.code, error.message, error.detail, again)


def unknown_key(authorization: str | None = None) -> InputError:
    """Refuse a caller who shows no key, one that nobody holds, or one in another form."""
    remedy = "Make one with `heedful keys create`."
    what, got = "a key in force", "none or another"
    if (authorization or "").lower().startswith("basic "):
        what, got = "a Bearer token", "Basic authentication, which only events may come with"
        remedy = "Send `Authorization: Bearer KEY`."
    return InputError("unknown_key", expected(what, got, "Authorization", remedy))


def forbidden(role: str, roles: Iterable[str]) -> InputError:
    """Refuse a caller whose role does not reach; `roles` are those that do."""
    what = f"a key of the role {', '.join(sorted(roles))}"
    return InputError("forbidden", expected(what, role, "Authorization"))


def unknown_route() -> InputError:
    """Refuse a path that nothing answers."""
    remedy = "All routes stand at /docs."
    return InputError("route_not_found", expected("a known path", "another", "path", remedy))


def wrong_method(methods: Sequence[str]) -> InputError:
    """Refuse a method that a path does not have; `methods` are those that it has."""
    remedy = f"Send {' or '.join(methods)}."
    what = expected("a method of this path", "another", "method", remedy)
    return InputError("method_not_allowed", what, {"allow": list(methods)})
