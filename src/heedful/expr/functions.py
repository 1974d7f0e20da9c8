"""The functions that an expression may call: pure, total, bounded by the size of their arguments.

Each is one entry of `FUNCTIONS`; the checker reads its signature and the compiler its body. A body
sees None and UNKNOWN like any value and answers UNKNOWN to what it has no answer for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from heedful.expr.limits import ROUND_DIGITS_MAX
from heedful.expr.operators import LISTS, NUMBERS, add, bounded, equal, field, member
from heedful.expr.types import UNKNOWN, Type
from heedful.kernel import DAY_MS


class Function(msgspec.Struct, frozen=True):
    """A function's signature: `takes` one set of allowed types per parameter."""

    body: Callable[..., Any]
    takes: tuple[frozenset[Type], ...]
    gives: Type
    """`any` with `is_same_type`: the one type that all arguments share."""
    required: int
    """Arguments that must be given, of those in `takes`."""
    is_variadic: bool = False
    """Whether the last parameter may be repeated."""
    is_same_type: bool = False


def _length(value: Any) -> Any:
    if value.__class__ is str or value.__class__ in LISTS or value.__class__ is dict:
        return len(value)
    return UNKNOWN


def _lower(value: Any) -> Any:
    return value.lower() if value.__class__ is str else UNKNOWN


def _upper(value: Any) -> Any:
    return value.upper() if value.__class__ is str else UNKNOWN


def _starts_with(text: Any, start: Any) -> Any:
    if text.__class__ is str and start.__class__ is str:
        return text.startswith(start)
    return UNKNOWN


def _ends_with(text: Any, end: Any) -> Any:
    if text.__class__ is str and end.__class__ is str:
        return text.endswith(end)
    return UNKNOWN


def _contains(within: Any, value: Any) -> Any:
    return member(value, within)


def _absolute(value: Any) -> Any:
    return bounded(abs(value)) if value.__class__ in NUMBERS else UNKNOWN


def _least(*values: Any) -> Any:
    return min(values) if all(v.__class__ in NUMBERS for v in values) else UNKNOWN


def _greatest(*values: Any) -> Any:
    return max(values) if all(v.__class__ in NUMBERS for v in values) else UNKNOWN


def _round(value: Any, digits: Any = 0) -> Any:
    if value.__class__ not in NUMBERS or digits.__class__ is not int:
        return UNKNOWN
    if not 0 <= digits <= ROUND_DIGITS_MAX or bounded(value) is UNKNOWN:
        return UNKNOWN
    return bounded(round(value, digits) if digits else round(value))


def _days_between(start: Any, end: Any) -> Any:
    if start.__class__ not in NUMBERS or end.__class__ not in NUMBERS:
        return UNKNOWN
    try:
        return bounded((end - start) / DAY_MS)
    except OverflowError:
        return UNKNOWN


def _coalesce(*values: Any) -> Any:
    # An unknown first value may turn out to be one, so nothing after it can be taken.
    for value in values:
        if value is not None:
            return value
    return None


def _sum_of(items: Any, key: Any) -> Any:
    if items.__class__ not in LISTS or key.__class__ is not str:
        return UNKNOWN
    total: Any = 0
    for entry in items:
        value = field(entry, key)
        if value is None:
            continue
        total = add(total, value)
        if total is UNKNOWN:
            return UNKNOWN
    return total


def _any_of(items: Any, key: Any, wanted: Any) -> Any:
    if items.__class__ not in LISTS or key.__class__ is not str:
        return UNKNOWN
    verdict: Any = False if equal(wanted, wanted) is not UNKNOWN else UNKNOWN
    for entry in items:
        value = field(entry, key)
        if value is None:
            continue
        same = equal(value, wanted)
        if same is True:
            return True
        if same is UNKNOWN:
            verdict = UNKNOWN
    return verdict


_NUMBER: Final = frozenset((Type.NUMBER,))
_TEXT: Final = frozenset((Type.TEXT,))
_LIST: Final = frozenset((Type.LIST,))
_SCALAR: Final = frozenset((Type.NUMBER, Type.TEXT, Type.BOOL))
_EVERY: Final = frozenset(Type)

FUNCTIONS: Final[dict[str, Function]] = {
    "len": Function(_length, (frozenset((Type.TEXT, Type.LIST, Type.MAP)),), Type.NUMBER, 1),
    "lower": Function(_lower, (_TEXT,), Type.TEXT, 1),
    "upper": Function(_upper, (_TEXT,), Type.TEXT, 1),
    "starts_with": Function(_starts_with, (_TEXT, _TEXT), Type.BOOL, 2),
    "ends_with": Function(_ends_with, (_TEXT, _TEXT), Type.BOOL, 2),
    "contains": Function(_contains, (_TEXT | _LIST, _SCALAR), Type.BOOL, 2),
    "abs": Function(_absolute, (_NUMBER,), Type.NUMBER, 1),
    "min": Function(_least, (_NUMBER, _NUMBER), Type.NUMBER, 2, is_variadic=True),
    "max": Function(_greatest, (_NUMBER, _NUMBER), Type.NUMBER, 2, is_variadic=True),
    "round": Function(_round, (_NUMBER, _NUMBER), Type.NUMBER, 1),
    "days_between": Function(_days_between, (_NUMBER, _NUMBER), Type.NUMBER, 2),
    "coalesce": Function(
        _coalesce, (_EVERY, _EVERY), Type.ANY, 2, is_variadic=True, is_same_type=True
    ),
    "sum_of": Function(_sum_of, (_LIST, _TEXT), Type.NUMBER, 2),
    "any_of": Function(_any_of, (_LIST, _TEXT, _SCALAR), Type.BOOL, 3),
}
