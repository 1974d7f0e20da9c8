"""Words with gaps: `{traits.firstName|there}` filled in from what is known of a person.

A gap names one value by its path and, after `|`, what stands there when it is not known; `{{` and
`}}` are the braces themselves. A value comes in as plain text: control characters become spaces,
its length is bounded, and braces in it are nothing but braces, so that nobody can write a template
by changing their name.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from heedful.decide.limits import FILLED_CHARS_MAX
from heedful.decide.readings import Condition, Readings
from heedful.expr import UNKNOWN
from heedful.kernel import InputError, expected

_PART: Final = re.compile(r"\{\{|\}\}|\{([^{}|]*)(?:\|([^{}]*))?\}|[{}]")


class Gap:
    """One value that comes in, and what stands there without it."""

    __slots__ = ("condition", "fallback")

    def __init__(self, condition: Condition, fallback: str) -> None:
        self.condition = condition
        self.fallback = fallback

    def filled(self, readings: Readings) -> str:
        """Write the value as plain text."""
        value = readings.value(self.condition)
        text = _text_of(value)
        return self.fallback if text is None else text


Template = tuple[str | Gap, ...]
"""Plain text and gaps, in order."""


def parts_of(text: str, path: str) -> list[tuple[str, str | None]]:
    """Take a text apart.

    Returns
    -------
    list of (text, fallback)
        Plain text has the fallback None; of a gap the text is the path of its value.

    Raises
    ------
    InputError
        `bad_template` for a brace without its partner; the detail holds `path` and `column`.

    Examples
    --------
    >>> parts_of("Hi {traits.firstName|there}!", "$")
    [('Hi ', None), ('traits.firstName', 'there'), ('!', None)]
    """
    parts: list[tuple[str, str | None]] = []
    plain, end = "", 0
    for match in _PART.finditer(text):
        plain += text[end : match.start()]
        end = match.end()
        found = match.group()
        if found in ("{{", "}}"):
            plain += found[0]
        elif match.group(1) is None:
            column = match.start() + 1
            remedy = "Write {{ or }} for the brace itself."
            got = f"a lone `{found}` in column {column}"
            message = expected("a gap such as {traits.firstName|there}", got, path, remedy)
            raise InputError("bad_template", message, {"path": path, "column": column})
        else:
            if plain:
                parts.append((plain, None))
            plain = ""
            parts.append((match.group(1).strip(), match.group(2) or ""))
    plain += text[end:]
    return [*parts, (plain, None)] if plain else parts


def fill(template: Template, readings: Readings) -> str:
    """Fill a text in."""
    return "".join(p if isinstance(p, str) else p.filled(readings) for p in template)


def fill_address(template: Template, readings: Readings) -> str:
    """Fill an address in: what comes in is quoted, so it cannot change where it leads."""
    return "".join(
        p if isinstance(p, str) else quote(p.filled(readings), safe="") for p in template
    )


def _text_of(value: Any) -> str | None:
    if value is None or value is UNKNOWN:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int | float):
        return None
    text = "".join(c if c.isprintable() else " " for c in str(value)[:FILLED_CHARS_MAX]).strip()
    return text or None
