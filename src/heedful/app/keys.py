"""API keys: made once, shown once, kept as keyed hashes, found by hash.

Finding a key hashes what was presented under the workspace's secret and looks the hash up, so the
time that it takes says nothing about any stored key.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, get_args

from heedful.kernel import InputError, expected, hash_bytes
from heedful.kernel.names import nearest
from heedful.ports import KeyRow, Store, Transaction

Role = Literal["owner", "operator", "analyst", "supervisor", "agent", "service", "source"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
KEY_PREFIX: Final = "hk_"
KEY_CHARS_MAX: Final = 200
"""Characters of a presented key beyond which it is unknown without a look."""
WRITE_KEY_CHARS_MIN: Final = 2
"""Characters of a write key of one's own; a shorter one is refused with `bad_write_key`."""

KEY_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
WRITE_KEY: Final = re.compile(r"[!-9;-~]+", re.ASCII)


class Identity(NamedTuple):
    """Who calls: a role, and the name of the key; of a source, the source's name."""

    role: Role
    name: str


class KeyRing:
    """The keys of a workspace, cached in memory and read anew on every change.

    Parameters
    ----------
    store
        Where the hashes are kept.
    secret
        The workspace's, under which keys are hashed.
    change
        Runs a transaction in the writer's order.
    """

    def __init__(
        self, store: Store, secret: bytes, change: Callable[[Callable[[Transaction], Any]], Any]
    ) -> None:
        self._store = store
        self._secret = secret
        self._change = change
        self._lock = threading.Lock()
        self._known: dict[bytes, Identity] = {}
        self._owner: bytes | None = None
        self.refresh()

    def refresh(self) -> None:
        """Read the keys from the store."""
        rows = self.rows()
        self._known = {
            row.hash: Identity(_role(row.role), row.name) for row in rows if row.revoked_at is None
        }

    def rows(self) -> list[KeyRow]:
        """All keys, the oldest first, revoked ones included."""
        rows = self._store.read(lambda tx: tx.keys())
        return sorted(rows, key=lambda row: (row.created_at, row.name))

    def admit_owner(self, token: str) -> None:
        """Let the holder of the lock file's token act as the owner, for as long as we run."""
        self._owner = self._hash(token)

    def authenticate(self, key: str) -> Identity | None:
        """Find who holds a key; None for nobody."""
        if not key or len(key) > KEY_CHARS_MAX:
            return None
        return self._known.get(self._hash(key))

    def is_owner_token(self, key: str) -> bool:
        """Whether this is the token of the lock file; it counts from this machine only."""
        return self._owner is not None and secrets.compare_digest(self._hash(key), self._owner)

    def create(self, role: str, name: str, now: int, key: str | None = None) -> str:
        """Make a key and give it, this once.

        Parameters
        ----------
        key
            Of a source only: the write key that its SDKs already carry.

        Raises
        ------
        InputError
            `unknown_role`, `bad_key_name`, `key_exists` while a key of that name is in force,
            `bad_write_key`.
        """
        granted = _require_role(role)
        _require_name(name)
        if key is not None:
            _require_write_key(granted, key)
        made = key if key is not None else KEY_PREFIX + secrets.token_urlsafe(24)
        row = KeyRow(self._hash(made), granted, name, now, None)

        def work(tx: Transaction) -> None:
            rows: list[KeyRow] = tx.keys()
            for held in rows:
                if held.revoked_at is None and (held.name == name or held.hash == row.hash):
                    remedy = f"Revoke it with `heedful keys revoke {held.name}`, or take another."
                    what = expected("a new name", "that of a key in force", "$.name", remedy)
                    raise InputError("key_exists", what)
            tx.put_key(row)

        with self._lock:
            self._change(work)
            self.refresh()
        return made

    def revoke(self, name: str, now: int) -> None:
        """Take a key out of force at once.

        Raises
        ------
        InputError
            `key_not_found`.
        """

        def work(tx: Transaction) -> None:
            rows: list[KeyRow] = tx.keys()
            held = [row for row in rows if row.name == name and row.revoked_at is None]
            if not held:
                remedy = "`heedful keys list` names them."
                what = expected("the name of a key in force", "another", "$.name", remedy)
                raise InputError("key_not_found", what)
            for row in held:
                tx.put_key(row._replace(revoked_at=now))

        with self._lock:
            self._change(work)
            self.refresh()

    def _hash(self, key: str) -> bytes:
        return hash_bytes(self._secret, "api key", key)


def _role(text: str) -> Role:
    return next(role for role in ROLES if role == text)


def _require_role(text: str) -> Role:
    for role in ROLES:
        if role == text:
            return role
    near = nearest(text, ROLES)
    remedy = f"Did you mean {near}?" if near else f"Known are {', '.join(ROLES)}."
    raise InputError("unknown_role", expected("a role", "another text", "$.role", remedy))


def _require_name(name: str) -> None:
    if KEY_NAME.fullmatch(name) is None:
        what = "a name of up to 64 letters, digits, dots, hyphens and underscores"
        raise InputError("bad_key_name", expected(what, "another text", "$.name"))


def _require_write_key(role: Role, key: str) -> None:
    if role != "source":
        what = expected("the role source beside a key of one's own", role, "$.key")
        raise InputError("bad_write_key", what)
    is_short = len(key) < WRITE_KEY_CHARS_MIN
    if is_short or len(key) > KEY_CHARS_MAX or WRITE_KEY.fullmatch(key) is None:
        what = f"{WRITE_KEY_CHARS_MIN} to {KEY_CHARS_MAX} printable ASCII characters without `:`"
        raise InputError("bad_write_key", expected(what, "another text", "$.key"))
