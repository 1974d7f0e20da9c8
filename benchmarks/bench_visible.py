"""How soon an event is seen: acknowledged, in the customer, and as the effect that it leads to.

Alone, then beside a load of other people's events. One track call at a time is sent and
acknowledged; "in the customer" is until a read that began after it shows the event counted. Then
three payments of one person fail: "effect" is from sending the third one until the message "can we
help?" stands in that person's inbox, so it holds the decision, the second look at every gate, the
commit of the release and the delivery. The inbox is asked again every 2 ms.

    python benchmarks/bench_visible.py [--customers 100000] [--tries 200] [--rate 2000]
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import time

from heedful.kernel import format_instant
from machine import Use, percentile, print_head, print_table, sample, used
from serving import Api, Served, loading, served
from shop import workspace

POLL_S = 0.002
EFFECT_S_MAX = 30.0
FAILURES = 3
HEADS = ("beside", "what", "tries", "p50 ms", "p99 ms", "most ms", "bar ms", "machine")
BARS = {"acknowledged": "100", "in the customer": "100", "effect in the inbox": "-"}


def call(user: str, name: str, number: int) -> dict[str, object]:
    """Write a track call as an SDK sends it alone."""
    now = format_instant(time.time_ns() // 1_000_000)
    return {
        "type": "track",
        "event": name,
        "userId": user,
        "messageId": f"{user}-{name}-{number}-{time.time_ns():x}",
        "timestamp": now,
        "sentAt": now,
        "properties": {"payment_method": "card", "reason": "declined"},
    }


def seen(api: Api, customers: int, tries: int) -> tuple[list[float], list[float]]:
    """Time an acknowledgement, and until the customer shows the event; both in ms."""
    acks, reads = [], []
    for number in range(tries):
        user = f"user-{number * 7919 % customers}"
        found = api.call("POST", "/v1/customers/lookup", {"namespace": "user_id", "value": user})
        path = f"/v1/customers/{found[1]['customer_id']}"
        name = f"Seen {number % 10}"
        begun = time.perf_counter()
        status, said = api.call("POST", "/v1/track", call(user, name, number))
        acks.append((time.perf_counter() - begun) * 1e3)
        if status != 200:
            raise SystemExit(f"A call was answered {status}: {said}")
        while api.get(f"{path}/timeline?limit=1")["items"][0].get("name") != name:
            time.sleep(POLL_S)
        reads.append((time.perf_counter() - begun) * 1e3)
    return acks, reads


def effects(api: Api, tries: int) -> list[float]:
    """Time from the third failed payment until the offer of help stands in the inbox, in ms."""
    waits = []
    for number in range(tries):
        user = f"effect-{number}-{time.time_ns():x}"
        for failure in range(FAILURES):
            begun = time.perf_counter()
            api.call("POST", "/v1/track", call(user, "Payment Failed", failure))
        who = {"namespace": "user_id", "value": user}
        found = api.call("POST", "/v1/customers/lookup", who)[1]["customer_id"]
        while not api.get(f"/v1/customers/{found}/inbox")["items"]:
            if time.perf_counter() - begun > EFFECT_S_MAX:
                raise SystemExit("No offer of help came within half a minute.")
            time.sleep(POLL_S)
        waits.append((time.perf_counter() - begun) * 1e3)
    return waits


def rows_of(beside: str, timed: dict[str, list[float]], use: Use) -> list[tuple[str, ...]]:
    """Write one setting as rows of the table."""
    return [
        (
            beside,
            what,
            str(len(values)),
            f"{percentile(values, 0.5):.1f}",
            f"{percentile(values, 0.99):.1f}",
            f"{max(values):.1f}",
            BARS[what],
            use.note,
        )
        for what, values in timed.items()
    ]


def timed(server: Served, customers: int, tries: int) -> dict[str, list[float]]:
    """Take all three times."""
    api = Api(server)
    acks, reads = seen(api, customers, tries)
    return {
        "acknowledged": acks,
        "in the customer": reads,
        "effect in the inbox": effects(api, tries),
    }


def main() -> None:
    """Measure alone and beside a load, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--rate", type=int, default=1_000, help="events a second of the load")
    given = parser.parse_args()
    print_head(f"Event to profile and to effect, {given.customers:,} customers.")
    folder = workspace(given.customers, decides=True)
    rows: list[tuple[str, ...]] = []
    with served(folder) as server:
        for rate in (0, given.rate):
            beside = "nothing" if not rate else f"{rate:,} events/s"
            options = ("--seconds", "600", "--clients", "4", "--rate", str(rate))
            load = loading(server, *options, "--customers", str(given.customers))
            with load if rate else contextlib.nullcontext():
                before = sample([server.pid])
                found = timed(server, given.customers, given.tries)
                rows += rows_of(beside, found, used(before, sample([server.pid])))
    shutil.rmtree(folder)
    print_table(HEADS, rows)


if __name__ == "__main__":
    main()
