"""One owner process for an embedded workspace, and how others find it.

The lock is `flock` on `<db>.owner`: the kernel lets go of it when the process ends in whatever
way, so there is no stale lock, only a file that nobody holds. What is written in the file is the
owner's address and a token, for the command line of the same user.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import Final, Self

import msgspec

from heedful.ports import StoreUnavailable

_TRIES: Final = 20
_WAIT_S: Final = 0.01
"""A look by `read_owner` holds the lock for microseconds; an owner holds it for good."""
_BYTES_MAX: Final = 64 * 1024


class Owner(msgspec.Struct, frozen=True):
    """The process that holds a workspace."""

    pid: int
    url: str
    """Its address, empty until the server listens."""
    token: str
    """Proves to the server that the caller may read this file."""


class OwnerLock:
    """Own the store at `path` until released, by one process on one machine.

    Notes
    -----
    `flock` does not reach over most network file systems; neither does SQLite's WAL. A child made
    by `fork` shares the lock until it ends.

    Raises
    ------
    StoreUnavailable
        `already_owned`, with the owner's address, when another holds it.
    """

    def __init__(self, path: str) -> None:
        self.path = owner_path(path)
        self._descriptor: int | None = None

    def take(self, url: str = "", token: str = "") -> Self:
        """Become the owner."""
        if self._descriptor is not None:
            raise _owned(self.path, self._descriptor)
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(
                "store_cannot_open",
                f"Expected a folder to write in, got {error.strerror} - at `{self.path}`. "
                "Make the folder, or run as its owner.",
                retryable=False,
            ) from error
        try:
            if not _locked(descriptor, fcntl.LOCK_EX):
                raise _owned(self.path, descriptor)
            os.fchmod(descriptor, 0o600)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self.announce(url, token)
        return self

    def announce(self, url: str, token: str) -> None:
        """Write where the owner listens, once that is known."""
        if self._descriptor is None:
            raise StoreUnavailable(
                "not_owned", f"Expected a lock that is held - at `{self.path}`. Take it first."
            )
        said = msgspec.json.encode(Owner(os.getpid(), url, token))
        os.pwrite(self._descriptor, said, 0)
        os.ftruncate(self._descriptor, len(said))

    def release(self) -> None:
        """Let go; the file stays, empty, since removing it could remove another owner's."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)

    def __enter__(self) -> Self:
        return self if self._descriptor is not None else self.take()

    def __exit__(self, *_: object) -> None:
        self.release()


def owner_path(path: str) -> str:
    """Name the lock file of a store."""
    return f"{os.path.abspath(path)}.owner"


def read_owner(path: str) -> Owner | None:
    """Find the process that owns a store, or None when nobody does.

    Raises
    ------
    StoreUnavailable
        `owner_hidden` when another user's process owns it.
    """
    try:
        descriptor = os.open(owner_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailable(
            "owner_hidden",
            f"Expected an owner of this user, got {error.strerror} - at `{owner_path(path)}`. "
            "Run as the user who runs the server.",
            retryable=False,
        ) from error
    try:
        for _ in range(_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                if owner := _said(descriptor):
                    return owner
                time.sleep(_WAIT_S)  # between taking the lock and writing the address
            else:
                return None
        return Owner(0, "", "")
    finally:
        os.close(descriptor)


def _locked(descriptor: int, kind: int) -> bool:
    for attempt in range(_TRIES):
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                time.sleep(_WAIT_S)
        else:
            return True
    return False


def _said(descriptor: int) -> Owner | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, _BYTES_MAX, 0), type=Owner)
    except msgspec.MsgspecError:
        return None


def _owned(path: str, descriptor: int) -> StoreUnavailable:
    owner = _said(descriptor)
    where = f"process {owner.pid}" if owner else "another process"
    if owner and owner.url:
        where += f" at {owner.url}"
    return StoreUnavailable(
        "already_owned",
        f"Expected a store that nobody serves, got one owned by {where} - at `{path}`. "
        "Stop that process, or let it do the work through its address.",
        {"url": owner.url if owner else ""},
    )
