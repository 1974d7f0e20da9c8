from __future__ import annotations

import gzip
import zlib

import pytest

from heedful.ingest import IngestLimits, inflate
from heedful.kernel import InputError

BODY = b'{"batch": []}'


def code_of(body: bytes, encoding: str | None, limits: IngestLimits | None = None) -> str:
    with pytest.raises(InputError) as caught:
        inflate(body, encoding, limits or IngestLimits())
    return caught.value.code


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP ", None, "", "identity", "br"])
def test_gzip_is_known_by_its_magic_whatever_the_header_says(encoding: str | None) -> None:
    assert inflate(gzip.compress(BODY), encoding) == BODY


def test_deflate_comes_with_and_without_the_zlib_header() -> None:
    raw = zlib.compressobj(wbits=-15)
    assert inflate(zlib.compress(BODY), "deflate") == BODY
    assert inflate(raw.compress(BODY) + raw.flush(), "deflate") == BODY


def test_plain_json_passes_even_if_the_header_says_gzip() -> None:
    assert inflate(BODY, None) == BODY
    assert inflate(b" " + BODY, "gzip") == b" " + BODY


def test_the_members_of_one_stream_are_joined_and_padding_is_ignored() -> None:
    assert inflate(gzip.compress(b"[1,") + gzip.compress(b"2]") + b"\0\0", "gzip") == b"[1,2]"


def test_a_bomb_is_refused_at_the_limit() -> None:
    bomb = gzip.compress(bytes(100 * 1024 * 1024))
    assert len(bomb) < 110_000
    assert code_of(bomb, "gzip") == "inflate_over_limit"


def test_the_limit_counts_all_members_and_is_exact() -> None:
    limits = IngestLimits(body_bytes_max=10)
    twice = gzip.compress(b"12345") + gzip.compress(b"67890")
    assert inflate(twice, "gzip", limits) == b"1234567890"
    assert code_of(twice + gzip.compress(b"!"), "gzip", limits) == "inflate_over_limit"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(BODY)[:-9], id="no trailer"),
        pytest.param(gzip.compress(BODY)[:-1], id="one byte short"),
        pytest.param(gzip.compress(BODY)[:5], id="half a header"),
        pytest.param(b"\x1f\x8bnonsense", id="magic and nonsense"),
        pytest.param(gzip.compress(BODY) + b"trailing", id="trailing bytes"),
        pytest.param(gzip.compress(BODY)[:-5] + b"12345", id="wrong length"),
        pytest.param(gzip.compress(b"") * 65, id="too many members"),
        pytest.param(b"nonsense", id="no gzip at all"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_damaged_stream_is_bad_gzip(body: bytes) -> None:
    assert code_of(body, "gzip") == "bad_gzip"


def test_another_compression_is_named() -> None:
    assert code_of(BODY, "br") == "unknown_encoding"
