"""The moment of sending: all gates again, then the fact that caps count, then the way out.

A promotion that was queued before a cancellation, or a cart mail before the purchase, dies here.
A message that comes due in quiet hours waits for their end; one that needs a person's agreement
waits for that; both only as long as they are of use.
"""

from __future__ import annotations

import msgspec

from heedful.decide.again import Forgotten, remember
from heedful.decide.arbitrate import INCIDENT
from heedful.decide.carry import MESSAGE, WEBHOOK
from heedful.decide.case import DECIDED, FAILED, RELEASED, WITHDRAWN, EffectNote, Standing
from heedful.decide.commit import say_released
from heedful.decide.compiled import ActionRule, ArmRule
from heedful.decide.gates import REASONS, Gates
from heedful.decide.holdout import is_withheld, standing_of
from heedful.decide.rules import Slot
from heedful.decide.run import Run
from heedful.kernel import parse_public_id

_NEEDED, _GIVEN = 1, 2


def release_due(run: Run) -> None:
    """Answer `Effect Due`: let the effect go, have it wait, or withdraw it."""
    said = run.event.properties
    effect_id = str(said.get("effect_id"))
    found = run.case.find_effect(effect_id) or _remembered(run, effect_id)
    if found is None:
        run.refuse_effect(effect_id, "superseded")
        return
    standing, effect = found
    if "again" in said:
        effect.expires_at = max(effect.expires_at, said["expires_at"])
    if effect.status == WITHDRAWN:
        run.refuse_effect(effect_id, effect.code)
    elif effect.status > FAILED:
        run.refuse_effect(effect_id, "settled")
    elif effect.status >= RELEASED:  # a dead letter falls due only when somebody drives it again
        _try_again(run, standing, effect)
    elif effect.expires_at <= run.now:
        run.withdraw(standing, "expired")
    elif standing.approval == _NEEDED:
        run.postpone(effect, effect.expires_at, "approval_required")
    elif effect.kind == MESSAGE:
        _release_message(run, standing, effect)
    else:
        _release_call(run, standing, effect)


def _remembered(run: Run, effect_id: str) -> tuple[Standing, EffectNote] | None:
    """Bring back what the case has forgotten of a dead letter that is driven again."""
    said = run.event.properties
    if "again" not in said:
        return None
    return remember(run, effect_id, said["decision_id"], msgspec.convert(said["again"], Forgotten))


def _release_message(run: Run, standing: Standing, effect: EffectNote) -> None:
    code, due = _asked_again(run, standing, effect)
    if code is not None:
        void(run, standing, code)
        if code == "no_address":  # nobody else may read it, but they may have an address now
            run.flipped.append(f"gate_closed:{code}")
    elif due > run.now:
        if due >= effect.expires_at:
            void(run, standing, "quiet_hours")
        else:
            run.postpone(effect, due, "quiet_hours")
    else:
        action = run.rules.actions[standing.action]
        run.release(standing, effect)
        say_released(run, standing, effect.id)
        if action.budget is not None and action.cost:
            run.spent.append((action.budget, action.cost))


def _try_again(run: Run, standing: Standing, effect: EffectNote) -> None:
    """Let a call that failed be repeated: gates are asked anew, but it is counted already."""
    code, due = None, run.now
    if effect.expires_at <= run.now:
        code = "expired"
    elif effect.kind == MESSAGE:
        code, due = _asked_again(run, standing, effect, is_counted=True)
    else:
        code = _call_stopped(run, standing)
    if code is None and due >= effect.expires_at:
        code = "quiet_hours"
    if code is not None:
        run.withdraw_effect(standing, effect, code)
    elif due > run.now:
        run.postpone(effect, due, "quiet_hours")
    else:
        run.release(standing, effect)


def void(run: Run, standing: Standing, code: str) -> None:
    """Withdraw a decision; a call to another system goes on where only its message is unwanted."""
    keeps_calls = REASONS.get(code) in ("consent", "silence", "contact")
    run.withdraw(standing, code, but=WEBHOOK if keeps_calls else "")


def _asked_again(
    run: Run, standing: Standing, effect: EffectNote, *, is_counted: bool = False
) -> tuple[str | None, int]:
    """Ask every gate; gives the reason of the one that closed, and when the rest are open."""
    action, arm, code = _known(run, standing)
    if action is None or arm is None:
        return code, run.now
    # What goes through the outbox answers nobody, also where it is meant for a slot.
    gates = Gates(run, slot_of(standing)._replace(is_answered=False), is_release=True)
    code = overtaken(run, standing) or gates.closed_since(action, arm)
    code = code or gates.closed_at_release(standing, effect, action, arm, is_counted=is_counted)
    if code is not None:
        return code, run.now
    to = gates.contact.destination(arm.channel)
    if to != effect.to:  # they have another address now, and the one before is still theirs
        run.readdress(effect, to, gates.contact.address(arm.channel) or {})
    opens = gates.contact.opens_at(
        arm.channel, action.message_class, is_loud=arm.is_loud, at=run.now
    )
    return (None, opens) if opens is not None else ("quiet_hours", run.now)


def _release_call(run: Run, standing: Standing, effect: EffectNote) -> None:
    """Let a call to another system go: it is no message, so only stops and agreement bind it."""
    code = _call_stopped(run, standing)
    if code is None:
        run.release(standing, effect)
    else:
        run.withdraw(standing, code)


def _call_stopped(run: Run, standing: Standing) -> str | None:
    action, arm, code = _known(run, standing)
    if action is None or arm is None:
        return code
    subject = arm.subject._replace(model=standing.model or action.model)
    stop = run.surroundings.governance.stopped(subject, run.now)
    return None if stop is None else "stopped"


def _known(run: Run, standing: Standing) -> tuple[ActionRule | None, ArmRule | None, str | None]:
    action = run.rules.actions.get(standing.action)
    arm = run.rules.arms.get((standing.action, standing.channel, standing.treatment))
    return action, arm, "unpublished" if action is None or arm is None else None


def overtaken(run: Run, standing: Standing) -> str | None:
    """Say why what a decision answered is no longer asked, or None."""
    if standing.need.startswith(INCIDENT):
        incidents = run.surroundings.governance.incidents.by_id
        incident = incidents.get(standing.need.removeprefix(INCIDENT))
        is_over = incident is None or not incident.is_open(run.now)
        return "incident_over" if is_over else None
    if standing.message_class in ("transactional", "mandatory"):
        return None
    if standing.need:
        need = run.need_of(standing)
        if need is None or need.closed_at:
            return "need_closed"
    if standing.tier == "growth" and run.is_growth_shut():
        return "growth_shut"
    if standing.tier in run.rules.contact.holdout_tiers and not run.is_qa:
        held = standing_of(run, run.rules.contact.holdout)
        if held is not None and held.is_held:
            return "holdout"
    return "action_held_out" if is_withheld(run, standing.action) else None


def still_stands(run: Run, standing: Standing) -> str | None:
    """Say which gate of a decision has closed since it was made, or None."""
    action, arm, code = _known(run, standing)
    if action is None or arm is None:
        return code
    gates = Gates(run, slot_of(standing))
    return overtaken(run, standing) or gates.closed_since(action, arm)


def slot_of(standing: Standing) -> Slot:
    """Read back what a decision was made for."""
    kind, _, name = standing.slot.partition(":")
    if kind == "slot":
        return Slot(placement=name, channel=standing.channel or None, is_answered=True)
    return Slot(channel=name or None)


def agree(run: Run, *, is_agreed: bool) -> None:
    """Take in what a person said of a decision that waits for agreement."""
    id_ = parse_public_id("d", str(run.event.properties.get("decision_id")))
    standing = None if id_ is None else run.case.find(id_)
    if standing is None or standing.approval != _NEEDED:
        return
    if not is_agreed:
        run.withdraw(standing, "refused")
        return
    standing.approval = _GIVEN
    for effect in standing.effects:
        if effect.status == DECIDED:
            run.postpone(effect, run.now, "approved")
