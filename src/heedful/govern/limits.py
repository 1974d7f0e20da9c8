"""Every limit of the room: its name, its unit, and what happens when it is reached."""

from __future__ import annotations

from typing import Final

from heedful.kernel import DAY_MS

SCOPES_STOPPED_MAX: Final = 1_000
"""Scopes that are stopped at once; a further stop is refused, since `all` is meant by then."""

INCIDENTS_MAX: Final = 100
"""Incidents that run at once; a further one is refused."""

INCIDENT_SPAN_MS_MAX: Final = 30 * DAY_MS
"""Longest span of an incident; a longer one is refused, so that growth is never off unseen."""

REASON_CHARS_MAX: Final = 1_000
"""Characters of a reason that a person gives; a longer one is refused."""

APPROVALS_REQUIRED_MAX: Final = 5
"""Approvals that one request can demand; more are refused."""

VOTES_MAX: Final = 20
"""Votes kept of one request, the earliest; later ones cannot change what is settled."""

GUARDRAILS_MAX: Final = 200
"""Guardrails of one strategy; more are refused."""

GUARDRAIL_BINS: Final = 64
"""Bins to a guardrail's window: its edge is known to window / 64."""

PROTECTED_MAX: Final = 16
"""Protected traits of one strategy; more are refused, since each decision is counted under all."""

GROUPS_MAX: Final = 32
"""Groups of one protected trait; more are refused: they would be too small to compare."""

AUDIT_BODY_BYTES_MAX: Final = 64 * 1024
"""Bytes of one line of the audit chain; a longer entry is refused: it refers, never contains."""

OPT_OUT_CHARS_MAX: Final = 2_000
"""Characters of a message in which an opt-out is looked for; the rest of a longer one is not
read, since nobody hides it there."""

QUIET_DAYS_MAX: Final = 14
"""Days that the next open instant is looked for; None is answered beyond."""

CHALLENGED_PPM_MAX: Final = 500_000
"""Customers for whom all challengers of one line answer together, in millionths; a larger share is
refused: to answer for most of the customers a model is promoted, by the rule or by agreement, and a
comparison is surest where both sides are as large."""

CHALLENGERS_MAX: Final = 4
"""Challengers of one line at once; a further one is refused, since each gets too few outcomes."""

SHADOWS_MAX: Final = 4
"""Models of one line that look on at once; a further one is refused: each costs every decision."""

ROLLBACKS_MAX: Final = 16
"""Earlier champions of a line that are remembered, the latest."""
