"""The audit chain of a workspace at work: what it holds, and that nobody can change it unseen."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import pytest

from heedful.engine.governing import PAGE
from heedful.govern import Head, SignedHead, audit, verify
from heedful.kernel import public_id
from heedful.ports import AuditRow
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.test_governing import CREDIT
from tests.unit.govern.test_audit import PRIVATE, PUBLIC, rehashed


def busy(here: Acting) -> None:
    """Do something of every kind that the chain holds."""
    governing = here.engine.governing
    here.engine.publish(here.world, "v1", "ann")
    here.meet()
    here.track("Product Added", user_id="u1")
    here.dispatch()
    here.fail_to_pay()
    here.dispatch()
    (asked,) = governing.approvals()
    governing.vote(asked.id, "bob", True, "they can pay it back")
    here.dispatch()
    governing.stop("channel:sms", "ann", "a wrong number")
    here.meet("u2")
    here.engine.erase(here.who("user_id", "u2"))


@pytest.fixture(scope="module")
def chain() -> tuple[list[bytes], SignedHead]:
    """Give the lines of a busy workspace, and a head that was signed before the last two."""
    with acting(CREDIT) as here:
        busy(here)
        anchor = here.engine.governing.signed_head(PRIVATE)
        here.meet("u3")
        here.track("Product Added", user_id="u3")
        here.dispatch()
        assert here.engine.governing.verify_audit([anchor], PUBLIC).is_intact
        return list(here.engine.governing.audit_lines()), anchor


def test_the_chain_holds_every_kind_of_word(chain: tuple[list[bytes], SignedHead]) -> None:
    kinds = {audit.describe(line)["kind"] for line in chain[0]}
    assert kinds == {"decision", "release", "publication", "approval", "switch", "erasure"}


def test_the_chain_proves_the_bytes_of_a_decision_and_names_nobody() -> None:
    with acting(CREDIT) as here:
        busy(here)
        decision = here.decided()[-1]
        row = here.store.read(lambda tx: tx.decisions([decision.id]))[decision.id]
        lines = [audit.describe(line) for line in here.engine.governing.audit_lines()]
        (proof,) = [one for one in lines if one["subject"] == public_id("d", decision.id)][:1]
        assert proof["body"]["digest"] == blake2b(row.body, digest_size=16).hexdigest()
        text = b"".join(here.engine.governing.audit_lines())
        for private in (b"u1", b"Ada", b"example.org", here.who("user_id", "u1").encode()):
            assert private not in text


def _flip(lines: list[bytes]) -> list[bytes]:
    place = next(i for i, line in enumerate(lines) if b'"to":"email"' in line)
    return [*lines[:place], lines[place].replace(b'"email"', b'"emial"'), *lines[place + 1 :]]


def _reorder(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def _rehash(lines: list[bytes]) -> list[bytes]:
    return rehashed(_flip(lines), 0)


FORGERIES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "flip": _flip,
    "delete": lambda lines: [*lines[:2], *lines[3:]],
    "reorder": _reorder,
    "truncate": lambda lines: lines[:3],
    "rehash": _rehash,
    "empty": lambda lines: [],
}


@pytest.mark.parametrize("forgery", sorted(FORGERIES))
def test_every_forgery_is_found_against_a_head_that_was_kept_elsewhere(
    forgery: str, chain: tuple[list[bytes], SignedHead]
) -> None:
    lines, anchor = chain
    assert verify(lines, [anchor], PUBLIC).is_intact
    found = verify(FORGERIES[forgery](lines), [anchor], PUBLIC)
    assert found.fault is not None


def test_the_end_of_the_chain_is_vouched_for_only_up_to_the_head(
    chain: tuple[list[bytes], SignedHead],
) -> None:
    lines, anchor = chain
    found = verify(lines, [anchor], PUBLIC)
    assert found.anchored_seq == anchor.seq < len(lines) == found.checked


def test_a_long_chain_is_read_whole() -> None:
    with acting(CREDIT) as here:
        busy(here)
        newest = here.store.read(lambda tx: tx.audit_head())
        assert newest is not None
        at = audit.describe(newest.body)["at"]
        head = Head(seq=newest.number, hash=newest.hash.decode(), at=at)
        rows = []
        for number in range(PAGE + 10):
            line, head = audit.append(head, "decision", f"d_{number}", here.now, {})
            rows.append(AuditRow(head.seq, head.hash.encode(), line))
        here.engine.transact(lambda tx: tx.append_audit(rows))
        anchor = here.engine.governing.signed_head(PRIVATE)
        found = here.engine.governing.verify_audit([anchor], PUBLIC)
        assert (found.is_intact, found.checked) == (True, head.seq)
