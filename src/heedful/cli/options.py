"""The options that many commands share, declared once so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Dir = Annotated[
    Path,
    typer.Option(
        "--dir",
        envvar="HEEDFUL_DIR",
        help="The workspace's folder.",
        show_default="the current folder",
    ),
]
Db = Annotated[
    Path | None,
    typer.Option("--db", help="The database, when it is not the one of the settings."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
AlwaysJson = Annotated[bool, typer.Option("--json", help="Print JSON, as it always does.")]
AsKey = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="HEEDFUL_KEY",
        help="Your own key: who asks and who agrees are told apart by it.",
        show_default="the owner of this machine",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Who = Annotated[
    str,
    typer.Argument(
        metavar="CUSTOMER", help="A customer id, or NAMESPACE:VALUE such as email:a@b.c."
    ),
]

HERE = Path()
