"""A source that nothing has come from before, and is nearly called like one that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heedful.cli.client import Api


def meant_source(api: Api, name: str) -> str | None:
    """Give the known source that a new one's name is a slip of; None where it is none."""
    from heedful.kernel.names import slip_of

    heard = {one["name"] for one in api.get("/v1/doctor")["sources"]}
    keys = api.get("/v1/keys")["items"]
    known = heard | {key["name"] for key in keys if key["role"] == "source"}
    return None if name in known else slip_of(name, known)
