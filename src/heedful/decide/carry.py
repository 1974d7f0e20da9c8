"""From a chosen arm to effects that carry all that their connectors need."""

from __future__ import annotations

from typing import Any

from heedful.decide.case import EffectNote, Mute, bounded_silences, mute_key, sort_in
from heedful.decide.choice import Option
from heedful.decide.compile_actions import MARKETING_PURPOSE
from heedful.decide.compiled import ActionRule, ArmRule
from heedful.decide.contact import Contact
from heedful.decide.fill import fill, fill_address
from heedful.decide.lessons import decision_name
from heedful.decide.run import Run
from heedful.decide.types import SILENCE_SET, Decision
from heedful.effects import CallWebhook, Content, MessageClass, OutboundEffect, SendMessage
from heedful.kernel import hash_key, public_id

MESSAGE, WEBHOOK = "message", "webhook"


def carry_out(
    run: Run,
    decision: Decision,
    option: Option,
    due: int,
    contact: Contact,
    *,
    is_sent: bool,
) -> list[EffectNote]:
    """Put the effects of a decision into the outbox and mute what is muted with it.

    Parameters
    ----------
    is_sent
        Whether a message goes out; the answer to a request may be the message itself.

    Returns
    -------
    What the case has to know of them, by id.
    """
    action, arm = option.action, option.arm
    notes: list[EffectNote] = []
    begins = run.now + arm.wait_ms
    expires_at = begins + action.expires_ms
    address = contact.address(arm.channel) if is_sent else None
    if address is not None:
        message = SendMessage(
            channel=arm.channel,
            to=address,
            message_class=action.message_class,
            content=words(run, arm, contact.language or "en"),
            action=action.name,
            treatment=arm.treatment,
            purpose=_purpose(action, arm),
        )
        id_ = effect_id(run.surroundings.secret, decision.id, MESSAGE, arm.channel)
        _put(run, decision, id_, message, arm.channel, due, expires_at)
        to = contact.destination(arm.channel)
        notes.append(EffectNote(id_, MESSAGE, due, expires_at, to=to))
    for number, webhook in enumerate(action.webhooks):
        call = CallWebhook(webhook.destination, webhook.event, _filled(webhook.data, run))
        name = f"{webhook.destination}/{number}"
        id_ = effect_id(run.surroundings.secret, decision.id, WEBHOOK, name)
        _put(run, decision, id_, call, webhook.destination, begins, expires_at)
        notes.append(EffectNote(id_, WEBHOOK, begins, expires_at))
    if action.silence is not None:
        message_class, span_ms = action.silence
        mute(run, message_class, run.now + span_ms, f"action:{action.name}")
    return sorted(notes, key=lambda note: note.id)


def words(run: Run, arm: ArmRule, language: str) -> Content:
    """Say what a treatment says, filled in."""
    return Content(
        title=fill(arm.title, run.readings),
        body=fill(arm.body, run.readings),
        url=fill_address(arm.url, run.readings),
        language=arm.language or language,
    )


def effect_id(secret: bytes, decision: int, kind: str, destination: str) -> str:
    """Name an effect: the same decision, effect and destination give the same id."""
    return public_id("f", hash_key(secret, "effect", str(decision), kind, destination))


def mute(
    run: Run, message_class: MessageClass, until: int, reason: str, *, is_said: bool = False
) -> None:
    """Mute a class for the person, on every channel; `is_said` where the log knows it already."""
    case = run.case
    made = Mute(until, run.now, run.event.key, message_class, run.fragment, reason)
    if any(mute_key(known) == mute_key(made) for known in case.silences):
        return
    sort_in(case.silences, made, mute_key)
    case.silences = bounded_silences(case.silences)
    if not is_said:
        run.say(SILENCE_SET, {"class": message_class, "until": until, "reason": reason})


def _put(
    run: Run,
    decision: Decision,
    id_: str,
    effect: SendMessage | CallWebhook,
    destination: str,
    due: int,
    expires_at: int,
) -> None:
    run.effects.append(
        OutboundEffect(
            id=id_,
            decision_id=decision_name(decision.id),
            customer_id=public_id("c", decision.customer),
            effect=effect,
            due=due,
            expires_at=expires_at,
            destination=destination,
        )
    )


def _purpose(action: ActionRule, arm: ArmRule) -> str:
    if arm.purposes:
        return arm.purposes[0]
    return MARKETING_PURPOSE if action.message_class == "promotional" else ""


def _filled(value: Any, run: Run) -> Any:
    """Fill in every text of a webhook's body; a text is a template, hence a tuple."""
    if isinstance(value, tuple):
        return fill(value, run.readings)
    if isinstance(value, dict):
        return {key: _filled(part, run) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, run) for part in value]
    return value
