"""Read a value as the type it should have; None when it cannot be read without guessing."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from heedful.ingest.stamp import read_instant
from heedful.kernel import format_instant, from_micros, to_micros

_MARKS: Final = " \t\u00a0$€£¥₹"
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_NUMBER_CHARS_MAX: Final = 40
_CURRENCY_CHARS: Final = 3
_EXACT_MAX: Final = 2**53


def as_money(value: Any) -> float | None:
    """Read an amount: a number, or a text with a decimal point and perhaps a currency sign.

    Notes
    -----
    A lone comma is refused: "1,299" is thirteen hundred to some senders and 1.3 to others.

    Examples
    --------
    >>> as_money("19.99"), as_money("$1,299.00"), as_money("19,99"), as_money(True)
    (19.99, 1299.0, None, None)
    """
    if type(value) is float or type(value) is int:
        return value if math.isfinite(value) else None
    if type(value) is not str or len(value) > _NUMBER_CHARS_MAX:
        return None
    text = value.strip(_MARKS)
    if "," in text:
        if "." not in text or not _GROUPED.fullmatch(text):
            return None
        text = text.replace(",", "")
    if "_" in text:
        return None
    micros = to_micros(text)
    return None if micros is None else from_micros(micros)


def as_integer(value: Any) -> int | None:
    """Read a whole number.

    Examples
    --------
    >>> as_integer("2"), as_integer(2.0), as_integer(2.5), as_integer("two")
    (2, 2, None, None)
    """
    if type(value) is int:
        return value
    if type(value) is str:
        text = value.strip()
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= _NUMBER_CHARS_MAX):
            return None
        value = int(text)
        return value if abs(value) < _EXACT_MAX else None
    if type(value) is float and value.is_integer() and abs(value) < _EXACT_MAX:
        return int(value)
    return None


def as_currency(value: Any) -> str | None:
    """Read an ISO 4217 code.

    Examples
    --------
    >>> as_currency(" eur"), as_currency("euro")
    ('EUR', None)
    """
    if type(value) is not str:
        return None
    code = value.strip().upper()
    is_code = len(code) == _CURRENCY_CHARS and code.isascii() and code.isalpha()
    return code if is_code else None


def as_text(value: Any) -> str | None:
    """Read a text; a number stands as its digits.

    Examples
    --------
    >>> as_text(" Ana "), as_text(4711), as_text(12.0), as_text(True), as_text([])
    (' Ana ', '4711', '12', None, None)
    """
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    if type(value) is float and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    return None


def as_moment(value: Any) -> str | None:
    """Read a time as ISO 8601 in UTC; a date without a time stays the date it is.

    Examples
    --------
    >>> as_moment(1_795_168_800), as_moment("2026-11-20T11:00:00+01:00"), as_moment("1980-02-29")
    ('2026-11-20T10:00:00.000Z', '2026-11-20T10:00:00.000Z', '1980-02-29')
    """
    if type(value) is str and _is_date(value):
        return value
    at = read_instant(value)
    return None if at is None else format_instant(at)


_DATE: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", re.ASCII)


def _is_date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None
