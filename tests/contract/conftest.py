"""Every back end of the store, as the contract suite sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from heedful.ports import Store, Transaction
from heedful.store import SqliteSettings, SqliteStore
from heedful.store.memory import MemoryStore

SETTINGS = SqliteSettings(ballast_bytes=0, free_bytes_min=0)

T = TypeVar("T")
FOREVER = (1 << 63) - 1


class ArchivingStore(SqliteStore):
    """A store that has moved everything into archives whenever somebody looks."""

    def write(self, work: Callable[[Transaction], T], *, makes_room: bool = False) -> T:
        done = super().write(work, makes_room=makes_room)
        if not self._archiving.locked():
            self.archive(FOREVER, lambda body: {})
        return done


BACK_ENDS: dict[str, Callable[[Path], Store]] = {
    "archived": lambda folder: ArchivingStore(str(folder / "heedful.db"), SETTINGS),
    "memory": lambda folder: MemoryStore(),
    "sqlite": lambda folder: SqliteStore(str(folder / "heedful.db"), SETTINGS),
}


@pytest.fixture(params=sorted(BACK_ENDS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """One empty store of each kind."""
    made = BACK_ENDS[request.param](tmp_path)
    yield made
    made.close()
