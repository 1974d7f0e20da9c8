"""The audit chain on the command line: its head, its proof, its export.

A proof needs no workspace: an exported chain and heads that were kept elsewhere are enough.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from heedful.cli.answers import NO, WRONG, end, say
from heedful.cli.options import HERE, AlwaysJson, Db, Dir, Json

commands = typer.Typer(
    no_args_is_help=True,
    help="The chain of all that was decided and changed: head, verify, export.",
)

_HEAD: Final = {"seq": int, "hash": str, "at": int, "signature": str}
_KEY: Final = "public_key"


@commands.command()
def head(directory: Dir = HERE, db: Db = None, as_json: AlwaysJson = False) -> None:
    """Sign where the chain stands, as one line of JSON; keep it where nobody here can write."""
    from heedful.cli.client import connect

    with connect(directory, db) as api:
        print(json.dumps(api.get("/v1/governance/audit/head")))


@commands.command()
def verify(
    anchors: Annotated[
        Path | None, typer.Option("--anchors", help="Heads kept elsewhere, one a line.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", help="An exported chain, instead of the workspace's: needs no workspace."
        ),
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Check every link of the chain, also against heads that were kept; exit code 1 if broken."""
    from heedful.cli.screen import count, print_json

    kept = [] if anchors is None else _read_anchors(anchors)
    found = _verified(kept, directory, db) if file is None else _verified_alone(file, kept)
    if as_json:
        print_json(found)
    elif found["is_intact"]:
        print(f"Intact: {count(found['checked'], 'link')}, {_anchored(found)}.")
    else:
        print(f"Broken after {count(found['checked'], 'link')}: {_fault(found['fault'])}")
    if not found["is_intact"]:
        end(NO)
    if anchors is None and not as_json:
        say("Without --anchors FILE a chain that was written anew as a whole is not noticed.")


def _verified(kept: Sequence[Mapping[str, Any]], directory: Path, db: Path | None) -> Any:
    from heedful.cli.client import connect

    heads = [{name: one[name] for name in _HEAD} for one in kept]
    with connect(directory, db) as api:
        return api.post("/v1/governance/audit/verify", {"anchors": heads})


def _verified_alone(file: Path, kept: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Check a file as the server checks its chain; the key is the one that the heads name."""
    from heedful.govern import SignedHead
    from heedful.govern.verify import verify as check

    keys = {str(one.get(_KEY, "")) for one in kept}
    if len(keys) > 1:
        end(WRONG, f"Expected heads of one workspace, got those of {len(keys)}.")
    heads = [SignedHead(**{name: one[name] for name in _HEAD}) for one in kept]
    with file.open("rb") as lines:
        found = check(lines, heads, _bytes(next(iter(keys), "")))
    return {
        "is_intact": found.is_intact,
        "checked": found.checked,
        "anchored_seq": found.anchored_seq,
        "fault": None if found.fault is None else found.fault._asdict(),
    }


def _bytes(key: str) -> bytes:
    try:
        return bytes.fromhex(key)
    except ValueError:
        end(WRONG, "Expected a public key in hex, got another text - at `--anchors`.")


def _read_anchors(path: Path) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
            found.append({n: _typed(held[n], of) for n, of in {**_HEAD, _KEY: str}.items()})
        except (ValueError, TypeError, KeyError):
            what = "a line of `heedful audit head`"
            end(WRONG, f"Expected {what}, got another text - at `{path}:{number}`.")
    if not found:
        end(WRONG, f"Expected at least one line of `heedful audit head`, got none - at `{path}`.")
    return found


def _typed(value: Any, of: type) -> Any:
    if not isinstance(value, of):
        raise TypeError
    return value


def _anchored(found: Mapping[str, Any]) -> str:
    seq = found["anchored_seq"]
    return f"anchored up to link {seq:,}" if seq else "anchored nowhere"


def _fault(fault: Mapping[str, Any]) -> str:
    return f"{fault['code']} at link {fault['seq']:,}. {fault['message']}"


@commands.command()
def export(
    out: Annotated[
        Path | None, typer.Option("--out", help="Write to a new file.", show_default="print")
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: AlwaysJson = False,
) -> None:
    """Write the chain as JSON lines, the oldest link first."""
    from heedful.cli.client import connect
    from heedful.cli.screen import count

    with connect(directory, db) as api:
        lines = api.lines("/v1/governance/audit")
        if out is None:
            for line in lines:
                print(line)
            return
        number = 0
        with out.open("x", encoding="utf-8") as file:
            for line in lines:
                file.write(f"{line}\n")
                number += 1
    say(f"{count(number, 'link')} of the audit chain in {out}.")
