"""What erasing a person leaves of their decisions, and what an export says of them.

A decision keeps its arm, its probability and its reward, since what was learned and proved rests
on them; whose it was is gone: the person's key becomes a random one, and what conditions read of
them is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from heedful.decide import decode_case, new_case
from heedful.engine.deciding import encode_decision, read_decision, read_effect
from heedful.kernel import format_instant, public_id
from heedful.ports import Transaction

ERASED: Final = "erased"
"""Flag of a decision whose person was erased; replaying it is answered with this word."""

PAGE: Final = 500
"""Decisions read at once."""

_NEVER: Final = (1 << 63) - 1


def forget_decisions(tx: Transaction, fragments: Sequence[int], pseudonym: int) -> int:
    """Take a person out of their decisions; withdraw what was to go out. Says how many."""
    tx.delete_effects(fragments)
    tx.delete_messages(fragments)
    count = 0
    while rows := tx.decisions_of(fragments, before=None, limit=PAGE):
        count += len(rows)
        tx.put_decisions(
            [
                row._replace(
                    fragment=pseudonym,
                    body=encode_decision(
                        msgspec.structs.replace(
                            read_decision(row.body),
                            customer=pseudonym,
                            trigger=0,
                            seen={},
                            because={},
                            ahead=None,
                            features=b"",
                            flags=(ERASED,),
                        )
                    ),
                )
                for row in rows
            ]
        )
    return count


def export_case(process: bytes) -> dict[str, Any]:
    """Give what goes on with a person: needs, muted classes, and how chance drew for hold-outs."""
    case = decode_case(process) if process else new_case()
    needs = [
        {
            "name": need.name,
            "tier": need.tier,
            "opened_at": format_instant(need.opened_at),
            "closed_at": format_instant(need.closed_at) if need.closed_at else None,
            "reason": need.reason,
        }
        for need in case.needs
    ]
    silences = [
        {
            "class": mute.message_class,
            "at": format_instant(mute.at),
            "until": format_instant(mute.until),
            "reason": mute.reason,
        }
        for mute in case.silences
    ]
    hold_outs = [
        {"name": one.name, "at": format_instant(one.at), "is_held": one.is_held}
        for one in case.holdouts
    ]
    return {"needs": needs, "silences": silences, "hold_outs": hold_outs}


def export_decisions(tx: Transaction, fragments: Sequence[int]) -> dict[str, Any]:
    """Give what was decided for a person and what went out to them."""
    rows = tx.decisions_of(fragments, before=(_NEVER, _NEVER), limit=_NEVER)
    return {
        "decisions": [
            {
                **msgspec.to_builtins(read_decision(row.body)),
                "decision_id": public_id("d", row.id),
                "at": format_instant(row.at),
            }
            for row in rows
        ],
        "messages": [
            {"status": row.status, "code": row.code, **msgspec.to_builtins(read_effect(row).effect)}
            for row in tx.effects_of(fragments)
        ],
    }
