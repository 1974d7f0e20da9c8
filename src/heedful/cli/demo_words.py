"""A decision in the words of people: what is done, and why, in one plain sentence.

`heedful why` tells all of it; this is for a line on a screen that is read in passing. Nothing here
decides anything: a sentence follows from the answer of `/v1/decisions/{id}` and the strategy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

Kind = Literal["help", "owed", "offer", "silence"]
"""What a decision is to the person: help, a message they are owed, an offer, or nothing."""

SILENCE: Final = "do_nothing"
APPROVE_BEFORE: Final = "approve_before"
"""Flag of a decision that a person has to agree to before it is carried out."""

ON: Final = {
    "inapp": "in the shop",
    "email": "by e-mail",
    "sms": "by text message",
    "push": "on their phone",
    None: "by a person at the desk",
}
"""How a channel is called."""

HELD_BACK: Final = {
    "suppressed": "They must not be contacted at all.",
    "objected": "They objected to advertising.",
    "consent_refused": "They refused advertising.",
    "no_consent": "They never agreed to advertising.",
    "gpc_opt_out": "Their browser asks not to be advertised to.",
    "growth_shut": "Something of theirs comes first: selling rests.",
    "silenced": "Promotions are silent for them just now.",
    "incident": "A disturbance is open: selling rests.",
    "stopped": "Somebody has stopped it.",
    "holdout": "They are left in peace, for comparison (hold-out).",
    "action_held_out": "This alone is kept from them, for comparison.",
    "cap_reached": "They have heard from us often enough.",
    "guardrail": "A guardrail keeps it back.",
    "quiet_hours": "It is night where they are.",
    "budget_spent": "Its budget is spent.",
}
"""Why a nudge that could have been made was withheld, the weightiest reason first."""

_NOT_NOW: Final = {
    "needs_person": "No model is allowed to decide this; a person does.",
    "approval_required": "A person has to agree first.",
    "already_tried": "What could help was tried already.",
    "not_eligible": "Nothing that is here is meant for them.",
    "not_suitable": "What is here would not be good for them.",
    "no_benefit": "They would lose by it.",
    "no_address": "There is no address to reach them at.",
    "other_language": "There are no words in their language.",
    "repeated": "It was said already.",
    "not_applicable": "Nothing that is here is of use to them now.",
    "other_intent": "They are after something else right now.",
}
_GAP: Final = re.compile(r"\{[^}]*\}")


class Wording(NamedTuple):
    """What a strategy's names stand for."""

    needs: dict[str, str]
    """What a need means, by name."""
    titles: dict[str, str]
    """What an action says above its words, by name."""
    classes: dict[str, str]
    """The class of an action, by name."""
    silences: dict[str, str]
    """For how long an action mutes promotions, such as `48h`, by name."""


class Told(NamedTuple):
    """A decision, told in passing."""

    kind: Kind
    does: str
    why: str
    withheld: dict[str, str]
    """Promotional actions that were held back: the reason code by action."""


def read_wording(files: Mapping[str, str]) -> Wording:
    """Read what the names of a strategy stand for, from its files."""
    from heedful import strategy

    told = strategy.load(files).definitions
    return Wording(
        needs={need.name: need.description for need in told.needs},
        titles={action.action: title_of(action.treatments) for action in told.actions},
        classes={action.action: action.message_class for action in told.actions},
        silences={
            action.action: action.effects.silence.span
            for action in told.actions
            if action.effects.silence is not None
        },
    )


def title_of(treatments: tuple[Any, ...]) -> str:
    """Give the first words of an action, without what is filled in for each person."""
    for treatment in treatments:
        title = " ".join(_GAP.sub("", treatment.title).split())
        if title:
            return title
    return ""


def plain(name: str) -> str:
    """Write a name as words.

    Examples
    --------
    >>> plain("cart_reminder")
    'cart reminder'
    """
    return name.replace("_", " ")


def tell(answer: Mapping[str, Any], wording: Wording) -> Told:
    """Tell a decision in passing.

    Parameters
    ----------
    answer
        As `GET /v1/decisions/{id}` gives it.
    """
    withheld = _withheld(answer, wording)
    action = answer["action"]
    if action == SILENCE:
        return Told("silence", "silence", _why_silent(answer, withheld), withheld)
    class_ = wording.classes.get(action, answer["class"])
    title = wording.titles.get(action, "")
    said = f"“{title}” {ON.get(answer['channel'], '')}" if title else plain(action)
    if answer["channel"] is None:
        said = f"{plain(action)} {ON[None]}"
    kind: Kind = "offer" if class_ == "promotional" else "help"
    if class_ in ("transactional", "mandatory"):
        kind = "owed"
    return Told(kind, said.strip(), _why_done(answer, wording, class_), withheld)


def _why_done(answer: Mapping[str, Any], wording: Wording, class_: str) -> str:
    if APPROVE_BEFORE in answer.get("explanation", {}).get("flags", ()):
        return f"{_need(answer, wording)} A person has to agree before it is said."
    if class_ == "mandatory":
        return "It is about their safety: it passes every silence."
    if class_ == "transactional":
        return "They are owed this: it passes every silence."
    said = _need(answer, wording)
    if answer["reason"] == "incident_message":
        return "A disturbance is open, and everybody is told so once."
    if answer["reason"] == "drawn":
        return said or f"Nothing else is open. Drawn with a chance of {_chance(answer)}."
    return said or "It was worth the most to them."


def _chance(answer: Mapping[str, Any]) -> str:
    return f"{answer['p_choose'] * 100:.0f} %"


def _need(answer: Mapping[str, Any], wording: Wording) -> str:
    need = answer["need"]
    return "" if need is None else wording.needs.get(need) or f"Their need: {plain(need)}."


def _why_silent(answer: Mapping[str, Any], withheld: Mapping[str, str]) -> str:
    reason = answer["reason"]
    if reason in ("growth_shut", "holdout"):
        return HELD_BACK[reason]
    if reason == "drawn":
        return f"Silence was drawn with a chance of {_chance(answer)}."
    if reason == "best_value":
        return "Silence was worth more to them than any message."
    codes = set(withheld.values())
    for code, sentence in HELD_BACK.items():
        if code in codes:
            return sentence
    gated = {one["reason_code"] for one in answer.get("explanation", {}).get("candidates", ())}
    for code, sentence in _NOT_NOW.items():
        if code in gated:
            return sentence
    return "There is nothing to say here."


def _withheld(answer: Mapping[str, Any], wording: Wording) -> dict[str, str]:
    """Find promotions that could have been made and were held back for the person's sake."""
    found: dict[str, str] = {}
    for one in answer.get("explanation", {}).get("candidates", ()):
        code, action = one["reason_code"], one["action"]
        if code in HELD_BACK and wording.classes.get(action) == "promotional":
            found.setdefault(action, code)
    return found
