"""Why a person gets nothing, for whoever is asked: all that holds messages back, at this moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from heedful.decide.arbitrate import decide
from heedful.decide.case import Case, decode_case, encode_case
from heedful.decide.explain import REASON_SENTENCES
from heedful.decide.holdout import held
from heedful.decide.needs import expire_needs, open_unseen_needs
from heedful.decide.rules import Rules, Slot
from heedful.decide.run import Run
from heedful.decide.types import DECISION_REQUESTED, Person, Surroundings
from heedful.events import Event
from heedful.kernel import format_instant

_EVERYBODY: Final = Slot()


def why_nothing(
    rules: Rules, surroundings: Surroundings, person: Person, case: Case, now: int
) -> list[tuple[str, str]]:
    """List what holds messages back from a person now, the widest reason first.

    Returns
    -------
    list of (code, sentence)
        Codes of gates with the number of actions that each stops, and `qa`, `holdout`,
        `need_open`, `silenced`, `zone_unknown`, `no_actions`; empty where a message would go out.
    """
    event = Event(
        type="own",
        name=DECISION_REQUESTED,
        at=now,
        key=0,
        source="heedful",
        message_id="doctor",
        received_at=now,
    )
    run = Run(rules, surroundings, person, decode_case(encode_case(case)), event, 0)
    expire_needs(run)
    open_unseen_needs(run)
    found = list(_of_person(run))
    decision = decide(run, _EVERYBODY, DECISION_REQUESTED, is_asked=True)
    if decision is None or not any(c.verdict == "gated" for c in decision.candidates):
        return found
    stopped: dict[str, set[str]] = {}
    for candidate in decision.candidates:
        if candidate.verdict == "gated":
            stopped.setdefault(candidate.reason_code, set()).add(candidate.action)
    for code, actions in sorted(stopped.items(), key=lambda item: (-len(item[1]), item[0])):
        names = ", ".join(sorted(actions)[:3]) + (", ..." if len(actions) > 3 else "")
        said = REASON_SENTENCES.get(code, code)
        found.append((code, f"{_counted(len(actions))} ({names}): {said}."))
    return found


def _counted(count: int) -> str:
    return "1 action is stopped" if count == 1 else f"{count} actions are stopped"


def _of_person(run: Run) -> Iterator[tuple[str, str]]:
    """Tell what is about the person and not about an action."""
    if not run.rules.actions:
        yield "no_actions", "The strategy in force has no actions."
    if run.is_qa:
        yield "qa", "The person is marked `qa`: no hold-out binds them and nothing is learned."
    contact = run.rules.contact
    for tier in sorted(contact.holdout_tiers):
        if held(run, tier).is_held:
            withheld = " and ".join(sorted(contact.holdout_tiers))
            sentence = f"The person is in the hold-out {contact.holdout}, without {withheld}."
            yield "holdout", sentence
            break
    for need in run.case.open_needs():
        until = format_instant(need.expires_at)
        shut = "" if need.tier == "growth" else ", so growth stays shut"
        sentence = f"The need {need.name} ({need.tier}) is open until {until} at most{shut}."
        yield "need_open", sentence
    for message_class in ("promotional", "service"):
        until_ms = run.case.silenced_until(message_class, run.now)
        if until_ms:
            until = format_instant(until_ms)
            yield "silenced", f"Messages of the class {message_class} are muted until {until}."
    if run.place.zone is None and contact.own_hours:
        zones = ", ".join(contact.zones_assumed)
        sentence = (
            f"The person's zone is not known: quiet hours are kept as in {zones}. "
            f"The trait {contact.zone_trait} would say it, or a device's `context.timezone`."
        )
        yield "zone_unknown", sentence
