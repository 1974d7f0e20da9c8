"""A workspace behind a real uvicorn on a free port of 127.0.0.1, in a thread of this process."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from heedful.api.server import make_server
from heedful.app import ROLES, App, Settings, init_workspace, open_app

READY_S = 30
"""How long a server may take to listen before the test says that it does not."""


class Served(NamedTuple):
    """A server at work: its address, its app, and a key of each role."""

    url: str
    app: App
    keys: Mapping[str, str]
    revoked: str
    """A key of the role owner that is no longer in force."""

    def client(self, role: str | None = "owner", **rest: Any) -> httpx.Client:
        """Speak to the server as a role, or as nobody."""
        headers = {} if role is None else bearer(self.keys[role])
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=60, **rest)

    def metric(self, name: str, **labels: str) -> float:
        """Read one sample of /metrics; 0 where it has not been counted yet."""
        shown = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        wanted = f"{name}{{{shown}}}" if shown else name
        for line in httpx.get(f"{self.url}/metrics", trust_env=False).text.splitlines():
            sample, _, value = line.rpartition(" ")
            if sample == wanted:
                return float(value)
        return 0.0


def bearer(key: str) -> dict[str, str]:
    """Write the header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def serving(
    folder: Path,
    strategy: Mapping[str, str] | None = None,
    *,
    is_whole: bool = False,
    **settings: Any,
) -> Iterator[Served]:
    """Make a workspace in a new folder and serve it until the block ends.

    Parameters
    ----------
    strategy
        Files beside those that a new workspace has, or, where it `is_whole`, instead of them.
    """
    init_workspace(folder)
    if is_whole:
        shutil.rmtree(folder / "strategy")
    for name, text in (strategy or {}).items():
        path = folder / "strategy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    app = open_app(folder, settings=Settings(**settings))
    try:
        app.start()
        keys = {role: app.create_key(role, f"the-{role}") for role in ROLES}
        revoked = app.create_key("owner", "once")
        app.revoke_key("once")
        with listening(app) as url:
            yield Served(url, app, keys, revoked)
    finally:
        app.close()


@contextmanager
def listening(app: App) -> Iterator[str]:
    """Serve a started app until the block ends; give the address."""
    ready = threading.Event()
    found: list[str] = []

    def at(url: str) -> None:
        found.append(url)
        ready.set()

    server = make_server(app, "127.0.0.1", 0, at)
    thread = threading.Thread(target=server.run, name="served")
    thread.start()
    try:
        assert ready.wait(READY_S), "the server does not listen"
        yield found[0]
    finally:
        server.stop()
        thread.join()
