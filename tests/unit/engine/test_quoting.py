"""Rows of the quarantine that belong to a person because they quote what names them."""

from __future__ import annotations

import pytest

from heedful.engine.rights import QUOTED_CHARS_MIN, quarantine_of
from heedful.kernel import canonical
from heedful.ports import QuarantineRow
from heedful.store.memory import MemoryStore

MAIL = "ada@example.org"


def found(body: str, *quoted: str) -> bool:
    store = MemoryStore()
    row = QuarantineRow(0, 1, "web", "no_user_anon_id", "", canonical.encode([7]), body.encode())
    store.write(lambda tx: tx.quarantine([row]))
    return bool(store.read(lambda tx: list(quarantine_of(tx, [], quoted))))


@pytest.mark.parametrize(
    "body", ['{"who":"ada@example.org"}', "write to ADA@example.org, please", "ada@example.org"]
)
def test_a_row_about_nobody_that_quotes_an_address_is_found(body: str) -> None:
    assert found(body, "u1", MAIL)


@pytest.mark.parametrize("body", ["mada@example.org", "ada@example.organic", "ada@exampleXorg", ""])
def test_one_that_only_reads_alike_is_not(body: str) -> None:
    assert not found(body, MAIL)


def test_a_value_that_says_too_little_finds_nothing() -> None:
    short = "x" * (QUOTED_CHARS_MIN - 1)
    assert not found(short, short)
    assert found(short + "x", short + "x")
    assert not found("anything")
