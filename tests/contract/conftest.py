"""Every back end of the store, as the contract suite sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from heedful.ports import Store
from heedful.store import SqliteSettings, SqliteStore
from heedful.store.memory import MemoryStore

SETTINGS = SqliteSettings(ballast_bytes=0, free_bytes_min=0)

BACK_ENDS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": lambda folder: SqliteStore(str(folder / "heedful.db"), SETTINGS),
}


@pytest.fixture(params=sorted(BACK_ENDS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """One empty store of each kind."""
    made = BACK_ENDS[request.param](tmp_path)
    yield made
    made.close()
