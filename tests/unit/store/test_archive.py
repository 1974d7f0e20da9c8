"""Old events in files: where they stand, how they prove themselves, how an erasure reaches them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from heedful.ports import LogRow, StoreUnavailable, Transaction
from heedful.store import SqliteSettings, SqliteStore
from heedful.store import archive as archive_module
from heedful.store import moving as moving_module

SETTINGS = SqliteSettings(ballast_bytes=0, free_bytes_min=0)
FRAGMENTS = 3
EVENTS = 100


def described(body: bytes) -> dict[str, str | int | None]:
    return {"said": body.decode(), "received_at": len(body), "user_id": None}


def rows(count: int, start: int = 1) -> list[LogRow]:
    return [
        LogRow(seq % FRAGMENTS, 1_000 + seq, seq, seq, f"event {seq}".encode())
        for seq in range(start, start + count)
    ]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """A store with a hundred events, whose files hold forty each."""
    monkeypatch.setattr(moving_module, "ARCHIVE_ROWS", 40)
    monkeypatch.setattr(archive_module, "GROUP_ROWS", 8)
    made = SqliteStore(str(tmp_path / "heedful.db"), SETTINGS)
    made.write(lambda tx: tx.append(rows(EVENTS)))
    yield made
    made.close()


def files(store: SqliteStore) -> list[Path]:
    return sorted(Path(f"{store.path}.archive").iterdir())


def hot(store: SqliteStore) -> list[int]:
    """List what stands in the table of events itself."""
    found = store.read(lambda tx: tx.execute("SELECT seq FROM events ORDER BY 1").fetchall())  # type: ignore[attr-defined]
    return [row[0] for row in found]


def whole_log(store: SqliteStore) -> list[LogRow]:
    return store.read(lambda tx: tx.log(0, 10_000))


def of(store: SqliteStore, fragments: Sequence[int]) -> list[LogRow]:
    return store.read(lambda tx: list(tx.events_of(fragments)))


def test_what_is_old_is_in_files_and_read_as_before(store: SqliteStore) -> None:
    before = (whole_log(store), [of(store, [n]) for n in range(FRAGMENTS)], store.stats()[:3])
    steps: list[tuple[int, int]] = []
    moved = store.archive(1_091, described, progress=lambda *step: steps.append(step))
    assert (moved.events, moved.files) == (90, 3)
    assert steps == [(40, 90), (80, 90), (90, 90)]
    assert hot(store) == list(range(91, 101))
    after = (whole_log(store), [of(store, [n]) for n in range(FRAGMENTS)], store.stats()[:3])
    assert after == before
    assert store.archive(1_091, described).events == 0


def test_a_page_of_the_log_may_span_files_and_the_table(store: SqliteStore) -> None:
    before = [store.read(lambda tx, n=n: tx.log(n, 37)) for n in range(EVENTS)]  # type: ignore[misc]
    store.archive(1_061, described, keep=[2])
    assert [store.read(lambda tx, n=n: tx.log(n, 37)) for n in range(EVENTS)] == before  # type: ignore[misc]


def test_fragments_that_are_kept_stay_in_the_table(store: SqliteStore) -> None:
    store.archive(1_061, described, keep=[0])
    assert hot(store) == [n for n in range(1, 101) if n % FRAGMENTS == 0 or n > 60]


def test_the_files_can_be_analysed_by_others(store: SqliteStore) -> None:
    store.archive(1_041, described)
    (path,) = files(store)
    table = pq.read_table(path)
    types = {name: str(table.schema.field(name).type) for name in table.schema.names}
    assert types == {
        "fragment": "int64", "at": "int64", "key": "int64", "seq": "int64", "body": "binary",
        "said": "string", "received_at": "int64", "user_id": "string",
    }  # fmt: skip
    assert sorted(table["said"].to_pylist()) == sorted(f"event {n}" for n in range(1, 41))
    assert table["fragment"].to_pylist() == sorted(table["fragment"].to_pylist())
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_would_not_fill_a_file_may_wait(store: SqliteStore) -> None:
    assert store.archive(1_091, described, only_full=True).events == 80


def test_nothing_behind_a_young_event_is_moved(store: SqliteStore) -> None:
    """The files hold the beginning of the log, whole: an old event that came late waits."""
    store.write(lambda tx: tx.append([LogRow(1, 5, 500, 101, b"late")]))
    store.archive(1_061, described)
    assert hot(store) == list(range(61, 102))


def test_the_bytes_of_the_files_are_bytes_of_the_store(store: SqliteStore) -> None:
    store.archive(1_091, described)
    base = Path(store.path)
    database = sum(
        path.stat().st_size for path in base.parent.glob(f"{base.name}*") if path.is_file()
    )
    archived = sum(path.stat().st_size for path in files(store))
    assert archived > 0
    assert store.stats().bytes_on_disk == database + archived


def test_an_erasure_reaches_the_files(store: SqliteStore) -> None:
    store.archive(1_091, described)
    expected = [row for row in whole_log(store) if row.fragment != 1]
    assert store.write(lambda tx: tx.delete_events([1])) == 34
    assert (whole_log(store), of(store, [1])) == (expected, [])
    assert store.stats().events == 66
    old = files(store)
    store.vacuum()
    assert not set(old) & set(files(store))
    said = [text for path in files(store) for text in pq.read_table(path)["said"].to_pylist()]
    assert sorted(said) == sorted(f"event {n}" for n in range(1, 91) if n % FRAGMENTS != 1)
    assert (whole_log(store), store.stats().events) == (expected, 66)


def test_a_file_of_which_nothing_is_left_goes(store: SqliteStore) -> None:
    store.archive(1_041, described)
    store.write(lambda tx: tx.delete_rows(range(1, 41)))
    store.vacuum()
    assert files(store) == []
    assert [row.seq for row in whole_log(store)] == list(range(41, 101))


def test_a_reader_whose_snapshot_is_older_than_a_rewriting_reads_on(store: SqliteStore) -> None:
    store.archive(1_091, described)

    def read(tx: Transaction) -> list[LogRow]:
        assert tx.last_seq() == EVENTS
        store.write(lambda other: other.delete_events([1]))
        store._archives._files.clear()
        for path in files(store):
            newer = path.name.replace("-0000-", "-0001-")
            path.rename(path.with_name(newer))
        return list(tx.events_of([2]))

    assert len(store.read(read)) == 33


def test_a_crash_before_the_database_lists_a_file_costs_nothing(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def crash(*_: object, **__: object) -> bool:
            raise ZeroDivisionError

        patch.setattr(moving_module, "_move", crash)
        with pytest.raises(ZeroDivisionError):
            store.archive(1_041, described)
    assert len(files(store)) == 1
    assert hot(store) == list(range(1, 101))
    assert store.archive(1_021, described).events == 20
    assert len(files(store)) == 1, "the file that nobody lists is gone"


def test_who_is_erased_while_a_file_is_written_is_not_in_it(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = archive_module.Archives.write
    deletions: list[Callable[[Transaction], int]] = [lambda tx: tx.delete_events([1])]

    def slow(self: archive_module.Archives, *args: object) -> archive_module.ArchiveFile:
        made = write(self, *args)  # type: ignore[arg-type]
        if deletions:
            store.write(deletions.pop())
        return made

    monkeypatch.setattr(archive_module.Archives, "write", slow)
    assert store.archive(1_041, described).events == 26
    assert {row.fragment for row in whole_log(store)} == {0, 2}
    said = [text for path in files(store) for text in pq.read_table(path)["said"].to_pylist()]
    assert not [text for text in said if int(text.split()[1]) % FRAGMENTS == 1]


@pytest.mark.parametrize("harm", ["damaged", "missing"])
def test_a_file_that_is_not_what_it_was_is_refused_in_words(store: SqliteStore, harm: str) -> None:
    store.archive(1_041, described)
    (path,) = files(store)
    if harm == "missing":
        path.unlink()
    else:
        body = bytearray(path.read_bytes())
        body[len(body) // 2] ^= 1
        path.write_bytes(body)
    with pytest.raises(StoreUnavailable) as refused:
        of(store, [1])
    assert refused.value.code == f"archive_{harm}"
    assert len(hot(store)) == 60
