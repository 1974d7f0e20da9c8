"""Inbound webhooks: another system's deliveries, mapped to Segment's calls by data.

The mapping writes the same JSON that an SDK would send, and that goes through `parse_request`: one
path, one set of limits, one set of reason codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from heedful.ingest.coerce import as_currency, as_integer, as_moment, as_money, as_text
from heedful.ingest.limits import IngestLimits
from heedful.ingest.parse import parse_request
from heedful.ingest.signature import Signature, require_signature
from heedful.ingest.types import Intake, Refusal, SourceRules
from heedful.ingest.wire import InvalidJsonError, clean_shared, patient_json
from heedful.kernel import InputError, expected

Scalar = str | int | float | bool | None
_HEADER: Final = "header:"
_STEP: Final = re.compile(r"([A-Za-z_$][\w$-]*)?((?:\[\d{1,4}\])*)", re.ASCII)
_INDEX: Final = re.compile(r"\d+")

# ISO 4217: currencies whose minor unit is not the hundredth.
_NO_MINOR_UNIT: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS: Final = "BHD IQD JOD KWD LYD OMR TND"


class Field(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={
        "kind": "as",
    },
):
    """Where one value comes from, and what it is read as.

    Notes
    -----
    `money_minor` is an amount in the currency's minor unit (1999 is 19.99 EUR, 1999 JPY); it needs
    `currency`, a path or a code, looked for beside the value first. What cannot be read as `as`
    says is kept as it came. `each` maps every object of a list, its paths relative to it.
    """

    path: str | tuple[str, ...] = ()
    """Where the value stands, such as `data.items[0].id` or `header:X-Name`; the first found
    wins."""
    value: Scalar = None
    """A constant instead of a path."""
    kind: Literal["any", "text", "integer", "money", "money_minor", "currency", "timestamp"] = "any"
    """What the value is read as."""
    currency: str | None = None
    each: dict[str, str | Field] | None = None


Fields = dict[str, str | Field]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Turn a delivery that matches `when` into one call; a path may be a list, first found wins."""

    when: dict[str, Scalar | tuple[Scalar, ...]] = {}
    type: Literal["track", "identify", "group", "page", "screen", "alias"] = "track"
    """The call that is made."""
    event: str | None = None
    """Name of the event, page or screen; a track call needs one."""
    user_id: str | tuple[str, ...] = ()
    """Where the user id stands."""
    anonymous_id: str | tuple[str, ...] = ()
    """Where the anonymous id stands."""
    previous_id: str | tuple[str, ...] = ()
    """Where the earlier user id of an alias call stands."""
    group_id: str | tuple[str, ...] = ()
    """Where the account's id stands."""
    timestamp: str | tuple[str, ...] = ()
    """Where the instant stands; without one, the event happened when it arrived."""
    external_ids: dict[str, str | tuple[str, ...]] = {}
    """Further identifiers: namespace to path."""
    properties: Fields = {}
    """The event's properties: name to a path or a field."""
    traits: Fields = {}
    """The person's or account's traits: name to a path or a field."""


class WebhookMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold how one sender signs, how its deliveries are told apart, and what they mean.

    Notes
    -----
    Every rule that matches gives a call, with the messageId `DELIVERY:NAME`, so that a delivery
    sent again is the same event again.
    """

    name: str
    signature: Signature
    """How a delivery is known to be the sender's; there are no unsigned webhooks."""
    delivery_id: str | tuple[str, ...] = ()
    """Where the delivery's own id stands; without one, its content is its id."""
    rules: tuple[Rule, ...]
    """What deliveries mean."""
    unmatched: Literal["quarantine", "ignore"] = "quarantine"
    """What becomes of a delivery that no rule matches."""


def load_mapping(data: Any) -> WebhookMapping:
    """Check a mapping that was read from YAML.

    Raises
    ------
    InputError
        `bad_webhook_mapping`, with the place.
    """
    try:
        mapping = msgspec.convert(data, WebhookMapping)
    except msgspec.ValidationError as error:
        raise InputError("bad_webhook_mapping", f"{error}.") from error
    _require_paths(mapping)
    return mapping


def parse_webhook(
    mapping: WebhookMapping,
    body: bytes,
    *,
    headers: Mapping[str, str],
    secrets: Sequence[str],
    source: SourceRules,
    secret: bytes,
    received_at: int,
) -> Intake:
    """Verify one delivery and read it as events.

    Parameters
    ----------
    headers
        Of the request, with lower-case names.
    secrets
        The sender's signing secrets; more than one while they are being replaced.
    secret
        The workspace's, for the keys of the events.

    Raises
    ------
    InputError
        `signature_missing`, `signature_expired`, `signature_mismatch` before anything is read;
        then those of `parse_request`.
    """
    limits = source.limits
    if len(body) > limits.body_bytes_max:
        what = f"a body of at most {limits.body_bytes_max} bytes"
        raise InputError("body_too_large", expected(what, f"{len(body)} bytes", "$"))
    require_signature(mapping.signature, body, headers, secrets, received_at)
    delivery = _read(body, limits)
    calls = [
        call
        for rule in mapping.rules
        if _matches(rule, delivery, headers)
        for call in [_call(mapping, rule, delivery, headers)]
    ]
    if not calls:
        refused = [] if mapping.unmatched == "ignore" else [_unmatched(body, limits)]
        return Intake(events=[], refused=refused)
    written = msgspec.json.encode({"batch": calls})
    return parse_request("batch", written, source=source, secret=secret, received_at=received_at)


def _read(body: bytes, limits: IngestLimits) -> dict[str, Any]:
    try:
        found, _ = patient_json(body)
    except RecursionError:
        raise InputError("too_deep", expected("a flat body", "one nested too deep", "$")) from None
    if type(found) is not dict:
        raise InvalidJsonError("a JSON object")
    flags: list[str] = []
    cleaned = clean_shared(found, limits, flags)
    if cleaned is None:
        raise InputError("too_deep", expected("a body within the limits", "one beyond", "$"))
    return cleaned


def _unmatched(body: bytes, limits: IngestLimits) -> Refusal:
    remedy = "Add a rule to the mapping, or set `unmatched: ignore`."
    return Refusal(
        index=0,
        code="webhook_unmatched",
        message=expected("a delivery that a rule of the mapping matches", "another", "$", remedy),
        raw=body[: limits.refused_bytes_max],
        is_cut=len(body) > limits.refused_bytes_max,
    )


def _matches(rule: Rule, delivery: Any, headers: Mapping[str, str]) -> bool:
    for path, wanted in rule.when.items():
        found = _at(path, delivery, headers)
        allowed = wanted if isinstance(wanted, tuple) else (wanted,)
        if not any(_is_same(found, one) for one in allowed):
            return False
    return True


def _is_same(found: Any, one: Scalar) -> bool:
    return bool(found == one) and isinstance(found, bool) == isinstance(one, bool)


def _call(
    mapping: WebhookMapping, rule: Rule, delivery: Any, headers: Mapping[str, str]
) -> dict[str, Any]:
    call: dict[str, Any] = {
        "type": rule.type,
        "event": rule.event,
        "name": rule.event if rule.type in {"page", "screen"} else None,
        "userId": _first(rule.user_id, delivery, headers),
        "anonymousId": _first(rule.anonymous_id, delivery, headers),
        "previousId": _first(rule.previous_id, delivery, headers),
        "groupId": _first(rule.group_id, delivery, headers),
        "timestamp": _first(rule.timestamp, delivery, headers),
        "properties": _fields(rule.properties, delivery, headers, delivery),
        "traits": _fields(rule.traits, delivery, headers, delivery),
        "context": {"webhook": {"name": mapping.name}},
    }
    delivery_id = as_text(_first(mapping.delivery_id, delivery, headers))
    if delivery_id:
        call["messageId"] = f"{delivery_id}:{rule.event or rule.type}"
    ids = [
        {"id": value, "type": namespace, "collection": "users", "encoding": "none"}
        for namespace, path in rule.external_ids.items()
        if (value := as_text(_first(path, delivery, headers)))
    ]
    if ids:
        call["context"]["externalIds"] = ids
    if call["userId"] is None and call["anonymousId"] is None and ids:
        # A sender that knows no id of ours names the person by one of its own.
        call["anonymousId"] = f"{ids[0]['type']}:{ids[0]['id']}"
    return call


def _fields(fields: Fields, here: Any, headers: Mapping[str, str], delivery: Any) -> dict[str, Any]:
    found = {}
    for name, field in fields.items():
        rule = Field(path=field) if isinstance(field, str) else field
        value = rule.value if rule.value is not None else _first(rule.path, here, headers)
        if value is not None:
            found[name] = _converted(rule, value, here, headers, delivery)
    return found


def _converted(
    rule: Field, value: Any, here: Any, headers: Mapping[str, str], delivery: Any
) -> Any:
    if rule.each is not None:
        items = value if type(value) is list else [value]
        return [_fields(rule.each, one, headers, delivery) for one in items if type(one) is dict]
    if rule.kind == "any":
        return value
    if rule.kind == "money_minor":
        code = _currency(rule.currency, here, headers, delivery)
        read: Any = None if code is None else from_minor_units(value, code)
    elif rule.kind == "money":
        read = as_money(value)
    elif rule.kind == "integer":
        read = as_integer(value)
    elif rule.kind == "currency":
        read = as_currency(value)
    elif rule.kind == "timestamp":
        read = as_moment(value)
    else:
        read = as_text(value)
    return value if read is None else read


def _currency(
    stated: str | None, here: Any, headers: Mapping[str, str], delivery: Any
) -> str | None:
    if stated is None:
        return None
    for place in (here, delivery):
        code = as_currency(_at(stated, place, headers))
        if code is not None:
            return code
    return as_currency(stated) if stated.isupper() else None


def from_minor_units(amount: Any, currency: str) -> float | None:
    """Read an amount in a currency's minor unit as units.

    Examples
    --------
    >>> from_minor_units(1999, "EUR"), from_minor_units("1999", "JPY"), from_minor_units(5, "KWD")
    (19.99, 1999.0, 0.005)
    """
    count = as_integer(amount)
    if count is None:
        return None
    if currency in _NO_MINOR_UNIT:
        return float(count)
    return count / (1_000 if currency in _THOUSANDTHS else 100)


def _first(paths: str | tuple[str, ...], here: Any, headers: Mapping[str, str]) -> Any:
    for path in (paths,) if isinstance(paths, str) else paths:
        found = _at(path, here, headers)
        if found is not None and found != "":
            return found
    return None


def _at(path: str, here: Any, headers: Mapping[str, str]) -> Any:
    if path.startswith(_HEADER):
        return headers.get(path.removeprefix(_HEADER).lower())
    for step in _steps(path):
        if isinstance(step, int):
            here = here[step] if type(here) is list and step < len(here) else None
        else:
            here = here.get(step) if type(here) is dict else None
        if here is None:
            return None
    return here


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[str | int, ...]:
    """Cut `data.items[0].id` into its steps; paths come from mappings, never from deliveries."""
    steps: list[str | int] = []
    for part in path.split("."):
        match = _STEP.fullmatch(part)
        if match is None or not part:
            what = "a path such as data.items[0].id, or header:X-Name"
            raise InputError("bad_webhook_mapping", expected(what, repr(path), "path"))
        if match.group(1):
            steps.append(match.group(1))
        steps += [int(index) for index in _INDEX.findall(match.group(2))]
    return tuple(steps)


def _require_paths(mapping: WebhookMapping) -> None:
    paths: list[str | tuple[str, ...]] = [mapping.delivery_id]
    for rule in mapping.rules:
        if rule.type == "track" and not rule.event:
            what = "an event name on a track rule"
            raise InputError("bad_webhook_mapping", expected(what, "none", "rules"))
        paths += [*rule.when, rule.user_id, rule.anonymous_id, rule.previous_id, rule.group_id]
        paths += [rule.timestamp, *rule.external_ids.values()]
        paths += _paths_of(rule.properties) + _paths_of(rule.traits)
    for entry in paths:
        for path in (entry,) if isinstance(entry, str) else entry:
            if not path.startswith(_HEADER):
                _steps(path)


def _paths_of(fields: Fields) -> list[str | tuple[str, ...]]:
    paths: list[str | tuple[str, ...]] = []
    for field in fields.values():
        if isinstance(field, str):
            paths.append(field)
        else:
            paths += [field.path, field.currency or (), *_paths_of(field.each or {})]
    return paths
