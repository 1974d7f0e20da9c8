"""The audit chain: every kind of tampering is found against a signed head, and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from heedful.govern import Head, SignedHead, audit, verify
from heedful.kernel import InputError

PRIVATE = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(PRIVATE).public_key().public_bytes_raw()
SALT = b"0123456789abcdef"
LENGTH = 12
ANCHORED = (5, 10)


def chain(length: int = LENGTH, name: str = "d") -> tuple[list[bytes], list[Head]]:
    head, lines, heads = Head(), [], []
    for i in range(length):
        line, head = audit.append(
            head,
            "decision",
            f"{name}_{i}",
            1_000 + i,
            {"action": "do_nothing", "n": i, "names": ["ä", "b"], "none": None, "held": True},
            {"customer": audit.commit(SALT, f"person {i}")},
        )
        lines.append(line)
        heads.append(head)
    return lines, heads


LINES, HEADS = chain()
ANCHORS = [audit.sign_head(PRIVATE, HEADS[i - 1]) for i in ANCHORED]


def rehashed(lines: list[bytes], first: int) -> list[bytes]:
    """Chain the lines anew from one on, as a careful forger would."""
    entries = [audit.describe(line) for line in lines]
    head = Head()
    if first > 0:
        before = entries[first - 1]
        head = Head(seq=before["seq"], hash=before["hash"], at=before["at"])
    made = lines[:first]
    for entry in entries[first:]:
        line, head = audit.append(
            head, entry["kind"], entry["subject"], entry["at"], entry["body"], entry["commitments"]
        )
        made.append(line)
    return made


def flipped(lines: list[bytes], index: int) -> list[bytes]:
    changed = lines[index].replace(b"do_nothing", b"free_gifts")
    assert changed != lines[index]
    return [*lines[:index], changed, *lines[index + 1 :]]


def test_an_untouched_chain_is_intact() -> None:
    found = verify(LINES, ANCHORS, PUBLIC)
    assert found.is_intact
    assert (found.checked, found.head, found.anchored_seq) == (LENGTH, HEADS[-1], 10)
    assert verify([], [], PUBLIC).is_intact
    assert verify([line + b"\n" for line in LINES], ANCHORS, PUBLIC) == found


@pytest.mark.parametrize(
    ("tamper", "code", "seq"),
    [
        (lambda: flipped(LINES, 3), "changed", 4),
        (lambda: flipped(LINES, LENGTH - 1), "changed", LENGTH),
        (lambda: LINES[:3] + LINES[4:], "missing", 4),
        (lambda: LINES[1:], "missing", 1),
        (lambda: [*LINES[:3], LINES[4], LINES[3], *LINES[5:]], "reordered", 4),
        (lambda: [*LINES[:4], LINES[3], *LINES[4:]], "reordered", 5),
        (lambda: LINES[:9], "truncated", 10),
        (list, "truncated", 1),
        (lambda: rehashed(flipped(LINES, 3), 3), "rewritten", 5),
        (lambda: rehashed(flipped(LINES, 7), 7), "rewritten", 10),
        (lambda: chain(LENGTH, "x")[0], "rewritten", 5),
        (lambda: [*LINES[:3], rehashed(flipped(LINES, 3), 3)[3], *LINES[4:]], "relinked", 5),
        (lambda: [*LINES[:2], LINES[2][:-9], *LINES[3:]], "malformed", 3),
        (lambda: [*LINES[:2], LINES[2].replace(b",", b", "), *LINES[3:]], "malformed", 3),
        (lambda: [*LINES[:2], b'{"extra":1,' + LINES[2][1:], *LINES[3:]], "malformed", 3),
        (lambda: [*LINES[:2], b"", *LINES[2:]], "malformed", 3),
    ],
    ids=[
        "flip",
        "flip-last",
        "delete",
        "delete-first",
        "swap",
        "repeat",
        "truncate",
        "empty",
        "rehash-before-anchor",
        "rehash-after-anchor",
        "replace-all",
        "rehash-one",
        "cut-line",
        "spaces",
        "smuggled-field",
        "blank-line",
    ],
)
def test_tampering_is_found_and_placed(
    tamper: Callable[[], list[bytes]], code: str, seq: int
) -> None:
    found = verify(tamper(), ANCHORS, PUBLIC)
    assert found.fault is not None
    assert (found.fault.code, found.fault.seq) == (code, seq)
    assert not found.is_intact
    assert str(seq) in found.fault.message or code == "truncated"
    assert found.checked == found.head.seq
    assert found.anchored_seq <= found.head.seq


def test_a_rewrite_after_the_last_anchor_is_not_vouched_for() -> None:
    found = verify(rehashed(flipped(LINES, 11), 11), ANCHORS, PUBLIC)
    assert found.is_intact
    assert found.anchored_seq == 10
    assert not verify(
        rehashed(flipped(LINES, 11), 11), [audit.sign_head(PRIVATE, HEADS[11])], PUBLIC
    ).is_intact


def test_heads_must_be_signed_by_this_key() -> None:
    other = audit.sign_head(bytes(32), HEADS[4])
    forged = msgspec.structs.replace(ANCHORS[0], hash="f" * 64)
    later = msgspec.structs.replace(ANCHORS[0], seq=6)
    garbage = msgspec.structs.replace(ANCHORS[0], signature="zz")
    for anchor in (other, forged, later, garbage):
        assert not audit.is_signed(PUBLIC, anchor)
        found = verify(LINES, [anchor], PUBLIC)
        assert found.fault is not None
        assert found.fault.code == "bad_signature"
        found = verify(LINES[5:], [], PUBLIC, start=anchor)
        assert found.fault is not None
        assert found.fault.code == "bad_signature"


def test_two_signed_heads_of_one_entry_are_a_fork() -> None:
    fork = audit.sign_head(PRIVATE, chain(LENGTH, "x")[1][4])
    found = verify(LINES, [ANCHORS[0], fork], PUBLIC)
    assert found.fault is not None
    assert (found.fault.code, found.fault.seq) == ("forked", 5)


def test_a_check_goes_on_from_an_anchored_head() -> None:
    found = verify(LINES[5:], ANCHORS, PUBLIC, start=ANCHORS[0])
    assert found.is_intact
    assert (found.checked, found.head, found.anchored_seq) == (7, HEADS[-1], 10)
    broken = verify(LINES[6:], ANCHORS, PUBLIC, start=ANCHORS[0])
    assert broken.fault is not None
    assert (broken.fault.code, broken.fault.seq) == ("missing", 6)
    swapped = verify(chain(LENGTH, "x")[0][5:], ANCHORS, PUBLIC, start=ANCHORS[0])
    assert swapped.fault is not None
    assert (swapped.fault.code, swapped.fault.seq) == ("relinked", 6)


def test_lines_are_read_one_at_a_time() -> None:
    read = []

    def streamed(lines: list[bytes]) -> object:
        for line in lines:
            read.append(line)
            yield line

    assert verify(streamed(flipped(LINES, 3)), [], PUBLIC).fault is not None  # type: ignore[arg-type]
    assert len(read) == 4


def test_an_export_is_checked_by_text_tools_alone() -> None:
    previous = "0" * 64
    for written in audit.export(LINES):
        line = written.rstrip(b"\n")
        assert written == line + b"\n"
        entry = json.loads(line)
        assert entry["previous"] == previous
        hashed = line[: line.rindex(b',"hash"')]
        previous = sha256(hashed).hexdigest()
        assert entry["hash"] == previous
    assert previous == HEADS[-1].hash


def test_a_head_survives_being_written_down() -> None:
    text = msgspec.json.encode(ANCHORS[0])
    assert verify(LINES, [msgspec.json.decode(text, type=SignedHead)], PUBLIC).is_intact


def test_the_order_of_a_body_does_not_matter() -> None:
    one = audit.append(Head(), "switch", "all", 1, {"a": 1, "b": 2}, {"x": "1", "y": "2"})
    two = audit.append(Head(), "switch", "all", 1, {"b": 2, "a": 1}, {"y": "2", "x": "1"})
    assert one == two


def test_a_commitment_hides_and_binds() -> None:
    commitment = audit.commit(SALT, "ana@example.com")
    assert "ana" not in commitment
    assert audit.opens(commitment, SALT, "ana@example.com")
    assert not audit.opens(commitment, SALT, "ben@example.com")
    assert not audit.opens(commitment, SALT[::-1], "ana@example.com")
    with pytest.raises(InputError) as caught:
        audit.commit(b"short", "ana@example.com")
    assert caught.value.code == "salt_too_short"


def test_refusals() -> None:
    with pytest.raises(InputError) as caught:
        audit.append(Head(), "decision", "d", 1, {"text": "x" * 70_000})
    assert caught.value.code == "audit_entry_too_large"
    for call in (
        lambda: audit.sign_head(b"short", Head()),
        lambda: audit.is_signed(b"short", ANCHORS[0]),
        lambda: verify(LINES, ANCHORS, b"short"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "bad_audit_key"
