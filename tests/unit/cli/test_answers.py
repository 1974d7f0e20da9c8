"""Exit codes, and errors in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Fake, Run


@pytest.mark.parametrize(
    ("status", "code"), [(404, 1), (400, 2), (403, 2), (409, 2), (429, 3), (500, 3), (503, 3)]
)
def test_a_refusal_is_one_sentence_and_an_exit_code(
    fake: Fake, run: Run, status: int, code: int
) -> None:
    fake.on("GET", "/v1/customers/c_x", {"code": "some_code", "message": "One sentence."}, status)
    said = run("customer", "show", "c_x")
    assert said.exit_code == code
    assert said.stderr == "One sentence.\n"
    assert said.stdout == ""


def test_an_answer_without_json_is_told_by_its_status(fake: Fake, run: Run) -> None:
    fake.on("GET", "/v1/customers/c_x", "plain", 502)
    assert "502" in run("customer", "show", "c_x").stderr


def test_a_fault_of_our_own_is_a_sentence_and_debug_shows_it(fake: Fake, run: Run) -> None:
    fake.on("GET", "/v1/customers/c_x", {"nothing": "expected"})
    fake.on("GET", "/v1/signals", {"items": []})
    said = run("customer", "show", "c_x")
    assert said.exit_code == 3
    assert "heedful --debug" in said.stderr
    assert "Traceback" not in said.stderr
    assert isinstance(run("--debug", "customer", "show", "c_x").exception, KeyError)


@pytest.mark.parametrize(
    "args",
    [
        ("customer", "unmerge", "c_x", "no-namespace"),
        ("customer", "consent", "c_x", "--purpose", "p", "--status", "maybe"),
        ("customer", "show"),
        ("import", "nowhere.jsonl"),
        ("nonsense",),
        ("restore", "nowhere.db", "somewhere"),
    ],
)
def test_wrong_usage_is_two(fake: Fake, run: Run, args: tuple[str, ...]) -> None:
    said = run(*args)
    assert said.exit_code == 2
    assert "Traceback" not in said.output
    assert fake.asked == []


def test_a_folder_that_is_no_workspace_is_named_with_a_remedy(run: Run, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        said = run("customer", "show", "c_x", "--dir", folder)
        assert said.exit_code == 2
        assert str(folder) in said.stderr
        assert "heedful init" in said.stderr


def test_the_help_tells_the_exit_codes(run: Run) -> None:
    shown = " ".join(run("--help").stdout.split())
    assert "3 the server or the store is away" in shown


def test_the_version_for_people_and_programs(run: Run) -> None:
    assert run("version").stdout.startswith("heedful ")
    assert run("version", "--json").stdout.startswith('{"version"')
