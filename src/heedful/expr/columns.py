"""Expressions over many people at once: the same tree as the scalar path, and the same answers.

A condition is taken apart where `and`, `or` and `not` join it, and its truth is two arrays, true
and false, so that Kleene's tables are a few operations on bits. A part that compares one number
with a constant is one comparison of arrays. Every other part is evaluated by the scalar compiler,
once for each distinct combination of the values that it reads: what it gives is therefore what the
scalar path gives, whatever the values are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from heedful.expr import tree
from heedful.expr.operators import field
from heedful.expr.scalar import compile_scalar
from heedful.expr.types import Type

Bools: TypeAlias = npt.NDArray[np.bool_]
Path: TypeAlias = tuple[str, ...]

EXACT_MAX: Final = 1 << 53
"""Largest whole number that a column of floats holds exactly; a column with a larger one is
compared value by value."""

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_TURNED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NUMERIC: Final = frozenset((int, float))


class Truth(NamedTuple):
    """Of each person whether a condition is true and whether it is false; neither is unknown."""

    true: Bools
    false: Bools


class Column:
    """What one path reads of each person, in their order.

    Parameters
    ----------
    values
        Of shape (n_people,): any value that an expression may see, None and UNKNOWN included.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values
        self._codes: tuple[npt.NDArray[np.int64], list[Any]] | None = None
        self._numbers: tuple[npt.NDArray[np.float64], Bools] | None = None
        self._is_read = False

    @property
    def codes(self) -> tuple[npt.NDArray[np.int64], list[Any]]:
        """Number the distinct values: the number of each person's, and what each stands for."""
        if self._codes is None:
            known: dict[Any, int] = {}
            distinct: list[Any] = []
            numbers = []
            for value in self.values:
                # 1, 1.0 and true are equal and not the same; a list is like no other.
                key = (value.__class__, value)
                try:
                    number = known.setdefault(key, len(distinct))
                except TypeError:
                    number = len(distinct)
                if number == len(distinct):
                    distinct.append(value)
                numbers.append(number)
            self._codes = np.array(numbers, dtype=np.int64), distinct
        return self._codes

    @property
    def numbers(self) -> tuple[npt.NDArray[np.float64], Bools] | None:
        """Give the numbers, and of whom there is one; None where floats would not be exact."""
        if not self._is_read:
            self._numbers, self._is_read = _numbers(self.values), True
        return self._numbers


def _numbers(values: Sequence[Any]) -> tuple[npt.NDArray[np.float64], Bools] | None:
    classes = set(map(type, values))
    if classes <= _NUMERIC:
        found, given = list(values), np.ones(len(values), dtype=bool)
    else:
        given = np.array([value.__class__ in _NUMERIC for value in values], dtype=bool)
        found = [v if is_given else 0 for v, is_given in zip(values, given, strict=True)]
    if int in classes and any(
        v.__class__ is int and not -EXACT_MAX <= v <= EXACT_MAX for v in found
    ):
        return None
    return np.array(found, dtype=np.float64), given


class Columns:
    """The values that expressions read of many people.

    Parameters
    ----------
    count
        People.
    read
        Gives a path's column; asked once for each path.
    """

    def __init__(self, count: int, read: Callable[[Path], Sequence[Any]]) -> None:
        self.count = count
        self._read = read
        self._columns: dict[Path, Column] = {}
        self._known: dict[tree.Node, Truth] = {}

    def column(self, path: Path) -> Column:
        """Give what a path reads."""
        column = self._columns.get(path)
        if column is None:
            column = self._columns[path] = Column(self._read(path))
        return column

    def holds(self, condition: tree.Node) -> Bools:
        """Say of each person whether a condition is true; unknown and none are not.

        Examples
        --------
        >>> from heedful.expr import Names, Open, compile_expression
        >>> old = compile_expression("traits.age >= 18", Names(roots={"traits": Open()}))
        >>> scopes = [{"traits": {"age": 17}}, {"traits": {"age": 18}}, {"traits": {}}]
        >>> columns_of(scopes).holds(old.tree).tolist()
        [False, True, False]
        """
        return self.truth(condition).true

    def truth(self, condition: tree.Node) -> Truth:
        """Say of each person whether a condition is true, and whether it is false."""
        known = self._known.get(condition)
        if known is None:
            known = self._known[condition] = self._truth(condition)
        return known

    def values(self, node: tree.Node, type_: Type) -> list[Any]:
        """Evaluate an expression for each person."""
        evaluate = _evaluator(node, type_)
        codes, found = self._distinct(node, evaluate)
        return [found[code] for code in codes]

    def _truth(self, node: tree.Node) -> Truth:
        match node:
            case tree.Logic(op=op, items=items):
                parts = [self.truth(item) for item in items]
                trues, falses = [p.true for p in parts], [p.false for p in parts]
                if op == "and":
                    return Truth(np.logical_and.reduce(trues), np.logical_or.reduce(falses))
                return Truth(np.logical_or.reduce(trues), np.logical_and.reduce(falses))
            case tree.Not(of=of):
                inner = self.truth(of)
                return Truth(inner.false, inner.true)
            case tree.Compare(
                operands=(tree.Path(names=names), tree.Literal(value=value)), ops=(op,)
            ):
                found = self._compared(names, op, value)
            case tree.Compare(
                operands=(tree.Literal(value=value), tree.Path(names=names)), ops=(op,)
            ):
                found = self._compared(names, _TURNED.get(op, ""), value)
            case _:
                found = None
        return found or self._asked(node)

    def _compared(self, names: Path, op: str, value: Any) -> Truth | None:
        """Compare a column of numbers with a constant."""
        compare = _COMPARE.get(op)
        if compare is None or not isinstance(value, int | float) or isinstance(value, bool):
            return None
        if value.__class__ is int and abs(value) > EXACT_MAX:
            return None
        column = self.column(names).numbers
        if column is None:
            return None
        numbers, given = column
        verdict = compare(numbers, float(value))
        return Truth(verdict & given, ~verdict & given)

    def _asked(self, node: tree.Node) -> Truth:
        """Ask the scalar compiler about each distinct combination of values."""
        codes, found = self._distinct(node, _evaluator(node, Type.BOOL))
        true = np.array([value is True for value in found], dtype=bool)
        false = np.array([value is False for value in found], dtype=bool)
        return Truth(true[codes], false[codes])

    def _distinct(
        self, node: tree.Node, evaluate: Callable[[Mapping[str, Any]], Any]
    ) -> tuple[npt.NDArray[np.int64], list[Any]]:
        paths = _outermost(tree.paths(node))
        columns = [self.column(path).codes for path in paths]
        if not columns:
            return np.zeros(self.count, dtype=np.int64), [evaluate({})]
        codes, combined = columns[0][0], np.arange(len(columns[0][1]))[:, None]
        for numbers, distinct in columns[1:]:
            both = codes * max(len(distinct), 1) + numbers
            pairs, codes = np.unique(both, return_inverse=True)
            old, new = np.divmod(pairs, max(len(distinct), 1))
            combined = np.column_stack((combined[old], new))
        found = []
        for row in combined.tolist():
            scope: dict[str, Any] = {}
            for path, number, (_, distinct) in zip(paths, row, columns, strict=True):
                _put(scope, path, distinct[number])
            found.append(evaluate(scope))
        return codes, found


@lru_cache(maxsize=4_096)
def _evaluator(node: tree.Node, type_: Type) -> Callable[[Mapping[str, Any]], Any]:
    return compile_scalar(node, type_)[0]


def columns_of(scopes: Sequence[Mapping[str, Any]]) -> Columns:
    """Lay out scopes of the scalar path as columns; each path is read as that path reads it."""
    held: dict[Path, list[Any]] = {}

    def read(path: Path) -> list[Any]:
        if len(path) == 1:
            return [scope.get(path[0]) for scope in scopes]
        above = held.get(path[:-1])
        if above is None:
            above = held[path[:-1]] = read(path[:-1])
        name = path[-1]
        return [v.get(name) if v.__class__ is dict else field(v, name) for v in above]

    return Columns(len(scopes), read)


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Leave out paths that another one, read whole, leads to already."""
    kept: list[Path] = []
    for path in sorted(paths):
        if not kept or path[: len(kept[-1])] != kept[-1]:
            kept.append(path)
    return kept


def _put(scope: dict[str, Any], path: Path, value: Any) -> None:
    for name in path[:-1]:
        scope = scope.setdefault(name, {})
    scope[path[-1]] = value
