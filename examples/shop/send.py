"""Send the sample shop's life to a Heedful server, through the unmodified Segment SDK.

python examples/shop/send.py --host http://127.0.0.1:8765 --write-key KEY --forever
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import FrameType
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

if not __package__:  # run as a file: the package `examples` is two folders up
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.shop.calls import DAY_MS, SECOND_MS, SOURCES, Call
from examples.shop.delivery import Delivery, is_reachable
from examples.shop.front import Front
from examples.shop.population import Population

PATIENCE_S: Final = 15.0
"""How long the end waits while nothing arrives, before it says that the server is away."""
ORDERS_FROM_MAX: Final = 10**7
"""Orders are numbered from the second in which the run began, in so many numbers."""
QUIET_S: Final = 3.0
SLICE_S: Final = 0.1
SECOND_WISH_S: Final = 1.0
FRONT_KEY_NAME: Final = "SHOP_FRONT_KEY"
TROUBLE_AFTER_S: Final = 8
"""Real seconds from the shop's opening to the first person whose card is refused."""

CONSOLE: Final = Console(stderr=True, highlight=False)


def read_clock() -> datetime:
    """Read the wall clock; nothing else in the shop does."""
    return datetime.fromtimestamp(time.time_ns() / 1e9, UTC)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the shop's life is sent, and how virtual time becomes real time.

    The first `past_ms` of virtual time lie before `start` and are sent as fast as the server
    takes them; after that, `speed` virtual seconds pass in each real one.
    """

    start: datetime
    run: str
    speed: float
    past_ms: int = 0
    events: int | None = None
    end_ms: int | None = None

    def instant(self, virtual_ms: float) -> datetime:
        """Map a virtual time to the real one at which it is meant to happen."""
        ahead_ms = virtual_ms - self.past_ms
        return self.start + timedelta(
            milliseconds=ahead_ms if ahead_ms < 0 else ahead_ms / self.speed
        )

    def stamp(self, call: Call) -> datetime:
        """Give the timestamp that the device would write on the call."""
        return self.instant(call.occurs_ms) - timedelta(milliseconds=call.late_ms)

    def take(self, calls: Iterator[Call]) -> Iterator[Call]:
        """Give the calls up to the plan's end, their ids made unique to this run."""
        for count, call in enumerate(calls):
            if self.events is not None and count >= self.events:
                return
            if self.end_ms is not None and call.sends_ms > self.end_ms:
                return
            yield msgspec.structs.replace(call, message_id=f"{self.run}-{call.message_id}")


class Sender:
    """Hand over the calls when they are due, and say how it goes on one line."""

    def __init__(
        self,
        plan: Plan,
        delivery: Delivery,
        host: str,
        *,
        now: Callable[[], datetime] = read_clock,
        wait: Callable[[float], None] = time.sleep,
        patience_s: float = PATIENCE_S,
        front: Front | None = None,
    ) -> None:
        self.plan, self.delivery, self.host, self.front = plan, delivery, host, front
        self.now, self.wait, self.patience_s = now, wait, patience_s
        self.is_stopping = False
        self._stopped_at = 0.0
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=CONSOLE,
        )
        self._task: TaskID = self._progress.add_task("starting")
        self._arrived, self._arrived_at = 0, time.monotonic()
        self._away = False

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """End after the call in hand; asked again after a moment, end at once.

        A supervisor often sends its own signal right after the terminal's: that is one wish.
        """
        if not self.is_stopping:
            self.is_stopping, self._stopped_at = True, time.monotonic()
        elif time.monotonic() - self._stopped_at > SECOND_WISH_S:
            raise KeyboardInterrupt

    def run(self, calls: Iterator[Call]) -> int:
        """Send all calls of the plan, flush, and return the exit code."""
        with self._progress:
            is_past = self.plan.past_ms > 0
            for call in self.plan.take(calls):
                if is_past and call.sends_ms >= self.plan.past_ms:
                    is_past = False
                    self._begin_now()
                if not self._wait_until_due(call):
                    break
                self.delivery.hand(call, self.plan.stamp(call))
                if self.front is not None and call.sends_ms >= self.plan.past_ms:
                    self.front.see(call)
                if self.delivery.handed % 50 == 0:
                    self._show("sending")
            self._finish()
        return self._verdict()

    def _begin_now(self) -> None:
        """Begin with the present once the past has arrived, however long that took."""
        while self.delivery.waiting and not (self.is_stopping or self.delivery.refusal):
            self._show("sending the past")
            self.wait(SLICE_S)
        self.plan = msgspec.structs.replace(self.plan, start=max(self.plan.start, self.now()))

    def _wait_until_due(self, call: Call) -> bool:
        due = self.plan.instant(call.sends_ms)
        while not (self.is_stopping or self.delivery.refusal):
            rest_s = (due - self.now()).total_seconds()
            if rest_s <= 0 and self.delivery.has_room():
                return True
            self._show("sending")
            self.wait(min(SLICE_S, rest_s) if rest_s > 0 else SLICE_S)
        return False

    def _finish(self) -> None:
        flush = self.delivery.start_flush()
        self._arrived_at = time.monotonic()
        while flush.is_alive() and time.monotonic() - self._arrived_at < self.patience_s:
            flush.join(SLICE_S)
            self._show("flushing")
        self._show("sent" if not self.delivery.waiting else "stopped")

    def _show(self, doing: str) -> None:
        delivery, now = self.delivery, time.monotonic()
        arrived = delivery.arrived
        if arrived > self._arrived or not delivery.waiting:
            self._arrived, self._arrived_at, self._away = arrived, now, False
        elif now - self._arrived_at > QUIET_S and not self._away:
            self._away = not is_reachable(self.host)
        line = f"[bold]{doing}[/bold] {arrived:,} events"
        if delivery.waiting:
            line += f" · {delivery.waiting:,} waiting"
        if delivery.given_up:
            line += f" · {delivery.given_up:,} given up"
        if self._away:
            line += f" · [yellow]no server at {self.host}, trying again[/yellow]"
        self._progress.update(self._task, description=line)

    def _verdict(self) -> int:
        delivery = self.delivery
        if delivery.refusal is not None:
            CONSOLE.print(
                f"The server at {self.host} refused the write key ({delivery.refusal.status}). "
                "Make one with `heedful keys create --role source --name shop --json`."
            )
        elif delivery.waiting:
            CONSOLE.print(
                f"The server at {self.host} went away: {delivery.waiting:,} events were not "
                f"delivered, {delivery.arrived:,} were. Start it again with `heedful serve DIR`."
            )
        elif delivery.given_up:
            CONSOLE.print(
                f"The server at {self.host} did not take {delivery.given_up:,} events; "
                "its log says why."
            )
        return 1 if delivery.refusal or delivery.waiting or delivery.given_up else 0


def read_write_keys(texts: Sequence[str]) -> dict[str, str]:
    """Read `KEY` for every source, or `web=KEY`, `app=KEY` and `backend=KEY` for each its own."""
    keys: dict[str, str] = {}
    for text in texts:
        source, separator, key = text.partition("=")
        if separator and source in SOURCES:
            keys[source] = key
        else:
            keys |= {source: text for source in SOURCES if source not in keys}
    missing = [source for source in SOURCES if not keys.get(source)]
    if missing:
        raise typer.BadParameter(
            f"Expected a key for every source, got none for {', '.join(missing)}. "
            "Give one KEY for all, or SOURCE=KEY for each.",
            param_hint="--write-key",
        )
    return keys


def main(
    write_key: Annotated[
        list[str], typer.Option(help="KEY for every source, or SOURCE=KEY (web, app, backend).")
    ],
    host: Annotated[str, typer.Option(help="Base URL of the server.")] = "http://127.0.0.1:8765",
    people: Annotated[int, typer.Option(min=1, help="Size of the population.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people.")] = 7,
    speed: Annotated[float, typer.Option(min=0.001, help="Virtual seconds per second.")] = 60.0,
    days: Annotated[float, typer.Option(min=0, help="Virtual days to send.")] = 1.0,
    past_days: Annotated[
        float, typer.Option(min=0, help="Virtual days before now, sent first and at once.")
    ] = 0.0,
    events: Annotated[
        int | None, typer.Option(min=0, help="Stop after so many, whatever --days says.")
    ] = None,
    forever: Annotated[bool, typer.Option("--forever", help="Go on until Ctrl-C.")] = False,
    run: Annotated[
        str | None, typer.Option(help="Prefix of the message ids; by default the start time.")
    ] = None,
    front_key: Annotated[
        str,
        typer.Option(envvar=FRONT_KEY_NAME, help="Of the role service: pages ask what to show."),
    ] = "",
    trouble_every: Annotated[
        float, typer.Option(min=0, help="Seconds between people whose card is refused three times.")
    ] = 0.0,
) -> None:
    """Send a simulated outdoor-gear shop's events through the unmodified Segment SDK."""
    keys = read_write_keys(write_key)
    if urlsplit(host).scheme not in ("http", "https") or not urlsplit(host).hostname:
        raise typer.BadParameter(f"Expected http://HOST:PORT, got {host!r}.", param_hint="--host")
    if not is_reachable(host):
        CONSOLE.print(f"No server answers at {host}. Start one with `heedful serve DIR`.")
        raise typer.Exit(1)
    start = read_clock()
    past_ms = round(past_days * DAY_MS)
    plan = Plan(
        start=start,
        run=run or f"shop-{start:%Y%m%dT%H%M%S}",
        speed=speed,
        past_ms=past_ms,
        events=events,
        end_ms=None if forever or events is not None else past_ms + round(days * DAY_MS),
    )
    # The people are those of the seed; what they do, and their orders, are this run's own.
    first = int(start.timestamp()) % ORDERS_FROM_MAX if run is None else 0
    life = Population(Random(seed), people, Random(f"{seed} {plan.run}"), first)
    if trouble_every:
        after_ms, every_ms = TROUBLE_AFTER_S * SECOND_MS, round(trouble_every * SECOND_MS)
        life.have_trouble(past_ms + round(after_ms * speed), round(every_ms * speed))
    front = Front(host, front_key, life, _say) if front_key else None
    raise typer.Exit(_send(Sender(plan, Delivery(host, keys), host, front=front), life))


def _send(sender: Sender, life: Population) -> int:
    signal.signal(signal.SIGINT, sender.stop)
    signal.signal(signal.SIGTERM, sender.stop)
    try:
        return sender.run(life.calls())
    except KeyboardInterrupt:
        return 130
    finally:
        if sender.front is not None:
            sender.front.close()


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    typer.run(main)
