"""The outbox of effects, and the inbox of a person that some of them fill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

EffectStatus = Literal["waiting", "released", "delivered", "dead", "withdrawn"]


class EffectRow(NamedTuple):
    """One effect in the outbox."""

    id: str
    decision: int
    fragment: int
    destination: str
    status: EffectStatus
    due: int
    """When it is to be looked at again: its time, its next try, or the end of a lease."""
    attempts: int
    expires_at: int
    code: str
    """What became of it last, such as `http_503` or `cap_reached`; free of personal data."""
    body: bytes


class MessageRow(NamedTuple):
    """One message in a person's inbox."""

    number: int
    """0 for a new row; greater for a later one."""
    effect: str
    fragment: int
    put_at: int
    expires_at: int
    mark: str
    """How far the person came with it; empty at first."""
    body: bytes


class Outbox(Protocol):
    """What is to go out, and what lies with the person."""

    def put_effects(self, rows: Sequence[EffectRow]) -> None:
        """Write effects, replacing those of the same id."""

    def effects(self, ids: Sequence[str]) -> dict[str, EffectRow]:
        """Read effects; unknown ones are absent."""

    def effects_of(
        self, fragments: Sequence[int], destination: str | None = None
    ) -> list[EffectRow]:
        """Read the effects of fragments in the order of their ids, of one destination if given."""

    def due_effects(self, now: int, limit: int, without: Sequence[str] = ()) -> list[EffectRow]:
        """Effects that wait, or whose lease ran out, and whose `due` has come; earliest first.

        Effects for the destinations in `without` are passed over.
        """

    def effects_in(self, status: EffectStatus, after: str, limit: int) -> list[EffectRow]:
        """Read effects of one status in the order of their ids, beyond an id."""

    def delete_effects(self, fragments: Sequence[int]) -> int:
        """Delete the effects of fragments, as an erasure must; say how many."""

    def put_message(self, row: MessageRow) -> bool:
        """Keep a message for the inbox; False when one of its effect is kept already."""

    def messages_of(self, fragments: Sequence[int], after: int, limit: int) -> list[MessageRow]:
        """Read the inbox of fragments in the order of arrival, beyond a number."""

    def mark_message(self, effect: str, fragments: Sequence[int], mark: str) -> bool:
        """Set how far the person came with a message; False when they have none of that effect."""

    def delete_messages(self, fragments: Sequence[int]) -> int:
        """Delete the inbox of fragments, as an erasure must; say how many."""
