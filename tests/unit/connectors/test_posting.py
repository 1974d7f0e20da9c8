"""Posting to one URL: bounded in time, and to nobody it must not call."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

import pytest

from heedful.connectors.contract import HttpStandIn
from heedful.connectors.posting import ANSWER_BYTES_MAX, CallFailed, Poster
from tests.unit.connectors.certificates import certify

LONG_S = 20.0  # never waited for
SHORT_S = 0.5
PUBLIC = "93.184.216.34"


@contextmanager
def poster(url: str, **settings: object) -> Iterator[Poster]:
    """Open a poster that may call this machine."""
    given = {"timeout_s": LONG_S, "allow_private": True, **settings}
    made = Poster(url, **given)  # type: ignore[arg-type]
    with closing(made):
        yield made


def failure(made: Poster) -> tuple[str, bool]:
    """Post, and say how it failed."""
    with pytest.raises(CallFailed) as caught:
        made.post([], b"{}")
    return caught.value.code, caught.value.was_sent


class Talker:
    """Takes connections and does with each what it is told to."""

    def __init__(self, talk: object) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.count = 0
        self._talk = talk
        self._ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._talk(connection, self._ended)  # type: ignore[operator]
            except OSError:
                return

    def close(self) -> None:
        self._ended.set()
        self._socket.close()


def drip(connection: socket.socket, ended: threading.Event) -> None:
    """Answer a byte at a time, for ever."""
    connection.recv(65_536)
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
        connection.sendall(bytes([byte]))
        if ended.wait(0.05):
            return


def drip_body(connection: socket.socket, ended: threading.Event) -> None:
    """Answer at once, with a body that never ends."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not ended.wait(0.05):
        connection.sendall(b"x")


def deaf(connection: socket.socket, ended: threading.Event) -> None:
    """Read nothing, say nothing."""
    ended.wait(30)


def test_an_answer_is_status_and_headers() -> None:
    with HttpStandIn() as server, poster(server.url + "/hooks?a=1") as made:
        server.answer(418, {"X-Tea": "yes"})
        answer = made.post([("X-Mine", "1")], b'{"a":1}')
    assert (answer.status, answer.headers["x-tea"]) == (418, "yes")
    request = server.requests[0]
    assert (request.method, request.path, request.body) == ("POST", "/hooks?a=1", b'{"a":1}')
    assert request.headers["x-mine"] == "1"
    assert request.headers["host"] == f"localhost:{server.port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with HttpStandIn() as server, poster(server.url) as made:
        server.answer(status, {"Location": server.url + "/elsewhere"})
        assert made.post([], b"{}").status == status
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fe80::1]",
        "10.0.0.1",
        "224.0.0.1",
    ],
)
def test_an_address_that_is_not_public_is_not_called(host: str) -> None:
    with HttpStandIn() as server:
        url = f"http://{host}:{server.port}/"
        with poster(url, allow_private=False) as made:
            assert failure(made) == ("private_address", False)
        assert server.requests == []


@pytest.mark.parametrize("found", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["::1", PUBLIC]])
def test_a_name_that_leads_here_is_not_called(found: list[str]) -> None:
    with (
        HttpStandIn() as server,
        poster(
            f"http://innocent.example:{server.port}/",
            allow_private=False,
            resolver=lambda host, port: found,
        ) as made,
    ):
        assert failure(made) == ("private_address", False)
        assert server.requests == []


def test_a_name_is_asked_for_once_a_call_so_it_cannot_change_in_between() -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    connected: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    url = "http://rebind.example:80/"
    with (
        pytest.MonkeyPatch.context() as patch,
        poster(url, allow_private=False, resolver=rebinding) as made,
    ):
        patch.setattr(socket, "create_connection", connect)
        assert failure(made) == ("connect_failed", False)
        assert connected == [(PUBLIC, 80)]
        assert failure(made) == ("private_address", False)
        assert connected == [(PUBLIC, 80)]


def test_a_private_destination_is_called_where_that_is_allowed() -> None:
    with HttpStandIn() as server, poster(server.url) as made:
        assert made.post([], b"{}").status == 200


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with (
        HttpStandIn() as server,
        poster(
            f"http://two.example:{server.port}/",
            resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"],
        ) as made,
    ):
        assert made.post([], b"{}").status == 200
        assert server.requests[0].headers["host"] == f"two.example:{server.port}"


def test_a_name_that_is_unknown_was_not_called() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    for resolver in (unknown, lambda host, port: []):
        with poster("http://nowhere.example/", resolver=resolver) as made:
            assert failure(made) == ("name_unknown", False)


def test_a_resolver_that_hangs_is_left_behind() -> None:
    released = threading.Event()

    def hanging(host: str, port: int) -> list[str]:
        released.wait(30)
        return []

    with poster("http://slow.example/", timeout_s=SHORT_S, resolver=hanging) as made:
        assert failure(made) == ("connect_timeout", False)
    released.set()


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with poster(f"http://localhost:{port}/") as made:
        assert failure(made) == ("connect_failed", False)


@pytest.mark.parametrize("talk", [deaf, drip])
def test_an_answer_that_does_not_come_in_time_leaves_the_end_open(talk: object) -> None:
    with (
        closing(Talker(talk)) as server,
        poster(f"http://localhost:{server.port}/", timeout_s=SHORT_S) as made,
    ):
        began = monotonic()
        assert failure(made) == ("answer_timeout", True)
        assert monotonic() - began < LONG_S


def test_a_body_that_never_ends_does_not_hide_the_status() -> None:
    with (
        closing(Talker(drip_body)) as server,
        poster(f"http://localhost:{server.port}/", timeout_s=SHORT_S) as made,
    ):
        assert made.post([], b"{}").status == 200


def test_a_request_that_was_not_read_whole_may_be_sent_again() -> None:
    with (
        closing(Talker(deaf)) as server,
        poster(f"http://localhost:{server.port}/", timeout_s=SHORT_S) as made,
        pytest.raises(CallFailed) as caught,
    ):
        made.post([], b"x" * 50_000_000)
    assert not caught.value.was_sent


def test_a_great_answer_is_not_read_to_its_end() -> None:
    sent: list[int] = []

    def flood(connection: socket.socket, ended: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        sent.append(0)
        while not ended.is_set():
            connection.sendall(b"x" * 65_536)
            sent[0] += 65_536

    with (
        closing(Talker(flood)) as server,
        poster(f"http://localhost:{server.port}/") as made,
    ):
        assert made.post([], b"{}").status == 200
    assert sent[0] < 100 * ANSWER_BYTES_MAX


def test_a_connection_is_used_again_and_a_new_one_made_when_it_was_closed() -> None:
    with HttpStandIn() as server, poster(server.url) as made:
        for _ in range(3):
            assert made.post([], b"{}").status == 200
        assert server.connection_count == 1
        server.stage("unreachable")
        assert failure(made) == ("connect_failed", False)
        server.stage(None)
        assert made.post([], b"{}").status == 200
        assert server.connection_count == 2


def test_a_kept_connection_is_bounded_in_time_like_a_new_one() -> None:
    with HttpStandIn() as server, poster(server.url, timeout_s=SHORT_S) as made:
        assert made.post([], b"{}").status == 200
        server.stage("silent")
        assert failure(made) == ("answer_timeout", True)


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpStandIn() as proxy, HttpStandIn() as server, poster(server.url) as made:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert made.post([], b"{}").status == 200
        assert proxy.requests == []


def test_a_certificate_is_checked(tmp_path: Path) -> None:
    certified = certify(tmp_path)
    with HttpStandIn(certified.context) as server:
        with poster(server.url + "/x", ca_file=certified.ca_file) as made:
            assert made.post([], b"{}").status == 200
        with poster(server.url) as stranger:
            assert failure(stranger) == ("tls_failed", False)
        assert len(server.requests) == 1


def test_a_certificate_is_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    certified = certify(tmp_path, "desk.example")
    with (
        HttpStandIn(certified.context) as server,
        poster(
            f"https://desk.example:{server.port}/",
            ca_file=certified.ca_file,
            resolver=lambda host, port: ["127.0.0.1"],
        ) as made,
        poster(server.url, ca_file=certified.ca_file) as other,
    ):
        assert made.post([], b"{}").status == 200
        assert failure(other) == ("tls_failed", False)


def test_a_tls_handshake_that_hangs_was_not_sent() -> None:
    with (
        closing(Talker(deaf)) as server,
        poster(f"https://localhost:{server.port}/", timeout_s=SHORT_S) as made,
    ):
        assert failure(made) == ("connect_timeout", False)
