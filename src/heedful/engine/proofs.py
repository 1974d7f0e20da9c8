"""The audit chain inside a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from heedful.govern import audit
from heedful.govern.audit import AuditKind, AuditValue, Head
from heedful.ports import AuditRow, Transaction


class Proof(NamedTuple):
    """What the audit chain is to hold."""

    kind: AuditKind
    subject: str
    at: int
    body: Mapping[str, AuditValue]


def append_proofs(tx: Transaction, proofs: Iterable[Proof]) -> None:
    """Chain entries to the audit."""
    newest = tx.audit_head()
    head = Head()
    if newest is not None:
        head = Head(
            seq=newest.number, hash=newest.hash.decode(), at=audit.describe(newest.body)["at"]
        )
    rows = []
    for proof in proofs:
        line, head = audit.append(head, proof.kind, proof.subject, proof.at, proof.body)
        rows.append(AuditRow(head.seq, head.hash.encode(), line))
    tx.append_audit(rows)
