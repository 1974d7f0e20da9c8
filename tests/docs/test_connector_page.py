"""The page on connectors: its package is built, installed and run, its settings are read."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from heedful.connectors.webhook import WebhookSettings
from heedful.strategy.yaml import load_yaml

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/extend/connector.md").read_text("utf-8")

READ = """
from pathlib import Path
from heedful.connectors import Surroundings, open_connectors, read_connectors

read = read_connectors(Path("connectors.yaml").read_text(), {"GATEWAY_TOKEN": "t"})
opened = open_connectors(read, Surroundings(b"secret", inbox=object()))
print(sorted(opened.by_channel))
opened.close()
"""


def named_blocks() -> dict[str, str]:
    """Take the files of the example from the page, by their titles."""
    found = re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE, re.M | re.S)
    return dict(found)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the files, build a wheel of them, and unpack it as an installer does."""
    folder = tmp_path_factory.mktemp("heedful-text")
    for name, text in named_blocks().items():
        (folder / name).write_text(text, "utf-8")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    # From here on only the installed one can be imported.
    (folder / "heedful_text.py").unlink()
    return folder


def run(project: Path, *command: str) -> str:
    """Run Python where the package is installed."""
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_page_has_all_files_of_a_package() -> None:
    wanted = {"heedful_text.py", "pyproject.toml", "connectors.yaml", "test_heedful_text.py"}
    assert set(named_blocks()) == wanted


def test_the_package_keeps_the_contract(project: Path) -> None:
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_heedful_text.py"]
    assert "2 passed" in run(project, *command)


def test_a_workspace_finds_the_package(project: Path) -> None:
    assert run(project, "-c", READ).strip() == "['inapp', 'sms']"


def test_the_example_is_formatted_as_our_code_is(project: Path) -> None:
    ruff = ["-m", "ruff", "--quiet"]
    names = ["site/heedful_text.py", "test_heedful_text.py"]
    run(project, *ruff, "format", "--line-length", "100", "--check", *names)


def codes_in(tree: ast.Module) -> Iterator[str]:
    """Find the codes that a module puts into a Delivery."""
    for node in ast.walk(tree):
        found: list[ast.AST] = []
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Delivery":
            found = [*node.args[1:2]]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code":
            found = [node.value]
        elif isinstance(node, ast.FunctionDef) and node.name == "_code_of":
            found = [n.value for n in ast.walk(node) if isinstance(n, ast.Return) and n.value]
        for part in found:
            # The test of a conditional expression is no code.
            values = [part.body, part.orelse] if isinstance(part, ast.IfExp) else [part]
            for value in values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


def test_every_code_stands_on_the_page_and_no_other() -> None:
    folder = ROOT / "src/heedful/connectors"
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.py"))]
    codes = {code for text in texts for code in codes_in(ast.parse(text))}
    table = PAGE.partition("## Codes")[2].partition("\n## ")[0]
    written = re.findall(r"^\| `(\w+)` \|", table, re.M)
    assert written == sorted(codes)


def test_the_webhooks_settings_are_settings() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
    (declared,) = [load_yaml(block, "connectors.yaml").data for block in blocks]
    (destination,) = declared["webhook"]["destinations"].values()
    assert set(declared["webhook"]) <= set(WebhookSettings.__struct_fields__)
    assert set(destination) == {"url", "secrets"}
