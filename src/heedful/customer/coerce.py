"""Reading a trait as the type that its workspace declared."""

from __future__ import annotations

import re
from typing import Any, Final

from heedful.customer.rules import TraitType
from heedful.kernel import format_instant, from_micros, parse_instant, to_micros

LOCALE_CHARS_MAX: Final = 35
"""Characters of a locale that a device sends, as RFC 5646 advises; a longer one is none."""

_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_.@][A-Za-z0-9._@-]*)?")

UNREADABLE: Final = object()
"""What a value is that cannot be read as its type: the trait stays as it was, the log keeps it."""

_TRUE: Final = frozenset({"true", "yes", "1"})
_FALSE: Final = frozenset({"false", "no", "0"})


def is_locale(text: str) -> bool:
    """Say whether a text has the form of a locale, which begins with its language.

    Examples
    --------
    >>> is_locale("de-DE"), is_locale("pt_BR.UTF-8"), is_locale("C"), is_locale("German")
    (True, True, False, False)
    """
    return len(text) <= LOCALE_CHARS_MAX and _LOCALE.fullmatch(text) is not None


def typed(value: Any, wanted: TraitType) -> Any:
    """Read a value as the declared type; a list element by element.

    Notes
    -----
    None passes: a trait may be said to be empty. A number keeps six decimals; a time is written
    as ISO 8601 in UTC, and a number given for it means seconds, or milliseconds from 1e11 on.

    Examples
    --------
    >>> typed("42", "number"), typed(1, "text"), typed("yes", "bool")
    (42, '1', True)
    >>> typed("n/a", "number") is UNREADABLE
    True
    >>> typed(1795168800, "time")
    '2026-11-20T10:00:00.000Z'
    """
    if value is None or wanted == "any":
        return value
    if isinstance(value, list):
        read = [typed(element, wanted) for element in value]
        return [element for element in read if element is not UNREADABLE]
    if wanted == "text":
        return _text(value)
    if wanted == "number":
        micros = to_micros(value)
        return UNREADABLE if micros is None else _number(micros)
    if wanted == "bool":
        return _bool(value)
    return _time(value)


def _number(micros: int) -> int | float:
    amount = from_micros(micros)
    return int(amount) if amount.is_integer() else amount


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else UNREADABLE


def _bool(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    lowered = str(value).strip().lower()
    return True if lowered in _TRUE else False if lowered in _FALSE else UNREADABLE


def _time(value: Any) -> Any:
    if isinstance(value, str):
        at = parse_instant(value)
    else:
        micros = to_micros(value)
        at = None if micros is None else micros // 1_000 if micros < 10**17 else micros // 10**6
    return UNREADABLE if at is None else format_instant(at)
