"""Open the sample shop: its server, its customers, its service desk, and a screen to watch them.

python -m examples.shop
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.live import Live

if not __package__:  # run as a folder: the package `examples` is two folders up
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.shop.credit import CreditDesk
from examples.shop.running import ROOT, crowd, desk, free_port, logging_to, served
from examples.shop.screen import Picture
from examples.shop.show import Show, standard_output
from examples.shop.workspace import (
    DESK_PORTS,
    credit_key,
    front_key,
    make_workspace,
    new_desk_secret,
    ways_out,
    write_keys,
)
from heedful.app import open_app
from heedful.cli.client import connect
from heedful.cli.demo_keys import Keys
from heedful.cli.demo_tally import summary
from heedful.cli.screen import count
from heedful.kernel import HeedfulError

COMMAND: Final = Path(sys.executable).with_name("heedful")
SERVER_LOG: Final = "server.log"
SENDER_LOG: Final = "sender.log"
DESK_LOG: Final = "desk.log"
FRAME_S: Final = 0.2
TOLD_S_MAX: Final = 5.0
"""How long the end waits for decisions that are made and not yet told."""


@contextlib.contextmanager
def opened(data: Path, port: int, people: int, speed: float, past_days: float) -> Iterator[Show]:
    """Open the shop: server, desk and customers, and what is shown of them."""
    secret = new_desk_secret()
    # Whoever lets the system choose one port does not want fixed ones beside it.
    desk_port, mail_port = (free_port(int(wanted) if port else 0) for wanted in DESK_PORTS)
    with contextlib.ExitStack() as stack:
        stack.enter_context(logging_to(data / SERVER_LOG))
        stack.enter_context(ways_out(data, secret, desk_port, mail_port))
        app = stack.enter_context(open_app(data))
        url = stack.enter_context(served(app, free_port(port)))
        api = stack.enter_context(connect(data))
        show = Show(app, api, url, standard_output())
        stack.enter_context(
            desk(data / DESK_LOG, secret, desk_port, mail_port, lambda said: show.hear_desk(said))
        )
        credit = CreditDesk(api.as_holder_of(credit_key(app, data)), show.hear_vote)
        credit.start()
        stack.callback(credit.close)
        show.crowd = stack.enter_context(
            crowd(
                url,
                write_keys(app, data),
                front_key(app, data),
                data / SENDER_LOG,
                show.hear_crowd,
                people=people,
                speed=speed,
                past_days=past_days,
                trouble_every=TROUBLE_EVERY_S,
            )
        )
        yield show


TROUBLE_EVERY_S: Final = 30.0
"""Seconds between two people whose card is refused, so that nobody has to wait for the story."""


def watch(show: Show, seconds: float | None) -> None:
    """Show what happens until the time is over, `q`, Ctrl-C, or the crowd's end."""
    console = Console()
    ends = None
    with contextlib.ExitStack() as stack:
        live = keys = None
        if console.is_terminal:
            keys = stack.enter_context(Keys())
            show.scene.has_keys = keys.are_there
            live = stack.enter_context(Live(console=console, screen=True, auto_refresh=False))
        while show.crowd.poll() is None and (ends is None or time.monotonic() < ends):
            scene = show.look()
            if live is not None and keys is not None:
                live.update(Picture(scene), refresh=True)
                if not all(show.press(key) for key in keys.read(FRAME_S)):
                    return
            else:
                time.sleep(FRAME_S)
            if ends is None and seconds is not None and scene.decisions:
                ends = time.monotonic() + seconds  # a slow start takes nothing off the time


def farewell(show: Show, directory: Path) -> Iterator[str]:
    """Say what happened and what to try next."""
    scene = show.look()
    yield (
        f"{count(scene.customers, 'customer')}, {count(scene.events, 'event')}, "
        f"{count(scene.merges, 'merge')} seen, {count(scene.automatic, 'automatic signal')}."
    )
    yield from summary(show.tally, show.feed.wording, time.monotonic() - show.began_s)
    calls = f"service desk: {count(show.tickets, 'ticket')}, signatures checked"
    yield f"{calls}; letter box: {count(show.mails, 'letter')}"
    where = directory.resolve()
    if where.is_relative_to(Path.cwd()):
        where = where.relative_to(Path.cwd())
    heedful = "heedful" if shutil.which("heedful") else os.path.relpath(COMMAND)
    story = show.stories.shown or next(iter(show.stories.told.values()), None)
    yield f"All of it stands in {where}. Try next:"
    if story is not None:
        yield f"  {heedful} why {story.decision_id} --dir {where}"
        yield f"  {heedful} customer show {story.customer_id} --dir {where}"
        yield f"  {heedful} doctor {story.customer_id} --dir {where}"
    yield f"  {heedful} serve {where}"


def main(
    data: Annotated[Path, typer.Option(help="The workspace.", show_default="shop-data")] = ROOT
    / "shop-data",
    port: Annotated[int, typer.Option(envvar="HEEDFUL_PORT", help="Or the next free one.")] = 8765,
    people: Annotated[int, typer.Option(min=1, help="Size of the population.")] = 300,
    speed: Annotated[float, typer.Option(help="Virtual seconds per second.")] = 60.0,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="End so long after the first decision.")
    ] = None,
    past_days: Annotated[float, typer.Option(min=0, help="Days of history sent first.")] = 0.2,
) -> None:
    """Open the sample shop and watch what Heedful decides for its customers, live."""
    for name in ("SIGTERM", "SIGHUP"):  # a closed terminal ends what Ctrl-C ends
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    try:
        make_workspace(data)
        with opened(data, port, people, speed, past_days) as show:
            with contextlib.suppress(KeyboardInterrupt):
                watch(show, seconds)
            has_failed = show.crowd.poll() not in (None, 0)
            _end(show.crowd)
            show.feed.drain(TOLD_S_MAX)
            said = list(farewell(show, data))
    except HeedfulError as error:
        print(error.message, file=sys.stderr)
        raise typer.Exit(3) from None
    print("\n".join(said))
    if has_failed:
        print(f"The crowd ended by itself; {data / SENDER_LOG} says why.", file=sys.stderr)
        raise typer.Exit(3)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _end(crowd: subprocess.Popen[str]) -> None:
    """Ask the crowd to go, and wait until what they have said has arrived."""
    crowd.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        crowd.wait(TOLD_S_MAX)


if __name__ == "__main__":
    typer.run(main)
