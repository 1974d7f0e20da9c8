"""YAML of strategy files as plain data whose every part knows its file, line and column.

A small, plain YAML: no anchors and aliases (so no bombs), no tags (so no classes), no merge keys,
no second document, no key twice. Scalars are read as YAML 1.2 means them, and only where no reader
can differ: `true` and `false` are bools while `on`, `yes` and `no` stay texts; `10` and `2.5` are
numbers while `007`, `+49`, `1_000`, `0x10`, `10m` and dates stay texts. Keys are always texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import yaml

from heedful.kernel import InputError, expected
from heedful.strategy.reading import Path, convert, path_text

T = TypeVar("T")

BYTES_MAX: Final = 1 << 20
"""Bytes of one file in UTF-8; a larger one is refused before it is parsed."""

NODES_MAX: Final = 100_000
"""Maps, lists, scalars and keys of one file; parsing stops at the first beyond."""

DEPTH_MAX: Final = 50
"""Maps and lists inside each other; parsing stops at the first deeper one."""

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's parser: libyaml where it is built in, else the one in Python, which says the same."""

_INT64_MAX: Final = (1 << 63) - 1

_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    **dict.fromkeys(("~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Position(NamedTuple):
    """A place in a file, both counted from 1, the column in characters."""

    line: int
    column: int


class StrategyProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong in a strategy, and where."""

    file: str
    line: int
    column: int
    text: str
    """One sentence for a person."""
    path: str = "$"
    code: str = "bad_strategy"
    """Stable; programs match on it."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class StrategyError(InputError):
    """A strategy that cannot be read; `problems` holds all that was found, in order."""

    def __init__(self, problems: Iterable[StrategyProblem]) -> None:
        self.problems: Final = tuple(problems)
        first = self.problems[0]
        listed = [msgspec.structs.asdict(problem) for problem in self.problems]
        super().__init__(first.code, str(first), {"problems": listed})


class _Place:
    """Where one part stands, with the places of its own parts and keys."""

    __slots__ = ("column", "keys", "line", "parts", "shift")

    def __init__(self, line: int, column: int, shift: int | None = None) -> None:
        self.line = line
        self.column = column
        self.shift = shift
        """Columns from the start of a text on one line to its first character; else None."""
        self.keys: dict[str, Position] = {}
        self.parts: dict[str | int, _Place] = {}


class Document:
    """A file's plain data (dicts, lists, texts, numbers, bools, None) with the place of each part.

    An empty file is None.
    """

    __slots__ = ("_root", "data", "file")

    def __init__(self, file: str, data: Any, root: _Place) -> None:
        self.file = file
        self.data = data
        self._root = root

    def locate(self, path: str | Path, *, offset: int = 0) -> Position:
        """Say where the value at a path starts.

        Parameters
        ----------
        path
            Such as `$.signals[3].where`, or `("signals", 3, "where")`. Of a path that the file
            does not have, the nearest part around it is located.
        offset
            Characters into a text, for a fault inside an expression; it counts where the text
            stands on one line without escapes, else the text's start is given.

        Examples
        --------
        >>> document = load_yaml("signals:\\n  - where: 'paid'", "signals.yaml")
        >>> document.locate("$.signals[0].where")
        Position(line=2, column=12)
        >>> document.locate(("signals", 0, "where"), offset=2)
        Position(line=2, column=15)
        """
        place = self._root
        for step in self._steps(path):
            if step not in place.parts:
                return Position(place.line, place.column)
            place = place.parts[step]
        if offset and place.shift is not None:
            return Position(place.line, place.column + place.shift + offset)
        return Position(place.line, place.column)

    def locate_key(self, path: str | Path) -> Position:
        """Say where the key of the value at a path starts; of a list's item, the item."""
        *before, last = [*self._steps(path)] or [""]
        place = self._root
        for step in before:
            if step not in place.parts:
                return Position(place.line, place.column)
            place = place.parts[step]
        if isinstance(last, str) and last in place.keys:
            return place.keys[last]
        return self.locate(path)

    def problem(
        self, path: str | Path, text: str, code: str = "bad_strategy", *, offset: int = 0
    ) -> StrategyProblem:
        """Give a sentence its place."""
        line, column = self.locate(path, offset=offset)
        written = path if isinstance(path, str) else path_text(path)
        return StrategyProblem(self.file, line, column, text, written, code)

    def _steps(self, path: str | Path) -> Iterator[str | int]:
        """Split a written path by what stands in the file: a key may have dots and brackets."""
        if not isinstance(path, str):
            yield from path
            return
        rest, place = path.removeprefix("$"), self._root
        while rest:
            step, rest = _first_step(rest, place)
            yield step
            place = place.parts.get(step, _NOWHERE)


_NOWHERE: Final = _Place(1, 1)
_INDEX: Final = re.compile(r"\[(\d+)\]")
_NAME: Final = re.compile(r"\.?([^.\[]*)")


def _first_step(rest: str, place: _Place) -> tuple[str | int, str]:
    index = _INDEX.match(rest)
    if index:
        return int(index.group(1)), rest[index.end() :]
    keys = [k for k in place.keys if rest.startswith(f".{k}") and _ends(rest[len(k) + 1 :])]
    if keys:
        key = max(keys, key=len)
        return key, rest[len(key) + 1 :]
    name = _NAME.match(rest)
    end = name.end() if name and name.end() else len(rest)
    return rest[:end].lstrip("."), rest[end:]


def _ends(rest: str) -> bool:
    return rest[:1] in ("", ".", "[")


def load_yaml(text: str, file: str, *, loader: Any = LOADER) -> Document:
    """Parse a file.

    Parameters
    ----------
    text
        What stands in the file.
    file
        Its name, for problems; nothing is opened.
    loader
        PyYAML's loader whose parser is used.

    Raises
    ------
    StrategyError
        `bad_yaml` for what is no YAML or a part of it that is not allowed here, `too_large` beyond
        a limit; one problem with its line and column.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > BYTES_MAX:
        raise _refusal(file, 0, 0, f"at most {BYTES_MAX} bytes", f"{size}", "", "too_large")
    strange = _UNPRINTABLE.search(text)
    if strange:
        before = text[: strange.start()].split("\n")
        got = f"the character U+{ord(strange.group()):04X}"
        raise _refusal(file, len(before) - 1, len(before[-1]), "printable text in UTF-8", got)
    try:
        return _Builder(text, file, loader).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        said = ", ".join(filter(None, (error.problem, error.context)))
        remedy = "Indent with spaces." if "\\t" in said or "any token" in said else ""
        raise _refusal(file, line, column, "YAML", f"a mistake ({said})", remedy) from None
    except yaml.YAMLError as error:
        got = f"a mistake ({type(error).__name__})"
        raise _refusal(file, 0, 0, "YAML", got) from None


def read(document: Document, type_: type[T]) -> T:
    """Read a document as a type; an empty file as an empty map.

    Parameters
    ----------
    type_
        Best a struct with `forbid_unknown_fields`, so that a misspelt field is found.

    Raises
    ------
    StrategyError
        With all faults (up to `reading.FAULTS_MAX`): `unknown_field`, `missing_field`,
        `unknown_value`, `wrong_type` or `bad_value`, each with its place; names with the nearest
        known one.
    """
    reading = convert({} if document.data is None else document.data, type_)
    problems = []
    for fault in reading.faults:
        place = document.locate_key if fault.is_of_key else document.locate
        line, column = place(fault.path)
        written = path_text(fault.path)
        problems.append(
            StrategyProblem(document.file, line, column, fault.text(), written, fault.code)
        )
    if problems:
        raise StrategyError(sorted(problems, key=lambda p: (p.line, p.column)))
    value: Any = reading.value
    return value  # type: ignore[no-any-return]


class _Builder:
    """Builds data and places from the parser's events, so that every limit stops the parser."""

    def __init__(self, text: str, file: str, loader: Any) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=loader)
        self._file = file
        self._nodes = 0
        self._depth = 0

    def document(self) -> Document:
        data, root = None, _Place(1, 1)
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse(event, "one document", "a second one", "Remove the `---`.")
                data, root = self._node(next(self._events))
        return Document(self._file, data, root)

    def _node(self, event: Any) -> tuple[Any, _Place]:
        self._admit(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._refuse(event, f"at most {DEPTH_MAX} levels", "more", "", "too_large")
        is_map = isinstance(event, yaml.MappingStartEvent)
        built = self._map(event) if is_map else self._list(event)
        self._depth -= 1
        return built

    def _admit(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise self._refuse(event, f"at most {NODES_MAX} values", "more", "", "too_large")
        if isinstance(event, yaml.AliasEvent):
            raise self._refuse(event, "a value", f"the alias *{event.anchor}", "Write it out.")
        if event.anchor is not None:
            remedy = "Remove it; values are written out."
            raise self._refuse(event, "a value", f"the anchor &{event.anchor}", remedy)
        if event.tag is not None:
            raise self._refuse(event, "a value", f"the tag {event.tag}", "Remove it.")

    def _map(self, start: Any) -> tuple[Any, _Place]:
        data: dict[str, Any] = {}
        place = _placed(start)
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            if key in data:
                first = place.keys[key].line
                raise self._refuse(event, "each key once", key, f"It stands on line {first}, too.")
            at = _placed(event)
            place.keys[key] = Position(at.line, at.column)
            data[key], place.parts[key] = self._node(next(self._events))
        return data, place

    def _key(self, event: Any) -> str:
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            raise self._refuse(event, "a name as key", "a map or a list")
        self._admit(event)
        key = str(event.value)
        if key in ("", "<<"):
            got = "a merge key" if key else "nothing"
            raise self._refuse(event, "a name as key", got, "Write the fields out." if key else "")
        return key

    def _list(self, start: Any) -> tuple[Any, _Place]:
        data: list[Any] = []
        place = _placed(start)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            value, place.parts[len(data)] = self._node(event)
            data.append(value)
        return data, place

    def _scalar(self, event: Any) -> tuple[Any, _Place]:
        place, text = _placed(event), str(event.value)
        quotes = 0 if event.style in (None, "") else 1  # the C parser says "", the other None
        start, end = event.start_mark, event.end_mark
        if start.line == end.line and end.column - start.column == len(text) + 2 * quotes:
            place.shift = quotes
        return (text if quotes else self._plain(event, text)), place

    def _plain(self, event: Any, text: str) -> Any:
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            number: int | float = int(text) if len(text) <= 20 else _INT64_MAX + 1
            if abs(number) <= _INT64_MAX:
                return number
        elif _FLOAT.fullmatch(text):
            number = float(text)
            if isfinite(number):
                return number
        else:
            return text
        remedy = "Put quotes around it to keep it as a text."
        raise self._refuse(event, "a number of 64 bits", text[:40], remedy)

    def _refuse(
        self, event: Any, what: str, got: str, remedy: str = "", code: str = "bad_yaml"
    ) -> StrategyError:
        mark = event.start_mark
        return _refusal(self._file, mark.line, mark.column, what, got, remedy, code)


def _placed(event: Any) -> _Place:
    return _Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _refusal(
    file: str,
    line: int,
    column: int,
    what: str,
    got: str,
    remedy: str = "",
    code: str = "bad_yaml",
) -> StrategyError:
    text = expected(what, got, "$", remedy)
    return StrategyError([StrategyProblem(file, line + 1, column + 1, text, "$", code)])
