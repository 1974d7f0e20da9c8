"""Files of events: their shapes, their bad lines, and going on after an interruption."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from heedful.cli.formats import read_lines
from heedful.cli.importing import BATCH_EVENTS_MAX
from heedful.kernel import InputError
from tests.unit.cli.conftest import Fake, Run

AT = "2026-01-01T00:00:00Z"


def event(number: int, **more: Any) -> dict[str, Any]:
    said = {"type": "track", "event": "E", "userId": f"u{number}", "timestamp": AT}
    return {**said, "messageId": f"m{number}", **more}


def write(path: Path, *lines: Any) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    data = ("\n".join(texts) + "\n").encode()
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


@pytest.fixture(autouse=True)
def quarantine(fake: Fake) -> None:
    fake.on("GET", "/v1/quarantine", {"items": []})
    fake.on("GET", "/v1/doctor", {"sources": []})
    fake.on("GET", "/v1/keys", {"items": []})


@pytest.fixture
def taking(fake: Fake) -> Fake:
    fake.on("POST", "/v1/import", {"success": True})
    return fake


def sent(fake: Fake) -> list[str]:
    batches = [body["batch"] for method, _, body in fake.asked if method == "POST"]
    return [item["messageId"] for batch in batches for item in batch]


def test_lines_that_are_no_events_are_named_and_the_rest_lands(
    taking: Fake, run: Run, tmp_path: Path
) -> None:
    file = write(tmp_path / "e.jsonl", event(1), "no json", "", "[]", {"type": "x"}, event(2))
    said = run("import", file, "--dir", tmp_path)
    assert said.exit_code == 1
    assert sent(taking) == ["m1", "m2"]
    assert [line.split(":")[1] for line in said.stderr.splitlines()] == ["2", "4", "5"]
    assert "2 events from 1 file." in said.stdout


def test_a_line_whose_time_cannot_be_read_is_named_and_not_taken_as_now(
    taking: Fake, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "e.csv"
    cells = ("01.03.2026", "2026-02-30T10:00:00Z", "2026-03-01", "1767225600000")
    rows = [f"{cell},E,u1,m{at}" for at, cell in enumerate(cells)]
    file.write_text("\n".join(["timestamp,event,userId,messageId", *rows, ""]))
    said = run("import", file, "--dir", tmp_path)
    assert said.exit_code == 1
    assert sent(taking) == ["m2", "m3"]
    assert said.stderr.splitlines() == [
        f"{file}:2: Expected a time such as 2026-01-31T12:00:00Z, got '01.03.2026'"
        " - at `timestamp`.",
        f"{file}:3: Expected a time such as 2026-01-31T12:00:00Z, got '2026-02-30T10:00:00Z'"
        " - at `timestamp`.",
    ]
    assert "2 lines left out." in said.stdout


def test_events_that_the_server_refuses_are_counted_and_end_with_1(
    fake: Fake, run: Run, tmp_path: Path
) -> None:
    """Also where all of them were, and where they were refused before the import was cut."""
    file = write(tmp_path / "e.jsonl", event(1), event(2))
    fake.on("POST", "/v1/import", {"success": True, "refused": 2})
    said = run("import", file, "--dir", tmp_path)
    assert said.exit_code == 1
    assert "0 events from 1 file.\n2 events refused." in said.stdout
    fake.on("POST", "/v1/import", {"success": True, "refused": 1})
    said = run("import", file, "--dir", tmp_path, "--again", "--json")
    assert said.exit_code == 1
    assert (json.loads(said.stdout)["events"], json.loads(said.stdout)["refused"]) == (1, 1)


def test_an_import_that_was_cut_goes_on_where_it_was(fake: Fake, run: Run, tmp_path: Path) -> None:
    count = BATCH_EVENTS_MAX + 10
    file = write(tmp_path / "e.jsonl.gz", *(event(n) for n in range(count)))
    gone = (500, {"code": "internal", "message": "Gone."}, {})
    fake.on("POST", "/v1/import", [{"success": True}, gone, {"success": True}])
    cut = run("import", file, "--dir", tmp_path)
    assert cut.exit_code == 3
    assert "The same command goes on from here." in cut.stderr
    fake.asked.clear()
    on = run("import", file, "--dir", tmp_path, "--json")
    assert on.exit_code == 0
    assert sent(fake) == [f"m{n}" for n in range(BATCH_EVENTS_MAX, count)]
    assert json.loads(on.stdout)["events"] == 10
    fake.asked.clear()
    assert "--again" in run("import", file, "--dir", tmp_path).stderr
    assert sent(fake) == []


def test_what_was_left_out_before_is_said_and_ends_with_1_again(
    fake: Fake, run: Run, tmp_path: Path
) -> None:
    """Whether the import was cut behind it or had come to its end."""
    count = BATCH_EVENTS_MAX + 10
    file = write(tmp_path / "e.jsonl", "no json", *(event(n) for n in range(count)))
    gone = (500, {"code": "internal", "message": "Gone."}, {})
    fake.on("POST", "/v1/import", [{"success": True, "refused": 3}, gone, {"success": True}])
    assert run("import", file, "--dir", tmp_path).exit_code == 3
    on = run("import", file, "--dir", tmp_path)
    assert on.exit_code == 1
    assert "11 events from 1 file.\n3 events refused before.\n1 line left out before." in on.stdout
    done = run("import", file, "--dir", tmp_path)
    assert done.exit_code == 1
    assert "0 events from 0 files.\n3 events refused before." in done.stdout
    again = run("import", file, "--dir", tmp_path, "--json")
    said = json.loads(again.stdout)
    assert again.exit_code == 1
    assert said["before"] == {"events": count - 3, "refused": 3, "suppressed": 0, "problems": 1}
    assert (said["refused"], said["files"][0]["was_done"]) == (0, True)


def test_what_waits_for_other_reasons_is_not_pointed_at(
    taking: Fake, run: Run, tmp_path: Path
) -> None:
    taking.on("GET", "/v1/quarantine", {"items": [{"id": 1}]})
    for lines in ((event(1),), (event(2), "no json")):
        said = run("import", write(tmp_path / "e.jsonl", *lines), "--dir", tmp_path)
        assert "quarantine" not in said.stdout
    taking.on("POST", "/v1/import", {"success": True, "refused": 1})
    said = run("import", write(tmp_path / "e.jsonl", event(3)), "--dir", tmp_path)
    assert "quarantine list" in said.stdout


def test_a_resume_point_is_of_one_file_and_one_source(
    taking: Fake, run: Run, tmp_path: Path
) -> None:
    file = write(tmp_path / "e.jsonl", event(1))
    for source in ("web", "app"):
        run("import", file, "--dir", tmp_path, "--source", source)
    write(file, event(1), event(2))
    run("import", file, "--dir", tmp_path, "--source", "web")
    assert sent(taking) == ["m1", "m1", "m1", "m2"]


def test_a_busy_server_is_waited_for(fake: Fake, run: Run, tmp_path: Path) -> None:
    busy = (503, {"code": "too_busy", "message": "Later."}, {"retry-after": "0"})
    fake.on("POST", "/v1/import", [busy, busy, {"success": True}])
    assert run("import", write(tmp_path / "e.jsonl", event(1)), "--dir", tmp_path).exit_code == 0
    assert sent(fake) == ["m1", "m1", "m1"]


def items(path: Path, kind: str) -> list[dict[str, Any] | None]:
    return [line.item for line in read_lines(path, kind)]


def test_a_csv_says_by_its_header_where_columns_go(tmp_path: Path) -> None:
    file = write(
        tmp_path / "e.csv",
        "event,userId,timestamp,properties.price,properties.sku,context.page.path,traits.vip",
        f"Bought,7,{AT},19.90,007,/a,true",
        f'"A, B",,{AT},,,,',
    )
    assert items(file, "csv") == [
        {
            "event": "Bought",
            "type": "track",
            "userId": "7",
            "timestamp": AT,
            "properties": {"price": 19.9, "sku": "007"},
            "context": {"page": {"path": "/a"}},
            "traits": {"vip": True},
        },
        {"event": "A, B", "type": "track", "timestamp": AT},
    ]


def test_a_csv_as_a_table_gives_it_says_enough(tmp_path: Path) -> None:
    file = write(
        tmp_path / "e.csv",
        "type,event,user_id,anonymous_id,timestamp,revenue,category_id,properties.price,email",
        f"track,Bought,7,a,{AT},19.90,3,5,",
        f"identify,,7,,{AT},,,,a@b.c",
    )
    assert items(file, "csv") == [
        {
            "type": "track",
            "event": "Bought",
            "userId": "7",
            "anonymousId": "a",
            "timestamp": AT,
            "properties": {"revenue": 19.9, "category_id": 3, "price": 5},
        },
        {"type": "identify", "userId": "7", "timestamp": AT, "traits": {"email": "a@b.c"}},
    ]


@pytest.mark.parametrize("slip", ["usr_id", "userid", "timestamps", ""], ids=repr)
def test_a_column_that_is_nearly_a_field_is_no_property(tmp_path: Path, slip: str) -> None:
    with pytest.raises(InputError) as refused:
        items(write(tmp_path / "e.csv", f"event,timestamp,{slip}"), "csv")
    assert refused.value.code == "bad_header"


def test_an_archive_with_names_of_columns_is_read_alike(tmp_path: Path) -> None:
    said = {"type": "track", "event": "Bought", "user_id": "7", "original_timestamp": AT}
    [item] = items(write(tmp_path / "e.jsonl", said), "segment")
    assert item == {"type": "track", "event": "Bought", "userId": "7", "timestamp": AT}


def test_a_bad_row_of_a_csv_does_not_end_the_file(tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    rows = [b"event,timestamp", b"A,2026-01-01", b"\xff,x", b"too,many,cells", b"B,2026-01-02", b""]
    file.write_bytes(b"\n".join(rows))
    assert [line.item is not None for line in read_lines(file, "csv")] == [True, False, False, True]


@pytest.mark.parametrize(
    ("header", "hint"), [("event,timestmp", "timestamp"), ("event", "timestamp"), ("", "timestamp")]
)
def test_a_header_that_says_nothing_is_refused(tmp_path: Path, header: str, hint: str) -> None:
    with pytest.raises(InputError, match=hint) as refused:
        items(write(tmp_path / "e.csv", header), "csv")
    assert refused.value.code == "bad_header"


def test_archives_keep_what_the_sdk_said_and_the_corrected_time(tmp_path: Path) -> None:
    archived = {
        **event(1, type="identify"),
        "sentAt": "2020-01-01T00:00:00Z",
        "originalTimestamp": "2020-01-01T00:00:00Z",
        "receivedAt": "2020-01-01T00:00:00Z",
        "projectId": "p",
        "rudderId": "r",
        "context": {"traits": {"email": "a@b.c"}},
    }
    file = write(tmp_path / "e.gz", archived)
    [item] = items(file, "rudderstack")
    assert item is not None
    assert item["timestamp"] == AT
    assert item["traits"] == {"email": "a@b.c"}
    assert not {"sentAt", "receivedAt", "originalTimestamp", "projectId", "rudderId"} & set(item)


def test_what_stands_beside_a_group_is_the_persons_and_not_the_groups(tmp_path: Path) -> None:
    said = {**event(1, type="group"), "groupId": "g1", "context": {"traits": {"email": "a@b.c"}}}
    [item] = items(write(tmp_path / "e.jsonl", said), "rudderstack")
    assert item is not None
    assert "traits" not in item


@pytest.mark.parametrize(
    ("type_", "got"), [(None, "got none."), ("trck", "got 'trck'."), (7, "got a number.")]
)
def test_a_line_without_a_call_says_what_stands_there(tmp_path: Path, type_: Any, got: str) -> None:
    said = {"type": type_, "timestamp": AT, "userId": "u1"}
    [line] = read_lines(write(tmp_path / "e.jsonl", said), "jsonl")
    assert line.problem.endswith(got)


def test_a_torn_gzip_file_is_refused_in_words(taking: Fake, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "e.jsonl.gz", event(1))
    file.write_bytes(file.read_bytes()[:-10])
    said = run("import", file, "--dir", tmp_path)
    assert said.exit_code == 2
    assert "gzip" in said.stderr


def test_an_endless_line_is_reported_and_left(tmp_path: Path) -> None:
    file = write(tmp_path / "e.jsonl", "x" * 3_000_000, event(1))
    assert [line.item is not None for line in read_lines(file, "jsonl")] == [False, True]
