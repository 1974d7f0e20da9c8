"""From one item's bytes to one stamped event, or to the reason why not.

An `InputError` raised here is the refusal of this item alone; `InvalidJsonError` is the request's.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from heedful.events import Event, EventType, Identifier
from heedful.ingest.coerce import as_text
from heedful.ingest.commerce import type_commerce
from heedful.ingest.context import check_zone, normalise_gpc, read_banner, take_traits
from heedful.ingest.envelope import Envelope
from heedful.ingest.keys import derive_message_id, event_hasher, shorten_message_id
from heedful.ingest.limits import IngestLimits
from heedful.ingest.plan import check_plan
from heedful.ingest.stamp import correct, read_instant
from heedful.ingest.traits import GROUP_TRAITS, IDENTIFY_TRAITS, ORIGINAL_TRAITS, type_traits
from heedful.ingest.types import SourceRules
from heedful.ingest.wire import (
    DECODE_ERRORS,
    Item,
    clean_shared,
    fast_decoder,
    kind_of,
    patient_json,
    read_patiently,
)
from heedful.kernel import InputError, expected

CALLS: Final[dict[str, EventType]] = {
    "track": "track",
    "identify": "identify",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
}
_CLIENT_SIDE: Final = frozenset({"browser", "mobile"})
_TRUSTED_CLOCKS: Final = frozenset({"import", "webhook"})
PLAN_FINDINGS: Final = "plan_findings"
"""The key of `context` under which a tracking plan's warnings stand."""


class PlanRejectedError(InputError):
    """The tracking plan asks for this event to be refused and not kept."""


class Reader:
    """Reads the items of one request; holds what they share."""

    def __init__(
        self,
        source: SourceRules,
        limits: IngestLimits,
        secret: bytes,
        received_at: int,
        envelope: Envelope,
    ) -> None:
        self._source = source
        self._limits = limits
        self._received_at = received_at
        self._is_verified = envelope.is_verified
        self._may_hold_nul = envelope.has_escapes
        self._is_history = source.kind == "import"
        self._is_clock_trusted = source.kind in _TRUSTED_CLOCKS
        self._decode = fast_decoder(limits).decode
        self._key_of = event_hasher(secret, source.name)
        self._sent = envelope.sent_at
        self._sent_at = read_instant(envelope.sent_at)
        self._shared_flags: list[str] = []
        self._context = clean_shared(envelope.context, limits, self._shared_flags)
        self._integrations = clean_shared(envelope.integrations, limits, self._shared_flags)
        self._ip: str | None = None
        self._has_gpc = False
        self._anonymous_id: str | None = None

    def with_request(
        self, ip: str | None, has_gpc: bool, anonymous_id: str | None, sent_at: str | None
    ) -> Reader:
        """Take from the request what stands outside its body."""
        self._ip = ip if self._source.kind in _CLIENT_SIDE else None
        self._has_gpc = has_gpc
        self._anonymous_id = anonymous_id
        if self._sent is None:
            self._sent, self._sent_at = sent_at, read_instant(sent_at)
        return self

    def read(self, raw: bytes, path: str, call: EventType | None) -> Event:
        """Read one item; `call` is None when the item itself says which it is."""
        flags = self._shared_flags.copy()
        item = self._item(raw, path, flags)
        kind = call or _call_of(item, path)
        name = self._name(item, kind, path)
        user_id = anonymous_id = None
        if item.user_id is not None:
            user_id = self._id(item.user_id, path, "userId")
        if item.anonymous_id is not None:
            anonymous_id = self._id(item.anonymous_id, path, "anonymousId")
        if anonymous_id is None and user_id is None:
            anonymous_id = self._anonymous_id
        previous_id = group_id = None
        if kind == "alias":
            previous_id = self._id(item.previous_id, path, "previousId")
        if item.group_id is not None:
            group_id = self._id(item.group_id, path, "groupId")
        _require_ids(kind, path, user_id, anonymous_id, previous_id, group_id)
        message_id = self._message_id(item, kind, name, flags)
        at, original_at, sent_at = self._times(item, path, flags)
        properties, traits = item.properties or {}, item.traits or {}
        context = _over(self._context, item.context)
        if kind == "identify" and not traits and "traits" in context:
            traits = take_traits(context)
        integrations = _over(self._integrations, item.integrations)
        self._complete(item, kind, properties, traits, context, flags)
        identifiers: tuple[Identifier, ...] = ()
        if "externalIds" in context:
            identifiers = self._external_ids(context["externalIds"], flags)
        if self._source.plan is not None:
            self._check_plan(kind, name, traits if traits else properties, context, flags)
        # CPython takes a slow path at 16 keywords (0.14 us here, 0.55 there), so the rarer fields
        # are set in a second step that most events do not need.
        event = Event(
            type=kind,
            name=name,
            at=at,
            key=self._key_of(message_id),
            source=self._source.name,
            message_id=message_id,
            received_at=self._received_at,
            original_at=original_at,
            sent_at=sent_at,
            user_id=user_id,
            anonymous_id=anonymous_id,
            properties=properties,
            traits=traits,
            context=context,
            integrations=integrations,
        )
        if previous_id is None and group_id is None and not identifiers and not flags:
            return event
        return msgspec.structs.replace(
            event,
            previous_id=previous_id,
            group_id=group_id,
            identifiers=identifiers,
            flags=tuple(dict.fromkeys(flags)),
        )

    def _item(self, raw: bytes, path: str, flags: list[str]) -> Item:
        if len(raw) > self._limits.event_bytes_max:
            if not self._is_verified:
                _require_json(raw)
            what = f"an event of at most {self._limits.event_bytes_max} bytes"
            raise InputError("event_too_large", expected(what, f"{len(raw)} bytes", path))
        # A NUL can only arrive escaped, and PostgreSQL's text cannot hold it.
        if not self._may_hold_nul or b"\\u0000" not in raw:
            try:
                return self._decode(raw)
            except DECODE_ERRORS:
                pass
        return read_patiently(raw, path, self._limits, flags)

    def _id(self, value: Any, path: str, field: str) -> str | None:
        text = value if type(value) is str else as_text(value)
        if text is None:
            if value is None:
                return None
            raise InputError(
                "bad_type", expected("a text or a number", kind_of(value), f"{path}.{field}")
            )
        if len(text) > self._limits.id_chars_max:
            what = f"at most {self._limits.id_chars_max} characters"
            raise InputError("id_too_long", expected(what, str(len(text)), f"{path}.{field}"))
        return text if text and not text.isspace() else None

    def _name(self, item: Item, kind: EventType, path: str) -> str:
        if kind == "track":
            name, field = item.event, "event"
        elif kind == "page" or kind == "screen":
            name, field = item.name, "name"
            if name is None and item.properties is not None:
                name = item.properties.get("name")
        else:
            return kind
        text = as_text(name)
        if text is None or not text or text.isspace():
            if kind != "track":
                return kind
            if name is not None and text is None:
                raise InputError("bad_type", expected("a text", kind_of(name), f"{path}.event"))
            what = "the name of what happened"
            raise InputError("missing_event", expected(what, "none", f"{path}.event"))
        if len(text) > self._limits.name_chars_max:
            what = f"at most {self._limits.name_chars_max} characters"
            raise InputError("name_too_long", expected(what, str(len(text)), f"{path}.{field}"))
        return text

    def _message_id(self, item: Item, kind: EventType, name: str, flags: list[str]) -> str:
        stated = item.message_id
        text: str | None = stated if type(stated) is str else as_text(stated)
        if text is not None and text and not text.isspace():
            if len(text) <= self._limits.message_id_chars_max:
                return text
            flags.append("message_id_shortened")
            return shorten_message_id(text, self._limits.message_id_chars_max)
        flags.append("message_id_derived")
        ids = [item.user_id, item.anonymous_id, item.previous_id, item.group_id]
        times = [item.timestamp, item.original_timestamp]
        maps = [item.properties, item.traits, item.context]
        return derive_message_id([kind, name, item.category, ids, times, maps])

    def _times(self, item: Item, path: str, flags: list[str]) -> tuple[int, int | None, int | None]:
        stated = item.timestamp if item.timestamp is not None else item.original_timestamp
        original_at = None
        if stated is not None:
            original_at = read_instant(stated)
            if original_at is None:
                if self._is_history:
                    # Taken as now it would be news, and rules would act on what is long over.
                    what = "a time such as 2026-01-31T12:00:00Z"
                    where = f"{path}.timestamp"
                    raise InputError("bad_timestamp", expected(what, "another text", where))
                flags.append("bad_timestamp")
        sent, sent_at = self._sent, self._sent_at
        if item.sent_at is not None:
            sent, sent_at = item.sent_at, read_instant(item.sent_at)
        if sent is not None and sent_at is None:
            flags.append("bad_sent_at")
        if self._is_clock_trusted and original_at is not None:
            # An export is already corrected, and a provider's clock is right: taken as it stands.
            at, flag = correct(original_at, self._received_at, self._received_at, 0)
        else:
            at, flag = correct(original_at, sent_at, self._received_at, self._limits.skew_ms_max)
        if flag is not None:
            flags.append(flag)
        return at, original_at, sent_at

    def _complete(
        self,
        item: Item,
        kind: EventType,
        properties: dict[str, Any],
        traits: dict[str, Any],
        context: dict[str, Any],
        flags: list[str],
    ) -> None:
        if kind == "track":
            type_commerce(item.event, properties, flags)
        elif kind == "page" or kind == "screen":
            for field, value in (("name", item.name), ("category", item.category)):
                if value is not None:
                    properties.setdefault(field, value)
        elif traits and (kind == "identify" or kind == "group"):
            reserved = IDENTIFY_TRAITS if kind == "identify" else GROUP_TRAITS
            originals = type_traits(traits, reserved, flags)
            if originals:
                context[ORIGINAL_TRAITS] = originals
        if item.channel is not None:
            context.setdefault("channel", item.channel)
        if self._ip is not None:
            context.setdefault("ip", self._ip)
        if "timezone" in context:
            check_zone(context["timezone"], flags)
        if "consentManagement" in context:
            read_banner(context)
        if self._has_gpc:
            context["gpc"] = True
        elif "gpc" in context or "consent" in context:
            normalise_gpc(context)

    def _external_ids(self, entries: Any, flags: list[str]) -> tuple[Identifier, ...]:
        if type(entries) is not list:
            if entries is not None:
                flags.append("bad_external_id")
            return ()
        if len(entries) > self._limits.external_ids_count_max:
            flags.append("external_ids_capped")
        found: dict[Identifier, None] = {}
        for entry in entries[: self._limits.external_ids_count_max]:
            namespace = entry.get("type") if type(entry) is dict else None
            value = as_text(entry.get("id")) if type(entry) is dict else None
            if (
                type(namespace) is str
                and namespace
                and not namespace.isspace()
                and value
                and not value.isspace()
                and max(len(namespace), len(value)) <= self._limits.id_chars_max
            ):
                found[Identifier(namespace, value)] = None
            else:
                flags.append("bad_external_id")
        return tuple(found)

    def _check_plan(
        self,
        kind: EventType,
        name: str,
        values: dict[str, Any],
        context: dict[str, Any],
        flags: list[str],
    ) -> None:
        plan = self._source.plan
        if plan is None:
            return
        verdict = check_plan(plan, kind, name, values)
        if verdict.mode == "allow":
            return
        if verdict.mode == "warn":
            flags.append("tracking_plan")
            context[PLAN_FINDINGS] = list(verdict.findings)
            return
        words = "; ".join(verdict.findings)
        message = f"The tracking plan of the source does not allow this event: {words}."
        refused = PlanRejectedError if verdict.mode == "reject" else InputError
        raise refused("tracking_plan", message)


def _call_of(item: Item, path: str) -> EventType:
    stated = item.type if item.type is not None else item.action
    call = CALLS.get(stated.lower()) if type(stated) is str else None
    if call is None:
        got = "none" if stated is None else "another"
        what = "track, identify, page, screen, group or alias"
        raise InputError("unknown_type", expected(what, got, f"{path}.type"))
    return call


def _over(shared: dict[str, Any] | None, own: dict[str, Any] | None) -> dict[str, Any]:
    return own or {} if shared is None else {**shared, **(own or {})}


def _require_ids(
    kind: EventType,
    path: str,
    user_id: str | None,
    anonymous_id: str | None,
    previous_id: str | None,
    group_id: str | None,
) -> None:
    if user_id is None and (anonymous_id is None or kind == "alias"):
        what = "a userId" if kind == "alias" else "a userId or an anonymousId"
        raise InputError("no_user_anon_id", expected(what, "none", path))
    if kind == "alias" and previous_id is None:
        raise InputError("missing_previous_id", expected("a previousId", "none", path))
    if kind == "group" and group_id is None:
        raise InputError("missing_group_id", expected("a groupId", "none", path))


def _require_json(raw: bytes) -> None:
    try:
        patient_json(raw)
    except RecursionError:
        return
