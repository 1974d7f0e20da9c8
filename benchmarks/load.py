"""The load generator: a process of its own that sends gzip batches of the shop's calls.

It prints one line of JSON: what was sent in the measured time, how long each acknowledgement took,
and what CPU the sending itself used.

    python benchmarks/load.py URL --seconds 10 [--clients 8] [--customers 100000] [--rate 5000]
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import socket
import threading
import time
import zlib
from collections import Counter
from urllib.parse import urlsplit

from heedful.kernel import format_instant
from shop import KEY, SEED, Lives, batch_body

WARM_UP_S = 3.0
NEWCOMERS = 0.02
"""Share of people in the load who were never seen before."""


class Connection:
    """One keep-alive connection, no more than a client needs."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        credentials = base64.b64encode(f"{KEY}:".encode()).decode()
        self._head = (
            f"POST /v1/batch HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Basic "
            f"{credentials}\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
        )

    def post(self, body: bytes) -> int:
        """Send a body and wait for the whole answer; gives the status."""
        head = f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode()
        self._socket.sendall(head + body)
        answer = self._socket.recv(65_536)
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            more = self._socket.recv(65_536)
            if not more:
                raise SystemExit("The server closed the connection.")
            answer += more
        return int(answer[9:12])


class Load:
    """Batches without end, and what became of them."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._lives = Lives()
        self._run = f"{time.time_ns():x}"
        self._number = 0
        self._newcomers = 0
        self._lock = threading.Lock()
        self.acks: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.events = 0
        self.wire_bytes = 0
        self.begins = time.perf_counter() + WARM_UP_S
        self.ends = self.begins + given.seconds

    def body(self, draw: random.Random) -> bytes:
        """Write one batch, compressed."""
        given, now = self._given, time.time_ns() // 1_000_000
        with self._lock:
            self._number += 1
            number = self._number
        texts: list[str] = []
        for i in range(given.batch):
            if i % given.together == 0:
                whose = self._somebody(draw)
            at = format_instant(now - (given.batch - i) * 7)
            texts.append(self._lives.next(whose, f"{self._run}-{number}-{i}", at))
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        return packer.compress(batch_body(texts, format_instant(now))) + packer.flush()

    def _somebody(self, draw: random.Random) -> int:
        if draw.random() >= NEWCOMERS:
            return draw.randrange(self._given.customers)
        self._newcomers += 1
        return self._given.customers + self._newcomers + (time.time_ns() % 10**6) * 10**6

    def client(self, index: int) -> None:
        """Send batches one after another until the end."""
        given, draw = self._given, random.Random(SEED + index)
        connection = Connection(given.url)
        gap = given.batch * given.clients / given.rate if given.rate else 0.0
        due = time.perf_counter() + gap * index / given.clients
        while (now := time.perf_counter()) < self.ends:
            if gap:
                time.sleep(max(0.0, due - now))
                due += gap
            body = self.body(draw)
            sent = time.perf_counter()
            status = connection.post(body)
            done = time.perf_counter()
            if self.begins <= done < self.ends:
                with self._lock:
                    self.statuses[status] += 1
                    self.acks.append(done - sent)
                    self.wire_bytes += len(body)
                    self.events += given.batch if status == 200 else 0


def main() -> None:
    """Run the clients and print what they saw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--together", type=int, default=1, help="events that one person sends")
    parser.add_argument("--rate", type=float, default=0.0, help="events a second; 0: all it takes")
    load = Load(parser.parse_args())
    threads = [
        threading.Thread(target=load.client, args=(index,)) for index in range(load._given.clients)
    ]
    print(json.dumps({"state": "warming"}), flush=True)
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, load.begins - time.perf_counter()))
    cpu = time.process_time()
    print(json.dumps({"state": "measuring"}), flush=True)
    time.sleep(max(0.0, load.ends - time.perf_counter()))
    cpu = time.process_time() - cpu
    print(json.dumps({"state": "measured"}), flush=True)
    for thread in threads:
        thread.join()
    said = {
        "state": "done",
        "events": load.events,
        "seconds": load.ends - load.begins,
        "cpu_s": cpu,
        "wire_bytes": load.wire_bytes,
        "statuses": dict(load.statuses),
        "acks_ms": sorted(round(ack * 1e3, 3) for ack in load.acks),
    }
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
