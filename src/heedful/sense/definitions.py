"""Signal definitions as they are written, and the checks of their shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from heedful.kernel import InputError, Span, expected, parse_span
from heedful.kernel.names import nearest
from heedful.sense.limits import (
    FEATURES_MAX,
    HALF_LIFE_MIN_MS,
    HALF_LIVES_MAX,
    STEPS_MAX,
)

On = str | dict[str, str] | list[str | dict[str, str]]
"""One pattern of events or several: `Order Completed`, `{page: Pricing}`,
`{track: Product Added, where: "event.properties.price > 10"}`; `*` is any name."""


class SignalDefinition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"not_": "not"}
):
    """One signal as written in `signals.yaml`; which fields a kind takes stands in `FIELDS`.

    Notes
    -----
    Times in values are seconds: recency, gap, dwell. `where` narrows `on`, `after` and `steps`;
    `not` and `reset_on` carry their own.
    """

    name: str
    kind: str
    """What is computed: `count`, `sum`, `rate`, `distinct`, `last`, `first`, `recency`, `gap`,
    `dwell`, `sequence`, `absence`, `ratio` or `buying`: purchases, since when and for how much."""
    on: On | None = None
    where: str | None = None
    of: str | None = None
    """The expression that is summed, told apart or kept; of a ratio, the signal above the line."""
    to: str | None = None
    """Of a ratio, the signal below the line."""
    by: str | None = None
    """An expression for a category: one value for each, such as `event.properties.category`."""
    window: Span | None = None
    """How far back it looks, such as `30d`; without one, for ever."""
    within: Span | None = None
    """How soon the last step must follow the first; of an absence, how long is waited."""
    holds: Span | None = None
    """How long a sequence or an absence stays true; a day unless it says so."""
    cap: Span | None = None
    """The longest that one visit can be said to have lasted; 30 minutes unless it says so."""
    per: Span | None = None
    """The span that a rate is given for; an hour unless it says so."""
    after: On | None = None
    not_: On | None = None
    """What must not happen meanwhile."""
    steps: list[On] | None = None
    reset_on: On | None = None
    default: int | float | bool | str | None = None
    """The value where there is none."""
    description: str = ""
    """What it means, in words for people."""


def _events(*names: str) -> Any:
    return msgspec.field(default_factory=lambda: list(names))


class Sequences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people do one after another: the intent of the moment, and what comes next.

    Notes
    -----
    The defaults are those of Segment's e-commerce events, so that `sequences: {}` is enough for a
    shop. Where it stands, the signals `intent_category`, `intent_stage`, `intent_strength`,
    `intent_hesitation`, `next_items` and `next_event` can be read.
    """

    item: str = "event.properties.product_id"
    """The expression for the item that an event is about."""
    category: str = "event.properties.category"
    """The expression for the item's category; a search without one counts for what is looked at
    after it."""
    searched: On = _events("Products Searched", "Product List Viewed")
    """Events that say what is wanted; each weighs as much as two looks."""
    looked: On = _events("Product Viewed", "Product Clicked")
    """Events that look at an item."""
    added: On = _events("Product Added")
    """Events that put an item aside to buy it; each weighs as much as three looks."""
    buying: On = _events("Checkout Started", "Payment Info Entered")
    """Events on the way to the purchase."""
    left: On = _events("Exit Intent", "Product Removed")
    """Events that take something back or make to leave."""
    bought: On = _events("Order Completed")
    """Events after which a moment is over."""
    lasts: Span = "30m"
    """How long a moment lasts after its last event, and how far it looks back; who pauses for
    longer begins a new session."""


class Automatic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sensed without being declared: every event name, and values of these properties."""

    properties: tuple[str, ...] = ()
    """Paths in `event.properties`; a list on the way counts each of its items."""
    half_lives: tuple[Span, ...] = ("1h", "1d", "14d")
    """Spans after which a decayed counter has halved; one counter for each."""
    features_max: int = FEATURES_MAX
    """Features of the workspace that have a counter of their own."""


_ALWAYS: Final = ("name", "kind", "default", "description")
_COUNTED: Final = ("where", "window", "by")
FIELDS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "count": (("on",), (*_COUNTED, "reset_on")),
    "sum": (("on", "of"), (*_COUNTED, "reset_on")),
    "rate": (("on", "window"), ("where", "by", "per")),
    "distinct": (("on", "of"), _COUNTED),
    "last": (("on", "of"), _COUNTED),
    "first": (("on", "of"), ("where", "by")),
    "recency": (("on",), ("where", "by")),
    "gap": (("on",), _COUNTED),
    "dwell": (("on",), ("where", "window", "cap")),
    "sequence": (("steps", "within"), ("where", "not", "holds")),
    "absence": (("after", "not", "within"), ("where", "holds")),
    "ratio": (("of", "to"), ()),
    "buying": (("on", "of"), ("where",)),
}
"""Required and optional fields of each kind."""

TYPES: Final = ("track", "identify", "page", "screen", "group", "alias", "own")
_NAMELESS: Final = frozenset({"identify", "group", "alias"})
ANY_NAME: Final = "*"


class Pattern(NamedTuple):
    """Events of one type and name, narrowed by a condition where there is one."""

    type: str
    name: str
    where: str | None

    def matches(self, type_: str, name: str) -> bool:
        return self.type == type_ and self.name in (name, ANY_NAME)


def fault(code: str, what: str, got: str, path: str, remedy: str = "") -> InputError:
    """Make the error of one field; `detail.path` says where."""
    return InputError(code, expected(what, got, path, remedy), {"path": path})


def written(field: str) -> str:
    """Give a field's name as it is written in YAML."""
    return "not" if field == "not_" else field


def present(definition: SignalDefinition) -> dict[str, Any]:
    """List the fields that a definition gives, by their written names."""
    values = {written(f): getattr(definition, f) for f in definition.__struct_fields__}
    return {f: v for f, v in values.items() if v is not None and f not in _ALWAYS}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Name the nearest known name as a remedy, or nothing."""
    found = nearest(name, known)
    return f"Did you mean {found}?" if found else ""


def check_fields(definition: SignalDefinition, path: str) -> list[InputError]:
    """Find an unknown kind, missing fields and fields that the kind does not take."""
    if not definition.name or definition.name.startswith("auto."):
        remedy = "Names that begin with `auto.` belong to the automatic signals."
        return [fault("bad_name", "a name", repr(definition.name), f"{path}.name", remedy)]
    if definition.kind not in FIELDS:
        remedy = did_you_mean(definition.kind, FIELDS) or f"Write one of {', '.join(FIELDS)}."
        got = repr(definition.kind)
        return [fault("unknown_kind", "a kind of signal", got, f"{path}.kind", remedy)]
    required, optional = FIELDS[definition.kind]
    given = present(definition)
    faults = [
        fault("missing_field", f"`{f}` for a {definition.kind}", "nothing", f"{path}.{f}")
        for f in required
        if f not in given
    ]
    for field in given:
        if field not in required and field not in optional:
            remedy = f"A {definition.kind} takes {', '.join((*required, *optional))}."
            what, got = "no such field", f"`{field}`"
            faults.append(fault("unexpected_field", what, got, f"{path}.{field}", remedy))
    if "reset_on" in given and "by" in given:
        remedy = "A reset belongs to no category; write one signal per category."
        faults.append(
            fault("unexpected_field", "no `by` beside `reset_on`", "both", f"{path}.by", remedy)
        )
    if "steps" in given and not 2 <= len(given["steps"]) <= STEPS_MAX:
        what, got = f"2 to {STEPS_MAX} steps", str(len(given["steps"]))
        faults.append(fault("bad_steps", what, got, f"{path}.steps"))
    return faults


def read_span(text: str | None, path: str, default: int) -> int:
    """Read a span that must be longer than nothing."""
    if text is None:
        return default
    span = parse_span(text, path)
    if span <= 0:
        raise fault("bad_span", "a span longer than 0", repr(text), path)
    return span


def read_patterns(on: On, path: str) -> list[Pattern]:
    """Read one pattern or a list of them; a bare name means a track call or an own event.

    Raises
    ------
    InputError
        `bad_pattern`, with the place of the part that is wrong.
    """
    if isinstance(on, list):
        if not on:
            raise fault("bad_pattern", "at least one event", "an empty list", path)
        return [p for i, part in enumerate(on) for p in read_patterns(part, f"{path}[{i}]")]
    if isinstance(on, str):
        if on == ANY_NAME:
            return [Pattern(type_, ANY_NAME, None) for type_ in TYPES]
        if not on:
            raise fault("bad_pattern", "the name of an event", "an empty text", path)
        if on in _NAMELESS:
            return [Pattern(type_, on, None) for type_ in ("track", "own", on)]
        return [Pattern("track", on, None), Pattern("own", on, None)]
    named = [key for key in on if key != "where"]
    if len(named) != 1 or named[0] not in TYPES:
        got = f"`{', '.join(named) or 'nothing'}`"
        remedy = did_you_mean(named[0], TYPES) if named else ""
        raise fault("bad_pattern", f"one of {', '.join(TYPES)}", got, path, remedy)
    return [Pattern(named[0], on[named[0]], on.get("where"))]


def check_automatic(automatic: Automatic, path: str) -> list[InputError]:
    """Find half-lives and limits that cannot be kept."""
    faults = []
    lives = automatic.half_lives
    if len(lives) > HALF_LIVES_MAX:
        what, got = f"at most {HALF_LIVES_MAX} half-lives", str(len(lives))
        faults.append(fault("bad_half_lives", what, got, f"{path}.half_lives"))
    for i, text in enumerate(lives):
        place = f"{path}.half_lives[{i}]"
        try:
            if parse_span(text, place) < HALF_LIFE_MIN_MS:
                faults.append(fault("bad_half_life", "at least 10m", repr(text), place))
        except InputError as error:
            faults.append(error)
    if not 0 <= automatic.features_max <= 1 << 20:
        got = str(automatic.features_max)
        what = "0 to 1,048,576 features"
        faults.append(fault("bad_features_max", what, got, f"{path}.features_max"))
    for i, prop in enumerate(automatic.properties):
        if not prop or any(not part for part in prop.split(".")):
            place = f"{path}.properties[{i}]"
            faults.append(fault("bad_property", "the path of a property", repr(prop), place))
    return faults
