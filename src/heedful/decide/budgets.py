"""Calendar periods of budgets."""

from __future__ import annotations

from datetime import UTC, datetime

from heedful.decide.definitions import Budget
from heedful.kernel import DAY_MS, SECOND_MS


def period_of(budget: Budget, now: int) -> int:
    """Number the calendar period of a budget, in UTC, that an instant is in.

    Examples
    --------
    >>> period_of(Budget(amount=5, per="month"), 0)
    23641
    """
    day = now // DAY_MS
    if budget.per == "day":
        return day
    if budget.per == "week":
        return (day + 3) // 7  # 1970 began on a Thursday
    date = datetime.fromtimestamp(now / SECOND_MS, UTC)
    return date.year * 12 + date.month
