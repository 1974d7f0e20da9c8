"""Every error code that the package raises, found in its syntax trees, with what it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from scripts.source_tree import Module, constants, flat

ERROR_BASES: Final = {
    "InputError": "the caller",
    "PeerError": "another system",
    "InvariantError": "Heedful",
}
SUPER: Final = ".super"
CODE: Final = re.compile(r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$")
IN_BACKTICKS: Final = re.compile(r"`([a-z][a-z0-9_]*)`")


Function = ast.FunctionDef | ast.AsyncFunctionDef


class Raised(NamedTuple):
    """One place where a code is given to an error."""

    code: str
    blame: str
    says: str
    room: str


def error_classes(modules: Iterable[Module]) -> dict[str, str]:
    """Map every class of error, the bases and what derives from them, to whom it blames."""
    found = dict(ERROR_BASES)
    classes = [n for m in modules for n in ast.walk(m.tree) if isinstance(n, ast.ClassDef)]
    while True:
        more = {
            node.name: found[base]
            for node in classes
            for base in (ast.unparse(b).rpartition(".")[2] for b in node.bases)
            if base in found and node.name not in found
        }
        if not more:
            return found
        found |= more


def raised_codes(modules: list[Module]) -> Iterator[Raised]:
    """Find every constant code, also one that passes through a function that builds the error."""
    makers: dict[str, tuple[str, int, str]] = {}
    fixed = _classes_with_a_code(modules)
    for name, blame in error_classes(modules).items():
        makers[name + SUPER] = (blame, 0, "code")
        if name not in fixed:
            makers[name] = (blame, 0, "code")
    seen: set[tuple[str, int, int]] = set()
    # A function that hands its own parameter to a maker is itself a maker: repeat until no more.
    while True:
        more: dict[str, tuple[str, int, str]] = {}
        for module in modules:
            for call, name, function in _calls(module.tree):
                if name not in makers:
                    continue
                blame, position, keyword = makers[name]
                given = _argument(call, position, keyword)
                place = (module.name, call.lineno, call.col_offset)
                codes = list(_constant_codes(given, module))
                if codes and place not in seen:
                    seen.add(place)
                    for code in codes:
                        yield Raised(code, blame, _template(call, function), module.room)
                elif isinstance(given, ast.Name) and function is not None:
                    parameters = [a.arg for a in function.args.posonlyargs + function.args.args]
                    if parameters[:1] in (["self"], ["cls"]):
                        parameters = parameters[1:]
                    keywords = [a.arg for a in function.args.kwonlyargs]
                    if function.name == "__init__" or function.name in makers:
                        continue
                    if given.id in parameters:
                        more[function.name] = (blame, parameters.index(given.id), given.id)
                    elif given.id in keywords:
                        more[function.name] = (blame, 99, given.id)
        if not more:
            return
        makers |= more


def _classes_with_a_code(modules: Iterable[Module]) -> set[str]:
    """Name the classes that hand a code of their own to their base: their arguments hold none."""
    return {
        name.removesuffix(SUPER)
        for module in modules
        for call, name, _ in _calls(module.tree)
        if name.endswith(SUPER) and call.args and isinstance(call.args[0], ast.Constant)
    }


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str, Function | None]]:
    """Walk the calls with the plain name of what is called and the function they stand in.

    `super().__init__(...)` is called by the name of its class and `SUPER`.
    """
    waiting: list[tuple[ast.AST, str, Function | None]] = [(tree, "", None)]
    while waiting:
        node, owner, function = waiting.pop()
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            name = owner + SUPER if called == "super().__init__" else called.rpartition(".")[2]
            yield node, name, function
        if isinstance(node, ast.ClassDef):
            owner = node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node
        waiting.extend((child, owner, function) for child in ast.iter_child_nodes(node))


def _argument(call: ast.Call, position: int, keyword: str) -> ast.expr | None:
    for given in call.keywords:
        if given.arg == keyword:
            return given.value
    return call.args[position] if position < len(call.args) else None


def _constant_codes(given: ast.expr | None, module: Module) -> Iterator[str]:
    match given:
        case ast.Constant(value=str(code)) if CODE.match(code):
            yield code
        case ast.IfExp(body=body, orelse=other):
            yield from _constant_codes(body, module)
            yield from _constant_codes(other, module)
        case ast.Name(id=name) if name.isupper():
            for entry in constants(module):
                if entry.name == name and CODE.match(entry.value.strip("\"'")):
                    yield entry.value.strip("\"'")


def _template(call: ast.Call, function: Function | None) -> str:
    """Render the sentence of an error with an ellipsis where a value will stand."""
    for node in [*ast.walk(call), *_given_names(call, function)]:
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("expected"):
            what = _words(node.args[0], function) if node.args else ""
            if what.strip(" …"):
                return f"Expected {what}."
    for given in call.args[1:]:
        words = _words(given, function)
        if len(words.strip(" …").split()) >= 2:
            # A function that builds the error gets "a short text" and makes the sentence of it.
            return words if words[0].isupper() else f"Expected {words}."
    return ""


def _given_names(call: ast.Call, function: Function | None) -> Iterator[ast.expr]:
    """Yield what the names among a call's arguments were last given above it."""
    if function is None:
        return
    above = [n for n in ast.walk(function) if isinstance(n, ast.Assign) and n.lineno < call.lineno]
    above.sort(key=lambda given: given.lineno, reverse=True)
    for name in (a.id for a in call.args[1:] if isinstance(a, ast.Name)):
        pairs = (pair for given in above for pair in _pairs(given))
        yield from [value for target, value in pairs if ast.unparse(target) == name][:1]


def _words(node: ast.expr, function: Function | None) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_words(v, None) if isinstance(v, ast.Constant) else "…" for v in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _words(left, function) + _words(right, function)
        case ast.IfExp(body=body):
            return _words(body, function)
        case ast.Name(id=name) if function is not None:
            # The last text that the name was given above its use.
            for given in reversed(list(ast.walk(function))):
                if isinstance(given, ast.Assign) and given.lineno < node.lineno:
                    for target, value in _pairs(given):
                        if ast.unparse(target) == name and (words := _words(value, None)):
                            return words
            arguments = function.args.posonlyargs + function.args.args
            defaults = function.args.defaults
            for argument, default in zip(reversed(arguments), reversed(defaults), strict=False):
                if argument.arg == name:
                    return _words(default, None)
    return ""


def _pairs(given: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Pair the names of `a, b = x, y` with their values."""
    for target in given.targets:
        if isinstance(target, ast.Tuple) and isinstance(given.value, ast.Tuple):
            yield from zip(target.elts, given.value.elts, strict=False)
        else:
            yield target, given.value


def prose_codes(modules: Iterable[Module], codes: Iterable[str]) -> dict[str, str]:
    """Collect what `Raises` sections say of a code: "`bad_span` when the text is ..."."""
    known = set(codes)
    says: dict[str, str] = {}
    for module in modules:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            _, _, raises = (ast.get_docstring(node) or "").partition("\nRaises\n")
            raises = re.split(r"\n\w[\w ]*\n-{3,}\n", raises)[0]
            marks = [m for m in IN_BACKTICKS.finditer(raises) if m.group(1) in known]
            ends = [mark.start() for mark in marks[1:]] + [len(raises)]
            for mark, end in zip(marks, ends, strict=bool(marks)):
                words = raises[mark.end() : end]
                words = re.split(r"\n\w+(?:Error)?\n", words)[0]
                words = re.sub(r"[\s,;:]+(?:and|or)?\s*$", "", flat(words).lstrip(",;: "))
                if len(words.split()) > 1:
                    says.setdefault(mark.group(1), words[0].upper() + words[1:].rstrip(".") + ".")
    return says
