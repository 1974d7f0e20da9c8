"""What operators do to values: total functions, unknown instead of an exception.

Law: nothing here raises on any value, whatever its type, and nothing runs longer than the size of
its operands. None and UNKNOWN go in, only UNKNOWN comes out of them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import isfinite
from typing import Any, Final

from heedful.expr.limits import INTEGER_MAX, RESULT_CHARS_MAX
from heedful.expr.types import UNKNOWN, Type

NUMBERS: Final[frozenset[type[Any]]] = frozenset(
    (int, float)
)  # by class, so that true is no number
LISTS: Final[frozenset[type[Any]]] = frozenset((list, tuple))
SCALARS: Final[frozenset[type[Any]]] = frozenset((int, float, str, bool))


def through(value: Any, key: str) -> Any:
    """Read a field of what is no plain dict: UNKNOWN stays unknown, anything else has none."""
    if value is UNKNOWN:
        return UNKNOWN
    return value.get(key) if isinstance(value, dict) else None


def field(value: Any, key: str) -> Any:
    """Read a field of a map, none where there is no map."""
    return value.get(key) if value.__class__ is dict else through(value, key)


def item(value: Any, at: int) -> Any:
    """Read an item of a list, none beyond its ends or where there is no list."""
    if value.__class__ in LISTS:
        return value[at] if -len(value) <= at < len(value) else None
    return UNKNOWN if value is UNKNOWN else None


def bounded(number: Any) -> Any:
    """Let a computed number pass when it is finite and, if whole, fits int64."""
    if number.__class__ is float:
        return number if isfinite(number) else UNKNOWN
    return number if -INTEGER_MAX <= number <= INTEGER_MAX else UNKNOWN


def add(left: Any, right: Any) -> Any:
    """Add two numbers or join two texts."""
    if left.__class__ is str and right.__class__ is str:
        return left + right if len(left) + len(right) <= RESULT_CHARS_MAX else UNKNOWN
    return _sum(left, right)


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def computed(left: Any, right: Any) -> Any:
        if left.__class__ in NUMBERS and right.__class__ in NUMBERS:
            try:
                return bounded(compute(left, right))
            except (ZeroDivisionError, OverflowError):
                return UNKNOWN
        return UNKNOWN

    return computed


_sum: Final = _arithmetic(operator.add)

ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": add,
    "-": _arithmetic(operator.sub),
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(operator.truediv),
    "//": _arithmetic(operator.floordiv),
    "%": _arithmetic(operator.mod),
}


def negate(value: Any) -> Any:
    """Turn the sign of a number."""
    return bounded(-value) if value.__class__ in NUMBERS else UNKNOWN


def equal(left: Any, right: Any) -> Any:
    """Compare two scalars of one kind; other kinds, none and unknown give unknown."""
    kind = left.__class__
    if kind in NUMBERS:
        return left == right if right.__class__ in NUMBERS else UNKNOWN
    if kind is right.__class__ and (kind is str or kind is bool):
        return left == right
    return UNKNOWN


def unequal(left: Any, right: Any) -> Any:
    """Give the opposite of `equal`, unknown where that is."""
    verdict = equal(left, right)
    return verdict if verdict is UNKNOWN else not verdict


def _order(holds: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def ordered(left: Any, right: Any) -> Any:
        if left.__class__ in NUMBERS:
            return holds(left, right) if right.__class__ in NUMBERS else UNKNOWN
        if left.__class__ is str and right.__class__ is str:
            return holds(left, right)
        return UNKNOWN

    return ordered


def member(value: Any, within: Any) -> Any:
    """Say whether a list has an item or a text a part.

    An item of another kind compares as unknown, so a list that has one and not the value gives
    unknown, as Kleene's `or` over its items would.
    """
    if within.__class__ is str:
        return value in within if value.__class__ is str else UNKNOWN
    if within.__class__ not in LISTS or value.__class__ not in SCALARS:
        return UNKNOWN
    verdict: Any = False
    for candidate in within:
        same = equal(value, candidate)
        if same is True:
            return True
        if same is UNKNOWN:
            verdict = UNKNOWN
    return verdict


def not_member(value: Any, within: Any) -> Any:
    """Give the opposite of `member`, unknown where that is."""
    verdict = member(value, within)
    return verdict if verdict is UNKNOWN else not verdict


COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": equal,
    "!=": unequal,
    "<": _order(operator.lt),
    "<=": _order(operator.le),
    ">": _order(operator.gt),
    ">=": _order(operator.ge),
    "in": member,
    "not in": not_member,
}


def _leave_number(value: Any) -> Any:
    if value is None:
        return None
    return bounded(value) if value.__class__ in NUMBERS else UNKNOWN


def _leave_class(*classes: type) -> Callable[[Any], Any]:
    allowed = frozenset((*classes, type(None)))
    return lambda value: value if value.__class__ in allowed else UNKNOWN


def _leave_any(value: Any) -> Any:
    if value.__class__ in NUMBERS:
        return bounded(value)
    return value if value is None or value.__class__ in _OTHERS else UNKNOWN


_OTHERS: Final = frozenset((str, bool, list, tuple, dict))

LEAVE: Final[dict[Type, Callable[[Any], Any]]] = {
    Type.NUMBER: _leave_number,
    Type.TEXT: _leave_class(str),
    Type.BOOL: _leave_class(bool),
    Type.LIST: _leave_class(list, tuple),
    Type.MAP: _leave_class(dict),
    Type.ANY: _leave_any,
}
"""Per type, what lets a result out: a value of it or none pass, anything else is unknown."""
