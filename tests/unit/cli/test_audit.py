"""The audit chain of the sample shop, proved beside the workspace and far from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from heedful.govern import Head
from heedful.govern.audit import AuditEntry, append
from tests.unit.cli.live import Live, living

Lines = list[str]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with living(tmp_path_factory.mktemp("audit") / "shop") as made:
        made.refuse_payments("poor-luck")
        yield made


def test_the_audit_is_whole_and_held_against_what_was_kept(shop: Live, tmp_path: Path) -> None:
    shop.says("stop", "all", "--reason", "one more link")
    kept = tmp_path / "anchors"
    kept.write_text(shop.says("audit", "head"), "utf-8")
    found = shop.gives("audit", "verify", "--anchors", str(kept))
    assert found["is_intact"]
    assert found["anchored_seq"] == found["checked"] > 0
    assert "is not noticed" in shop.says("audit", "verify")
    out = tmp_path / "audit.jsonl"
    assert f"{found['checked']} links" in shop.says("audit", "export", "--out", str(out))
    lines = out.read_text("utf-8").splitlines()
    assert len(lines) == found["checked"]
    assert shop.says("audit", "export").splitlines() == lines


def test_a_head_that_the_chain_does_not_lead_to_is_found(shop: Live, tmp_path: Path) -> None:
    head = json.loads(shop.says("audit", "head"))
    kept = tmp_path / "anchors"
    kept.write_text(json.dumps(head | {"seq": head["seq"] + 7}), "utf-8")
    said = shop.says("audit", "verify", "--anchors", str(kept), code=1)
    assert "Broken" in said
    kept.write_text("not a head\n", "utf-8")
    assert f"{kept}:1" in shop.says("audit", "verify", "--anchors", str(kept), code=2)


@pytest.fixture(scope="module")
def exported(shop: Live, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the chain and a signed head of it, far from any workspace."""
    folder = tmp_path_factory.mktemp("elsewhere")
    shop.says("stop", "all", "--reason", "something to tell")
    (folder / "heads").write_text(shop.says("audit", "head"), "utf-8")
    shop.says("audit", "export", "--out", str(folder / "chain"))
    return folder


def rewritten(lines: Lines) -> Lines:
    """Tell another story with every hash in order, as whoever owns the machine can."""
    done, head = [], Head()
    for line in lines:
        was = msgspec.json.decode(line, type=AuditEntry)
        made, head = append(head, was.kind, "another", was.at, was.body, was.commitments)
        done.append(made.decode())
    return done


DAMAGE: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "flipped": (lambda ls: [ls[0].replace('"at":1', '"at":2'), *ls[1:]], "changed"),
    "deleted": (lambda ls: [ls[0], *ls[2:]], "missing"),
    "moved": (lambda ls: [ls[1], ls[0], *ls[2:]], "reordered"),
    "cut off": (lambda ls: ls[:-1], "truncated"),
    "rewritten": (rewritten, "rewritten"),
}


@pytest.mark.parametrize(("damage", "code"), DAMAGE.values(), ids=DAMAGE)
def test_what_was_done_to_an_exported_chain_is_found_without_a_workspace(
    exported: Path, tmp_path: Path, shop: Live, damage: Callable[[Lines], Lines], code: str
) -> None:
    heads = str(exported / "heads")
    whole = ["audit", "verify", "--file", str(exported / "chain"), "--anchors", heads]
    assert "anchored up to link" in shop.run(*whole)
    broken = tmp_path / "chain"
    lines = (exported / "chain").read_text("utf-8").splitlines()
    broken.write_text("".join(f"{line}\n" for line in damage(lines)), "utf-8")
    said = shop.run("audit", "verify", "--file", str(broken), "--anchors", heads, "--json", code=1)
    assert json.loads(said)["fault"]["code"] == code
