"""An application written by hand for the command line to talk to, and a way to run commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from heedful.cli import app
from heedful.cli.client import OPENER, Api
from heedful.cli.inprocess import InProcess

Run = Callable[..., Result]


class Fake:
    """Answers by (method, path); keeps what was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any, dict[str, str]]] = {}
        self.asked: list[tuple[str, str, Any]] = []

    def on(self, method: str, path: str, body: Any, status: int = 200, **headers: str) -> None:
        self.answers[method, path] = (status, body, headers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        said = json.loads(body) if body else None
        self.asked.append((scope["method"], scope["path"], said))
        unknown = {"code": "route_not_found", "message": "Expected a known path."}
        key = (scope["method"], scope["path"])
        status, answer, headers = self.answers.get(key, (404, unknown, {}))
        if isinstance(answer, list):  # several answers, one after the other
            answer = answer.pop(0)
            if isinstance(answer, tuple):
                status, answer, headers = answer
        listed = [(b"content-type", b"application/json")]
        listed += [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": listed})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()

    @contextmanager
    def opened(directory: Path, db: Path | None) -> Iterator[Api]:
        transport = InProcess(made)
        with httpx.Client(base_url="http://heedful.invalid", transport=transport) as http:
            yield Api(http, None)

    token = OPENER.set(opened)
    yield made
    OPENER.reset(token)


@pytest.fixture
def run() -> Run:
    def invoke(*args: str, **rest: Any) -> Result:
        return CliRunner().invoke(app, [str(arg) for arg in args], **rest)

    return invoke


@pytest.fixture
def workspace(tmp_path: Path, run: Run) -> Path:
    """A real workspace, opened in process by each command."""
    folder = tmp_path / "shop"
    assert run("init", folder).exit_code == 0
    return folder
