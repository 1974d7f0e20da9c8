"""The package as syntax trees: its modules, and its constants with the sentence of each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent


class Module(NamedTuple):
    """One module of the package, parsed."""

    name: str
    """Without the leading `heedful.`."""
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]


class Entry(NamedTuple):
    """One documented name."""

    name: str
    value: str
    says: str
    where: str


def read(root: Path = ROOT) -> list[Module]:
    """Parse every module of the package, in the order of their names."""
    package = root / "src/heedful"
    modules = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        text = path.read_text("utf-8")
        modules.append(Module(name, text, ast.parse(text, str(path))))
    return modules


def flat(text: str) -> str:
    """Put a sentence on one line of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def constants(module: Module) -> Iterator[Entry]:
    """Yield the public constants of a module with the sentence that follows or trails each."""
    body = module.tree.body
    lines = module.text.splitlines()
    for index, node in enumerate(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            name, value = node.target.id, node.value
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
        else:
            continue
        if name.startswith("_") or not name.isupper():
            continue
        says = sentence(body[index + 1] if index + 1 < len(body) else None)
        if not says:
            _, _, trailing = lines[(node.end_lineno or node.lineno) - 1].partition("  # ")
            says = trailing
        shown = ast.get_source_segment(module.text, value) or ast.unparse(value)
        yield Entry(name, flat(shown), flat(says), module.name)


def sentence(node: ast.stmt | None) -> str:
    """Read the text of a bare string statement, the place of a constant's or field's docstring."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return node.value.value if isinstance(node.value.value, str) else ""
    return ""
