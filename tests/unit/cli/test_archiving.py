"""Old history in files: the command, and that nothing else notices."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pyarrow.parquet as pq

from heedful.cli.answers import WRONG
from heedful.kernel import format_instant
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_real import HISTORY, Shop, shop

__all__ = ["shop"]  # a fixture

LATER = {
    "type": "track",
    "event": "Product Viewed",
    "messageId": "new",
    "userId": "ada",
    "timestamp": format_instant(time.time_ns() // 1_000_000),
}


def test_what_is_old_moves_and_every_command_says_the_same(
    shop: Shop, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "later.jsonl"
    file.write_text(json.dumps(LATER) + "\n", "utf-8")
    shop.says("import", str(file))
    asked = (
        ("customer", "graph", "user_id:ada"),
        ("customer", "timeline", "user_id:ada"),
        ("replay",),
    )
    before = [shop.gives(*command) for command in asked]
    moved = shop.gives("archive", "--older-than", "1", "--shrink")
    assert (moved["events"], moved["files"]) == (len(HISTORY) - 1, 1), "all but who is nobody"
    after = [shop.gives(*command) for command in asked]
    assert after == before
    assert after[-1]["is_equal"]
    assert "Nothing is old enough." in shop.says("archive", "--older-than", "1")


def test_erasing_reaches_the_files_and_a_backup_holds_them(
    shop: Shop, run: Run, tmp_path: Path
) -> None:
    shop.says("archive", "--older-than", "1")
    backup, restored = tmp_path / "monday", tmp_path / "restored"
    shop.says("backup", str(backup))
    assert run("restore", backup, restored).exit_code == 0
    there = run("customer", "timeline", "user_id:ada", "--json", "--dir", restored)
    assert len(json.loads(there.stdout)["items"]) == 5
    assert json.loads(run("replay", "--json", "--dir", restored).stdout)["is_equal"]
    shop.says("customer", "erase", "user_id:ada", "--yes")
    assert users(shop.directory) == {"ben"}
    assert shop.gives("replay")["is_equal"]
    assert run("restore", backup, shop.directory, "--yes").exit_code == 0
    shop.says("customer", "show", "user_id:ada", code=1)
    shop.says("archive", "--older-than", "1", "--shrink")
    assert users(shop.directory) == {"ben"}


def users(directory: Path) -> set[str | None]:
    """List whom the archives of a workspace name."""
    files = sorted((directory / "heedful.db.archive").iterdir())
    return {user for file in files for user in pq.read_table(file)["user_id"].to_pylist()}


def test_an_age_has_to_be_said_somewhere(shop: Shop) -> None:
    shop.says("archive", code=WRONG)
    with (shop.directory / "heedful.yaml").open("a", encoding="utf-8") as settings:
        settings.write("archive_days: 1\n")
    assert shop.gives("archive")["events"]
