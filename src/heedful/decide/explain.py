"""Why: one plain sentence, why every candidate lost, and what would have changed it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from heedful.decide.because import ahead_of, answered_by, because_of
from heedful.decide.compiled import ActionRule, said_and_when
from heedful.decide.definitions import DO_NOTHING
from heedful.decide.readings import Condition
from heedful.decide.rules import Rules
from heedful.decide.telling import first_false, shown_value
from heedful.decide.types import Candidate, Decision, Terms
from heedful.kernel import from_micros, public_id
from heedful.sense.moments import STRENGTH_HIGH
from heedful.sense.views import INTENT_CATEGORY, INTENT_STRENGTH

CHANGES_MAX: Final = 10
"""Changes that are told at most, the nearest rival first."""

_MONEY: Final = ("increment", "d_clv", "ahead", "benefit", "cost", "fatigue")
_PRICES: Final = frozenset(("cost", "fatigue"))
_CONDITIONS: Final = {
    "not_eligible": "eligible",
    "not_applicable": "applicable",
    "not_suitable": "suitable",
}

REASON_SENTENCES: Final[dict[str, str]] = {
    "suppressed": "the person must not be contacted at all",
    "objected": "the person objected to its purpose",
    "gpc_opt_out": "the person's browser asks not to be advertised to (Global Privacy Control)",
    "consent_refused": "the person refused or withdrew the consent that it needs",
    "no_consent": "the consent that it needs was never given",
    "stopped": "a kill switch stops it",
    "incident": "an incident is open, and growth rests meanwhile",
    "needs_person": "no model is transparent enough for its decision type: a person decides",
    "approval_required": "a person must agree first, and a slot cannot wait",
    "growth_shut": "a need is open, and growth stays shut until it is closed",
    "action_held_out": "the person is in the hold-out of this action alone",
    "already_tried": "it was tried for this need before",
    "silenced": "messages of its class are muted for this person",
    "not_eligible": "the person is not eligible",
    "not_applicable": "it makes no sense now",
    "other_intent": "the person is after something else right now",
    "not_suitable": "it is not good for the person",
    "no_benefit": "the person would lose by it",
    "other_language": "none of its words are in the person's language",
    "no_address": "there is no address to reach the person at, or no longer the one written to",
    "repeated": "it went out already",
    "cap_reached": "the person heard from us often enough",
    "guardrail": "a guardrail has tightened and keeps it back",
    "quiet_hours": "it is of no use any more when quiet hours end",
    "budget_spent": "its budget is spent",
    "lower_value": "another was worth more",
    "not_drawn": "another was drawn",
    "holdout": "the person is in the hold-out",
    "chosen": "it was chosen",
}
"""What each reason code of a candidate means, as the end of a sentence."""


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate and why it won or lost."""

    action: str
    channel: str
    treatment: str
    verdict: str
    reason_code: str
    why: str
    """A sentence."""
    p_choose: float
    terms: Terms


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that would have let another candidate through or win."""

    action: str
    kind: str
    """`money` for a rival in value, `gate` for one that was stopped."""
    sentence: str
    gap: int = 0
    """Micros by which a rival fell short."""
    terms: dict[str, int] = {}
    """The gap by term."""
    gate: str = ""
    """Reason code of the gate."""
    condition: str = ""
    """The first part of a condition that was false."""
    actual: dict[str, Any] = {}
    """What it saw, by path."""
    needed: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, told."""

    decision_id: str
    sentence: str
    """In plain words; always there."""
    candidates: tuple[Reasoning, ...]
    would_change: tuple[Change, ...]
    versions: dict[str, str]
    """Of strategy, models and governance."""
    flags: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    """What moved the chance of what was chosen, where a model looked at the person."""
    ahead: tuple[str, ...] = ()
    """The long game: where the person stood, what later counted, and what is best next if nothing
    comes of it; or why it was not counted."""


def explain(decision: Decision, rules: Rules) -> Explanation:
    """Tell why a decision is as it is, from its record.

    Parameters
    ----------
    rules
        Of the decision's strategy version; with those of another one conditions are told by
        their reason alone.
    """
    is_same = rules.version == decision.strategy_version
    reasonings = tuple(_reasoning(one, decision) for one in decision.candidates)
    changes = _rivals(decision, rules.currency)
    changes += [
        _gate(one, decision, rules.actions.get(one.action) if is_same else None)
        for one in decision.candidates
        if one.verdict == "gated"
    ]
    versions = {"strategy": decision.strategy_version, "governance": str(decision.governance)}
    versions |= {f"model {name}": str(seq) for name, seq in sorted(decision.models.items())}
    return Explanation(
        decision_id=public_id("d", decision.id),
        sentence=sentence_of(decision, rules.currency),
        candidates=reasonings,
        would_change=tuple(changes[:CHANGES_MAX]),
        versions=versions,
        flags=decision.flags,
        because=(*because_of(decision.action, decision.because), *answered_by(decision)),
        ahead=ahead_of(decision, rules.currency),
    )


# The sentence


def sentence_of(decision: Decision, currency: str) -> str:
    """Say in one plain sentence what was decided and why."""
    if decision.action == DO_NOTHING:
        return f"Nothing was done: {_why_nothing(decision)}."
    said = decision.action
    if decision.channel is not None:
        said += f" by {decision.channel}"
    moment = said_and_when(decision.treatment or "")[1]
    if moment:
        said += f" in {moment}"
    return f"{said} was chosen{_for(decision)}: {_why(decision, currency)}."


def _for(decision: Decision) -> str:
    if decision.need is not None:
        return f" for the need {decision.need} ({decision.tier})"
    return f" ({decision.tier})"


def _why(decision: Decision, currency: str) -> str:
    scored = [c for c in decision.candidates if c.verdict != "gated" and c.action != DO_NOTHING]
    match decision.reason:
        case "best_value":
            chosen = next(c for c in scored if c.verdict == "chosen")
            worth = f"at {_amount(chosen.terms.get('value', 0), currency)} it was worth the most"
            return f"{worth} of {len(scored)} that passed the gates"
        case "drawn":
            among = f"{len(scored)} that passed the gates and doing nothing"
            return f"it was drawn with a chance of {_percent(decision.p_choose)} among {among}"
        case "standing":
            return "the decision still stands"
        case "incident_message":
            return "an incident is open, and this is its message"
    return f"{decision.reason} messages are not weighed against others"


def _why_nothing(decision: Decision) -> str:
    gated = [c for c in decision.candidates if c.verdict == "gated"]
    count = len({c.action for c in gated})
    match decision.reason:
        case "drawn":
            chance = _percent(decision.p_choose)
            return f"silence was drawn with a chance of {chance}{_for(decision)}"
        case "best_value":
            return f"every action{_for(decision)} would have been worth less than nothing"
        case "holdout":
            return f"this person is in the hold-out, from which {decision.tier} is withheld"
        case "growth_shut":
            return f"a need of the tier {decision.tier} is open, so growth stays shut"
        case "standing":
            return "the decision to do nothing still stands"
        case "all_gated":
            code = _most_frequent([c.reason_code for c in gated])
            stopped = "the one action was" if count == 1 else f"all {count} actions were"
            return f"{stopped} stopped, most often because {REASON_SENTENCES.get(code, code)}"
    where = "what was asked" if decision.placement is None else "this place"
    return f"the strategy has no action for {where}"


def _most_frequent(codes: list[str]) -> str:
    return max(sorted(set(codes)), key=codes.count, default="")


def _percent(weight: int) -> str:
    share = weight / (1 << 32) * 100
    return f"{share:.0f} %" if share >= 1 else f"{share:.2g} %"


def _amount(micros: int, currency: str) -> str:
    return f"{from_micros(micros):.2f} {currency}"


# Candidates


def _reasoning(candidate: Candidate, decision: Decision) -> Reasoning:
    code = candidate.reason_code
    why = REASON_SENTENCES.get(code, code)
    if code == "chosen" and candidate.action == DO_NOTHING:
        why = _why_nothing(decision)
    return Reasoning(
        action=candidate.action,
        channel=candidate.channel,
        treatment=candidate.treatment,
        verdict=candidate.verdict,
        reason_code=code,
        why=why[0].upper() + why[1:] + ".",
        p_choose=candidate.weight / (1 << 32),
        terms=candidate.terms,
    )


# What would have changed it


def _rivals(decision: Decision, currency: str) -> list[Change]:
    """Tell by how much the nearest rival fell short, term by term."""
    scored = [c for c in decision.candidates if "value" in c.terms]
    chosen = next((c for c in scored if c.verdict == "chosen"), None)
    lost = [c for c in scored if c.verdict == "lost"]
    if chosen is None or not lost:
        return []
    nearest = max(lost, key=lambda c: c.terms["value"])
    gap = chosen.terms["value"] - nearest.terms["value"]
    terms = {
        name: _signed(name, chosen.terms.get(name, 0)) - _signed(name, nearest.terms.get(name, 0))
        for name in _MONEY
    }
    name = "Doing nothing" if nearest.action == DO_NOTHING else nearest.action
    if decision.reason == "holdout":
        sentence = f"Outside the hold-out, {name} would have been worth {_beside(gap, currency)}"
    elif gap < 0:
        sentence = f"{name} was worth {_amount(-gap, currency)} more and was not drawn"
    else:
        sentence = f"{name} would have had to be worth {_amount(gap, currency)} more"
    return [
        Change(
            action=nearest.action,
            kind="money",
            sentence=f"{sentence}.",
            gap=gap,
            terms={term: by for term, by in terms.items() if by},
        )
    ]


def _beside(gap: int, currency: str) -> str:
    return f"{_amount(abs(gap), currency)} {'less' if gap > 0 else 'more'} than doing nothing"


def _signed(term: str, micros: int) -> int:
    return -micros if term in _PRICES else micros


def _gate(candidate: Candidate, decision: Decision, action: ActionRule | None) -> Change:
    code = candidate.reason_code
    said = REASON_SENTENCES.get(code, code)
    sentence = f"{candidate.action} was stopped: {said}."
    if action is not None and code == "other_intent":
        return _other_intent(candidate, decision, action)
    condition = _condition(action, code)
    if condition is None:
        return Change(action=candidate.action, kind="gate", sentence=sentence, gate=code)
    part = first_false(condition, decision.seen)
    actual = ", ".join(f"{path} was {shown_value(v)}" for path, v in part.actual.items())
    return Change(
        action=candidate.action,
        kind="gate",
        sentence=f"{candidate.action} was stopped: {said}; {actual}, and needed: {part.needed}.",
        gate=code,
        condition=part.text,
        actual=part.actual,
        needed=part.needed,
    )


def _other_intent(candidate: Candidate, decision: Decision, action: ActionRule) -> Change:
    read = (f"signals.{INTENT_CATEGORY}", f"signals.{INTENT_STRENGTH}")
    actual = {path: decision.seen.get(path) for path in read}
    said = ", ".join(f"{path} was {shown_value(value)}" for path, value in actual.items())
    needed = f"{' or '.join(action.about)}, or a strength below {STRENGTH_HIGH}"
    why = REASON_SENTENCES["other_intent"]
    return Change(
        action=candidate.action,
        kind="gate",
        sentence=f"{candidate.action} was stopped: {why}; {said}, and needed: {needed}.",
        gate="other_intent",
        actual=actual,
        needed=needed,
    )


def _condition(action: ActionRule | None, code: str) -> Condition | None:
    field = _CONDITIONS.get(code)
    if action is None or field is None:
        return None
    found: Condition | None = getattr(action, field)
    return found
