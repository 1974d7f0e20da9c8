"""Ids, time, money, canonical bytes and the bases of errors; knows no other room."""

from heedful.kernel import canonical
from heedful.kernel.errors import (
    HeedfulError,
    InputError,
    InvariantError,
    PeerError,
    expected,
)
from heedful.kernel.ids import (
    hash_bytes,
    hash_key,
    parse_public_id,
    public_id,
)
from heedful.kernel.instants import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    WEEK_MS,
    Span,
    format_instant,
    format_span,
    parse_instant,
    parse_span,
)
from heedful.kernel.money import MICRO, from_micros, to_micros

__all__ = [
    "DAY_MS",
    "HOUR_MS",
    "MICRO",
    "MINUTE_MS",
    "SECOND_MS",
    "WEEK_MS",
    "HeedfulError",
    "InputError",
    "InvariantError",
    "PeerError",
    "Span",
    "canonical",
    "expected",
    "format_instant",
    "format_span",
    "from_micros",
    "hash_bytes",
    "hash_key",
    "parse_instant",
    "parse_public_id",
    "parse_span",
    "public_id",
    "to_micros",
]
