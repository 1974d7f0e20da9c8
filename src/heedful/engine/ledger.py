"""Events about the workspace itself: what was published, learned, stopped, approved.

They stand in the same log as everybody's events, under a fragment of their own, so that a replay
meets each change of the world exactly where the live run met it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from heedful.engine.proofs import Proof, append_proofs
from heedful.events import Event, decode_event, encode_event, own_event
from heedful.govern.approvals import Approval, fold_approval
from heedful.govern.governance import Governance, fold_governance
from heedful.govern.types import APPROVAL_REQUESTED, APPROVAL_VOTED
from heedful.kernel import hash_key
from heedful.ports import LogRow, Transaction

WORKSPACE_FRAGMENT: Final = 0
"""Fragment of events that are about nobody; keyed hashes of identifier sets never give it."""

LEARNING_FRAGMENT: Final = 1
"""Fragment of what was learned: it happens every second, and nobody reads it back but a replay."""

SEQUENCE_FRAGMENT: Final = 2
"""Fragment of what was learned of sequences, for the same reason."""

WORKSPACE_FRAGMENTS: Final = (WORKSPACE_FRAGMENT, LEARNING_FRAGMENT, SEQUENCE_FRAGMENT)
"""Of all that is about the workspace and about nobody."""

STRATEGY_PUBLISHED: Final = "Strategy Published"
"""Other rules are in force: `version`, `by`."""
MODEL_LEARNED: Final = "Model Learned"
"""Newer snapshots of models are in force: `learn_seq`, under `models` that of each by name, under
`origins` which of them came from files."""
SEQUENCES_LEARNED: Final = "Sequences Learned"
"""A newer model of sequences is in force: `key` of what is declared, and that the log from behind
`since` up to `seq` was learned."""
MODEL_TRAINED: Final = "Model Trained"
"""A model that was trained over the log is in force: `model`, `version`, `data_set`, `by`."""
DRIFT_NOTICED: Final = "Drift Noticed"
"""A model or a value that it or a condition reads moved beyond its limit, or came back: `series`,
`measure`, `amount`, `limit`, `is_crossed`."""
DRIFT_ALARM_RAISED: Final = "Drift Alarm Raised"
"""The outcomes of an action come otherwise than a model foresaw: `model`, `action`, `goal`,
`direction`, `evidence`, `since`, `outcomes`, `reached`, `foreseen`, `decision_id`, `learn_seq`."""
DRIFT_ALARM_ENDED: Final = "Drift Alarm Ended"
"""They come as foreseen again, or none come any more: the same, as it was at the end."""
MODEL_FORGOT: Final = "Model Forgot"
"""Outcomes of an action showed a model that the world has changed, so what the model had learned of
the action counts less: as `Drift Alarm Raised`, and `forgot_at`, when what showed it was known."""
GAP_NOTICED: Final = "Gap Noticed"
"""A group fares worse than another beyond the limit, or no longer: `trait`, `group`, `reference`,
`action`, `measure`, `amount`, `limit`, `is_crossed`."""


def note(
    tx: Transaction,
    secret: bytes,
    name: str,
    properties: dict[str, Any],
    now: int,
    proofs: Sequence[Proof] = (),
    flags: tuple[str, ...] = (),
    *,
    fragment: int = WORKSPACE_FRAGMENT,
) -> Event:
    """Write an event about the workspace into the log, and its proof into the audit chain.

    Notes
    -----
    Such events are read back in the order of their time, and a clock may stand still or go back:
    each is said after the one before it, so that what was stopped last stays so.
    """
    seq = tx.last_seq() + 1
    newest = tx.events_of([fragment], newest_first=True, limit=1)
    now = max([now, *(row.at + 1 for row in newest)])
    message_id = f"{name}:{seq}"
    key = hash_key(secret, "workspace", str(seq))
    event = own_event(secret, name, message_id, now, properties, key=key, flags=flags)
    tx.append([LogRow(fragment, now, event.key, seq, encode_event(event))])
    append_proofs(tx, proofs)
    return event


def happened(tx: Transaction) -> list[Event]:
    """Read all that was said about the workspace, in its order."""
    return [decode_event(row.body) for row in tx.events_of([WORKSPACE_FRAGMENT])]


def last_learned(tx: Transaction) -> int:
    """Read up to which learning row the models in force have learned; 0 at the start."""
    return int(last_said_of_learning(tx).get("learn_seq", 0))


def last_said_of_learning(tx: Transaction) -> dict[str, Any]:
    """Read what the newest `Model Learned` says; empty at the start."""
    return last_said(tx, LEARNING_FRAGMENT)


def last_said(tx: Transaction, fragment: int) -> dict[str, Any]:
    """Read what the newest event of a fragment says; empty where there is none."""
    newest = tx.events_of([fragment], newest_first=True, limit=1)
    rows = [decode_event(row.body) for row in newest]
    return rows[0].properties if rows else {}


def read_governance(tx: Transaction) -> Governance:
    """Fold what is stopped, disturbed and limited now."""
    governance = Governance()
    for event in happened(tx):
        governance = fold_governance(governance, event)
    return governance


def publications(tx: Transaction) -> list[Event]:
    """Read what was published, the oldest first."""
    return [event for event in happened(tx) if event.name == STRATEGY_PUBLISHED]


def published(tx: Transaction) -> str | None:
    """Read the version of the strategy that was published last."""
    known = publications(tx)
    return known[-1].properties["version"] if known else None


def read_approvals(tx: Transaction) -> dict[str, Approval]:
    """Fold all requests for approval, by id."""
    approvals: dict[str, Approval] = {}
    # A request before its votes, though the clock went back between them.
    said = (APPROVAL_REQUESTED, APPROVAL_VOTED)
    about = [event for event in happened(tx) if event.name in said]
    for event in sorted(about, key=lambda event: said.index(event.name)):
        name = event.properties.get("approval_id")
        if isinstance(name, str):
            folded = fold_approval(approvals.get(name), event)
            if folded is not None:
                approvals[name] = folded
    return approvals
