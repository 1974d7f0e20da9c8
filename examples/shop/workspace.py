"""The shop's workspace: its strategy, its keys, and its ways out while a desk is there."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from examples.shop.calls import SOURCES
from examples.shop.desk import SECRET_NAME
from heedful.app import App, init_workspace
from heedful.connectors import CONNECTORS_FILE

HERE: Final = Path(__file__).resolve().parent
STRATEGY: Final = HERE / "strategy"
CONNECTORS: Final = HERE / CONNECTORS_FILE
WRITE_KEYS: Final = "write-keys.json"
FRONT: Final = "shop-front"
"""Name and kind of the key with which the shop's pages ask what to show."""
CREDIT: Final = "rosa"
"""Name of the key with which the credit desk agrees to payment plans."""
DESK_PORTS: Final = ("8766", "8767")
"""Of the desk and the letter box, as `connectors.yaml` writes them."""


def make_workspace(directory: Path) -> None:
    """Make the shop's workspace, unless it is there: nothing of it is ever overwritten."""
    if directory.exists():
        return
    init_workspace(directory)
    shutil.rmtree(directory / "strategy")
    shutil.copytree(STRATEGY, directory / "strategy")


def write_keys(app: App, directory: Path) -> dict[str, str]:
    """Give the write key of each source; made on the first day, kept beside the data."""
    return {source: shop_keys(app, directory)[source] for source in SOURCES}


def front_key(app: App, directory: Path) -> str:
    """Give the key of the shop's pages, which may ask what to show and say what came of it."""
    return shop_keys(app, directory)[FRONT]


def credit_key(app: App, directory: Path) -> str:
    """Give the key of the credit desk, which agrees to what needs a second person."""
    return shop_keys(app, directory)[CREDIT]


def shop_keys(app: App, directory: Path) -> dict[str, str]:
    """Give all keys of the shop by name, and make those that are missing."""
    path = directory / WRITE_KEYS
    kept: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    wanted = {"web": "source", "app": "source", "backend": "source", FRONT: "service"}
    wanted[CREDIT] = "supervisor"
    missing = [name for name in wanted if name not in kept]
    if not missing:
        return kept
    held = {row.name for row in app.list_keys() if row.revoked_at is None}
    for name in missing:
        if name in held:
            app.revoke_key(name)
        if wanted[name] == "source":
            kept[name] = app.create_key("source", name, f"shop_{secrets.token_urlsafe(16)}")
        else:
            kept[name] = app.create_key(wanted[name], name)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(kept, file)
    return kept


def new_desk_secret() -> str:
    """Make a secret with which calls to the desk are signed."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


@contextlib.contextmanager
def ways_out(directory: Path, secret: str, desk_port: int, mail_port: int) -> Iterator[None]:
    """Have the workspace call a desk and a letter box for as long as they are there."""
    text = CONNECTORS.read_text("utf-8")
    for written, real in zip(DESK_PORTS, (desk_port, mail_port), strict=True):
        text = text.replace(f":{written}/", f":{real}/").replace(
            f"port: {written}", f"port: {real}"
        )
    path, before = directory / CONNECTORS_FILE, os.environ.get(SECRET_NAME)
    path.write_text(text, "utf-8")
    os.environ[SECRET_NAME] = secret
    try:
        yield
    finally:
        # Nobody listens there any more, and the next command shall open without the secret.
        path.unlink(missing_ok=True)
        if before is None:
            del os.environ[SECRET_NAME]
        else:
            os.environ[SECRET_NAME] = before
