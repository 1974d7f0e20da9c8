"""`heedful demo`: the sample shop, open, with its customers, its desk and a screen to watch."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from heedful.cli.answers import WRONG, end

ROOT: Final = Path(__file__).resolve().parents[3]
SHOP: Final = "examples.shop"
"""The shop is no part of the installed package: it needs Segment's own SDK, as a shop does."""

WORLDS: Final = "examples.worlds"
WORLD_PEOPLE: Final = 150
"""People of a closed world, so that a year of them takes about half a minute."""


def demo(
    data: Annotated[
        Path, typer.Option(envvar="HEEDFUL_SHOP", help="The shop's workspace; made if missing.")
    ] = Path("shop-data"),
    port: Annotated[
        int, typer.Option(min=0, max=65535, envvar="HEEDFUL_PORT", help="Or the next free one.")
    ] = 8765,
    people: Annotated[
        int | None, typer.Option(min=1, help="How many customers there are: 300, in a world 150.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=1, help="Seconds of the shop in one second of yours.")
    ] = 60.0,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="End so long after the first decision.")
    ] = None,
    world: Annotated[
        str | None,
        typer.Option(help="Play a year of a closed world instead: town, or a file of yours."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Where to draw the year of the world: .svg or .png.")
    ] = None,
) -> None:
    """Open a sample shop and watch what is decided for its customers, live, and why.

    On a terminal: 1-9, or arrows and Enter, show why; space pauses; q ends. Elsewhere it prints
    one line for each decision. It ends with a summary.

    With --world it plays a year of people who hesitate, tire, forgive and leave, and shows how it
    learns: regret over the year, and the share of silence by kind of people.
    """
    if world is not None:
        worlds = _part(WORLDS, "show")
        try:
            worlds.show(world, people or WORLD_PEOPLE, seed=1, into=picture)
        except (OSError, ValueError) as error:
            end(WRONG, f"{error} `examples/worlds/README.md` says what a world is.")
        return
    shop = _part(SHOP, "__main__")
    shop.main(data=data, port=port, people=people or 300, speed=speed, seconds=seconds)


def _part(package: str, module: str) -> Any:
    """Import a part of the source tree that is not installed."""
    folder = ROOT.joinpath(*package.split("."))
    if not folder.is_dir():
        what = f"Expected the sample {folder.name}, got no folder - at `{folder}`."
        end(WRONG, f"{what} It is part of the source tree: clone it, then `make run`.")
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module(f"{package}.{module}")
    except ModuleNotFoundError as error:
        what = f"Expected the module {error.name}, got none."
        end(WRONG, f"{what} `make setup` installs what the sample {folder.name} needs.")
