"""Real servers to kill, and clients that send as an SDK does: again and again until it is a 200."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from heedful.store import read_owner

COMMAND = str(Path(sys.executable).with_name("heedful"))
READY = " at http://"
ANSWER_S = 30


def heedful(*args: object, **environ: str) -> str:
    """Run a command to its end; give what it prints."""
    done = subprocess.run(
        [COMMAND, *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_workspace(folder: Path, **settings: object) -> str:
    """Make a workspace with settings of its own; give a write key."""
    heedful("init", folder)
    with (folder / "heedful.yaml").open("a", encoding="utf-8") as file:
        file.writelines(f"{name}: {value}\n" for name, value in settings.items())
    made = heedful("keys", "create", "--role", "source", "--name", "web", "--json", "--dir", folder)
    key: str = json.loads(made)["key"]
    return key


class Running(NamedTuple):
    """A server that listens."""

    process: subprocess.Popen[str]
    url: str


@contextmanager
def serving(
    folder: Path, *, prefix: Sequence[str] = (), log: Path | None = None, **environ: str
) -> Iterator[Running]:
    """Run `heedful serve` until the block ends; then stop it in order.

    Parameters
    ----------
    prefix
        A command that runs the server, such as strace with its arguments.
    log
        File for what the server says on standard error.
    """
    command = [*prefix, COMMAND, "serve", str(folder), "--port", "0"]
    env = {**os.environ, **environ}
    with open(log or os.devnull, "ab") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env
        )
    assert process.stdout is not None
    try:
        yield Running(process, ready_url(process.stdout.readline()))
    finally:
        if process.poll() is None:
            # Of a server that runs under another program, that program passes no signal on.
            owner = read_owner(str(folder / "heedful.db"))
            os.kill(owner.pid if owner is not None else process.pid, signal.SIGTERM)
        process.stdout.close()
        process.wait(ANSWER_S)


def ready_url(line: str) -> str:
    """Read the address from the line that a server prints once it listens."""
    assert READY in line, f"the server did not start: {line!r}"
    return line.rpartition(" at ")[2].strip()


class Forks:
    """Servers made by `fork` from a process that has imported everything: ready in 0.2 s.

    Each is a process of its own that runs `heedful serve` and is killed by its pid.
    """

    def __init__(self) -> None:
        code = f"import runpy; runpy.run_module({__package__ + '.forking'!r}, run_name='__main__')"
        root = Path(__file__).parents[2]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([*_paths(), str(root)])}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )

    def start(self, folder: Path) -> str:
        """Start a server; give its address once it listens."""
        return ready_url(self._ask(f"serve {folder}"))

    def kill(self) -> None:
        """Kill the server with signal 9 and wait until it is gone."""
        assert self._ask("kill").strip() == "killed"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the last server in order, and then itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(ANSWER_S)
        self._process.stdout.close()

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


def _paths() -> list[str]:
    found = os.environ.get("PYTHONPATH")
    return [found] if found else []


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Client:
    """One connection that is made anew whenever it broke.

    Parameters
    ----------
    url
        Called before each try: a server that came back listens elsewhere.
    """

    def __init__(self, url: Callable[[], str], key: str) -> None:
        self._url = url
        basic = base64.b64encode(f"{key}:".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None
        self._at = ""

    def send(self, path: str, body: Any) -> Answer | None:
        """Send once; None when the server went away before it answered."""
        url = self._url()
        if self._connection is None or url != self._at:
            self.close()
            parts = urlsplit(url)
            self._connection = http.client.HTTPConnection(
                str(parts.hostname), parts.port, timeout=ANSWER_S
            )
            self._at = url
        try:
            self._connection.request("POST", path, json.dumps(body), self._headers)
            answer = self._connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, json.loads(said))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def track(message_id: str, user_id: str, **rest: Any) -> dict[str, Any]:
    """Write a track call."""
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": message_id,
        "userId": user_id,
        "properties": {"category": "boots"},
        **rest,
    }
