"""House rules that no linter knows, each a function from one parsed file to its findings.

`make lint` runs this over the tree; `tests/test_tidy.py` plants one violation of every rule.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from scripts.set_order import iterated_sets

FILE_LINES_MAX: Final = 700
FILE_LINES_LOOK_AGAIN: Final = 400
FUNCTION_LINES_MAX: Final = 60

TREES: Final = ("src", "tests", "scripts", "examples", "benchmarks")
FIRST_PURE_LAYER: Final = "core"
VAGUE_NAMES: Final = frozenset({"utils", "util", "helpers", "helper", "manager", "common", "base"})
UNFINISHED: Final = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
IMPURE_BUILTINS: Final = {
    "hash": "differs from process to process; use heedful.kernel.hash_key",
    "input": "reads the terminal",
    "open": "reads or writes a file; take text or bytes as an argument",
    "print": "writes to the terminal; return a value",
}
WAIVER: Final = re.compile(r"#.*\bany order: \S")
"""A loop over a set whose order cannot be seen says why, on its own line: `# any order: ...`."""


class Source(NamedTuple):
    """One Python file, parsed."""

    path: str
    """Relative to the root of the repository, with forward slashes."""
    text: str
    tree: ast.Module
    is_pure: bool
    """Whether it belongs to a room of the pure half, or is a test of one."""

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


class Finding(NamedTuple):
    """One broken rule at one place."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


Rule = Callable[[Source], Iterator[Finding]]


def layers_of(pyproject: str) -> list[list[str]]:
    """Read the rooms contract: the layers from the top down, each a list of its rooms."""
    contracts = tomllib.loads(pyproject)["tool"]["importlinter"]["contracts"]
    rooms = next(c for c in contracts if c["id"] == "rooms")
    return [re.findall(r"\w+", layer) for layer in rooms["layers"]]


def pure_rooms(pyproject: str) -> list[str]:
    """List the rooms of the pure half, whether or not they are built yet."""
    layers = layers_of(pyproject)
    first = next(i for i, layer in enumerate(layers) if FIRST_PURE_LAYER in layer)
    return [room for layer in layers[first:] for room in layer]


def room_of(path: str) -> str | None:
    """Name the room that a file belongs to or, under `tests/unit`, tests."""
    parts = path.split("/")
    if parts[:2] == ["src", "heedful"] or parts[:2] == ["tests", "unit"]:
        return parts[2].removesuffix(".py") if len(parts) > 2 else None
    return None


def parse(path: str, text: str, pure: Iterable[str]) -> Source:
    """Parse one file and note whether the laws of the pure half hold for it."""
    return Source(path, text, ast.parse(text, path), room_of(path) in set(pure))


def check_file_length(source: Source) -> Iterator[Finding]:
    """Split a file before it eats the house."""
    if (count := len(source.lines)) > FILE_LINES_MAX:
        yield Finding(source.path, 1, f"{count} lines; split it at {FILE_LINES_MAX}")


def _docstring_lines(node: ast.AST) -> int:
    body: list[ast.stmt] = getattr(node, "body", [])
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return (first.end_lineno or first.lineno) - first.lineno + 1
    return 0


def check_function_length(source: Source) -> Iterator[Finding]:
    """Keep a function on one screen; its docstring does not count."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            count = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
            if count > FUNCTION_LINES_MAX:
                message = f"{node.name} has {count} lines; at most {FUNCTION_LINES_MAX}"
                yield Finding(source.path, node.lineno, message)


def check_names(source: Source) -> Iterator[Finding]:
    """Name a module after what it is about."""
    for part in source.path.removesuffix(".py").split("/"):
        if part.lstrip("_") in VAGUE_NAMES:
            yield Finding(source.path, 1, f"a module called {part} is about nothing; rename it")


def check_unfinished(source: Source) -> Iterator[Finding]:
    """Finish the work, or write it into docs/roadmap.md."""
    for number, line in enumerate(source.lines, 1):
        if found := UNFINISHED.search(line):
            yield Finding(source.path, number, f"{found.group()} left behind")


def check_door(source: Source) -> Iterator[Finding]:
    """Let a door export by `__all__` and do nothing else."""
    if not source.path.startswith("src/heedful/") or not source.path.endswith("/__init__.py"):
        return
    is_root = source.path == "src/heedful/__init__.py"
    exports = False
    for node in source.tree.body[1 if _docstring_lines(source.tree) else 0 :]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        targets = [ast.unparse(t) for t in node.targets] if isinstance(node, ast.Assign) else []
        if targets == ["__all__"]:
            exports = True
        elif not (is_root and targets == ["__version__"]):
            yield Finding(source.path, node.lineno, "a door holds imports and `__all__` only")
    if not _docstring_lines(source.tree):
        yield Finding(source.path, 1, "a door says in a docstring what its room is for")
    if any(isinstance(n, ast.Import | ast.ImportFrom) for n in source.tree.body) and not exports:
        yield Finding(source.path, 1, "a door that imports defines `__all__`")


def check_async(source: Source) -> Iterator[Finding]:
    """Law 1: nothing pure waits."""
    if source.is_pure:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
                yield Finding(source.path, node.lineno, "async in a pure room")


def check_impure_builtins(source: Source) -> Iterator[Finding]:
    """Law 1: built-ins that read or write the outside, or differ from process to process."""
    if not source.path.startswith("src/") or not source.is_pure:
        return
    # `__hash__` may call hash(): what it returns places a value in a dict and is no output.
    exempt = {
        id(node)
        for scope in ast.walk(source.tree)
        if isinstance(scope, ast.FunctionDef) and scope.name == "__hash__"
        for node in ast.walk(scope)
    }
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and id(node) not in exempt
        ):
            name = node.func.id
            if name in IMPURE_BUILTINS:
                yield Finding(source.path, node.lineno, f"{name}() {IMPURE_BUILTINS[name]}")


def check_frozen(source: Source) -> Iterator[Finding]:
    """Law 2: what a pure room hands out is frozen.

    Notes
    -----
    A fold may decode a private copy and change it, which is a tenth of the cost. Such a class is
    called mutable by its docstring or by its module's, with the reason.
    """
    if not source.path.startswith("src/") or not source.is_pure:
        return
    if _says_mutable(source.tree):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        if _says_mutable(node):
            continue
        struct = any(ast.unparse(b) in {"Struct", "msgspec.Struct"} for b in node.bases)
        if struct and not _says_frozen(node.keywords):
            yield Finding(source.path, node.lineno, f"Struct {node.name} is not frozen")
        for mark in node.decorator_list:
            name = ast.unparse(mark.func if isinstance(mark, ast.Call) else mark)
            keywords = mark.keywords if isinstance(mark, ast.Call) else []
            if name in {"dataclass", "dataclasses.dataclass"} and not _says_frozen(keywords):
                yield Finding(source.path, node.lineno, f"dataclass {node.name} is not frozen")


def _says_mutable(node: ast.Module | ast.ClassDef) -> bool:
    return "mutable" in (ast.get_docstring(node) or "").lower()


def _says_frozen(keywords: list[ast.keyword]) -> bool:
    return any(
        k.arg == "frozen" and isinstance(k.value, ast.Constant) and k.value.value is True
        for k in keywords
    )


def check_set_order(source: Source) -> Iterator[Finding]:
    """Law 2: never iterate a set into an output; sort it first."""
    if not source.path.startswith("src/") or not source.is_pure:
        return
    lines = source.lines
    for node in iterated_sets(source.tree):
        if not WAIVER.search(lines[node.lineno - 1]):
            text = ast.unparse(node)
            yield Finding(source.path, node.lineno, f"iterates the set {text}; sort it first")


def check_tests(source: Source) -> Iterator[Finding]:
    """Wait for nothing in a test, and mock nothing where values go in and come out."""
    if not source.path.startswith("tests/"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "sleep":
            if "# polls" not in source.lines[node.lineno - 1]:
                yield Finding(source.path, node.lineno, "a test sleeps; wait for the thing itself")
        elif source.is_pure and isinstance(node, ast.Import | ast.ImportFrom):
            if "mock" in ast.unparse(node).replace(".", " ").split():
                yield Finding(source.path, node.lineno, "a test of a pure room mocks")
        elif source.is_pure and isinstance(node, ast.arg) and node.arg == "monkeypatch":
            yield Finding(source.path, node.lineno, "a test of a pure room patches")


RULES: Final[tuple[Rule, ...]] = (
    check_async,
    check_door,
    check_file_length,
    check_frozen,
    check_function_length,
    check_impure_builtins,
    check_names,
    check_set_order,
    check_tests,
    check_unfinished,
)


def rooms_without_contract(pyproject: str, built: Iterable[str]) -> list[str]:
    """List the pure rooms that stand in the tree and not in the contract `pure`."""
    contracts = tomllib.loads(pyproject)["tool"]["importlinter"]["contracts"]
    pure = next(c for c in contracts if c["id"] == "pure")
    covered = {module.removeprefix("heedful.") for module in pure["source_modules"]}
    return sorted(set(built) & set(pure_rooms(pyproject)) - covered)


def tests_without_room(pyproject: str, folders: Iterable[str]) -> list[str]:
    """List the folders of `tests/unit` that mirror no room and no tree beside `src`."""
    rooms = {room for layer in layers_of(pyproject) for room in layer}
    return sorted(set(folders) - rooms - set(TREES))


def python_files(root: Path) -> Iterator[Path]:
    """Walk the files that the rules hold for."""
    for tree in TREES:
        yield from sorted((root / tree).rglob("*.py"))


def read(root: Path) -> list[Source]:
    """Parse the whole tree."""
    pure = pure_rooms((root / "pyproject.toml").read_text("utf-8"))
    return [
        parse(path.relative_to(root).as_posix(), path.read_text("utf-8"), pure)
        for path in python_files(root)
    ]


def findings_of(sources: Iterable[Source]) -> list[Finding]:
    """Apply every rule to every file."""
    return sorted(finding for s in sources for rule in RULES for finding in rule(s))


def main() -> int:
    """Print what is broken, then what is getting long."""
    sources = read(Path(__file__).resolve().parent.parent)
    findings = findings_of(sources)
    for finding in findings:
        print(finding)
    for source in sources:
        if FILE_LINES_LOOK_AGAIN < len(source.lines) <= FILE_LINES_MAX:
            print(f"look again: {source.path} has {len(source.lines)} lines")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
