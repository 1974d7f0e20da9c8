"""Checked tree to one Python function over one customer's values.

Every condition is written twice, once for each question: is it true, is it false. Kleene's tables
then need no third value: `and` is true when all are true and false when any is false, `not` swaps
the questions, and unknown is what answers no to both. Only where the value itself is wanted is the
third value made. Each part is written once per use, so the code grows linearly with the tree.

The source that is compiled holds no text of the writer's except as `repr` of a constant; what it
may call is listed in `_GLOBALS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from heedful.expr import tree
from heedful.expr.functions import FUNCTIONS
from heedful.expr.operators import (
    ARITHMETIC,
    COMPARE,
    LEAVE,
    LISTS,
    NUMBERS,
    field,
    item,
    negate,
    through,
)
from heedful.expr.types import UNKNOWN, Type

Evaluate = Callable[[Mapping[str, Any]], Any]
Holds = Callable[[Mapping[str, Any]], bool]

_OPERATORS: Final = {op: f"op{i}" for i, op in enumerate(ARITHMETIC)}
_RELATIONS: Final = {op: f"rel{i}" for i, op in enumerate(COMPARE)}
_GLOBALS: Final[dict[str, Any]] = {
    "U": UNKNOWN,
    "N": NUMBERS,
    "LISTS": LISTS,
    "dict": dict,
    "str": str,
    "bool": bool,
    "through": through,
    "field": field,
    "item": item,
    "negate": negate,
    **{f"leave_{type_}": leave for type_, leave in LEAVE.items()},
    **{f"fn_{name}": function.body for name, function in FUNCTIONS.items()},
    **{name: ARITHMETIC[op] for op, name in _OPERATORS.items()},
    **{name: COMPARE[op] for op, name in _RELATIONS.items()},
}
_IS_OF_TYPE: Final = {
    Type.NUMBER: "{0}.__class__ in N",
    Type.TEXT: "{0}.__class__ is str",
    Type.BOOL: "{0}.__class__ is bool",
    Type.LIST: "{0}.__class__ in LISTS",
    Type.MAP: "{0}.__class__ is dict",
}
_KLEENE: Final = tree.Logic | tree.Not | tree.Compare | tree.IsNone
_OPPOSITE: Final[dict[str, str]] = {"==": "!=", "!=": "==", "in": "not in", "not in": "in"}


def compile_scalar(node: tree.Node, type_: Type) -> tuple[Evaluate, Holds]:
    """Compile a tree to the functions that give its value and that say whether it holds."""
    return (
        _function(_Writer(node), lambda writer: writer.result(node, type_)),
        _function(_Writer(node), lambda writer: writer.holding(node, type_)),
    )


def compile_together(nodes: tuple[tree.Node, ...]) -> Callable[[Mapping[str, Any]], list[bool]]:
    """Compile conditions to one function that says of each whether it holds.

    Notes
    -----
    What several of them read is read once, so a hundred cost a third of a hundred calls.
    """

    def write(writer: _Writer) -> str:
        return f"[{', '.join(writer.holding(node, Type.BOOL) for node in nodes)}]"

    compiled: Callable[[Mapping[str, Any]], list[bool]]
    compiled = _function(_Writer(tree.Many(nodes)), write)
    return compiled


def _function(writer: _Writer, write: Callable[[_Writer], str]) -> Any:
    body = write(writer)
    lines = ["def compiled(scope):", *(f" {line}" for line in writer.prelude), f" return {body}"]
    room: dict[str, Any] = {"__builtins__": {}, **_GLOBALS}
    exec(compile("\n".join(lines), "<expression>", "exec"), room)  # noqa: S102
    return room["compiled"]


class _Writer:
    """Writes one function; paths that are read twice become locals first."""

    def __init__(self, node: tree.Node) -> None:
        self.prelude: list[str] = []
        self._locals = 0
        self._held: dict[tuple[str, ...], str] = {}
        for names in _shared_paths(node):
            read = self._path(names)
            self._held[names] = self._local()
            self.prelude.append(f"{self._held[names]} = {read}")

    def result(self, node: tree.Node, type_: Type) -> str:
        """Write the value as it leaves: of its type and finite, else none or unknown."""
        is_checked = type_ is Type.NUMBER and isinstance(node, tree.Arithmetic | tree.Negate)
        if is_checked or isinstance(node, _KLEENE | tree.Literal):
            return self.value(node)
        return f"leave_{type_}({self.value(node)})"

    def holding(self, node: tree.Node, type_: Type) -> str:
        """Write whether the value is true; one of another type never is, whatever the data."""
        return self.condition(node, True) if type_ in (Type.BOOL, Type.ANY) else "False"

    # The value

    def value(self, node: tree.Node) -> str:
        match node:
            case tree.Literal(value=value):
                return f"({value!r})"
            case tree.Path(names=names):
                return self._path(names)
            case tree.Item(of=of, at=at):
                return f"item({self.value(of)}, {at})"
            case tree.Field(of=of, name=name):
                return f"field({self.value(of)}, {name!r})"
            case tree.Many(items=items):
                return f"[{', '.join(self.value(i) for i in items)}]"
            case tree.Logic():
                return self._logic(node)
            case tree.Not(of=of):
                name = self._local()
                inner = self.value(of)
                return f"(False if ({name} := {inner}) is True else True if {name} is False else U)"
            case tree.Compare():
                return self._compare(node)
            case tree.IsNone(of=of, negated=negated):
                name, inner = self._local(), self.value(of)
                test = "is not" if negated else "is"
                return f"(U if ({name} := {inner}) is U else {name} {test} None)"
            case tree.Arithmetic(op=op, left=left, right=right):
                return f"{_OPERATORS[op]}({self.value(left)}, {self.value(right)})"
            case tree.Negate(of=of):
                return f"negate({self.value(of)})"
            case tree.Choose():
                return self._choose(node, self.value(node.then), self.value(node.otherwise), "U")
            case tree.Call(name=called, arguments=arguments):
                return f"fn_{called}({', '.join(self.value(a) for a in arguments)})"

    def _logic(self, node: tree.Logic) -> str:
        # `and` ends at the first False, `or` at the first True; unknown goes on looking.
        ends, goes = ("False", "True") if node.op == "and" else ("True", "False")
        bound = [(self._local(), self.value(i)) for i in node.items]
        found = " or ".join(f"({name} := {inner}) is {ends}" for name, inner in bound)
        rest = " and ".join(f"{name} is {goes}" for name, _ in bound)
        return f"({ends} if {found} else {goes} if {rest} else U)"

    def _compare(self, node: tree.Compare) -> str:
        bind, atoms = self._operands(node)
        if len(node.ops) == 1:
            return self._relation(node.ops[0], node.operands, atoms)
        pairs = [
            (self._local(), self._relation(op, node.operands[i : i + 2], atoms[i : i + 2]))
            for i, op in enumerate(node.ops)
        ]
        found = " or ".join(f"({name} := {pair}) is False" for name, pair in pairs)
        rest = " and ".join(f"{name} is True" for name, _ in pairs)
        return f"(False if {bind}{found} else True if {rest} else U)"

    def _relation(self, op: str, nodes: tuple[tree.Node, ...], atoms: list[str]) -> str:
        checks, left, right = self._checked_pair(op, nodes, atoms)
        if not checks:
            return f"{_RELATIONS[op]}({left}, {right})"
        return f"({left} {op} {right} if {' and '.join(checks)} else U)"

    # The two questions

    def condition(self, node: tree.Node, wanted: bool) -> str:
        """Write whether a condition has a truth value: true, or false, but never unknown."""
        match node:
            case tree.Literal(value=value):
                return str(value is wanted)
            case tree.Logic(op=op, items=items):
                joined = " and " if (op == "and") is wanted else " or "
                return f"({joined.join(self.condition(i, wanted) for i in items)})"
            case tree.Not(of=of):
                return self.condition(of, not wanted)
            case tree.Compare():
                return self._compares(node, wanted)
            case tree.IsNone(of=of, negated=negated):
                name, inner = self._local(), self.value(of)
                if wanted is not negated:
                    return f"(({name} := {inner}) is None)"
                return f"(({name} := {inner}) is not None and {name} is not U)"
            case tree.Choose():
                then = self.condition(node.then, wanted)
                otherwise = self.condition(node.otherwise, wanted)
                return self._choose(node, then, otherwise, "False")
        return f"({self.value(node)} is {wanted})"

    def _choose(self, node: tree.Choose, then: str, otherwise: str, unknown: str) -> str:
        name, test = self._local(), self.value(node.test)
        return (
            f"({then} if ({name} := {test}) is True else "
            f"{otherwise} if {name} is False else {unknown})"
        )

    def _compares(self, node: tree.Compare, wanted: bool) -> str:
        bind, atoms = self._operands(node)
        joined = " and " if wanted else " or "
        pairs = [
            self._relates(op, node.operands[i : i + 2], atoms[i : i + 2], wanted)
            for i, op in enumerate(node.ops)
        ]
        return f"({bind}({joined.join(pairs)}))"

    def _relates(
        self, op: str, nodes: tuple[tree.Node, ...], atoms: list[str], wanted: bool
    ) -> str:
        checks, left, right = self._checked_pair(op, nodes, atoms)
        if not checks:
            return f"({_RELATIONS[op]}({left}, {right}) is {wanted})"
        if wanted:
            return f"({' and '.join([*checks, f'{left} {op} {right}'])})"
        if op in _OPPOSITE:
            return f"({' and '.join([*checks, f'{left} {_OPPOSITE[op]} {right}'])})"
        # Not `>=` for `<`: with a NaN both are false, and false must be the opposite of true.
        return f"({' and '.join([*checks, f'not {left} {op} {right}'])})"

    # Operands and paths

    def _operands(self, node: tree.Compare) -> tuple[str, list[str]]:
        """Write a chain's operands; those in its middle stand in two pairs, so are bound first."""
        atoms = [self.value(operand) for operand in node.operands]
        bound = []
        for i in range(1, len(node.ops)):
            if not (atoms[i].isidentifier() or isinstance(node.operands[i], tree.Literal)):
                name = self._local()
                bound.append(f"({name} := {atoms[i]}), ")
                atoms[i] = name
        # A tuple with items is true, so `and` evaluates it and goes on.
        return (f"({''.join(bound)}) and " if bound else ""), atoms

    def _checked_pair(
        self, op: str, nodes: tuple[tree.Node, ...], atoms: list[str]
    ) -> tuple[list[str], str, str]:
        """Write the checks of type that a plain Python comparison needs, and its two sides.

        No checks mean that the types are only known when evaluating: call the total relation.
        """
        left, right = nodes
        if op in ("in", "not in") and right.type is not Type.TEXT:
            among = _constant_set(right)
            if among is None or isinstance(left, tree.Literal):
                return [], atoms[0], atoms[1]
            kind, written = among
            checks, shown = self._check(kind, left, atoms[0])
            return checks, shown, written
        kind = left.type if left.type is not Type.ANY else right.type
        if kind is Type.ANY:
            return [], atoms[0], atoms[1]
        left_checks, left_shown = self._check(kind, left, atoms[0])
        right_checks, right_shown = self._check(kind, right, atoms[1])
        return left_checks + right_checks, left_shown, right_shown

    def _check(self, kind: Type, node: tree.Node, atom: str) -> tuple[list[str], str]:
        if isinstance(node, tree.Literal):
            return [], atom
        if atom.isidentifier():
            return [_IS_OF_TYPE[kind].format(atom)], atom
        name = self._local()
        return [_IS_OF_TYPE[kind].format(f"({name} := {atom})")], name

    def _path(self, names: tuple[str, ...]) -> str:
        held = self._held.get(names)
        if held is not None:
            return held
        if len(names) == 1:
            return f"scope.get({names[0]!r})"
        key, parent = repr(names[-1]), self._path(names[:-1])
        if parent.isidentifier():
            return (
                f"({parent}.get({key}) if {parent}.__class__ is dict else through({parent}, {key}))"
            )
        name = self._local()
        return (
            f"({name}.get({key}) if ({name} := {parent}).__class__ is dict "
            f"else through({name}, {key}))"
        )

    def _local(self) -> str:
        self._locals += 1
        return f"v{self._locals}"


def _constant_set(node: tree.Node) -> tuple[Type, str] | None:
    """Write a list of constants of one type as a set, which Python folds to a constant."""
    if not isinstance(node, tree.Many) or not node.items:
        return None
    if not all(isinstance(item, tree.Literal) for item in node.items):
        return None
    written = ", ".join(repr(item.value) for item in node.items if isinstance(item, tree.Literal))
    return node.items[0].type, f"{{{written}}}"


def _shared_paths(node: tree.Node) -> list[tuple[str, ...]]:
    """Find the paths, whole or in part, that are read at least twice; shorter ones first."""
    uses: dict[tuple[str, ...], int] = {}
    waiting = [node]
    while waiting:
        current = waiting.pop()
        waiting.extend(tree.children(current))
        if isinstance(current, tree.Compare):
            waiting.extend(o for o in current.operands[1:-1] if isinstance(o, tree.Path))
        if not isinstance(current, tree.Path):
            continue
        names = current.names
        while names:
            uses[names] = uses.get(names, 0) + 1
            if uses[names] > 1:
                break  # its own prefix is read once, for both
            names = names[:-1]
    return sorted((names for names, count in uses.items() if count > 1), key=_shorter_first)


def _shorter_first(names: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    return len(names), names
