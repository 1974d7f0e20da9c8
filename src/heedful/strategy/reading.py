"""Plain data to typed structs, with every fault named by its path and not only the first.

msgspec stops at the first fault. To find the next one, the part that is at fault is taken out of a
copy and the rest is converted again; what only follows from the taking is not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

import msgspec

from heedful.kernel import expected
from heedful.kernel.names import nearest

T = TypeVar("T")
Path = tuple[str | int, ...]
"""The way to a part: names of fields and indexes of lists, from the root."""

FAULTS_MAX: Final = 100
"""Faults told of one document; the rest shows when these are mended."""

_LISTED_MAX: Final = 12  # known values written out in a sentence

_SHAPE: Final = re.compile(r"(?P<text>.*?)(?: - at (?:`key` in )?`(?P<path>\$.*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|(\[\.\.\.\])")
_ANY_KEY: Final = "[...]"  # as msgspec writes a key of a dict that it does not name
_WORDS: Final = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a map",
    "array": "a list",
    "null": "nothing",
}


class Fault(msgspec.Struct, frozen=True):
    """One thing that does not fit its type."""

    path: Path
    code: str
    what: str
    got: str
    remedy: str = ""
    is_of_key: bool = False
    """Whether the key is at fault and not its value."""

    def text(self) -> str:
        """Write the sentence."""
        return expected(self.what, self.got, path_text(self.path), self.remedy)


class Reading(msgspec.Struct, Generic[T], frozen=True):
    """What converting gave: a value, or the faults in the order in which they were found."""

    value: T | None
    faults: tuple[Fault, ...] = ()


def path_text(path: Path) -> str:
    """Write a path.

    Examples
    --------
    >>> path_text(("signals", 3, "where"))
    '$.signals[3].where'
    """
    return "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)


def convert(data: Any, type_: type[T]) -> Reading[T]:
    """Convert plain data to a type, or find its faults.

    Parameters
    ----------
    data
        Dicts with text keys, lists, scalars. It is not changed.
    type_
        A type that msgspec can convert to; `forbid_unknown_fields` finds misspelt fields.
    """
    try:
        return Reading(msgspec.convert(data, type_, str_keys=True))
    except msgspec.ValidationError:
        return Reading(None, tuple(_faults(data, type_)))


def fields_at(type_: type, path: str) -> list[str]:
    """List the fields that a map at a path may have, as msgspec writes the path.

    Examples
    --------
    >>> size = msgspec.defstruct("Size", [("width", int)])
    >>> parcel = msgspec.defstruct("Parcel", [("sizes", list[size])])
    >>> fields_at(parcel, "$.sizes[0]")
    ['width']
    """
    steps = ((int(index) if index else name) for name, index, _ in _STEP.findall(path[1:]))
    return list(dict.fromkeys(_fields(_kinds_at(None, type_, tuple(steps)))))


def _faults(data: Any, type_: type) -> Iterator[Fault]:
    copy = _Copy(data)
    for _ in range(FAULTS_MAX):
        try:
            msgspec.convert(copy.data, type_, str_keys=True)
        except msgspec.ValidationError as error:
            found = _locate(copy.data, type_, str(error))
        else:
            return
        at, fault = _describe(copy.data, type_, *found)
        is_new = fault.is_of_key or at not in copy.shortened
        if is_new:
            yield msgspec.structs.replace(fault, path=copy.original(fault.path))
        if not copy.take_out(fault.path if is_new else at):
            return


class _Copy:
    """A copy of the data from which parts are taken, and where the rest stood before."""

    def __init__(self, data: Any) -> None:
        self._indexes: dict[int, list[int]] = {}
        self.data = self._copied(data)
        self.shortened: set[Path] = set()

    def _copied(self, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: self._copied(value) for key, value in data.items()}
        if isinstance(data, list):
            copied = [self._copied(value) for value in data]
            self._indexes[id(copied)] = list(range(len(copied)))
            return copied
        return data

    def original(self, path: Path) -> Path:
        """Say where a part stood before anything was taken out."""
        part, steps = self.data, []
        for step in path:
            steps.append(self._indexes[id(part)][step] if isinstance(step, int) else step)
            part = _step(part, step)
        return tuple(steps)

    def take_out(self, path: Path) -> bool:
        """Take a part out of its map or list; the root cannot be."""
        if not path:
            return False
        parent, last = _follow(self.data, path[:-1]), path[-1]
        if isinstance(parent, list) and isinstance(last, int):
            del parent[last]
            del self._indexes[id(parent)][last]
            # What stood behind has moved up, with what was taken out of it.
            self.shortened = set(_moved(self.shortened, path[:-1], last))
        elif isinstance(parent, dict) and last in parent:
            del parent[last]
        else:
            return self.take_out(path[:-1])
        self.shortened.add(path[:-1])
        return True


def _moved(paths: Iterable[Path], parent: Path, index: int) -> Iterator[Path]:
    depth = len(parent)
    for path in paths:
        if path[:depth] != parent or len(path) == depth:
            yield path
            continue
        step = path[depth]
        if isinstance(step, int) and step > index:
            yield (*parent, step - 1, *path[depth + 1 :])
        elif step != index:
            yield path


def _step(part: Any, step: str | int) -> Any:
    if isinstance(part, dict):
        return part.get(step)
    if isinstance(part, list) and isinstance(step, int) and step < len(part):
        return part[step]
    return None


def _follow(data: Any, path: Path) -> Any:
    for step in path:
        data = _step(data, step)
    return data


def _locate(data: Any, type_: type, message: str) -> tuple[Path, str]:
    """Split a message of msgspec into path and text; keys that it leaves out are searched."""
    shape = _SHAPE.fullmatch(message)
    text, written = (shape.group("text"), shape.group("path")) if shape else (message, None)
    path: list[str | int] = []
    for name, index, any_key in _STEP.findall((written or "$")[1:]):
        if any_key:
            path.append(_key_at_fault(data, tuple(path), type_, message))
        else:
            path.append(int(index) if index else name)
    return tuple(path), text


def _key_at_fault(data: Any, path: Path, type_: type, message: str) -> str:
    # The fault is that of the first entry that has it, so halving finds it.
    part = _follow(data, path)
    entries = list(part.items())
    low, high = 0, len(entries) - 1
    while low < high:
        middle = (low + high) // 2
        part.clear()
        part.update(entries[: middle + 1])
        if _message(data, type_) == message:
            high = middle
        else:
            low = middle + 1
    part.clear()
    part.update(entries)
    return str(entries[low][0])


def _message(data: Any, type_: type) -> str | None:
    try:
        msgspec.convert(data, type_, str_keys=True)
    except msgspec.ValidationError as error:
        return str(error)
    return None


# One sentence shape for what msgspec says

_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_INVALID: Final = re.compile(r"Invalid (?:enum )?value (.*)", re.DOTALL)
_TYPED: Final = re.compile(r"Expected `([^`]*)`(.*?)(?:, got (?:`([^`]*)`|(\d+)))?", re.DOTALL)


def _describe(data: Any, type_: type, path: Path, text: str) -> tuple[Path, Fault]:
    """Give the part that msgspec complained of, and the fault in our words."""
    kinds = _kinds_at(data, type_, path)
    if match := _UNKNOWN.fullmatch(text):
        name = match.group(1)
        near = nearest(name, _fields(kinds))
        remedy = f"Did you mean {near}?" if near else _known("Known are", _fields(kinds))
        return path, Fault((*path, name), "unknown_field", "a known field", name, remedy, True)
    if match := _MISSING.fullmatch(text):
        what = f"a field `{match.group(1)}`"
        return path, Fault(path, "missing_field", what, "none")
    if match := _INVALID.fullmatch(text):
        return path, _not_listed(data, path, kinds, match.group(1))
    part = _follow(data, path)
    if match := _TYPED.fullmatch(text):
        kind, bound, got, length = match.groups()
        what = " or ".join(_WORDS.get(k, k) for k in kind.split(" | ")) + bound
        shown = _WORDS.get(got, got) if got else length or _shown(part)
        if isinstance(part, str | int | float) and got:
            shown = f"{shown} ({_shown(part)})"
        remedy = _written(kinds, kind, part) if got in _SCALARS else ""
        return path, Fault(path, "wrong_type", what, shown, remedy)
    return path, Fault(path, "bad_value", f"a valid value ({text})", _shown(part))


_SCALARS: Final = frozenset(("int", "float", "bool"))
_UNITS: Final = "Write a number and one of ms, s, m, h, d, w, for example 48h."


def _written(kinds: list[Any], kind: str, part: Any) -> str:
    """Say how a scalar becomes the text that may stand there."""
    if not any(one.extra for one in kinds if isinstance(one, msgspec.inspect.Metadata)):
        return "Put quotes around it." if kind == "str" else ""
    if not isinstance(part, int) or isinstance(part, bool) or part < 0:
        return _UNITS
    return f"Write its unit, too: {part}m, {part}h or {part}d."


def _not_listed(data: Any, path: Path, kinds: list[Any], got: str) -> Fault:
    allowed = _values(kinds)
    part = _follow(data, path)
    is_of_key = isinstance(part, dict)
    if is_of_key and got[:1] in "'\"":
        path = (*path, got[1:-1])  # the message names the map: the key itself is not listed
    near = nearest(got.strip("'\""), allowed)
    what = f"one of {_joined(allowed)}" if allowed else "one of the known values"
    remedy = f"Did you mean {near}?" if near else ""
    return Fault(path, "unknown_value", what, got, remedy, is_of_key)


def _known(start: str, names: Iterable[str]) -> str:
    listed = _joined(names)
    return f"{start} {listed}." if listed else ""


def _joined(names: Iterable[str]) -> str:
    listed = list(dict.fromkeys(names))
    more = ", ..." if len(listed) > _LISTED_MAX else ""
    return ", ".join(listed[:_LISTED_MAX]) + more


def _shown(part: Any) -> str:
    if isinstance(part, dict | list):
        return "a map" if isinstance(part, dict) else "a list"
    text = {True: "true", False: "false", None: "nothing"}.get(part) if _is_word(part) else None
    shown = text or repr(part)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _is_word(part: Any) -> bool:
    return part is None or isinstance(part, bool)


# What msgspec knows of the types on the way


def _kinds_at(data: Any, type_: type, path: Path) -> list[Any]:
    """List the types that may stand at a path, those of a tagged union by its tag."""
    kinds = _narrowed(data, [msgspec.inspect.type_info(type_)])
    for step in path:
        data = _step(data, step)
        kinds = _narrowed(data, [k for kind in kinds for k in _below(kind, step)])
    return kinds


def _bare(kind: Any) -> Any:
    return kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind


def _below(kind: Any, step: str | int) -> list[Any]:
    kind = _bare(kind)
    if isinstance(kind, msgspec.inspect.StructType):
        if step == kind.tag_field:
            return [msgspec.inspect.LiteralType((kind.tag,))]
        return [field.type for field in kind.fields if field.encode_name == step]
    if isinstance(kind, msgspec.inspect.DictType):
        return [kind.value_type]
    if isinstance(kind, msgspec.inspect.TupleType) and isinstance(step, int):
        return [kind.item_types[step]]
    item = getattr(kind, "item_type", None)
    return [] if item is None else [item]


def _narrowed(data: Any, kinds: Iterable[Any]) -> list[Any]:
    flat: list[Any] = []
    for kind in kinds:
        flat += kind.types if isinstance(kind, msgspec.inspect.UnionType) else [kind]
    if isinstance(data, dict):
        tagged = [k for k in flat if _tag(k) is not None and data.get(k.tag_field) == k.tag]
        return tagged or flat
    return flat


def _tag(kind: Any) -> Any:
    return kind.tag if isinstance(kind, msgspec.inspect.StructType) else None


def _fields(kinds: Iterable[Any]) -> list[str]:
    names: list[str] = []
    for kind in map(_bare, kinds):
        if isinstance(kind, msgspec.inspect.StructType):
            names += [kind.tag_field] if kind.tag_field else []
            names += [field.encode_name for field in kind.fields]
    return names


def _values(kinds: Iterable[Any]) -> list[str]:
    """List what a literal, an enumeration or a key may be."""
    values: list[str] = []
    for kind in kinds:
        if isinstance(kind, msgspec.inspect.LiteralType):
            values += [str(value) for value in kind.values]
        elif isinstance(kind, msgspec.inspect.EnumType):
            values += [str(member.value) for member in kind.cls]
        elif isinstance(kind, msgspec.inspect.DictType):
            values += _values(_narrowed(None, [kind.key_type]))
    return values
