"""What callers send, bounded and closed: an unknown field is refused."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(min_length=1, max_length=512)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
RowId = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request's body."""


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


class Redrive(Body, frozen=True):
    """Which rows of the quarantine are sent again: by id, or all of one reason."""

    ids: Annotated[list[RowId], Meta(max_length=1_000)] = []
    reason: Name | None = None


class NewKey(Body, frozen=True):
    """A key to be made; `key` is a write key that a source's SDKs already carry."""

    role: Name
    name: Name
    key: Annotated[str, Meta(max_length=200)] | None = None


class MadeKey(Body, frozen=True):
    """A key that was made, shown this once."""

    key: str
    role: str
    name: str


class StrategyFiles(Body, frozen=True):
    """The texts of a strategy by their path, such as `signals.yaml`."""

    files: Annotated[dict[str, str], Meta(max_length=2_000)]


class Backup(Body, frozen=True):
    """The name of a new file in the workspace's folder of backups."""

    target: Name
