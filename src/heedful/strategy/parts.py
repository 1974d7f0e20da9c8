"""The files of a strategy while they are checked: sections with their places, and the table's row.

A row of the table (`FileKind`) says which files are of a kind, what type their section has, and
what has to hold beyond the type. A new kind of file is a new row and touches no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from heedful.kernel import InputError, expected, parse_span
from heedful.kernel.names import nearest
from heedful.strategy.yaml import Document, StrategyProblem

T = TypeVar("T")

NAME_CHARS_MAX: Final = 64
"""Characters of the name of a purpose, source or webhook; a longer one is refused."""

_NAME: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{NAME_CHARS_MAX - 1}}}")


class Part(msgspec.Struct, Generic[T], frozen=True):
    """One file that could be read: its section, and where each part of it stands."""

    file: str
    document: Document
    section: T

    def problem(self, path: str, what: str, got: str, remedy: str = "") -> StrategyProblem:
        """Write what is wrong at a path such as `$.traits[2].purpose`."""
        return self.problem_saying(path, expected(what, got, path, remedy))

    def problem_saying(self, path: str, text: str, *, offset: int = 0) -> StrategyProblem:
        """Give a sentence that is already written its place, `offset` characters into a text."""
        problem = self.document.problem(path, text, offset=offset)
        if not offset or problem.column != self.document.locate(path).column:
            # The place says it already; only a text over several lines keeps it in words.
            said = text.removesuffix(f" Column {offset + 1}.")
            return msgspec.structs.replace(problem, text=said)
        return problem


class Parts:
    """All files of a strategy that could be read, by the type of their section."""

    def __init__(self) -> None:
        self._parts: dict[type, list[Part[Any]]] = {}
        self._broken: set[type] = set()
        self._made: dict[str, Any] = {}

    def add(self, kind: type, part: Part[Any]) -> None:
        """Keep a file; files come sorted by their path."""
        self._parts.setdefault(kind, []).append(part)

    def lose(self, kind: type) -> None:
        """Note that a file of this kind could not be read, so that names may be missing."""
        self._broken.add(kind)

    def of(self, kind: type[T]) -> Sequence[Part[T]]:
        """List the files of one kind."""
        return self._parts.get(kind, [])

    def is_whole(self, kind: type) -> bool:
        """Whether every file of this kind could be read: else its names are not checked against."""
        return kind not in self._broken

    def sections(self, kind: type[T]) -> tuple[T, ...]:
        """List the sections of one kind."""
        return tuple(part.section for part in self.of(kind))

    def only(self, kind: type[T]) -> T:
        """Give the one section of a kind; its defaults where there is no file."""
        return (*self.sections(kind), kind())[0]

    def once(self, make: Callable[[Parts], T]) -> T:
        """Give what a function makes of all files, making it the first time only."""
        if make.__qualname__ not in self._made:
            self._made[make.__qualname__] = make(self)
        made: T = self._made[make.__qualname__]
        return made


class FileKind(msgspec.Struct, frozen=True):
    """A row of the table of known files."""

    name: str
    """As the JSON Schemas are named."""
    patterns: tuple[str, ...]
    """Paths; a last name of `*.yaml` stands for any file directly in that folder."""
    type: type
    """What the whole file is read as."""
    check: Callable[[Parts], Iterable[StrategyProblem]]
    """Finds what the type alone does not say, over all files of the kind."""

    def matches(self, path: str) -> bool:
        """Say whether a file is of this kind."""
        folder, _, name = path.rpartition("/")
        for pattern in self.patterns:
            its_folder, _, its_name = pattern.rpartition("/")
            if folder == its_folder and (name == its_name or its_name == "*.yaml"):
                return name.endswith(".yaml")
        return False


def repeated(named: Iterable[tuple[Part[Any], str, str]], what: str) -> Iterator[StrategyProblem]:
    """Find names that were taken before.

    Parameters
    ----------
    named
        Part, path and name, in order.
    what
        Such as "a name of its own".
    """
    first: dict[str, tuple[Part[Any], str]] = {}
    for part, path, name in named:
        if name not in first:
            first[name] = part, path
            continue
        holder, place = first[name]
        line, _ = holder.document.locate(place)
        yield part.problem(path, what, repr(name), f"It stands at {holder.file}:{line}, too.")


def misnamed(part: Part[Any], path: str, name: str) -> Iterator[StrategyProblem]:
    """Find a name that could not stand in a key, an address or a command."""
    if not _NAME.fullmatch(name):
        remedy = f"Use letters, digits, `_`, `-` and `.`, at most {NAME_CHARS_MAX}."
        yield part.problem(path, "a name", repr(name[: 2 * NAME_CHARS_MAX]), remedy)


def check_span(
    part: Part[Any], path: str, text: str, *, least_ms: int = 1
) -> Iterator[StrategyProblem]:
    """Find a text that is no span, or one that is shorter than may be."""
    try:
        span = parse_span(text, path)
    except InputError as error:
        yield part.problem_saying(path, error.message)
        return
    if span < least_ms:
        yield part.problem(path, "a span longer than 0", repr(text))


def told(part: Part[Any], faults: Iterable[InputError]) -> Iterator[StrategyProblem]:
    """Give faults that another room found in this file their place in it."""
    for fault in faults:
        yield part.problem_saying(str(fault.detail.get("path", "$")), fault.message)


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Offer the nearest known name, or say the other thing."""
    found = nearest(name, known)
    return f"Did you mean {found}?" if found else otherwise
