"""What a watcher of the stream reads: all that is new, in its order, and nothing twice."""

from __future__ import annotations

import pytest

from heedful.engine.stream import Notice, Stream


def notices(*seqs: int) -> list[Notice]:
    return [Notice(seq, "event", 0, f"c_{place}") for place, seq in enumerate(seqs)]


@pytest.mark.parametrize("seq", range(8))
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_what_is_new_is_read_though_some_name_an_older_event(seq: int, limit: int) -> None:
    stream, said = Stream(), notices(1, 2, 4, 3, 6, 5, 5, 7)
    stream.publish(said[:3])
    stream.publish(said[3:])
    assert stream.after(seq, limit) == [one for one in said if one.seq > seq][:limit]
