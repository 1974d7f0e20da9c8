"""Links with which people unsubscribe."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.connectors import Unsubscription, read_unsubscribe_token, unsubscribe_token
from heedful.connectors.unsubscribe import TOKEN_CHARS_MAX

NAMES = st.text(st.characters(codec="utf-8"), max_size=40)


@given(st.binary(max_size=100), NAMES, NAMES, NAMES, NAMES)
def test_a_token_is_read_back(
    secret: bytes, customer: str, channel: str, purpose: str, decision: str
) -> None:
    token = unsubscribe_token(secret, customer, channel, purpose, decision_id=decision)
    assert token.isascii()
    assert set("+/= \r\n").isdisjoint(token)
    wanted = Unsubscription(customer, channel, purpose, decision)
    assert read_unsubscribe_token(secret, token) == wanted
    assert read_unsubscribe_token(secret + b"!", token) is None


def test_a_token_says_nothing_to_others() -> None:
    token = unsubscribe_token(b"s", "c_aaaaaaaaaaaaa", "email", "marketing")
    raw = base64.urlsafe_b64decode(token + "==")
    for word in (b"c_aaaa", b"email", b"marketing"):
        assert word not in raw
    assert len(token) < 100


def test_no_bit_of_a_token_can_be_changed() -> None:
    token = unsubscribe_token(b"s", "c_1", "email", "marketing")
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    for place in range(len(raw) * 8):
        forged = bytearray(raw)
        forged[place // 8] ^= 1 << place % 8
        text = base64.urlsafe_b64encode(forged).decode().rstrip("=")
        assert read_unsubscribe_token(b"s", text) is None


@pytest.mark.parametrize(
    "token", ["", "a", "=", "é", "a b", "AAAA", "A" * 64, "A" * (TOKEN_CHARS_MAX + 1), "\ud800"]
)
def test_what_is_no_token_is_none(token: str) -> None:
    assert read_unsubscribe_token(b"s", token) is None


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert read_unsubscribe_token(b"s", text) is None
