"""An expression, ready to be evaluated: its text, what it reads, what it costs, what it gives."""

from __future__ import annotations

from typing import Any

from heedful.expr.parse import parse
from heedful.expr.refuse import Source
from heedful.expr.scalar import Evaluate, Holds, compile_scalar
from heedful.expr.tree import Node, cost, paths
from heedful.expr.types import Names, Type


class Expression:
    """A checked and compiled expression; equal to another of the same text, names and type.

    Notes
    -----
    `evaluate` and `holds` are the compiled functions themselves, one call per evaluation. Both are
    total: they never raise, whatever the values in the scope. A value leaves only when it is of
    `type`; another one (which `any` let in) is unknown.

    Parameters
    ----------
    scope
        Of `evaluate` and `holds`: root name to value, nested dicts for paths. Reading what is
        absent, or through what is no dict, gives none; reading through UNKNOWN gives UNKNOWN.
    """

    __slots__ = ("cost", "evaluate", "holds", "names", "paths", "text", "tree", "type")

    text: str
    names: Names
    tree: Node
    paths: tuple[tuple[str, ...], ...]
    """The distinct paths that are read, such as `("event", "properties", "revenue")`."""
    cost: int
    """Nodes, a path counting one per name: a measure of time that no machine changes."""
    type: Type
    evaluate: Evaluate
    """The value in a scope: of `type`, or None (missing), or UNKNOWN."""
    holds: Holds
    """Whether the value in a scope is true; unknown and none are not."""

    def __init__(self, text: str, names: Names, checked: Node, type_: Type) -> None:
        self.text = text
        self.names = names
        self.tree = checked
        self.paths = paths(checked)
        self.cost = cost(checked)
        self.type = type_
        self.evaluate, self.holds = compile_scalar(checked, type_)

    def __repr__(self) -> str:
        return f"<expression {self.text!r}: {self.type}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expression):
            return NotImplemented
        return (self.text, self.type, self.names) == (other.text, other.type, other.names)

    def __hash__(self) -> int:
        return hash((self.text, self.type))

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.text, self.names, self.type)


def _again(text: str, names: Names, type_: Type) -> Expression:
    return Expression(text, names, parse(Source(text, "$"), names), type_)


def compile_expression(
    text: str, names: Names, *, path: str = "$", expects: Type | None = None
) -> Expression:
    """Check an expression and compile it.

    Parameters
    ----------
    text
        The expression, as written; line ends count as spaces.
    names
        What it may read.
    path
        Where it stands in the strategy, for the error.
    expects
        The type that it must give. One that gives `any` is accepted and checked when evaluated.

    Raises
    ------
    InputError
        `bad_expression`; the detail holds `column` (characters, from 1), `nearest` (a known name
        like the unknown one, or None) and `path`.

    Examples
    --------
    >>> from heedful.expr import Names, Record, Type
    >>> names = Names(roots={"traits": Record(fields={"clv": Type.NUMBER})})
    >>> rich = compile_expression("traits.clv > 500", names, expects=Type.BOOL)
    >>> rich.holds({"traits": {"clv": 700}}), rich.evaluate({"traits": {}})
    (True, unknown)
    """
    source = Source(text, path)
    checked = parse(source, names)
    type_ = checked.type
    if expects is not None and expects is not Type.ANY:
        if type_ not in (expects, Type.ANY):
            start = len(text) - len(text.lstrip())
            raise source.refusal(f"a {expects}", f"a {type_}", start)
        type_ = expects
    return Expression(text, names, checked, type_)
