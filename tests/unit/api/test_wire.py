"""A request's body as the hot routes read it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from heedful.api.bodies import Question, decoded
from heedful.api.cors import preflight, with_origin
from heedful.api.roles import methods_of
from heedful.api.wire import DRAIN_BYTES_MAX, Receive, answered_after_body, in_time, read_body
from heedful.kernel import InputError

LEFT = {"type": "http.disconnect"}


def parts(*bodies: bytes) -> list[dict[str, Any]]:
    last = len(bodies) - 1
    return [
        {"type": "http.request", "body": body, "more_body": i < last}
        for i, body in enumerate(bodies)
    ]


def receiving(messages: list[dict[str, Any]]) -> Receive:
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    return receive


def read(messages: list[dict[str, Any]], limit: int = 10, length: bytes | None = None) -> Any:
    headers = [] if length is None else [(b"content-length", length)]
    return asyncio.run(read_body({"headers": headers}, receiving(messages), limit))


def test_a_body_is_read_whole_from_its_parts() -> None:
    assert read(parts(b"abc")) == b"abc"
    assert read(parts(b"abc", b"", b"def")) == b"abcdef"
    assert read(parts(b"0123456789"), length=b"10") == b"0123456789"


def test_who_left_sent_nothing() -> None:
    assert read([*parts(b"abc", b"")[:1], LEFT]) is None


@pytest.mark.parametrize("length", [b"11", b"9" * 40])
def test_a_stated_length_beyond_the_limit_is_refused_unread(length: bytes) -> None:
    with pytest.raises(InputError) as refused:
        read([], length=length)
    assert refused.value.code == "body_too_large"


@pytest.mark.parametrize("length", [None, b"3", b"-1", b"many"])
def test_a_body_that_goes_on_beyond_the_limit_is_refused_whatever_it_states(
    length: bytes | None,
) -> None:
    with pytest.raises(InputError) as refused:
        read(parts(b"012345", b"678910"), length=length)
    assert refused.value.code == "body_too_large"


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(InputError) as refused:
        asyncio.run(in_time(never, 0)())  # type: ignore[arg-type]
    assert refused.value.code == "body_too_slow"


def test_after_a_whole_body_the_end_is_waited_for_without_end() -> None:
    async def talk() -> list[Any]:
        ended = asyncio.Event()
        waiting = iter(parts(b"abc"))

        async def receive() -> dict[str, Any]:
            for message in waiting:
                return message
            await ended.wait()
            return LEFT

        timed = in_time(receive, 0)  # over as soon as anything is waited for
        first = await timed()
        asyncio.get_running_loop().call_soon(ended.set)
        return [first["body"], (await timed())["type"]]

    assert asyncio.run(talk()) == [b"abc", "http.disconnect"]


@pytest.mark.parametrize(
    ("bodies", "headers", "left"),
    [
        ((b"abc", b"def", b"ghi"), [], 0),  # all is taken in
        ((b"abc",), [], 0),
        ((b"abc", b"def"), [(b"expect", b"100-continue")], 1),  # asks first, so waits already
        ((b"x" * (DRAIN_BYTES_MAX + 1), b"abc", b"def"), [], 2),  # bounded
    ],
    ids=["many", "one", "asks first", "endless"],
)
def test_an_answer_waits_for_the_end_of_the_body(
    bodies: tuple[bytes, ...], headers: list[tuple[bytes, bytes]], left: int
) -> None:
    waiting = parts(*bodies)
    if headers:
        del waiting[0]
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        answers.append((message, len(waiting)))

    _, sent = answered_after_body({"headers": headers}, receive, send)
    asyncio.run(sent({"type": "http.response.start"}))  # type: ignore[arg-type]
    assert answers == [({"type": "http.response.start"}, left)]


def test_a_body_that_was_read_is_not_waited_for() -> None:
    async def talk() -> None:
        async def send(message: Any) -> None:
            pass

        received, sent = answered_after_body({"headers": []}, receiving(parts(b"abc")), send)
        await received()
        await sent({"type": "http.response.start"})  # receiving once more would raise

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("wire", "path"),
    [
        (b'{"customer": {"user_id": 1}}', "$.customer.user_id"),
        (b'{"customer": {"nickname": "x"}}', "$.customer"),
        (b"{}", "$"),
        (b"[]", "$"),
    ],
)
def test_a_slip_is_refused_with_its_place(wire: bytes, path: str) -> None:
    with pytest.raises(InputError) as refused:
        decoded(msgspec.json.Decoder(Question), wire)
    assert refused.value.code == "invalid_request"
    assert [one["path"] for one in refused.value.detail["problems"]] == [path]
    assert f"`{path}`" in refused.value.message


@pytest.mark.parametrize("wire", [b"", b"{", b"\xff", b"hello", b'{"customer":{}}x'])
def test_what_is_no_json_is_refused_as_such(wire: bytes) -> None:
    with pytest.raises(InputError) as refused:
        decoded(msgspec.json.Decoder(Question), wire)
    assert refused.value.message.startswith("Expected a JSON body")


def test_a_browser_may_send_the_headers_of_the_sdks_and_no_others() -> None:
    asked = "authorization, rsa-retry-attempt, x-evil, rsa-bad\r\nheader, rsa-\u00fc"
    said = preflight({"access-control-request-headers": asked})
    allowed = said["Access-Control-Allow-Headers"].split(", ")
    assert allowed[-1] == "rsa-retry-attempt"
    assert "x-evil" not in allowed
    assert "Access-Control-Allow-Credentials" not in said
    assert with_origin({"Retry-After": "2"})["Access-Control-Allow-Origin"] == "*"


def test_the_methods_of_a_path_are_those_of_the_plain_one_before_a_template() -> None:
    assert methods_of("/v1/customers/lookup") == ["POST"]
    assert methods_of("/v1/customers/c_1") == ["DELETE", "GET", "HEAD"]
    assert methods_of("/v1/customers/c_1/inbox") == ["GET", "HEAD"]
    assert methods_of("/v1/decide") == ["POST"]
    assert methods_of("/v1/nowhere") == []
