"""The store: durable state of one workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from heedful.ports.transaction import Transaction

T = TypeVar("T")


class StoreStats(NamedTuple):
    """Sizes for `doctor` and the metrics."""

    customers: int
    events: int
    quarantined: int
    bytes_on_disk: int
    """Of the database and of the files that archiving made."""
    bytes_free: int


class Archived(NamedTuple):
    """What an archiving moved."""

    events: int
    files: int
    bytes: int


class Store(Protocol):
    """Durable state of one workspace.

    Obligations: `write` returns only after its transaction is durable (on the disk, not in a
    buffer); a transaction that raises leaves no trace; readers see a committed snapshot and never
    wait for a writer.
    """

    def write(self, work: Callable[[Transaction], T], *, makes_room: bool = False) -> T:
        """Run `work` in one read-write transaction and commit it; one at a time, never nested.

        Parameters
        ----------
        makes_room
            Whether `work` deletes, or is small and may not wait, such as a person's no. It is then
            let through on a disk that is almost full, where other writes are refused, and may be
            run twice.

        Raises
        ------
        StaleWrite
            Another worker was faster; run the whole step again.
        StoreFull
            Nothing was kept; answer 503 and let the operator free space.
        """

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a committed snapshot; writing in it is an error. Any thread may call."""

    def backup(self, target: str, progress: Callable[[int, int], None] | None = None) -> None:
        """Write a consistent copy to a new file while work goes on; `progress(done, total)`."""

    def archive(
        self,
        before_at: int,
        describe: Callable[[bytes], Mapping[str, str | int | None]],
        *,
        keep: Sequence[int] = (),
        only_full: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Archived:
        """Move the beginning of the log, up to the first event that is younger, into files.

        Obligations: every reading method goes on giving the events that were moved, and deleting
        reaches them. A back end that has no files moves nothing.

        Parameters
        ----------
        describe
            Names what an event says, for columns beside its bytes; names of times end in `_at`.
        keep
            Fragments whose events stay.
        only_full
            Leave what would not fill a file.
        """

    def vacuum(self) -> None:
        """Rewrite the store so that no deleted byte remains in it."""

    def stats(self) -> StoreStats:
        """Measure the store."""

    def close(self) -> None:
        """Let go of everything; `write` and `read` fail afterwards."""
