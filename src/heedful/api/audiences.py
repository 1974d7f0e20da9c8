"""Deciding for an audience over HTTP: a page of people at a time."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final, Literal

import msgspec
from litestar import post
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import Meta

from heedful.api import sse
from heedful.api.bodies import Body, Name
from heedful.api.context import Context, Here
from heedful.app.audience import PROCESSES_MAX, AudienceRun
from heedful.app.audience_rows import AudienceAnswer, shown, written
from heedful.app.audience_state import AskedAudience
from heedful.decide import Decision
from heedful.engine.audience import PAGE_PEOPLE_MAX, Audience, audience_condition
from heedful.engine.decisions import Asked
from heedful.events import Identifier
from heedful.kernel import MICRO
from heedful.kernel.ids import KEY_MASK
from heedful.learn import PROBABILITY_ONE

RUN_PEOPLE_MAX: Final = 50_000
"""People that one run may list by name; a longer list takes several runs."""

ASKED_AT_ONCE: Final = 500
"""People who are asked about in earnest together; the next wait for their commit."""

_WAIT_S: Final = 60.0
_NOTHING_OPEN: Final = frozenset(("all_gated", "no_action"))


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
    items = [shown(answer) for answer in page.answers]
    if data.mode == "keep":
        items = _kept(context, data, items)
    return AudiencePage(
        items=items,
        looked=page.looked,
        total=len(data.customers) if data.customers else context.app.store.stats().customers,
        next_after=None if page.next_key is None else str(page.next_key),
    )


class AudienceRunQuestion(Body, frozen=True):
    """Who is asked about in one run, and how its answers are written."""

    run: Name
    """Names the run: asking again under one name at one instant draws the same."""
    audience: Annotated[str, Meta(min_length=1, max_length=2_000)] | None = None
    """Condition over traits, signals and consents; everybody where absent."""
    customers: Annotated[list[Name], Meta(min_length=1, max_length=RUN_PEOPLE_MAX)] | None = None
    """People by id or `NAMESPACE:VALUE`, instead of everybody."""
    placement: Name | None = None
    channel: Name | None = None
    mode: Literal["rehearse", "keep"] = "rehearse"
    """Whether it is only said, or decided: then what is chosen happens."""
    rows: Literal["csv", "jsonl"] | None = None
    """How answers are written; absent where they are only counted."""
    processes: Annotated[int, Meta(ge=1, le=PROCESSES_MAX)] | None = None
    """Processes that share the work; one for each core where absent."""


class AudienceRunTold(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run."""

    looked: int
    """Customers that were looked at."""
    people: int
    """Those of them who belong to the audience."""
    alone: int
    """Those who were decided one by one, for what is under way with them."""
    actions: dict[str, int]
    """People by action."""
    processes: int
    hints: list[str]
    """Traits of the condition that nobody has, a placement or a channel that nothing in force has,
    with the name that was probably meant."""


@post("/v1/audiences/run", status_code=200, sync_to_thread=True)
def run_audience(context: Here, data: JSONBody[AudienceRunQuestion]) -> Stream:
    """Decide for all of an audience, in several processes; progress, `rows`, then `result`.

    Each event `rows` has a text: whole lines of the file, in the order of the customers' ids. All
    answers are of one instant and one state of the models.
    """
    is_kept = data.mode == "keep"
    asked = AskedAudience(data.run, data.audience, data.placement, data.channel)
    run = AudienceRun(context.app, asked, data.customers, data.rows, keeps_answers=is_kept)
    processes = run.processes(data.processes)

    def work(progress: sse.Progress, tell: sse.Tell) -> AudienceRunTold:
        actions: Counter[str] = Counter()
        looked = alone = 0
        for block in run.blocks(processes, lambda done: progress(done, run.total)):
            text, found = block.text, block.actions
            if is_kept:
                items = _kept(context, data, [shown(answer) for answer in block.answers])
                text = "" if data.rows is None else written(items, data.rows)
                found = Counter(item.action for item in items)
            if text:
                tell("rows", {"text": text})
            actions.update(found)
            looked += block.looked
            alone += block.alone
        return AudienceRunTold(
            looked=looked,
            people=sum(actions.values()),
            alone=alone,
            actions=dict(actions.most_common()),
            processes=processes,
            hints=run.hints(),
        )

    return sse.telling(context, work)


def _kept(
    context: Context,
    data: AudienceQuestion | AudienceRunQuestion,
    items: list[AudienceAnswer],
) -> list[AudienceAnswer]:
    """Ask in earnest about everybody for whom some action passes its gates.

    Notes
    -----
    Whom the rehearsal drew nothing for, or held out, is asked about, too: what is kept is one draw
    for each person, so that doing nothing is learned from as often as it is chosen.
    """
    kept: list[AudienceAnswer] = []
    for start in range(0, len(items), ASKED_AT_ONCE):
        some = items[start : start + ASKED_AT_ONCE]
        decisions = context.app.engine.decisions
        asked = {
            item.customer_id: decisions.ask(
                _asked(context.app.engine.anchor(item.customer_id), data)
            )
            for item in some
            if item.reason not in _NOTHING_OPEN
        }
        kept += [
            _made(item, asked[item.customer_id].result(_WAIT_S))
            if item.customer_id in asked
            else item
            for item in some
        ]
    return kept


def _made(item: AudienceAnswer, decision: Decision) -> AudienceAnswer:
    chosen = next((one for one in decision.candidates if one.verdict == "chosen"), None)
    return msgspec.structs.replace(
        item,
        action=decision.action,
        channel=decision.channel,
        treatment=decision.treatment,
        tier=decision.tier,
        need=decision.need,
        reason=decision.reason,
        p_choose=decision.p_choose / PROBABILITY_ONE,
        value=0.0 if chosen is None else chosen.terms.get("value", 0) / MICRO,
        is_columnar=False,
    )


def _asked(anchor: Identifier, data: AudienceQuestion | AudienceRunQuestion) -> Asked:
    return Asked(identifiers=(anchor,), placement=data.placement, channel=data.channel)


HANDLERS: Final = (decide_audience, run_audience)
