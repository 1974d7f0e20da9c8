"""`heedful models export` and `import`: a model as a file, from one workspace to another."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from heedful.cli.answers import WRONG, end
from heedful.cli.asking import Answer, orders

if TYPE_CHECKING:
    from heedful.cli.client import Api


@orders
def export(
    api: Api,
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of `heedful models list`.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")],
    version: Annotated[
        int | None,
        typer.Option(
            "--version", min=0, metavar="ROW", show_default="as it is now",
            help="As it was when it had learned up to this row.",
        ),
    ] = None,
) -> Answer:  # fmt: skip
    """Write a model in force as a file: how it learns and what it learned, and nobody's data."""
    answer = api.get(_route(name), version=version)
    body, head = b64decode(answer["file"]), answer["head"]
    out.write_bytes(body)
    shown = f"{out}: {_said(head)}, {len(body):,} bytes."
    return Answer({"file": str(out), "bytes": len(body), **head}, shown)


def is_model_file(file: Path) -> bool:
    """Say whether a file holds a model of ours, by its content."""
    from heedful.decide.portable import MODEL_FILE_BEGINS, is_model

    if not file.is_file():
        return False
    with open(file, "rb") as opened:
        return is_model(opened.read(len(MODEL_FILE_BEGINS)))


def import_model(
    api: Api, file: Path, name: str | None, line: str | None, share: float, reason: str | None
) -> tuple[dict[str, Any], str]:
    """Import a model; gives the answer, and what was imported in words."""
    from heedful.decide.portable import MODEL_FILE_BYTES_MAX, read_head

    if line is None or reason is None:
        end(WRONG, "Expected --for LINE and --reason TEXT with a model's file, got neither or one.")
    with open(file, "rb") as opened:
        # A byte more than is allowed shows that there are too many.
        body = opened.read(MODEL_FILE_BYTES_MAX + 1)
    head, _ = read_head(body)
    target = name or head.name
    order = {"file": b64encode(body).decode(), "line": line, "share": share, "reason": reason}
    answer = api.post(_route(target), order)
    said = {"name": head.name, "kind": head.kind, "learn_seq": head.learn_seq}
    return answer, f"{_said({**said, 'digest': head.digest})}, in force here as {target}."


def _said(head: Mapping[str, Any]) -> str:
    rows = f"{head['learn_seq']:,} outcome rows"
    return f"{head['name']} ({head['kind']}) of {rows}, digest {head['digest'][:16]}"


def _route(name: str) -> str:
    return f"/v1/governance/models/{quote(name, safe='')}/file"
