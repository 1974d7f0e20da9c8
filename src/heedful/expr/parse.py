"""Text to checked tree: Python's parser on allowed tokens, then a whitelist with types.

Every node of Python's tree is matched by its class; one that is not named here is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from math import isfinite
from typing import Final

from heedful.expr import tree
from heedful.expr.functions import FUNCTIONS, Function
from heedful.expr.lex import lex
from heedful.expr.limits import DEPTH_MAX, INTEGER_MAX, NODES_MAX
from heedful.expr.refuse import Source
from heedful.expr.types import Names, Open, Record, Shape, Type
from heedful.kernel import InputError

CONSTANTS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "none": None}
"""Words for constants; a root of that name cannot be read. Python's True, False, None work too."""

_COMPARE: Final[dict[type[ast.cmpop], tree.CompareOp]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_ARITHMETIC: Final[dict[type[ast.operator], tree.ArithmeticOp]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_OTHER_NONES: Final = frozenset(("null", "nil", "undefined", "NULL"))
_ORDERED: Final = frozenset((Type.NUMBER, Type.TEXT, Type.ANY))
_EQUATED: Final = _ORDERED | {Type.BOOL}


def parse(source: Source, names: Names) -> tree.Node:
    """Read a text as a checked tree.

    Raises
    ------
    InputError
        `bad_expression` with the column, for whatever is not allowed, not typed or too large.
    """
    line = lex(source)
    start = len(line) - len(line.lstrip(" "))
    if start == len(line):
        raise source.refusal("an expression", "nothing", 0)
    try:
        body = ast.parse(line.strip(" "), mode="eval").body
    except SyntaxError as error:
        raise _mistake(source, error, line, start) from None
    except (MemoryError, RecursionError, ValueError):
        what = f"at most {DEPTH_MAX} levels of nesting"
        raise source.refusal(what, "more", start, "Split the expression.") from None
    return _Checker(source, names, line, start).check(body)


def _mistake(source: Source, error: SyntaxError, line: str, start: int) -> InputError:
    end = len(line.rstrip(" "))
    at = start + (error.offset or 0) - 1
    if error.lineno != 1 or not start <= at < end:
        return source.refusal("more of the expression", "its end", end)
    return source.refusal("an expression", f"a mistake ({error.msg})", at)


class _Checker:
    """Walks Python's tree once; `_at` turns its byte columns into character offsets."""

    def __init__(self, source: Source, names: Names, line: str, start: int) -> None:
        self._source = source
        self._names = names
        self._bytes = line.strip(" ").encode("utf-8", "surrogatepass")
        self._start = start
        self._nodes = 0
        self._depth = 0

    def check(self, node: ast.expr) -> tree.Node:
        self._nodes += 1
        self._depth += 1
        if self._nodes > NODES_MAX:
            raise self._refuse(node, f"at most {NODES_MAX} nodes", "more", "Split the expression.")
        if self._depth > DEPTH_MAX:
            raise self._refuse(node, f"at most {DEPTH_MAX} levels", "more", "Split the expression.")
        checked = self._checked(node)
        self._depth -= 1
        return checked

    def _checked(self, node: ast.expr) -> tree.Node:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name(id=name) if name in CONSTANTS:
                return _constant(CONSTANTS[name])
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._read(node)
            case ast.BoolOp(op=op, values=values):
                items = tuple(self._condition(v) for v in values)
                return tree.Logic("and" if isinstance(op, ast.And) else "or", items)
            case ast.UnaryOp(op=ast.Not(), operand=of):
                return tree.Not(self._condition(of))
            case ast.UnaryOp(op=ast.USub(), operand=of):
                return self._negate(of)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                return self._choose(node)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return self._many(elements)
            case ast.Call():
                return self._call(node)
        raise self._refuse(node, "an expression", f"Python's {type(node).__name__}")

    # Constants and names

    def _constant(self, node: ast.Constant) -> tree.Literal:
        value = node.value
        if value is None or isinstance(value, bool | str):
            return _constant(value)
        if isinstance(value, int) and value <= INTEGER_MAX:
            return tree.Literal(value, Type.NUMBER)
        if isinstance(value, float) and isfinite(value):
            return tree.Literal(value, Type.NUMBER)
        raise self._refuse(node, "a number up to 2^63 - 1, a text, true, false or none", "another")

    def _read(self, node: ast.expr) -> tree.Node:
        match node:
            case ast.Name(id=name):
                return self._root(node, name)
            case ast.Attribute(value=of, attr=name):
                # The name ends the node, so its column is known from there.
                end = self._offset(node.end_col_offset or 0) - len(name)
                return self._field(self._reach(of), name, end)
            case ast.Subscript(value=of, slice=ast.Constant(value=str() as name) as key):
                return self._field(self._reach(of), name, self._at(key))
            case ast.Subscript(value=of, slice=index):
                return self._item(self._reach(of), index)
        remedy = "Read fields of names only, such as traits.clv."
        raise self._refuse(node, "a name", f"Python's {type(node).__name__}", remedy)

    def _reach(self, node: ast.expr) -> tree.Node:
        self._nodes += 1
        self._depth += 1
        if self._depth > DEPTH_MAX or self._nodes > NODES_MAX:
            raise self._refuse(node, f"at most {DEPTH_MAX} levels", "more", "Split the expression.")
        read = self._read(node)
        self._depth -= 1
        return read

    def _root(self, node: ast.Name, name: str) -> tree.Node:
        roots = self._names.roots
        if name in FUNCTIONS and name not in roots:
            raise self._refuse(node, "a name", f"the function {name}", f"Write {name}(...).")
        if name not in roots:
            at = self._at(node)
            known = [*roots, *CONSTANTS]
            remedy = "Write none." if name in _OTHER_NONES else ""
            raise self._source.refusal("a known name", name, at, remedy, name=name, known=known)
        return tree.Path((name,), _type_of(roots[name]))

    def _field(self, of: tree.Node, name: str, at: int) -> tree.Node:
        if not isinstance(of, tree.Path):
            return tree.Field(of, name)
        shape = self._shape(of.names)
        shown = ".".join(of.names)
        if isinstance(shape, Record):
            if name not in shape.fields:
                raise self._source.refusal(
                    f"a field of {shown}", name, at, name=name, known=shape.fields
                )
            return tree.Path((*of.names, name), _type_of(shape.fields[name]))
        if isinstance(shape, Open) or shape in (Type.ANY, Type.MAP):
            return tree.Path((*of.names, name), Type.ANY)
        remedy = "Write [0] for its first item." if shape is Type.LIST else ""
        raise self._source.refusal("a map", f"{shown}, a {shape}", at, remedy)

    def _item(self, of: tree.Node, index: ast.expr) -> tree.Node:
        sign, inner = 1, index
        if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
            sign, inner = -1, index.operand
        at = inner.value if isinstance(inner, ast.Constant) else None
        if not isinstance(at, int) or isinstance(at, bool) or at > INTEGER_MAX:
            got = "something else"
            raise self._refuse(index, "a whole number or a text in the brackets", got)
        if of.type not in (Type.LIST, Type.ANY):
            raise self._refuse(index, "a list before the brackets", f"a {of.type}")
        return tree.Item(of, sign * at)

    def _shape(self, names: tuple[str, ...]) -> Shape:
        shape: Shape = self._names.roots[names[0]]
        for name in names[1:]:
            shape = shape.fields[name] if isinstance(shape, Record) else Type.ANY
        return shape

    # Operators

    def _condition(self, node: ast.expr) -> tree.Node:
        checked = self.check(node)
        if checked.type not in (Type.BOOL, Type.ANY) or _is_none(checked):
            remedy = "Compare it, for example with > 0 or is not none."
            raise self._refuse(node, "a condition", _shown(checked), remedy)
        return checked

    def _number(self, node: ast.expr, checked: tree.Node) -> None:
        if checked.type not in (Type.NUMBER, Type.ANY) or _is_none(checked):
            raise self._refuse(node, "a number", _shown(checked))

    def _negate(self, of: ast.expr) -> tree.Node:
        checked = self.check(of)
        self._number(of, checked)
        if isinstance(checked, tree.Literal) and isinstance(checked.value, int | float):
            return tree.Literal(-checked.value, Type.NUMBER)
        return tree.Negate(checked)

    def _arithmetic(self, node: ast.BinOp) -> tree.Node:
        op = _ARITHMETIC.get(type(node.op))
        if op is None:
            raise self._refuse(node, "one of + - * / // %", f"Python's {type(node.op).__name__}")
        left, right = self.check(node.left), self.check(node.right)
        kinds = {left.type, right.type}
        if op == "+" and Type.TEXT in kinds and kinds <= {Type.TEXT, Type.ANY}:
            if _is_none(left) or _is_none(right):
                raise self._refuse(node, "a text", "none")
            return tree.Arithmetic(op, left, right, Type.TEXT)
        if op == "+" and kinds == {Type.TEXT, Type.NUMBER}:
            raise self._refuse(node.right, "two numbers or two texts", "one of each")
        self._number(node.left, left)
        self._number(node.right, right)
        is_open = op == "+" and kinds == {Type.ANY}
        return tree.Arithmetic(op, left, right, Type.ANY if is_open else Type.NUMBER)

    def _compare(self, node: ast.Compare) -> tree.Node:
        parts = [node.left, *node.comparators]
        if any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            return self._is_none(node, parts)
        operands = tuple(self.check(part) for part in parts)
        ops: list[tree.CompareOp] = []
        for index, raw in enumerate(node.ops):
            op = _COMPARE[type(raw)]
            self._comparable(op, operands[index], operands[index + 1], parts[index + 1])
            ops.append(op)
        return tree.Compare(operands, tuple(ops))

    def _is_none(self, node: ast.Compare, parts: list[ast.expr]) -> tree.Node:
        of = self.check(parts[0])
        other = self.check(parts[1])
        if len(parts) != 2 or not _is_none(other):
            raise self._refuse(parts[1], "none after is", "something else", "Write == to compare.")
        return tree.IsNone(of, isinstance(node.ops[0], ast.IsNot))

    def _comparable(
        self, op: tree.CompareOp, left: tree.Node, right: tree.Node, at: ast.expr
    ) -> None:
        if _is_none(left) or _is_none(right):
            remedy = "Write `is none` or `is not none`."
            raise self._refuse(at, "a value to compare", "none", remedy)
        if op in ("in", "not in"):
            self._searchable(left, right, at)
            return
        allowed = _EQUATED if op in ("==", "!=") else _ORDERED
        for side in (left, right):
            if side.type not in allowed:
                raise self._refuse(at, f"values that {op} can compare", f"a {side.type}")
        if Type.ANY not in (left.type, right.type) and left.type is not right.type:
            got = f"a {left.type} and a {right.type}"
            raise self._refuse(at, f"two values of one type for {op}", got)

    def _searchable(self, left: tree.Node, right: tree.Node, at: ast.expr) -> None:
        if right.type not in (Type.LIST, Type.TEXT, Type.ANY):
            remedy = "Write `x.key is not none` to ask for a key." if right.type is Type.MAP else ""
            raise self._refuse(at, "a list or a text after in", f"a {right.type}", remedy)
        if left.type not in _EQUATED:
            raise self._refuse(at, "a number, a text or a bool before in", f"a {left.type}")
        kinds = {left.type} - {Type.ANY}
        if right.type is Type.TEXT:
            kinds.add(Type.TEXT)
        elif isinstance(right, tree.Many):
            kinds |= {item.type for item in right.items} - {Type.ANY}
        if len(kinds) > 1:
            shown = " and ".join(sorted(kinds))
            raise self._refuse(at, "values of one type on both sides of in", shown)

    def _choose(self, node: ast.IfExp) -> tree.Node:
        then = self.check(node.body)
        test = self._condition(node.test)
        otherwise = self.check(node.orelse)
        type_ = self._shared([(node.body, then), (node.orelse, otherwise)])
        return tree.Choose(test, then, otherwise, type_)

    def _shared(self, values: list[tuple[ast.expr, tree.Node]]) -> Type:
        type_: Type | None = None
        is_open = False
        for written, checked in values:
            if _is_none(checked):
                continue
            if checked.type is Type.ANY:
                is_open = True
            elif type_ is None:
                type_ = checked.type
            elif type_ is not checked.type:
                got = f"a {type_} and a {checked.type}"
                raise self._refuse(written, "values of one type", got)
        return Type.ANY if is_open or type_ is None else type_

    def _many(self, elements: list[ast.expr]) -> tree.Node:
        items = []
        for element in elements:
            checked = self.check(element)
            if checked.type not in _EQUATED or _is_none(checked):
                raise self._refuse(element, "a number, a text or a bool", _shown(checked))
            items.append(checked)
        return tree.Many(tuple(items))

    def _call(self, node: ast.Call) -> tree.Node:
        if not isinstance(node.func, ast.Name):
            remedy = "Call a function by its name, such as lower(traits.city)."
            raise self._refuse(node.func, "the name of a function", "something else", remedy)
        name = node.func.id
        function = FUNCTIONS.get(name)
        if function is None:
            raise self._source.refusal(
                "a known function", name, self._at(node), name=name, known=FUNCTIONS
            )
        if node.keywords:
            raise self._refuse(node, "plain arguments", "a named one")
        self._count(node, name, function)
        values = [(argument, self.check(argument)) for argument in node.args]
        for index, (written, checked) in enumerate(values):
            takes = function.takes[min(index, len(function.takes) - 1)]
            is_fit = checked.type is Type.ANY or checked.type in takes
            if not is_fit or (_is_none(checked) and not function.is_same_type):
                what = " or ".join(f"a {t}" for t in Type if t in takes)
                raise self._refuse(written, f"{what} for {name}", _shown(checked))
        gives = self._shared(values) if function.is_same_type else function.gives
        return tree.Call(name, tuple(checked for _, checked in values), gives)

    def _count(self, node: ast.Call, name: str, function: Function) -> None:
        given, most = len(node.args), len(function.takes)
        if given < function.required or (given > most and not function.is_variadic):
            bounds = str(most) if most == function.required else f"{function.required} or {most}"
            if function.is_variadic:
                bounds = f"{function.required} or more"
            raise self._refuse(node, f"{bounds} arguments for {name}", str(given))

    # Where

    def _refuse(self, node: ast.expr, what: str, got: str, remedy: str = "") -> InputError:
        return self._source.refusal(what, got, self._at(node), remedy)

    def _at(self, node: ast.expr) -> int:
        return self._offset(node.col_offset)

    def _offset(self, byte: int) -> int:
        head = self._bytes[:byte]
        return self._start + len(head.decode("utf-8", "surrogatepass"))


def _constant(value: bool | str | None) -> tree.Literal:
    if value is None:
        return tree.Literal(None, Type.ANY)
    return tree.Literal(value, Type.BOOL if isinstance(value, bool) else Type.TEXT)


def _is_none(node: tree.Node) -> bool:
    return isinstance(node, tree.Literal) and node.value is None


def _shown(node: tree.Node) -> str:
    return "none" if _is_none(node) else f"a {node.type}"


def _type_of(shape: Shape) -> Type:
    return shape if isinstance(shape, Type) else Type.MAP
