"""From `connectors.yaml` to open connectors, or to every problem with its line.

A workspace without the file keeps messages for its app and calls nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, Final, NamedTuple

import msgspec

from heedful.connectors.plugin import GROUP, AnyPlugin, Plugin, Surroundings
from heedful.connectors.secrets import Trouble, fill_in
from heedful.effects import CallWebhook, OutboundEffect, SendMessage
from heedful.kernel import HeedfulError, InputError, expected
from heedful.kernel.names import nearest
from heedful.ports import Connector
from heedful.strategy.reading import Path, convert, path_text
from heedful.strategy.yaml import Document, StrategyError, load_yaml

CONNECTORS_FILE: Final = "connectors.yaml"
"""File of a workspace that names its ways out."""

CONNECTORS_MAX: Final = 100
"""Connectors of one workspace; a file with more is refused."""

DEFAULT_TEXT: Final = "inapp: {}\n"
"""What holds where a workspace has no file."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_TYPE: Final = "type"

Load = Callable[[], Any]
"""Imports a plug-in."""


class ConnectorsError(InputError):
    """A `connectors.yaml` that cannot be used; the detail's `problems` holds all that was found."""

    def __init__(self, problems: Iterable[str]) -> None:
        listed = list(problems)
        super().__init__("bad_connectors", listed[0], {"problems": listed})


class Configured(NamedTuple):
    """A connector as it is declared, its settings checked, not yet open."""

    name: str
    plugin: AnyPlugin
    settings: msgspec.Struct


class Connectors:
    """The open connectors of a workspace, by what they carry."""

    def __init__(self, connectors: Iterable[Connector]) -> None:
        self._all = tuple(connectors)
        self.by_channel: Final = _by("channel", ((c, c.channels) for c in self._all))
        self.by_destination: Final = _by("destination", ((c, c.destinations) for c in self._all))

    def __iter__(self) -> Iterator[Connector]:
        return iter(self._all)

    def find(self, effect: OutboundEffect) -> Connector | None:
        """Find the connector that carries an effect, or None when there is none."""
        what = effect.effect
        if isinstance(what, SendMessage):
            return self.by_channel.get(what.channel)
        if isinstance(what, CallWebhook):
            return self.by_destination.get(what.destination)
        return None

    def close(self) -> None:
        """Close them all."""
        for connector in self._all:
            connector.close()


def _by(what: str, carried: Iterable[tuple[Connector, tuple[str, ...]]]) -> dict[str, Connector]:
    found: dict[str, Connector] = {}
    for connector, keys in carried:
        for key in keys:
            if key in found and found[key] is not connector:
                names = f"{found[key].name} and {connector.name}"
                text = expected(f"one connector for the {what} `{key}`", names, CONNECTORS_FILE)
                raise ConnectorsError([text])
            found[key] = connector
    return found


def installed_plugins() -> dict[str, Load]:
    """List the plug-ins of all installed packages, by type, without importing any.

    Raises
    ------
    InputError
        `ambiguous_plugin` when two packages offer one of the same name.
    """
    found: dict[str, Load] = {}
    for entry in entry_points(group=GROUP):
        if entry.name in found:
            what = expected("one package", "two", f"{GROUP}: {entry.name}", "Uninstall one.")
            raise InputError("ambiguous_plugin", what)
        found[entry.name] = entry.load
    return found


def read_connectors(
    text: str | None, environ: Mapping[str, str], plugins: Mapping[str, Load] | None = None
) -> list[Configured]:
    """Read what a workspace declares.

    Parameters
    ----------
    text
        Of the file, or None where there is none.
    environ
        Where `env:NAME` is looked up.
    plugins
        By type; those that are installed where absent.

    Raises
    ------
    ConnectorsError
        With every problem as `connectors.yaml:LINE:COLUMN: sentence`; no secret stands in one.
    """
    plugins = installed_plugins() if plugins is None else plugins
    try:
        document = load_yaml(DEFAULT_TEXT if text is None else text, CONNECTORS_FILE)
    except StrategyError as error:
        raise ConnectorsError([str(problem) for problem in error.problems]) from error
    problems = _Problems(document)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise ConnectorsError([problems.text((), "a map of names to settings", "something else")])
    if len(data) > CONNECTORS_MAX:
        raise ConnectorsError([problems.text((), f"at most {CONNECTORS_MAX}", str(len(data)))])
    found = [_configured(name, data[name], environ, plugins, problems) for name in data]
    if problems.found:
        raise ConnectorsError(problems.sorted())
    return [configured for configured in found if configured is not None]


class _Problems:
    """Collects what is wrong with its place."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.found: list[tuple[int, int, str]] = []

    def text(self, path: Path, what: str, got: str, remedy: str = "") -> str:
        at = self._document.locate_key(path)
        said = expected(what, got, path_text(path), remedy)
        return f"{self._document.file}:{at.line}:{at.column}: {said}"

    def add(self, path: Path, what: str, got: str, remedy: str = "") -> None:
        at = self._document.locate_key(path)
        self.found.append((at.line, at.column, self.text(path, what, got, remedy)))

    def sorted(self) -> list[str]:
        return [text for *_, text in sorted(self.found)]


def _configured(
    name: str,
    declared: Any,
    environ: Mapping[str, str],
    plugins: Mapping[str, Load],
    problems: _Problems,
) -> Configured | None:
    if not _NAME.fullmatch(name):
        problems.add((name,), "a name such as email or service-desk", repr(name[:80]))
        return None
    declared = {} if declared is None else declared
    if not isinstance(declared, dict):
        problems.add((name,), "a map of settings", "something else")
        return None
    plugin = _plugin(name, declared.get(_TYPE, name), _TYPE in declared, plugins, problems)
    if plugin is None:
        return None
    given = {key: value for key, value in declared.items() if key != _TYPE}
    troubles: list[Trouble] = []
    filled = fill_in(given, plugin.settings, environ, troubles)
    for trouble in troubles:
        problems.add((name, *trouble.path), trouble.what, trouble.got, trouble.remedy)
    reading = convert(filled, plugin.settings)
    hidden = {trouble.path for trouble in troubles}
    for fault in reading.faults:
        if fault.path not in hidden:
            problems.add((name, *fault.path), fault.what, fault.got, fault.remedy)
    if reading.value is None or troubles:
        return None
    return Configured(name, plugin, reading.value)


def _plugin(
    name: str, type_: Any, is_said: bool, plugins: Mapping[str, Load], problems: _Problems
) -> AnyPlugin | None:
    path: Path = (name, _TYPE) if is_said else (name,)
    load = plugins.get(type_) if isinstance(type_, str) else None
    if load is None:
        near = nearest(str(type_), plugins)
        known = f"Known are {', '.join(sorted(plugins)) or 'none'}."
        remedy = f"Did you mean {near}?" if near else known
        problems.add(path, "the type of an installed connector", repr(type_)[:80], remedy)
        return None
    try:
        plugin = load()
    except Exception as error:  # a plug-in is somebody else's code: whatever it raises, say which
        problems.add(path, f"a plug-in `{type_}` that can be imported", type(error).__name__)
        return None
    if not isinstance(plugin, Plugin):
        problems.add(path, f"a Plugin behind `{type_}`", type(plugin).__name__)
        return None
    return plugin


def open_connectors(configured: Iterable[Configured], surroundings: Surroundings) -> Connectors:
    """Open what was read.

    Raises
    ------
    InputError
        `bad_connectors` for a `connectors.yaml` that cannot be used: every problem stands in the
        detail. What was open by then is closed.
    """
    opened: list[Connector] = []
    try:
        for name, plugin, settings in configured:
            opened.append(plugin.open(name, settings, surroundings))
        return Connectors(opened)
    except HeedfulError:
        for connector in opened:
            connector.close()
        raise
