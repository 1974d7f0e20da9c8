"""From an error to what the caller is told, in the one table."""

from __future__ import annotations

import msgspec
import pytest

from heedful.api.errors import STATUS, answer_to, wrong_method
from heedful.kernel import HeedfulError, InputError, InvariantError, PeerError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("bad_scope", "Expected a scope."), 400),
        (InputError("customer_not_found", "Expected a customer."), 404),
        (InputError("own_approval", "Expected somebody else."), 409),
        (InputError("rate_limited", "Expected less."), 429),
        (PeerError("store_full", "Expected room."), 503),
        (PeerError("anything_of_a_peer", "Expected an answer."), 503),
        (InvariantError("decision_failed", "Expected a decision."), 500),
    ],
)
def test_the_status_follows_from_the_code_and_else_from_whose_fault_it_is(
    error: HeedfulError, status: int
) -> None:
    answer = answer_to(error)
    assert answer.status == status
    said = msgspec.json.decode(answer.body())
    assert said == {"code": error.code, "message": error.message}


def test_a_detail_is_told_where_there_is_one() -> None:
    answer = answer_to(InputError("bad_scope", "Expected a scope.", {"path": "$.scope"}))
    assert msgspec.json.decode(answer.body())["detail"] == {"path": "$.scope"}


@pytest.mark.parametrize(
    "error", [ValueError("ada@example.org"), KeyError("c_1"), OSError("/home/ada")]
)
def test_of_a_fault_of_ours_nothing_is_told_but_that_it_was_ours(error: Exception) -> None:
    answer = answer_to(error)
    assert (answer.status, answer.code, answer.detail) == (500, "internal", {})
    assert str(error.args[0]) not in answer.message


def test_a_body_beyond_the_stack_is_the_callers() -> None:
    answer = answer_to(RecursionError("maximum recursion depth exceeded"))
    assert (answer.status, answer.code) == (400, "too_deep")


@pytest.mark.parametrize(("wanted", "said"), [(7, "7"), (0, "1"), (100_000, "300"), (2.9, "2")])
def test_when_to_come_again_is_a_bounded_whole_number(wanted: float, said: str) -> None:
    error = InputError("rate_limited", "Expected less.", {"retry_after_s": wanted})
    headers = answer_to(error).headers()
    assert headers == {"Retry-After": said, "X-RateLimit-Reset": said}


def test_who_is_told_to_come_again_is_told_when() -> None:
    for code, status in STATUS.items():
        kind = PeerError if status == 503 else InputError
        has_when = "Retry-After" in answer_to(kind(code, "Expected.", {"allow": []})).headers()
        assert has_when == (status in {429, 503}), code


def test_a_wrong_method_names_the_right_ones() -> None:
    assert answer_to(wrong_method(["GET", "POST"])).headers() == {"Allow": "GET, POST"}


def test_a_connection_whose_body_is_not_read_ends() -> None:
    for code in ("body_too_large", "body_too_slow"):
        assert answer_to(InputError(code, "Expected.")).headers() == {"Connection": "close"}
