"""The tree keeps the house rules, and every rule finds the violation that is planted for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import tidy

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
PURE = tidy.pure_rooms(PYPROJECT)


def found(rule: tidy.Rule, text: str, path: str = "src/heedful/customer/fold.py") -> list[int]:
    """Apply one rule to a planted file and give the lines that it names."""
    return [finding.line for finding in rule(tidy.parse(path, text, PURE))]


def test_the_tree_is_tidy() -> None:
    sources = tidy.read(ROOT)
    assert any(s.path == "src/heedful/kernel/ids.py" and s.is_pure for s in sources)
    assert [str(finding) for finding in tidy.findings_of(sources)] == []


def test_every_pure_room_stands_under_the_contract() -> None:
    built = [tidy.room_of(s.path) or "" for s in tidy.read(ROOT) if s.path.startswith("src/")]
    assert "kernel" in built
    assert tidy.rooms_without_contract(PYPROJECT, built) == []


def test_every_folder_of_unit_tests_mirrors_a_room() -> None:
    folders = [p.name for p in (ROOT / "tests/unit").iterdir() if p.is_dir() and p.name[0] != "_"]
    assert tidy.tests_without_room(PYPROJECT, folders) == []


def test_a_pure_room_outside_the_contract_is_found() -> None:
    without = PYPROJECT.replace('    "heedful.kernel",\n', "")
    assert without != PYPROJECT
    assert tidy.rooms_without_contract(without, ["kernel", "customer", "api"]) == ["kernel"]


def test_a_folder_of_tests_without_a_room_is_found() -> None:
    assert tidy.tests_without_room(PYPROJECT, ["kernel", "misc"]) == ["misc"]


def test_the_line_between_impure_and_pure_runs_above_core() -> None:
    assert {"core", "kernel", "events", "customer"} <= set(PURE)
    assert not {"cli", "api", "app", "engine", "store", "connectors", "ports"} & set(PURE)


def test_a_file_may_have_700_lines_and_not_one_more() -> None:
    assert found(tidy.check_file_length, "x = 1\n" * 700) == []
    assert found(tidy.check_file_length, "x = 1\n" * 701) == [1]


def test_a_function_may_have_60_lines_beside_its_docstring() -> None:
    docstring = '    """Say.\n\n    More.\n    """\n'
    assert found(tidy.check_function_length, "def f():\n" + docstring + "    x = 1\n" * 59) == []
    assert found(tidy.check_function_length, "def f():\n" + docstring + "    x = 1\n" * 60) == [1]


@pytest.mark.parametrize(
    "path",
    ["src/heedful/customer/utils.py", "src/heedful/helpers/fold.py", "tests/unit/base/test_x.py"],
)
def test_a_vague_name_is_found(path: str) -> None:
    assert found(tidy.check_names, "", path) == [1]


def test_a_plain_name_passes() -> None:
    assert found(tidy.check_names, "", "src/heedful/store/database.py") == []


def test_unfinished_work_is_found() -> None:
    assert found(tidy.check_unfinished, "x = 1\n# TO" + "DO: finish\n") == [2]
    assert found(tidy.check_unfinished, "todos = 1\n") == []


DOOR = "src/heedful/customer/__init__.py"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('"""A room."""\n\nfrom a import b\n\n__all__ = ["b"]\n', []),
        ('"""A room that is still empty."""\n', []),
        ('"""A room."""\n\nfrom a import b\n', [1]),
        ('from a import b\n\n__all__ = ["b"]\n', [1]),
        ('"""A room."""\n\nfrom a import b\n\n__all__ = ["b"]\nLIMIT = 3\n', [6]),
        ('"""A room."""\n\n__version__ = "1"\n', [3]),
    ],
)
def test_a_door_exports_and_does_nothing_else(text: str, lines: list[int]) -> None:
    assert found(tidy.check_door, text, DOOR) == lines


def test_async_is_found_in_pure_rooms_only() -> None:
    text = "async def f():\n    await g()\n"
    assert found(tidy.check_async, text) == [1, 2]
    assert found(tidy.check_async, text, "src/heedful/engine/loop.py") == []


@pytest.mark.parametrize("call", ["hash('x')", "open('x')", "print(1)", "input()"])
def test_an_impure_builtin_is_found(call: str) -> None:
    assert found(tidy.check_impure_builtins, f"x = 1\ny = [{call}]\n") == [2]
    assert found(tidy.check_impure_builtins, f"y = {call}\n", "src/heedful/cli/main.py") == []


def test_hash_may_be_called_by_hash() -> None:
    text = "class A:\n    def __hash__(self):\n        return hash((self.a, self.b))\n"
    assert found(tidy.check_impure_builtins, text) == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("class A(msgspec.Struct):\n    a: int\n", [1]),
        ("class A(Struct, frozen=False):\n    a: int\n", [1]),
        ("@dataclass\nclass A:\n    a: int\n", [2]),
        ("@dataclass(slots=True)\nclass A:\n    a: int\n", [2]),
        ("class A(msgspec.Struct, frozen=True):\n    a: int\n", []),
        ("@dataclass(frozen=True)\nclass A:\n    a: int\n", []),
        ("class _Working(msgspec.Struct):\n    a: int\n", []),
        ('class A(Struct):\n    """Is mutable, since a fold owns it."""\n', []),
        ('class A(Struct):\n    """One of us.\n\n    Mutable: a fold owns it.\n    """\n', []),
        ('"""Profiles are mutable on purpose."""\n\nclass A(Struct):\n    a: int\n', []),
    ],
)
def test_state_is_frozen_or_says_why_not(text: str, lines: list[int]) -> None:
    assert found(tidy.check_frozen, text) == lines


@pytest.mark.parametrize(
    "body",
    [
        "for x in {1, 2}: pass",
        "for x in set(a): pass",
        "for x in set(a) | b: pass",
        "for x in set(a).union(b): pass",
        "y = [f(x) for x in frozenset(a)]",
        "y = {x: 1 for x in {f(z) for z in a}}",
        "y = list(set(a))",
        "y = tuple({1, 2})",
        "y = ','.join(set(a))",
        "y = [*set(a)]",
        "for n, x in enumerate(set(a)): pass",
        "s = set(a); y = [x for x in s]",
        "s: set[str] = g(); y = list(s)",
        "y = list(given)",
    ],
)
def test_a_set_in_an_output_is_found(body: str) -> None:
    assert found(tidy.check_set_order, f"def f(a, given: frozenset[str]):\n    {body}\n") == [2]


@pytest.mark.parametrize(
    "body",
    [
        "for x in sorted(set(a)): pass",
        "y = sorted(f(x) for x in set(a))",
        "y = any(f(x) for x in {1, 2})",
        "y = {f(x) for x in set(a)}",
        "y = 3 in {1, 2}",
        "y = [x for x in a if x in {1, 2}]",
        "s = set(a); s = sorted(s); y = [x for x in s]",
        "for x in set(a): pass  # any order: the sum is of integers",
        "y = list(a)",
    ],
)
def test_a_set_whose_order_cannot_be_seen_passes(body: str) -> None:
    assert found(tidy.check_set_order, f"def f(a):\n    {body}\n") == []


def test_a_set_may_be_iterated_above_the_line() -> None:
    assert found(tidy.check_set_order, "y = list(set(a))\n", "src/heedful/engine/run.py") == []


PURE_TEST = "tests/unit/customer/test_fold.py"
IMPURE_TEST = "tests/unit/engine/test_run.py"


@pytest.mark.parametrize(
    ("text", "pure", "impure"),
    [
        ("import time\ntime.sleep(1)\n", [2], [2]),
        ("time.sleep(0.01)  # polls a process that has no other sign\n", [], []),
        ("from unittest.mock import patch\n", [1], []),
        ("from unittest import mock\n", [1], []),
        ("def test_a(monkeypatch): ...\n", [1], []),
    ],
)
def test_tests_neither_sleep_nor_mock(text: str, pure: list[int], impure: list[int]) -> None:
    assert found(tidy.check_tests, text, PURE_TEST) == pure
    assert found(tidy.check_tests, text, IMPURE_TEST) == impure


def test_every_rule_is_applied() -> None:
    written = {getattr(tidy, name) for name in dir(tidy) if name.startswith("check_")}
    assert set(tidy.RULES) == written
