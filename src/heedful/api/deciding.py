"""`POST /v1/decide` over plain ASGI: of its time, that of a framework would be the larger part.

Law: the answer is sent after the decision is durable and only then; a `dry_run` leaves nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import msgspec

from heedful.api.bodies import Question, decoded
from heedful.api.context import Context, header_map
from heedful.api.errors import answer_to, wrong_method
from heedful.api.guard import log_fault, require_role
from heedful.api.roles import DECIDE
from heedful.api.wire import Receive, Scope, Send, read_body, respond
from heedful.decide import slot_hints
from heedful.engine.decisions import Asked, shown
from heedful.events import Identifier
from heedful.kernel import InputError, expected

QUESTION_BYTES_MAX: Final = 64 * 1024
"""Bytes of the body of `POST /v1/decide`. Refused with `body_too_large`."""

_NOBODY: Final = 0
"""Key of who would be created, were the question meant."""
_QUESTIONS: Final = msgspec.json.Decoder(Question)


class Deciding:
    """Answers `POST /v1/decide`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._metrics = context.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun = time.perf_counter()
        try:
            if scope["method"] != DECIDE.method:
                raise wrong_method([DECIDE.method, "OPTIONS"])
            headers = header_map(scope["headers"])
            client = scope["client"][0] if scope.get("client") else None
            require_role(self._context, DECIDE, headers.get("authorization"), client)
            wire = await read_body(scope, receive, QUESTION_BYTES_MAX)
            if wire is None:
                return
            question = decoded(_QUESTIONS, wire)
            body = msgspec.json.encode(await decide(self._context, question))
        except Exception as error:
            answer = answer_to(error)
            log_fault(self._context, DECIDE.path, answer, error)
            self._metrics.requests.labels(DECIDE.path, str(answer.status)).inc()
            await respond(send, answer.status, answer.body(), answer.headers())
            return
        self._metrics.requests.labels(DECIDE.path, "200").inc()
        if not question.dry_run:
            self._metrics.decide.observe(time.perf_counter() - begun)
        await respond(send, 200, body, {})


async def decide(context: Context, data: Question) -> dict[str, Any]:
    """Decide what to do for a person now; answered once it is durable."""
    asked = await _asked(context, data)
    decisions = context.app.engine.decisions
    if data.dry_run:
        decision, content = await asyncio.to_thread(decisions.preview, asked), None
    else:
        # The words come with the decision: each hop to another thread waits for its turn.
        answered = await asyncio.wrap_future(decisions.ask_in_words(asked))
        decision = answered.decision
        content = None if decision.channel is None else answered.content
    answer = shown(decision, content)
    if decision.customer == _NOBODY:
        answer["customer_id"] = None
    if hints := slot_hints(context.app.engine.world.rules, data.placement, data.channel):
        answer["hints"] = hints
    if data.explain:
        answer |= explained(decisions.explain(decision))
    return answer


def explained(explanation: Any) -> dict[str, Any]:
    """Show why: the candidates by themselves, and the whole story that they are part of."""
    story = msgspec.to_builtins(explanation)
    return {"candidates": story["candidates"], "explanation": story}


async def _asked(context: Context, data: Question) -> Asked:
    whom = data.customer
    named = [Identifier("email", whom.email)] if whom.email else []
    if whom.customer_id is not None:
        named.append(await asyncio.to_thread(context.app.engine.anchor, whom.customer_id))
    if not (named or whom.user_id or whom.anonymous_id):
        what = expected("one name of a person", "none", "$.customer", "Give user_id, for example.")
        raise InputError("no_usable_identifier", what)
    return Asked(
        user_id=whom.user_id,
        anonymous_id=whom.anonymous_id,
        identifiers=tuple(named),
        placement=data.placement,
        channel=data.channel,
        context=dict(data.context),
    )
