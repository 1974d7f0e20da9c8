"""Deciding for an audience over HTTP: a page of people at a time."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from litestar import post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from heedful.api.bodies import Body, Name
from heedful.api.context import Context, Here
from heedful.decide import DO_NOTHING
from heedful.decide.columns import Answer
from heedful.engine.audience import PAGE_PEOPLE_MAX, Audience, audience_condition
from heedful.engine.decisions import Asked
from heedful.engine.reading import customer_id
from heedful.events import Identifier
from heedful.kernel import MICRO
from heedful.kernel.ids import KEY_MASK

_WAIT_S: Final = 60.0


Limit = Annotated[
    int,
    QueryParameter(
        ge=1, le=PAGE_PEOPLE_MAX, description="Customers that are looked at for one page."
    ),
]


class AudienceQuestion(Body, frozen=True):
    """Who is asked about, and what for."""

    run: Name
    """Names the run: asking again under one name draws the same."""
    audience: Annotated[str, Meta(min_length=1, max_length=2_000)] | None = None
    """Condition over traits, signals and consents; everybody where absent."""
    customers: Annotated[list[Name], Meta(min_length=1, max_length=PAGE_PEOPLE_MAX)] | None = None
    """People by id or `NAMESPACE:VALUE`, instead of a page of everybody."""
    placement: Name | None = None
    channel: Name | None = None
    after: Annotated[str, Meta(pattern="^[0-9]{1,19}$")] | None = None
    """The cursor that the page before gave."""
    mode: Literal["rehearse", "keep"] = "rehearse"
    """Whether it is only said, or decided: then what is chosen happens."""


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


class AudiencePage(msgspec.Struct, frozen=True, kw_only=True):
    """Answers about one page of customers."""

    items: list[AudienceAnswer]
    looked: int
    """Customers that were looked at."""
    total: int
    """Customers in all."""
    next_after: str | None
    """Where the next page begins; null after the last."""


@post("/v1/audiences/decide", status_code=200, sync_to_thread=True)
def decide_audience(
    context: Here, data: JSONBody[AudienceQuestion], limit: Limit = 1_000
) -> AudiencePage:
    """Say what would be decided for each of an audience, or decide it."""
    decisions = context.app.engine.decisions
    world, text = context.app.engine.world, data.audience
    audience = Audience(
        data.run,
        None if text is None else audience_condition(world, text),
        data.placement,
        data.channel,
    )
    page = decisions.audience(
        audience,
        -1 if data.after is None else min(int(data.after), KEY_MASK),
        limit,
        data.customers,
    )
    items = [_shown(answer) for answer in page.answers]
    if data.mode == "keep":
        items = _kept(context, data, items)
    return AudiencePage(
        items=items,
        looked=page.looked,
        total=len(data.customers) if data.customers else context.app.store.stats().customers,
        next_after=None if page.next_key is None else str(page.next_key),
    )


def _kept(
    context: Context, data: AudienceQuestion, items: list[AudienceAnswer]
) -> list[AudienceAnswer]:
    """Ask in earnest about everybody for whom something would be done."""
    engine = context.app.engine
    asked = [
        (item, engine.decisions.ask(_asked(engine.anchor(item.customer_id), data)))
        for item in items
        if item.action != DO_NOTHING
    ]
    made = {item.customer_id: future.result(_WAIT_S) for item, future in asked}
    return [
        item
        if (decision := made.get(item.customer_id)) is None
        else msgspec.structs.replace(
            item,
            action=decision.action,
            channel=decision.channel,
            treatment=decision.treatment,
            tier=decision.tier,
            need=decision.need,
            reason=decision.reason,
            p_choose=decision.p_choose / (1 << 32),
            is_columnar=False,
        )
        for item in items
    ]


def _asked(anchor: Identifier, data: AudienceQuestion) -> Asked:
    return Asked(identifiers=(anchor,), placement=data.placement, channel=data.channel)


def _shown(answer: Answer) -> AudienceAnswer:
    return AudienceAnswer(
        customer_id=customer_id(answer.customer),
        action=answer.action,
        channel=answer.channel or None,
        treatment=answer.treatment or None,
        tier=answer.tier,
        need=answer.need or None,
        reason=answer.reason,
        p_choose=answer.p_choose / (1 << 32),
        value=answer.value / MICRO,
        is_columnar=answer.is_columnar,
    )


HANDLERS: Final = (decide_audience,)
