"""What a workspace may set: `heedful.yaml`, and `HEEDFUL_*` in the environment above it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import yaml
from msgspec import Meta

from heedful.kernel import InputError, expected
from heedful.kernel.names import nearest

SETTINGS_FILE: Final = "heedful.yaml"
"""The workspace's settings; a missing file means the defaults."""
ENV_PREFIX: Final = "HEEDFUL_"
"""What a variable of the environment begins with to be a setting."""
FILE_BYTES_MAX: Final = 64 * 1024
"""Size of the settings file beyond which it is refused unread."""

# Read by the command line and by other programs of the project, not by the server.
_FOREIGN: Final = frozenset(
    f"{ENV_PREFIX}{name}"
    for name in (
        "COUNTERPARTS",
        "DATA",
        "DEBUG",
        "DIR",
        "HYPOTHESIS",
        "KILLS",
        "SEED",
        "SEEDS",
        "SHOP",
    )
)

Port = Annotated[int, Meta(ge=0, le=65_535)]
Count = Annotated[int, Meta(ge=1)]
Amount = Annotated[int, Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that may be set on a server; each field is also `HEEDFUL_` and its name.

    Notes
    -----
    Limits of what one source may send stand in `sources.yaml`, beside the source.
    """

    host: str = "127.0.0.1"
    """Address to listen on; loopback unless told otherwise."""
    port: Port = 8765
    """Port to listen on; 0 takes a free one."""
    database: str = "heedful.db"
    """File of the store, relative to the workspace."""
    public_url: str = ""
    """Address at which browsers reach the server, such as `https://events.example.com`, where a
    proxy stands in front; without it the Host header of the request is believed."""
    proxy_addresses: str = ""
    """Addresses of proxies, separated by commas, whose X-Forwarded-For is believed."""
    wire_bytes_max: Count = 4 * 1024 * 1024
    """Bytes of a request as it came, still compressed. Refused with `body_too_large`."""
    body_wait_s: Count = 30
    """Seconds within which a request's body must have arrived. Refused with `body_too_slow`."""
    requests_at_once_max: Count = 1_000
    """Requests in work at once; further ones are answered 503 with Retry-After."""
    rate_events_per_s: Amount = 0
    """Events per second that one source may send on average; 0 for no bound. Beyond: 429."""
    rate_burst_s: Count = 10
    """Seconds' worth of the rate that a source may send at once after a pause."""
    drain_s: Count = 20
    """Seconds that requests in work are given to finish when the server stops."""
    stream_watchers_max: Amount = 200
    """Open connections to the stream; further ones are refused with `too_many_watchers`."""
    stream_heartbeat_s: Count = 15
    """Seconds of silence after which a watcher gets a comment, so that proxies keep the line."""
    quarantine_days: Amount = 90
    """Days after which what waits in the quarantine is deleted; 0 keeps it for ever."""
    archive_days: Amount = 0
    """Days after which events are moved from the database into Parquet files beside it, where they
    are read as before; 0 leaves all where it is. Needs the extra `archive`."""
    free_bytes_min: Amount = 64 * 1024 * 1024
    """Free bytes of the disk below which events are refused with `store_full` and only deletions,
    objections, withdrawals, stops and incidents pass; 0 for none."""
    ballast_bytes: Amount = 16 * 1024 * 1024
    """Bytes of a file beside the database that is given up when the disk is full, so that
    deletions still find room; 0 keeps none."""


def read_settings(directory: Path, environ: Mapping[str, str]) -> Settings:
    """Read the settings of a workspace; the environment wins over the file.

    Raises
    ------
    InputError
        `bad_settings`, with the name and the nearest known one.
    """
    given = {**_from_file(directory / SETTINGS_FILE), **_from_environment(environ)}
    return _converted(given)


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    if path.stat().st_size > FILE_BYTES_MAX:
        raise _bad(f"a file of at most {FILE_BYTES_MAX} bytes", "a larger one", SETTINGS_FILE)
    try:
        # Aliases multiply: a few lines can stand for gigabytes, and settings need none.
        text = path.read_text("utf-8")
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, yaml.SafeLoader)):
            raise _bad("settings without aliases", "an alias", SETTINGS_FILE)
        found = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        # Where and what kind, never the text: secrets may stand there.
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = f"{SETTINGS_FILE}:{mark.line + 1}:{mark.column + 1}" if mark else SETTINGS_FILE
        got = "bytes that are no UTF-8" if isinstance(error, UnicodeError) else "a mistake in it"
        raise _bad("a YAML file", got, place) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _bad("`name: value` on each line", "something else", SETTINGS_FILE)
    for name in found:
        _require_known(str(name), SETTINGS_FILE, str(name))
    return found


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    given = {}
    for variable, value in environ.items():
        if not variable.startswith(ENV_PREFIX) or variable in _FOREIGN:
            continue
        name = variable.removeprefix(ENV_PREFIX).lower()
        _require_known(name, "environment", variable)
        given[name] = value
    return given


def _require_known(name: str, path: str, shown: str) -> None:
    known = Settings.__struct_fields__
    if name in known:
        return
    near = nearest(name, known)
    remedy = f"Did you mean {near}?" if near else f"Known are {', '.join(known)}."
    raise _bad("a known setting", repr(shown), path, remedy)


def _converted(given: Mapping[str, Any]) -> Settings:
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        message = f"{error}." if " - at " in str(error) else f"{error} - at `{SETTINGS_FILE}`."
        raise InputError("bad_settings", message) from error


def _bad(what: str, got: str, path: str, remedy: str = "") -> InputError:
    return InputError("bad_settings", expected(what, got, path, remedy))
