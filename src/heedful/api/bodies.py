"""What callers send, bounded and closed: an unknown field is refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from heedful.app import ROLES
from heedful.app.keys import KEY_NAME, WRITE_KEY, WRITE_KEY_CHARS_MIN
from heedful.app.workspace import BACKUP_NAME, FILE_NAME
from heedful.engine.decisions import OUTCOMES
from heedful.govern.limits import REASON_CHARS_MAX
from heedful.govern.scopes import ALL, SCOPE_KINDS
from heedful.kernel import InputError, expected
from heedful.strategy.reading import fields_at

BodyT = TypeVar("BodyT", bound=msgspec.Struct)

INT_MAX: Final = (1 << 53) - 1
"""The largest whole number that every JSON reader takes exactly."""

Text = Annotated[str, Meta(min_length=1, max_length=512)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
RowId = Annotated[int, Meta(ge=1, le=INT_MAX)]


def _said(pattern: re.Pattern[str]) -> dict[str, Any]:
    """Describe a pattern that the app itself checks, with an error that says more."""
    return {"pattern": f"^{pattern.pattern}$"}


Whole = Annotated[int, Meta(ge=-INT_MAX, le=INT_MAX)]
Instant = Annotated[
    str, Meta(min_length=1, max_length=100, extra_json_schema={"format": "date-time"})
]
"""A time such as `2026-01-31T12:00:00Z`; what else is one, the route that takes it says."""
Scope = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        extra_json_schema={"pattern": f"^({ALL}|({'|'.join(SCOPE_KINDS)}):.+)$"},
    ),
]
"""What can be stopped."""

Reason = Annotated[
    str, Meta(min_length=1, max_length=REASON_CHARS_MAX, extra_json_schema={"pattern": r"\S"})
]

Scalar = str | Whole | float | bool | None
_Inner = Scalar | list[Scalar] | dict[Name, Scalar]
ContextValue = Scalar | list[_Inner] | dict[Name, _Inner]
"""A value of a question's context: at most three levels, the context's own included."""

RoleName = Annotated[str, Meta(extra_json_schema={"enum": list(ROLES)})]
KeyName = Annotated[str, Meta(extra_json_schema=_said(KEY_NAME))]
WriteKey = Annotated[
    str, Meta(min_length=WRITE_KEY_CHARS_MIN, max_length=200, extra_json_schema=_said(WRITE_KEY))
]
BackupName = Annotated[str, Meta(extra_json_schema=_said(BACKUP_NAME))]
Files = Annotated[
    dict[str, str],
    Meta(max_length=2_000, extra_json_schema={"propertyNames": _said(FILE_NAME)}),
]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request's body."""


def decoded(decoder: msgspec.json.Decoder[BodyT], wire: bytes) -> BodyT:
    """Read a body.

    Raises
    ------
    InputError
        `invalid_request`.
    """
    try:
        return decoder.decode(wire)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at ")
        path = place.strip("`") or "$"
        problem = {"path": path, "message": with_known(said.rstrip("."), path, decoder.type)}
        what = f"{problem['message']} - at `{problem['path']}`. All routes stand at /docs."
        raise InputError("invalid_request", what, {"problems": [problem]}) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        remedy = "All routes stand at /docs."
        what = expected("a JSON body", "something else", "$", remedy)
        raise InputError("invalid_request", what) from None


def with_known(message: str, path: str, body: Any) -> str:
    """Say of an unknown field, at whatever depth of a body, which ones there are."""
    if not message.startswith("Object contains unknown field"):
        return message
    return f"{message}; known are {', '.join(fields_at(body, path))}"


class Call(msgspec.Struct, frozen=True, rename="camel"):
    """One call of Segment's specification, or a `batch` of them; what else stands in it is kept."""

    type: str = ""
    event: str = ""
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    previous_id: str | int | None = None
    group_id: str | int | None = None
    message_id: str = ""
    timestamp: str = ""
    sent_at: str = ""
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    context: dict[str, Any] = {}
    integrations: dict[str, Any] = {}
    batch: list[dict[str, Any]] = []
    write_key: str = ""


class Lookup(Body, frozen=True):
    """An identifier whose customer is looked for."""

    namespace: Name
    value: Text


class CustomerId(Body, frozen=True):
    """The customer who holds an identifier."""

    customer_id: str


class MergePreview(Body, frozen=True, rename={"other": "with"}):
    """The other customer of a merge that is only looked at."""

    other: Text


class Unmerge(Body, frozen=True):
    """The identifiers that belong to the other person."""

    identifiers: Annotated[list[Lookup], Meta(min_length=1, max_length=1_000)]


class Objection(Body, frozen=True):
    """What a person objects to."""

    purpose: Name
    source: Name = "api"


class Consent(Body, frozen=True):
    """A statement of consent, its denial or its withdrawal."""

    purpose: Name
    status: Literal["granted", "denied", "withdrawn"]
    channel: Name | None = None
    source: Name = "api"
    text_version: Name | None = None
    proof: Annotated[str, Meta(max_length=4_000)] | None = None


class Archive(Body, frozen=True):
    """How old events are that leave the database for files."""

    days: Annotated[int, Meta(ge=1, le=36_500)] | None = None
    """The setting `archive_days` where it is not given."""
    shrink: bool = False


class Redrive(Body, frozen=True):
    """Which rows of the quarantine are sent again: by id, or all of one reason."""

    ids: Annotated[list[RowId], Meta(max_length=1_000)] = []
    reason: Name | None = None


class NewKey(Body, frozen=True):
    """A key to be made; `key` is a write key that a source's SDKs already carry."""

    role: RoleName
    name: KeyName
    key: WriteKey | None = None


class MadeKey(Body, frozen=True):
    """A key that was made, shown this once."""

    key: str
    role: str
    name: str


class StrategyFiles(Body, frozen=True):
    """The texts of a strategy by their path, such as `signals.yaml`."""

    files: Files


class Backup(Body, frozen=True):
    """The name of a new file in the workspace's folder of backups."""

    target: BackupName
    folder: Text | None = None
    """Where the caller puts it from there, for the list of backups."""


class Whom(Body, frozen=True):
    """A person by one of their names."""

    customer_id: Text | None = None
    user_id: Text | None = None
    anonymous_id: Text | None = None
    email: Text | None = None


_ONE_NAME: Final = {
    "anyOf": [
        {"required": [name], "properties": {name: {"type": "string"}}}
        for name in Whom.__struct_fields__
    ]
}


class Question(Body, frozen=True):
    """What to do for this person, here and now."""

    customer: Annotated[Whom, Meta(extra_json_schema=_ONE_NAME)]
    placement: Name | None = None
    channel: Name | None = None
    context: Annotated[dict[Name, ContextValue], Meta(max_length=100)] = {}
    """What the asker knows; `timezone` and `locale` count as what the person's device says."""
    explain: bool = False
    dry_run: bool = False


class Outcome(Body, frozen=True):
    """What became of a decision."""

    decision_id: Text
    outcome: Annotated[str, Meta(extra_json_schema={"enum": list(OUTCOMES)})]
    value: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    currency: Annotated[str, Meta(min_length=3, max_length=3)] | None = None
    at: Instant | None = None
    message_id: Name | None = None


class InboxMark(Body, frozen=True):
    """How far a person came with a message."""

    mark: Literal["shown", "read", "dismissed"]


class StopOrder(Body, frozen=True):
    """What is to stop at once: `all`, or a kind and a name such as `channel:email`."""

    scope: Scope
    reason: Reason
    expires_at: Instant | None = None


class StartOrder(Body, frozen=True):
    """What is to be switched on again."""

    scope: Scope
    reason: Reason


class Ballot(Body, frozen=True):
    """One person's word on a request for approval."""

    is_approved: bool
    reason: Reason


class IncidentOrder(Body, frozen=True):
    """A disturbance that begins, by a published plan."""

    plan: Name
    reason: Reason
    country: Name | None = None
    placement: Name | None = None
    traits: Annotated[dict[str, str | int | float | bool], Meta(max_length=20)] = {}
    expires_at: Instant | None = None


class Because(Body, frozen=True):
    """Why something is done."""

    reason: Reason


class Anchor(Body, frozen=True):
    """A signed head of the audit chain that was kept elsewhere."""

    seq: Annotated[int, Meta(ge=0, le=INT_MAX)]
    hash: Name
    at: Annotated[int, Meta(ge=0, le=INT_MAX)]
    signature: Text


class Anchors(Body, frozen=True):
    """The heads to hold the audit chain against."""

    anchors: Annotated[list[Anchor], Meta(max_length=1_000)] = []
