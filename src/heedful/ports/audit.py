"""The audit chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class AuditRow(NamedTuple):
    """One link of the audit chain."""

    number: int
    """From 1, without a gap."""
    hash: bytes
    body: bytes


class Audit(Protocol):
    """Links that nobody can change unseen."""

    def append_audit(self, rows: Sequence[AuditRow]) -> None:
        """Add links to the audit chain; their numbers continue the newest without a gap."""

    def audit(self, after: int, limit: int) -> list[AuditRow]:
        """Read the audit chain in order."""

    def audit_head(self) -> AuditRow | None:
        """The newest link of the audit chain; None at the start."""
