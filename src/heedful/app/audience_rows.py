"""What is said of each person of an audience, and how it is written down."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from heedful.decide.columns import Answer
from heedful.engine.reading import customer_id
from heedful.kernel import MICRO
from heedful.learn import PROBABILITY_ONE

RowFormat = Literal["csv", "jsonl"]


class AudienceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What would be decided for one person."""

    customer_id: str
    action: str
    channel: str | None
    treatment: str | None
    tier: str
    need: str | None
    reason: str
    p_choose: float
    value: float
    """Money that the arm is expected to bring beyond doing nothing."""
    is_columnar: bool
    """Whether it was decided over columns; else alone, for what is under way with the person."""


FIELDS: Final = AudienceAnswer.__struct_fields__[:-1]
"""Columns of a file, in their order."""

_JSON: Final = msgspec.json.Encoder()


def shown(answer: Answer) -> AudienceAnswer:
    """Say an answer in the words of the interface."""
    return AudienceAnswer(
        customer_id=customer_id(answer.customer),
        action=answer.action,
        channel=answer.channel or None,
        treatment=answer.treatment or None,
        tier=answer.tier,
        need=answer.need or None,
        reason=answer.reason,
        p_choose=answer.p_choose / PROBABILITY_ONE,
        value=answer.value / MICRO,
        is_columnar=answer.is_columnar,
    )


def written(answers: Sequence[AudienceAnswer], form: RowFormat) -> str:
    """Write rows as text: CSV as RFC 4180 has it, or a JSON object a line.

    Examples
    --------
    >>> from heedful.decide.columns import Answer
    >>> nobody = Answer(1, "sale", "email", "", "growth", "", "drawn", 1 << 31, 2_500_000, True)
    >>> written([shown(nobody)], "csv").splitlines()
    ['c_aaaaaaaaaaaac,sale,email,,growth,,drawn,0.5,2.5']
    """
    rows = (
        (a.customer_id, a.action, a.channel, a.treatment, a.tier, a.need, a.reason, a.p_choose,
         a.value)
        for a in answers
    )  # fmt: skip
    if form == "csv":
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        return text.getvalue()
    return b"".join(
        _JSON.encode(dict(zip(FIELDS, row, strict=True))) + b"\n" for row in rows
    ).decode()
