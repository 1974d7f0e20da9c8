"""A dead letter that a person drives again: what a case needs of a decision that it has forgotten.

A case forgets a decision whose message failed as soon as it stands no more, and the letter may be
driven again days later. Its gates are then asked by what the decision's own record says; what the
record does not say (which incident it told of) is taken to be over.
"""

from __future__ import annotations

from typing import Final

import msgspec

from heedful.decide.arbitrate import INCIDENT
from heedful.decide.carry import MESSAGE, WEBHOOK
from heedful.decide.case import FAILED, EffectNote, Standing
from heedful.decide.contact import hash_address
from heedful.decide.definitions import Tier
from heedful.decide.rules import Slot
from heedful.decide.run import Run
from heedful.decide.types import Decision
from heedful.effects import MessageClass, OutboundEffect, SendMessage

_GIVEN: Final = 2
"""Approval: what has failed was released, so whoever had to agree has agreed."""
_INCIDENT_MESSAGE: Final = "incident_message"


class Forgotten(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is asked again of a decision, as an event carries it; it names no address."""

    at: int
    trigger: int
    version: str
    action: str
    tier: Tier
    message_class: MessageClass | None = None
    channel: str = ""
    treatment: str = ""
    placement: str | None = None
    need: str = ""
    kind: str = MESSAGE
    to: int = 0
    """Keyed hash of the address that it was written to."""
    expires_at: int


def forgotten(secret: bytes, decision: Decision, effect: OutboundEffect) -> Forgotten:
    """Say what has to be known of an effect's decision to ask its gates."""
    sent = effect.effect
    is_message = isinstance(sent, SendMessage)
    return Forgotten(
        at=decision.at,
        trigger=decision.trigger,
        version=decision.strategy_version,
        action=decision.action,
        tier=decision.tier,
        message_class=decision.message_class,
        channel=decision.channel or "",
        treatment=decision.treatment or "",
        placement=decision.placement,
        need=INCIDENT if decision.reason == _INCIDENT_MESSAGE else decision.need or "",
        kind=MESSAGE if is_message else WEBHOOK,
        to=hash_address(secret, sent.channel, sent.to) if isinstance(sent, SendMessage) else 0,
        expires_at=effect.expires_at,
    )


def remember(
    run: Run, effect_id: str, decision_id: int, said: Forgotten
) -> tuple[Standing, EffectNote]:
    """Give a decision and its effect as the case would hold them had it not forgotten them."""
    needs = [n for n in run.case.needs if n.name == said.need and n.opened_at <= said.at]
    channel = None if said.placement is None and not said.channel else said.channel
    effect = EffectNote(effect_id, said.kind, run.now, said.expires_at, FAILED, to=said.to)
    standing = Standing(
        at=said.at,
        id=decision_id,
        fragment=run.fragment,
        trigger=said.trigger,
        version=said.version,
        slot=Slot(placement=said.placement, channel=channel).key,
        action=said.action,
        channel=said.channel,
        treatment=said.treatment,
        tier=said.tier,
        message_class=said.message_class,
        need=said.need,
        need_event=needs[-1].event if needs else 0,
        p_choose=0,
        model="",
        model_seq=0,
        stands_until=said.at,
        status=FAILED,
        approval=_GIVEN,
        effects=[effect],
    )
    return standing, effect
