"""One item of a request as plain fields: fast where it is clean, patient where it is not.

Two readers, one answer. The fast one is a typed decoder whose types *are* the limits (length of
keys, size of mappings and lists, eight levels, 64-bit integers), so that a clean event costs one
decode and no walk. What it refuses goes to the patient one, which reads what JSON's grammar or
MessagePack's numbers exclude (NaN, 1e400, lone surrogates, control characters, bytes that are no
UTF-8), makes it safe, flags it, and alone decides what is beyond a limit.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from heedful.ingest.limits import IngestLimits
from heedful.kernel import InputError, expected

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_FAST_LEVELS: Final = 8
_DIGITS_MAX: Final = 400  # beyond the largest float; Python refuses to print 4,300 and more
_REPLACEMENT: Final = "\ufffd"
_Int = Annotated[int, Meta(ge=_INT_MIN, le=_INT_MAX)]
_Id = str | _Int | float | None
_SCALAR: Final[Any] = str | _Int | float | bool | None

DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on input that it will not take; ValidationError is a DecodeError."""

_FIELDS: Final[dict[str, Any]] = {
    "type": _Id,
    "action": _Id,
    "event": _Id,
    "name": _Id,
    "category": _Id,
    "user_id": _Id,
    "anonymous_id": _Id,
    "previous_id": _Id,
    "group_id": _Id,
    "message_id": _Id,
    "timestamp": _Id,
    "original_timestamp": _Id,
    "sent_at": _Id,
    "channel": _Id,
}
_MAPPINGS: Final = ("properties", "traits", "context", "integrations")


class Item(msgspec.Struct, frozen=True, rename="camel"):
    """The fields of Segment's calls, each still of any JSON type."""

    type: Any = None
    action: Any = None
    event: Any = None
    name: Any = None
    category: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    previous_id: Any = None
    group_id: Any = None
    message_id: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    channel: Any = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None


WIRE_NAMES: Final = tuple((field.name, field.encode_name) for field in msgspec.structs.fields(Item))


class InvalidJsonError(InputError):
    """The bytes are no JSON, not even read with patience; the whole request fails."""

    def __init__(self, what: str = "a JSON body") -> None:
        super().__init__("invalid_json", expected(what, "something else", "$"))


@lru_cache(maxsize=64)
def fast_decoder(limits: IngestLimits) -> msgspec.json.Decoder[Item]:
    """Build the decoder that takes exactly what lies within the limits and needs no repair."""
    key: Any = Annotated[str, Meta(max_length=limits.key_chars_max)]
    of_list = Meta(max_length=limits.list_count_max)
    of_mapping = Meta(max_length=limits.entries_count_max)
    # Types made from settings are values, which a static checker cannot follow.
    value: Any = _SCALAR
    for _ in range(min(_FAST_LEVELS, limits.depth_max) - 1):
        items: Any = Annotated[list[value], of_list]
        entries: Any = Annotated[dict[key, value], of_mapping]
        value = _SCALAR | items | entries
    mapping: Any = Annotated[dict[key, value], of_mapping] | None
    fields: list[tuple[str, Any, Any]] = [(name, kind, None) for name, kind in _FIELDS.items()]
    fields += [(name, mapping, None) for name in _MAPPINGS]
    bounded = msgspec.defstruct("BoundedItem", fields, rename="camel", gc=False)
    return msgspec.json.Decoder(bounded)


def patient_json(raw: bytes, what: str = "a JSON body") -> tuple[Any, bool]:
    """Read JSON with Python's own reader, and say whether bytes had to be replaced.

    Raises
    ------
    InvalidJsonError
        When it is no JSON.
    RecursionError
        When it is nested beyond the interpreter's stack, thus far beyond `depth_max`.
    """
    is_repaired = False
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text, is_repaired = raw.decode("utf-8", "replace"), True
    try:
        return _PATIENT.decode(text), is_repaired
    except ValueError as error:
        raise InvalidJsonError(what) from error


def _patient_int(digits: str) -> float:
    return int(digits) if len(digits) <= _DIGITS_MAX else math.inf


_PATIENT: Final = json.JSONDecoder(strict=False, parse_int=_patient_int)


def read_patiently(raw: bytes, path: str, limits: IngestLimits, flags: list[str]) -> Item:
    """Read one item that the fast decoder refused, or refuse it with a reason of its own."""
    try:
        found, is_repaired = patient_json(raw)
    except RecursionError:
        raise _too_deep(path, limits) from None
    if is_repaired:
        flags.append("text_repaired")
    if type(found) is not dict:
        raise InputError("bad_type", expected("an event object", kind_of(found), path))
    cleaner = _Cleaner(limits, flags)
    fields: dict[str, Any] = {}
    for name, wire_name in WIRE_NAMES:
        value = found.get(wire_name)
        if value is None:
            continue
        place = f"{path}.{wire_name}"
        if name in _MAPPINGS:
            value = _as_mapping(value, name, place, flags)
        fields[name] = cleaner.value(value, 1, place)
    return Item(**fields)


def clean_shared(
    shared: dict[str, Any] | None, limits: IngestLimits, flags: list[str]
) -> dict[str, Any] | None:
    """Make a batch's own context safe for every item; leave it out, flagged, beyond a limit."""
    if shared is None:
        return None
    try:
        found = _Cleaner(limits, flags).value(shared, 1, "$")
    except InputError:
        flags.append("shared_fields_ignored")
        return None
    return found if type(found) is dict else None


def _as_mapping(value: Any, name: str, place: str, flags: list[str]) -> Any:
    if type(value) is dict:
        return value
    if value == [] or value == "":  # how PHP writes an empty mapping
        return None
    if name == "integrations":
        flags.append("integrations_ignored")
        return None
    raise InputError("bad_type", expected("an object", kind_of(value), place))


def kind_of(value: Any) -> str:
    """Name a JSON value's type as an error says it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def _too_deep(path: str, limits: IngestLimits) -> InputError:
    what = f"at most {limits.depth_max} levels of nesting"
    return InputError("too_deep", expected(what, "more", path, "Flatten the properties."))


class _Cleaner:
    """Walk a value once: refuse what is beyond a limit, make safe what can be."""

    def __init__(self, limits: IngestLimits, flags: list[str]) -> None:
        self._limits = limits
        self._flags = flags

    def value(self, value: Any, level: int, path: str) -> Any:
        match value:
            case str():
                return self.text(value)
            case None | bool():
                return value
            case int():
                if _INT_MIN <= value <= _INT_MAX:
                    return value
                self._flags.append("number_as_text")
                return str(value)
            case float():
                if math.isfinite(value):
                    return value
                self._flags.append("number_not_finite")
                return None
            case list():
                return self._list(value, level, path)
            case _:
                return self._mapping(value, level, path)

    def text(self, text: str) -> str:
        if "\0" in text:
            self._flags.append("text_repaired")
            text = text.replace("\0", _REPLACEMENT)
        try:
            text.encode()
        except UnicodeEncodeError:
            self._flags.append("text_repaired")
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text

    def _list(self, items: list[Any], level: int, path: str) -> list[Any]:
        if level > self._limits.depth_max:
            raise _too_deep(path, self._limits)
        if len(items) > self._limits.list_count_max:
            what = f"a list of at most {self._limits.list_count_max} items"
            raise InputError("list_too_long", expected(what, str(len(items)), path))
        return [self.value(item, level + 1, path) for item in items]

    def _mapping(self, entries: dict[str, Any], level: int, path: str) -> dict[str, Any]:
        limits = self._limits
        if level > limits.depth_max:
            raise _too_deep(path, limits)
        if len(entries) > limits.entries_count_max:
            what = f"at most {limits.entries_count_max} properties"
            raise InputError("too_many_properties", expected(what, str(len(entries)), path))
        cleaned = {}
        for key, value in entries.items():
            if len(key) > limits.key_chars_max:
                what = f"a property name of at most {limits.key_chars_max} characters"
                raise InputError("key_too_long", expected(what, str(len(key)), path))
            cleaned[self.text(key)] = self.value(value, level + 1, path)
        return cleaned
