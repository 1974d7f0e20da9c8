"""`heedful demo`: the sample shop, open, with its customers, its desk and a screen to watch."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from heedful.cli.answers import WRONG, end

ROOT: Final = Path(__file__).resolve().parents[3]
SHOP: Final = "examples.shop"
"""The shop is no part of the installed package: it needs Segment's own SDK, as a shop does."""


def demo(
    data: Annotated[
        Path, typer.Option(envvar="HEEDFUL_SHOP", help="The shop's workspace; made if missing.")
    ] = Path("shop-data"),
    port: Annotated[
        int, typer.Option(min=0, max=65535, envvar="HEEDFUL_PORT", help="Or the next free one.")
    ] = 8765,
    people: Annotated[int, typer.Option(min=1, help="How many customers there are.")] = 300,
    speed: Annotated[
        float, typer.Option(min=1, help="Seconds of the shop in one second of yours.")
    ] = 60.0,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="End so long after the first decision.")
    ] = None,
) -> None:
    """Open a sample shop and watch what is decided for its customers, live, and why.

    On a terminal: 1-9, or arrows and Enter, show why; space pauses; q ends. Elsewhere it prints
    one line for each decision. It ends with a summary.
    """
    folder = ROOT.joinpath(*SHOP.split("."))
    if not folder.is_dir():
        what = f"Expected the sample shop, got no folder - at `{folder}`."
        end(WRONG, f"{what} It is part of the source tree: clone it, then `make run`.")
    sys.path.insert(0, str(ROOT))
    try:
        shop = importlib.import_module(f"{SHOP}.__main__")
    except ModuleNotFoundError as error:
        what = f"Expected the module {error.name}, got none."
        end(WRONG, f"{what} `make setup` installs what the sample shop needs.")
    shop.main(data=data, port=port, people=people, speed=speed, seconds=seconds)
