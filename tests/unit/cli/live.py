"""The sample shop's strategy at work in this process, opened once for a file of tests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from heedful import cli
from heedful.api import build
from heedful.app import App, init_workspace
from heedful.cli.client import OPENER, Api, open_workspace
from heedful.cli.inprocess import InProcess

STRATEGY = Path(__file__).resolve().parents[3] / "examples" / "shop" / "strategy"


class Live:
    """A workspace that is open, and a way to run commands in it."""

    def __init__(self, directory: Path, api: Api) -> None:
        self.directory, self.api = directory, api
        self._sent = 0

    def run(self, *args: str, code: int = 0, answer: str | None = None) -> str:
        """Run a command as it stands and give all that it says."""
        token = OPENER.set(lambda directory, db: nullcontext(self.api))
        try:
            done = CliRunner().invoke(cli.app, [*args], input=answer)
        finally:
            OPENER.reset(token)
        assert done.exit_code == code, done.output
        return str(done.output)

    def says(self, *args: str, code: int = 0) -> str:
        """Run a command on this workspace."""
        return self.run(*args, "--dir", str(self.directory), code=code)

    def gives(self, *args: str, code: int = 0) -> Any:
        return json.loads(self.says(*args, "--json", code=code))

    def send(self, user: str, event: str, **properties: Any) -> None:
        self._sent += 1
        said = {"userId": user, "event": event, "properties": properties}
        self.api.post("/v1/track", {**said, "messageId": f"m{self._sent}"})

    def refuse_payments(self, user: str, times: int = 3) -> None:
        for _ in range(times):
            self.send(user, "Payment Failed", payment_method="card")


def copy_strategy(directory: Path) -> None:
    """Put the sample shop's strategy into a workspace."""
    for file in sorted(STRATEGY.rglob("*.yaml")):
        target = directory / "strategy" / file.relative_to(STRATEGY)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.read_text("utf-8"), "utf-8")


@contextmanager
def living(directory: Path, *, is_shop: bool = True) -> Iterator[Live]:
    """Open a new workspace until the block ends, with the shop's strategy or the one it has."""
    init_workspace(directory)
    if is_shop:
        copy_strategy(directory)
    with open_workspace(directory, None) as api:
        yield Live(directory, api)


@contextmanager
def speaking(directory: Path, app: App) -> Iterator[Live]:
    """Give the workspace of an application that is open already."""
    headers = {"Authorization": f"Bearer {app.owner_token}"}
    with httpx.Client(
        base_url="http://heedful.invalid",
        headers=headers,
        transport=InProcess(build(app)),
        timeout=60,
    ) as http:
        yield Live(directory, Api(http, None))


def until(is_so: Callable[[], bool], looks: int = 400) -> None:
    """Look again and again at what another thread does, and fail when it never does it."""
    for _ in range(looks):
        if is_so():
            return
        time.sleep(0.05)  # polls: the work has no other sign
    raise AssertionError("it never came to be")
