"""Pages of lists: how long they are, and where the next one begins."""

from __future__ import annotations

import re
from typing import Annotated, Final

from litestar.params import QueryParameter

from heedful.kernel import InputError, expected

PAGE_ITEMS_MAX: Final = 500
"""Items of a page. Who asks for more gets so many, and a cursor for the rest."""

_CURSOR: Final = re.compile(r"(-?[0-9]{1,18})\.([0-9]{1,19})", re.ASCII)
_KEY_MAX: Final = (1 << 63) - 1

PageSize = Annotated[
    int,
    QueryParameter(ge=1, description=f"Most items of the page; beyond {PAGE_ITEMS_MAX}, so many."),
]
Cursor = Annotated[
    str,
    QueryParameter(
        max_length=64,
        schema_extra={"pattern": f"^({_CURSOR.pattern})?$"},
        description="`next_cursor` of the page before; empty for the first page.",
    ),
]


def page_of(limit: int) -> int:
    """Give the length of a page that was asked for."""
    return min(limit, PAGE_ITEMS_MAX)


def read_cursor(cursor: str) -> tuple[int, int] | None:
    """Read the cursor of a page as the (at, key) bound that it is; None for the first page.

    Raises
    ------
    InputError
        `bad_cursor`.
    """
    if not cursor:
        return None
    match = _CURSOR.fullmatch(cursor)
    if match is None or int(match.group(2)) > _KEY_MAX:
        what = expected("a cursor from `next_cursor`", "something else", "query.cursor")
        raise InputError("bad_cursor", what)
    return int(match.group(1)), int(match.group(2))
