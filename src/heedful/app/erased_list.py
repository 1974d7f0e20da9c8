"""Who was erased, as a list that goes with copies of a workspace: a copy has heard of nobody since.

Law: a list that cannot be read whole is refused before anything is restored. To miss one line would
bring somebody back.

A line is the key of an identifier, a hash under the workspace's secret, and when it was erased in
milliseconds. The list names nobody to whoever lacks the secret, and is worth nothing elsewhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from heedful.app.workspace import STORE_FILE, read_secret
from heedful.kernel import InputError, expected, hash_key
from heedful.store import erased_in

ERASED_FILE: Final = "erased.keys"
"""Who was erased since a backup was written, within it: the key of an identifier and when."""

_LINE: Final = re.compile(r"(\d{1,19}) (\d{1,19})")
_HEAD: Final = re.compile(r"# heedful erased (\w+) (\d{1,19})")


def write_erased(directory: Path, database: Path, target: Path) -> int:
    """Write who was erased so far, whole or not at all, in the place of an older list.

    Returns
    -------
    int
        How many identifiers it has.

    Raises
    ------
    StoreUnavailable
        `store_corrupt` when the store cannot be read.
    """
    erased = erased_in(database)
    lines = [f"# heedful erased {_workspace(read_secret(directory))} {len(erased)}"]
    lines += (f"{key} {at}" for key, at in sorted(erased.items()))
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return len(erased)


def read_erased(path: Path, secret: bytes) -> dict[int, int]:
    """Read who was erased: a list, or a later backup of the same workspace.

    Returns
    -------
    dict of int to int
        The key of each identifier, and when it was erased, in milliseconds.

    Raises
    ------
    InputError
        `bad_erased_list` when the list of the erased is none or not whole, `wrong_secret` when it
        is of another workspace.
    StoreUnavailable
        `store_corrupt` when the store of a backup cannot be read.
    """
    if path.is_dir():
        if read_secret(path) != secret:
            raise _foreign(path)
        return {**read_word(path), **erased_in(path / STORE_FILE)}
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        what = expected("a list of who was erased", "something else", str(path), _REMEDY)
        raise InputError("bad_erased_list", what) from None
    found: dict[int, int] = {}
    wanted = None
    for number, line in enumerate(lines, 1):
        if (pair := _LINE.fullmatch(line)) is not None:
            found[int(pair[1])] = int(pair[2])
        elif number == 1 and (head := _HEAD.fullmatch(line)) is not None:
            if head[1] != _workspace(secret):
                raise _foreign(path)
            wanted = int(head[2])
        else:
            what = expected("a key and an instant", "something else", f"{path}:{number}", _REMEDY)
            raise InputError("bad_erased_list", what)
    if not lines or wanted not in (None, len(found)):
        got = f"{len(found)} identifiers"
        what = expected(f"{wanted or 'some'} identifiers", got, str(path), _REMEDY)
        raise InputError("bad_erased_list", what)
    return found


def read_word(backup: Path) -> dict[int, int]:
    """Read what was left in a backup; a line that a crash cut short was never promised."""
    path = backup / ERASED_FILE
    text = path.read_text("ascii") if path.is_file() else ""
    pairs = (_LINE.fullmatch(line) for line in text.splitlines())
    return {int(pair[1]): int(pair[2]) for pair in pairs if pair is not None}


def _workspace(secret: bytes) -> str:
    """Name a workspace to itself: nobody comes from this to the secret."""
    return f"{hash_key(secret, ERASED_FILE):016x}"


def _foreign(path: Path) -> InputError:
    remedy = "Name a list of the workspace from which the backup is."
    what = expected("a list under the backup's secret", "another one", os.fspath(path), remedy)
    return InputError("wrong_secret", what)


_REMEDY: Final = "Name what `heedful backups --erased FILE` wrote, or a later backup."
