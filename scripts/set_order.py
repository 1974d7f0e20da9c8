"""Where a syntax tree iterates a set into something that shows its order."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

# What gives the same answer for every order of its argument.
ORDER_FREE: Final = frozenset(
    {"all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"}
)
ORDER_KEEPING: Final = frozenset({"enumerate", "iter", "list", "map", "tuple", "zip"})


_Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def iterated_sets(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield every set whose order may show: iterated by a loop, a comprehension or a call.

    Notes
    -----
    A heuristic over one function at a time: it sees set displays, `set(...)`, `frozenset(...)`,
    unions of those, and names that were assigned or annotated as sets in the same function. A
    set that comes from elsewhere without an annotation escapes it.
    """
    for scope in _scopes(tree):
        yield from _set_iterations(scope)


def _scopes(tree: ast.Module) -> Iterator[_Scope]:
    for node in ast.walk(tree):
        if isinstance(node, _Scope):
            yield node


def _inside(scope: _Scope) -> Iterator[ast.AST]:
    """Walk one scope without the functions defined in it."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _Scope):
            waiting.extend(ast.iter_child_nodes(node))


def _names_of_sets(scope: _Scope) -> frozenset[str]:
    names: set[str] = set()
    others: set[str] = set()
    if not isinstance(scope, ast.Module):
        arguments = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]
        names |= {a.arg for a in arguments if a.annotation and _is_set_type(a.annotation)}
    for node in _inside(scope):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            (names if _is_set_type(node.annotation) else others).add(node.target.id)
        elif isinstance(node, ast.Assign):
            kept = names if _is_set(node.value, frozenset(names)) else others
            kept |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return frozenset(names - others)


def _is_set_type(annotation: ast.expr) -> bool:
    name = ast.unparse(annotation).partition("[")[0]
    return name in {"set", "frozenset", "AbstractSet", "Set", "MutableSet"}


def _is_set(node: ast.expr, names: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Call(
            func=ast.Attribute(
                value=value,
                attr="union" | "intersection" | "difference" | "symmetric_difference" | "copy",
            )
        ):
            return _is_set(value, names)
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            return _is_set(left, names)
    return False


def _set_iterations(scope: _Scope) -> Iterator[ast.expr]:
    names = _names_of_sets(scope)
    nodes = list(_inside(scope))
    # sorted(f(x) for x in a_set) shows no order.
    forgiven = {
        id(node.args[0])
        for node in nodes
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in ORDER_FREE
    }
    for node in nodes:
        if isinstance(node, ast.For):
            tried = [node.iter]
        elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp):
            tried = [g.iter for g in node.generators] if id(node) not in forgiven else []
        elif isinstance(node, ast.Starred):
            tried = [node.value]
        elif isinstance(node, ast.Call):
            tried = list(node.args) if _keeps_order(node.func) else []
        else:
            continue
        yield from (t for t in tried if _is_set(t, names))


def _keeps_order(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in ORDER_KEEPING
    return isinstance(function, ast.Attribute) and function.attr in {"join", "extend"}
