"""kill -9 between the release of a message and its call, and between the call and its answer.

What goes out at most once is then never sent again, and a person is told (a dead letter); what
goes out at least once is sent again under the same id, which its receiver knows again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
RUN_S = 120


def run(folder: Path, once: str, when: str) -> subprocess.CompletedProcess[str]:
    """Run one life of the process to its end."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [
            *(sys.executable, "-m", "tests.faults.releasing"),
            *(str(folder / "shop.db"), str(folder / "calls"), once, when),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )


def lives(folder: Path, once: str, when: str) -> tuple[Any, list[str]]:
    """Let it die once and live once; give what the second one found, and the calls that arrived."""
    first = run(folder, once, when)
    assert first.returncode == -9, first.stderr
    second = run(folder, once, "never")
    assert second.returncode == 0, second.stderr
    calls = folder / "calls"
    return json.loads(second.stdout), calls.read_text().split() if calls.exists() else []


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_goes_out_at_most_once_is_never_sent_again(tmp_path: Path, when: str) -> None:
    found, calls = lives(tmp_path, "once", when)
    assert found["states"] == [["email", "dead", "unknown_lease_ended"]]
    assert len(calls) == (when == "after")
    assert found["released"] == [["cart_mail", "email"]]


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_goes_out_at_least_once_is_sent_again_under_its_id(tmp_path: Path, when: str) -> None:
    found, calls = lives(tmp_path, "least", when)
    assert found["states"] == [["email", "delivered", "done"]]
    assert (len(calls), len(set(calls))) == (2 if when == "after" else 1, 1)
    # Caps count it once, however often it is called
    assert found["released"] == [["cart_mail", "email"]]
