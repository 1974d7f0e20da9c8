"""The folder of a workspace: its settings, its strategy and its secret."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from heedful.app.settings import SETTINGS_FILE
from heedful.connectors import CONNECTORS_FILE
from heedful.kernel import InputError, expected

STRATEGY_FOLDER: Final = "strategy"
BACKUPS_FOLDER: Final = "backups"
WEBHOOKS_FOLDER: Final = "webhook-secrets"
STORE_FILE: Final = "heedful.db"
"""The store within a backup, whatever the workspace calls it."""
SECRET_FILE: Final = "secret.key"
SECRET_BYTES: Final = 32
AUDIT_KEY_FILE: Final = "audit.key"
STRATEGY_FILE_BYTES_MAX: Final = 1024 * 1024
"""Size of one file of a strategy; a larger one is refused unread."""
STRATEGY_FILES_MAX: Final = 2_000
"""Files of one strategy; more are refused with `bad_strategy`."""

# One folder deep, no dots at the front: a published name can never leave the folder.
FILE_NAME: Final = re.compile(r"(?:[A-Za-z0-9_][\w.-]*/)?[A-Za-z0-9_][\w.-]*\.ya?ml", re.ASCII)
BACKUP_NAME: Final = re.compile(r"[A-Za-z0-9_][\w.-]{0,99}", re.ASCII)

_SETTINGS: Final = """\
# Settings of this workspace. Each may also be given as HEEDFUL_ and its name in capitals.
# All of them: docs/reference/settings.md
host: 127.0.0.1
port: 8765
database: heedful.db
"""


def init_workspace(directory: Path) -> None:
    """Make a workspace: settings, a strategy to start from, and a secret of its own.

    Raises
    ------
    InputError
        `workspace_exists`: nothing is ever overwritten.
    """
    for name in (SETTINGS_FILE, SECRET_FILE, STRATEGY_FOLDER):
        if (directory / name).exists():
            what = expected("a folder without a workspace", f"one with {name}", str(directory))
            raise InputError("workspace_exists", what)
    folder = directory / STRATEGY_FOLDER
    _copy_templates(resources.files("heedful.strategy") / "templates", folder)
    _write_secret(directory / SECRET_FILE)
    (directory / SETTINGS_FILE).write_text(_SETTINGS, "utf-8")


def _copy_templates(templates: Traversable, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for template in sorted(templates.iterdir(), key=lambda entry: entry.name):
        if template.is_dir():
            _copy_templates(template, folder / template.name)
        elif template.name.endswith(".yaml"):
            (folder / template.name).write_text(template.read_text("utf-8"), "utf-8")


def _write_secret(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(SECRET_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_audit_key(directory: Path) -> tuple[bytes, bytes]:
    """Read the Ed25519 key that signs the audit chain, private and public; made at first use."""
    path = directory / AUDIT_KEY_FILE
    if not path.exists():
        _write_secret(path)
    private = bytes.fromhex(path.read_text("ascii"))
    key = Ed25519PrivateKey.from_private_bytes(private)
    return private, key.public_key().public_bytes_raw()


def read_connectors_file(directory: Path) -> str | None:
    """Read what ways out the workspace declares; None where it has no such file."""
    path = directory / CONNECTORS_FILE
    return path.read_text("utf-8") if path.exists() else None


def read_secret(directory: Path) -> bytes:
    """Read the workspace's secret.

    Raises
    ------
    InputError
        `no_workspace` when there is none, `bad_secret` when it is damaged.
    """
    path = directory / SECRET_FILE
    if not path.is_file():
        remedy = f"Make one with `heedful init {directory}`."
        what = expected("a workspace", "a folder without secret.key", str(directory), remedy)
        raise InputError("no_workspace", what)
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        what = expected(f"{SECRET_BYTES} bytes in hex", "something else", str(path))
        raise InputError("bad_secret", f"{what} Restore it from a backup.")
    return secret


def read_strategy_files(directory: Path) -> dict[str, str]:
    """Read the texts of a workspace's strategy, by their path within it."""
    folder = directory / STRATEGY_FOLDER
    files: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or not name.endswith((".yaml", ".yml")):
            continue
        if path.stat().st_size > STRATEGY_FILE_BYTES_MAX:
            what = f"a file of at most {STRATEGY_FILE_BYTES_MAX} bytes"
            raise InputError("bad_strategy", expected(what, "a larger one", name))
        try:
            files[name] = path.read_text("utf-8")
        except UnicodeDecodeError as error:
            raise InputError("bad_strategy", expected("UTF-8", "other bytes", name)) from error
    return files


def require_file_names(files: Mapping[str, str]) -> None:
    """Refuse names under which a strategy's file may not be written.

    Raises
    ------
    InputError
        `bad_file_name`, `bad_strategy` for too many or too large files.
    """
    if len(files) > STRATEGY_FILES_MAX:
        what = f"at most {STRATEGY_FILES_MAX} files"
        raise InputError("bad_strategy", expected(what, str(len(files)), "$.files"))
    for name, text in files.items():
        if FILE_NAME.fullmatch(name) is None:
            what = "a name such as signals.yaml or signals/paying.yaml"
            raise InputError("bad_file_name", expected(what, repr(name[:80]), "$.files"))
        if len(text) > STRATEGY_FILE_BYTES_MAX:
            what = f"a text of at most {STRATEGY_FILE_BYTES_MAX} characters"
            raise InputError("bad_strategy", expected(what, "a longer one", f"$.files.{name}"))


def write_strategy_files(directory: Path, files: Mapping[str, str]) -> None:
    """Make the folder hold these files; each appears whole or not at all."""
    folder = directory / STRATEGY_FOLDER
    for name, text in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text, "utf-8")
        partial.replace(path)
    for name in sorted(read_strategy_files(directory).keys() - files.keys()):
        (folder / name).unlink()


def require_backup_name(target: str) -> None:
    """Refuse a backup's name that is not a plain file name.

    Raises
    ------
    InputError
        `bad_backup_target`.
    """
    if BACKUP_NAME.fullmatch(target) is None:
        what = "a file name such as monday.db, without a folder"
        raise InputError("bad_backup_target", expected(what, "another text", "$.target"))


def backup_path(directory: Path, target: str) -> Path:
    """Give the path of a new backup inside the workspace's own folder.

    Raises
    ------
    InputError
        `bad_backup_target`.
    """
    require_backup_name(target)
    folder = directory / BACKUPS_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / target


def read_webhook_secrets(directory: Path, name: str) -> list[str]:
    """Read the signing secrets of a webhook, one a line: two while one is being replaced.

    Parameters
    ----------
    name
        Of a webhook of the strategy, which has checked it.
    """
    path = directory / WEBHOOKS_FOLDER / name
    if not path.is_file():
        return []
    lines = path.read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]
