"""The decision: needs strictly in order, gates, value, choice, record.

Hardship, service and retention are answered need by need; one falls through to the next when no
untried action of it passes its gates, or when its answer is under way already. Growth is looked at
only while no other need is open, whatever any action is worth.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from heedful.decide.answering import Answering, answering, look_on
from heedful.decide.case import OpenNeed, Standing
from heedful.decide.choice import Choice, members
from heedful.decide.choose import DRAWN_TIERS, Chosen, choose_best, choose_drawn, choose_likeliest
from heedful.decide.commit import commit, commit_nothing
from heedful.decide.compiled import GROWTH_RANK, TIER_RANK, ActionRule
from heedful.decide.definitions import Tier
from heedful.decide.gates import Gates
from heedful.decide.holdout import held
from heedful.decide.record import Picked, Round, decision_of, standing_decision
from heedful.decide.rules import Slot
from heedful.decide.run import Run
from heedful.decide.types import Decision, Terms
from heedful.learn import PROBABILITY_ONE

INCIDENT: Final = "incident:"
"""What stands for the need of an incident's message, before the incident's id."""

STAYS_WITHIN: Final = 2
"""How many times less likely an arm that waits may have become before all is drawn anew."""

_SHUT: Final = "growth_shut"


class Asked(NamedTuple):
    """What a round is about: the tier, and the need where there is one."""

    tier: Tier
    need: OpenNeed | None

    @property
    def name(self) -> str:
        """Of the need; empty for growth without one."""
        return "" if self.need is None else self.need.name


def decide(run: Run, slot: Slot, trigger: str, *, is_asked: bool = False) -> Decision | None:
    """Decide for a slot.

    Parameters
    ----------
    is_asked
        Whether somebody waits for the answer, so that there has to be one.

    Returns
    -------
    A new decision, the one under way that stays, or None where nobody asked and there is nothing
    to decide between.

    Notes
    -----
    Messages whose class passes tiers go first: in a slot the first of them is the decision, on
    the way out each is a decision of its own beside the one that is arbitrated.
    """
    gates = Gates(run, slot)
    urgent = _urgent(run, slot, gates, trigger)
    if urgent is not None and slot.is_answered:
        return urgent
    rounds: list[Round] = []
    under_way: Standing | None = None
    for asked in _asked(run):
        choice = run.rules.choice(asked.name, slot)
        if not choice.rows:
            continue
        replaced = _replaced(run, slot, asked)
        gates.contact.ignore(frozenset(standing.id for standing in replaced))
        passed, closed = gates.pass_through(choice, _tried(asked))
        rounds.append(Round(choice.paths, choice.stopped(closed)))
        if not passed:
            continue
        picked = _pick(run, slot, asked, gates, choice, passed)
        staying = _staying(replaced, picked)
        if staying is None:
            return _settle(run, slot, trigger, asked, rounds, picked, gates, replaced)
        under_way = under_way or staying
    if under_way is not None:
        return standing_decision(run, under_way)
    return _nothing(run, slot, trigger, rounds, is_asked=is_asked) or urgent


def _asked(run: Run) -> list[Asked]:
    """List what is asked, in order: open needs by tier and position, then growth."""
    known = run.rules.need_by_name
    is_shut = run.is_growth_shut()
    needs = [need for need in run.case.open_needs() if need.name in known]
    asked = [
        Asked(need.tier, need)
        for need in sorted(needs, key=lambda n: known[n.name].position)
        if not (is_shut and need.tier == "growth")
    ]
    return asked if is_shut else [*asked, Asked("growth", None)]


def _tried(asked: Asked) -> list[str]:
    return [] if asked.need is None else asked.need.tried


def _replaced(run: Run, slot: Slot, asked: Asked) -> list[Standing]:
    """List decisions that wait to go out and that a new one would replace.

    Notes
    -----
    Those of the same slot that answer the same need, or a tier that comes after it. The help
    that waits for another need is left alone.
    """
    rank, need = TIER_RANK[asked.tier], asked.need
    found = []
    for standing in run.case.standing:
        if standing.slot != slot.key or not standing.is_waiting or _is_free(run, standing):
            continue
        is_same = need is not None and (standing.need, standing.need_event) == (
            need.name,
            need.event,
        )
        below = TIER_RANK[standing.tier]
        if is_same or below > rank or below == rank == GROWTH_RANK:
            found.append(standing)
    return found


def _is_free(run: Run, standing: Standing) -> bool:
    return standing.message_class in ("transactional", "mandatory") or standing.need.startswith(
        INCIDENT
    )


def _pick(run: Run, slot: Slot, asked: Asked, gates: Gates, choice: Choice, passed: int) -> Picked:
    found = answering(run, choice)
    valuer = run.rules.valuer(run.surroundings, run.now, found.serving)
    recent = gates.contact.recent() if run.rules.contact.fatigue_micros else 0
    stand = held(run, asked.tier)
    flags = _flags(is_contaminated=stand.is_contaminated or gates.is_contaminated)
    if asked.tier in DRAWN_TIERS and not stand.is_held:
        chances = valuer.chances(choice, passed, recent, run)
        if run.surroundings.is_rehearsal:
            chosen = choose_likeliest(chances)
        else:
            chosen = choose_drawn(chances, run.surroundings.secret, run.next_id(slot.key))
        options, terms, nothing = chances.options, chances.terms, chances.nothing
        picked = Picked(choice, passed, options, terms, chosen, nothing, valuer.asked, flags)
        because = valuer.because(choice, picked.number, chances.silence, run)
        shadows = look_on(run, choice, passed, recent, found, chosen)
        return picked._replace(lost=chances.lost, because=because, answering=found, shadows=shadows)
    options = list(members(choice.options, passed))
    terms, silence = valuer.weigh(choice, passed, recent, run)
    nothing = silence.terms
    if stand.is_held:
        weights = [0] * len(terms) + [PROBABILITY_ONE]
        chosen = Chosen(len(terms), weights, "holdout")
    else:
        chosen = choose_best([one["value"] for one in terms])
    picked = Picked(choice, passed, options, terms, chosen, nothing, valuer.asked, flags)
    # Who is held out is in no trial: no model chose anything for them.
    found = Answering(found.serving) if stand.is_held else found
    shadows = look_on(run, choice, passed, recent, found, chosen)
    because = valuer.because(choice, picked.number, silence, run)
    return picked._replace(because=because, answering=found, shadows=shadows)


def _flags(*, is_contaminated: bool) -> tuple[str, ...]:
    return ("holdout_contaminated",) if is_contaminated else ()


def _staying(replaced: list[Standing], picked: Picked) -> Standing | None:
    """Find the decision that waits and is left to: its arm is half as likely as it was, or more.

    Notes
    -----
    What was drawn must not matter here. Were an arm left to wait where it is drawn again, and any
    other recorded, the log would have what waits too seldom for its chance, the rest too often.
    """
    if not replaced:
        return None
    weights = picked.chosen.weights
    chances = {option.arm.id: weights[i] for i, option in enumerate(picked.passed)}
    for standing in replaced:
        chance = chances.get((standing.action, standing.channel, standing.treatment), 0)
        if chance * STAYS_WITHIN >= standing.p_choose:
            return standing
    return None


def _settle(
    run: Run,
    slot: Slot,
    trigger: str,
    asked: Asked,
    rounds: list[Round],
    picked: Picked,
    gates: Gates,
    replaced: list[Standing],
) -> Decision:
    for standing in replaced:
        run.withdraw(standing, "superseded")
    decision = decision_of(
        run,
        slot,
        trigger,
        tier=asked.tier,
        need=asked.name or None,
        reason=picked.chosen.reason,
        rounds=rounds,
        picked=picked,
    )
    if picked.winner is None:
        commit_nothing(run, slot, decision, picked, asked.need)
    else:
        due = gates.due(picked.choice, picked.winner)
        model = picked.answering.serving.model_of(picked.winner.action)
        is_drawn = picked.chosen.reason == "drawn"
        beside = picked.choice.goals_of(picked.arms) if is_drawn else ()
        contact = gates.contact
        commit(
            run, slot, decision, picked.winner, due, asked.need, contact, model=model, beside=beside
        )
    return decision


def _nothing(
    run: Run, slot: Slot, trigger: str, rounds: list[Round], *, is_asked: bool
) -> Decision | None:
    """Record that there was nothing to choose, and why."""
    is_shut = run.is_growth_shut()
    shut: list[Round] = []
    if is_shut:
        growth = run.rules.choice("", slot)
        if growth.rows:
            shut = [Round((), growth.stopped([(growth.all, _SHUT)]))]
    if not (is_asked or rounds):
        return None
    rounds = [*rounds, *shut]
    needs = run.case.open_needs()
    decision = decision_of(
        run,
        slot,
        trigger,
        tier=min((need.tier for need in needs), key=TIER_RANK.__getitem__, default="growth"),
        need=None,
        reason=_SHUT if is_shut and shut else "all_gated" if rounds else "no_action",
        rounds=rounds,
        picked=None,
    )
    run.decisions.append(decision)
    return decision


# What passes tiers: transactional and mandatory classes, and the message of an incident


def _urgent(run: Run, slot: Slot, gates: Gates, trigger: str) -> Decision | None:
    first: Decision | None = None
    for choice, within, reason, need in _free_choices(run, slot, gates):
        passed, _ = gates.pass_through(choice, within=within)
        for row in choice.rows:
            action, arms = row.action, passed & row.arms
            if not arms or (slot.is_answered and first is not None):
                continue
            options = list(members(choice.options, arms))
            valuer = run.rules.valuer(run.surroundings, run.now)
            terms, _ = valuer.weigh(choice, arms, 0, run)
            best = max(range(len(terms)), key=lambda i: (terms[i]["value"], -i))
            weights = [PROBABILITY_ONE if i == best else 0 for i in range(len(terms) + 1)]
            chosen = Chosen(best, weights, reason or action.message_class)
            answered = _answered(run, action)
            decision = decision_of(
                run,
                slot,
                trigger,
                tier=action.tier,
                need=None if answered is None else answered.name,
                reason=chosen.reason,
                rounds=[Round(choice.paths, [])],
                picked=Picked(choice, arms, options, terms, chosen, Terms(value=0), valuer.asked),
            )
            winner, contact = options[best], gates.contact
            due = gates.due(choice, winner)
            model = winner.action.model
            commit(
                run, slot, decision, winner, due, answered, contact, model=model, stands_for=need
            )
            first = first or decision
    return first


def _answered(run: Run, action: ActionRule) -> OpenNeed | None:
    """Find the open need that an action names and was not tried for."""
    return next(
        (
            need
            for need in run.case.open_needs()
            if need.name in action.needs and action.name not in need.tried
        ),
        None,
    )


def _free_choices(run: Run, slot: Slot, gates: Gates) -> Iterator[tuple[Choice, int, str, str]]:
    """Give choices that pass tiers: the arms in question, the reason, and what they stand for."""
    incident = gates.incident
    action = run.rules.actions.get(incident.message or "") if incident is not None else None
    if incident is not None and action is not None:
        choice = run.rules.choice_alone(action, slot)
        need = f"{INCIDENT}{incident.id}"
        if choice.rows and not any(s.need == need for s in run.case.standing):
            yield choice, choice.all, "incident_message", need
    choice = run.rules.free_choice(slot)
    if choice.rows:
        yield choice, _unsaid(run, slot, choice), "", ""


def _unsaid(run: Run, slot: Slot, choice: Choice) -> int:
    """Leave out what was said: a message about no event and no need is sent to a person once."""
    said = {contact.action for contact in run.person.profile.contacts}
    said.update(s.action for s in run.case.standing if s.is_waiting)
    unsaid = 0
    for row in choice.rows:
        action = row.action
        if action.needs:
            is_open = _answered(run, action) is not None
        else:
            is_open = action.is_momentary or slot.is_answered or action.name not in said
        if is_open:
            unsaid |= row.arms
    return unsaid
