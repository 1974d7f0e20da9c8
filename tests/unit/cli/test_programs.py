"""What programs rely on: `--json` everywhere, the version, and a start without the command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from heedful import __version__
from heedful.cli import app
from tests.unit.cli.conftest import Run

LIVE = {"serve", "demo"}
"""Commands that run until they are ended and answer nothing."""


def commands() -> Iterator[tuple[str, set[str]]]:
    """Every command with its options, groups first taken apart."""
    waiting = [("", typer.main.get_command(app))]
    while waiting:
        path, command = waiting.pop()
        below = getattr(command, "commands", None)
        if below is None:
            yield path, {option for one in command.params for option in one.opts}
        else:
            waiting += [(f"{path} {name}".strip(), one) for name, one in below.items()]


OPTIONS = dict(commands())


@pytest.mark.parametrize("path", sorted(set(OPTIONS) - LIVE))
def test_every_command_takes_json(path: str) -> None:
    assert "--json" in OPTIONS[path]


def test_a_workspace_is_made_for_a_program(run: Run, tmp_path: Path) -> None:
    made = run("init", tmp_path / "shop", "--json")
    assert json.loads(made.stdout) == {"workspace": str(tmp_path / "shop")}
    assert run("init", tmp_path / "shop", "--json").exit_code == 2


def test_the_version_is_an_option_too(run: Run) -> None:
    said = run("--version")
    assert (said.exit_code, said.stdout) == (0, f"heedful {__version__}\n")


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "heedful", "version", "--json"], capture_output=True, check=True
    )
    assert json.loads(done.stdout) == {"version": __version__}


def test_a_source_keeps_the_key_that_its_sdks_carry(run: Run, workspace: Path) -> None:
    made = ("keys", "create", "--name", "web", "--dir", workspace, "--json", "--write-key", "WK")
    assert json.loads(run(*made, "--role", "source").stdout) == {"key": "WK"}
    again = ("keys", "create", "--name", "boss", "--dir", workspace, "--write-key", "WK2")
    assert run(*again, "--role", "owner").exit_code == 2
