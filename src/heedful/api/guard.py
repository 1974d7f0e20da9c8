"""Who may do this, and what the log hears of a request that failed."""

from __future__ import annotations

from typing import Any

from heedful.api.context import Context
from heedful.api.errors import Answer, forbidden, unknown_key, unknown_route
from heedful.api.roles import Route, allowed
from heedful.app import Identity


def require_role(
    context: Context, route: Route, authorization: str | None, client: str | None
) -> Identity | None:
    """Let a caller pass whose role the route's row names; None on a public route.

    Raises
    ------
    InputError
        `route_not_found`, `unknown_key`, `forbidden`.
    """
    roles = allowed(route)
    if roles is None:
        raise unknown_route()
    if not roles:
        return None
    caller = context.bearer(authorization, client)
    if caller is None:
        raise unknown_key(authorization)
    if caller.role not in roles:
        raise forbidden(caller.role, roles)
    return caller


def log_fault(context: Context, path: str, answer: Answer, error: BaseException) -> None:
    """Log what was our fault: the place and the kind of the error, never what stood in it."""
    if answer.status >= 500:
        context.log.error(
            "request_fault",
            path=path,
            code=answer.code,
            error=type(error).__name__,
            where=where(error),
        )


def where(error: BaseException) -> list[str]:
    """Name the places of an error's trace, without any value that stood there."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code: Any = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places[-8:]
