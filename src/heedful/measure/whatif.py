"""Another strategy met with what a log holds: who is treated otherwise, what it would have brought.

Law: every decision of the log is met by the other strategy in the same state of the same person, at
the same moment and with the same random numbers. What it would have led to later, a different cart
or a calmer customer, no log knows, and nothing here pretends to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from heedful.decide import DO_NOTHING, Candidate, Decision, Terms
from heedful.kernel import MICRO
from heedful.measure.hold_out import GROUP_MIN
from heedful.measure.logged import Concern, Rounds, rounds
from heedful.measure.off_policy import Evaluated, evaluate
from heedful.measure.special import Floats

Arm = tuple[str, str, str]

SILENCE: Final[Arm] = (DO_NOTHING, "", "")
NOTHING_DECIDED: Final = "no decision"
CHANGES_MAX: Final = 50
"""Kinds of changes that a report lists, the most frequent ones."""

_ONE: Final = 1 << 32
_UNKNOWN_MAX: Final = 0.01  # share of choices without an answer in the log before it is said


class Policy(NamedTuple):
    """What one strategy does at one moment."""

    arm: Arm
    """What it draws."""
    need: str
    tier: str
    weights: Mapping[Arm, float]
    """Probabilities above 0; they sum to 1."""
    worth: Mapping[Arm, float]
    """Money that it foresees of each arm, its price taken off."""
    cost: float
    """Price of what it draws."""


class Meeting(NamedTuple):
    """One moment at which either strategy decides."""

    person: int
    groups: Mapping[str, str]
    """The person's group by trait."""
    logged: Policy | None
    """None where the log holds no decision and the other strategy would make one."""
    target: Policy | None
    """None where the other strategy would not decide."""
    reward: float | None
    """Money that followed within the windows of the goals that any arm of the log's decision was
    for; None while it is not known."""


def policy_of(decision: Decision) -> Policy:
    """Read off a record what was chosen with which chances, and what was foreseen."""
    weights: dict[Arm, float] = {}
    worth: dict[Arm, float] = {}
    arm: Arm = (decision.action, decision.channel or "", decision.treatment or "")
    if decision.action == DO_NOTHING:
        arm = SILENCE
    cost = 0.0
    silence = next((one.terms for one in decision.candidates if one.action == DO_NOTHING), Terms())
    ground = silence.get("p_nothing_ppm", 0) / MICRO * silence.get("margin", 0) / MICRO
    for one in decision.candidates:
        name = SILENCE if one.action == DO_NOTHING else (one.action, one.channel, one.treatment)
        if one.weight:
            weights[name] = weights.get(name, 0.0) + one.weight / _ONE
            worth[name] = _worth(one, ground)
        if name == arm:
            cost = one.terms.get("cost", 0) / MICRO
    return Policy(arm, decision.need or "", decision.tier, weights or {arm: 1.0}, worth, cost)


def _worth(one: Candidate, ground: float) -> float:
    """Give the money that is foreseen of an arm; `ground` is what is foreseen of silence."""
    if one.action == DO_NOTHING:
        return ground
    terms = one.terms
    brings = terms.get("p_ppm", 0) * terms.get("margin", 0) / MICRO
    if "increment" in terms:  # arms of other goals than that of silence's forecast add to it, too
        brings = ground * MICRO + terms["increment"]
    return (brings - terms.get("cost", 0)) / MICRO


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How often something is expected under each strategy."""

    name: str
    before: float
    after: float


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions that turn out otherwise with the same random numbers."""

    before: str
    after: str
    decisions: int


class GroupMoved(msgspec.Struct, frozen=True, kw_only=True):
    """How one group of people fares."""

    trait: str
    group: str
    people: int
    changed_people: int
    acted_before: float
    """Share of decisions in which something is done, as expected."""
    acted_after: float
    contacts_before: float
    """Messages a person, as expected."""
    contacts_after: float


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision brings, in money, over the decisions whose outcome is known."""

    decisions: int
    people: int
    logged: float
    """Mean of what they brought."""
    target: Evaluated
    """Mean of what the other strategy would have brought: doubly robust."""
    target_snips: Evaluated
    """The same without any model: self-normalised inverse propensity."""
    gain: Evaluated
    """The difference, doubly robust; its interval takes in that both met the same people."""
    is_sure: bool
    """Whether the interval of the gain excludes 0, with `GROUP_MIN` people at least."""


class Whatif(msgspec.Struct, frozen=True, kw_only=True):
    """All that a log can say about another strategy."""

    people: int
    decisions: int
    """Of the log."""
    changed_decisions: int
    changed_people: int
    changes: list[Change]
    tiers: list[Moved]
    """Decisions to act, as expected, by tier; likewise by need and action."""
    needs: list[Moved]
    actions: list[Moved]
    contacts: Moved
    silences: Moved
    groups: list[GroupMoved]
    unknown: float
    """Share of the other strategy's choices that the log cannot answer for."""
    value: Worth | None
    """None while the outcome of fewer than two people is known."""
    cannot_know: list[Concern]
    says: str


def compare(meetings: Sequence[Meeting], *, seed: int) -> Whatif:
    """Sum up how another strategy meets a log."""
    changed = [one for one in meetings if _shown(one.logged) != _shown(one.target)]
    kinds = Counter((_shown(one.logged), _shown(one.target)) for one in changed)
    ranked = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:CHANGES_MAX]
    known = [one for one in meetings if one.logged is not None and one.reward is not None]
    value = _valued(known, seed) if len({one.person for one in known}) > 1 else None
    unknown = _unknown(meetings)
    people = {one.person for one in meetings}
    changed_people = len({one.person for one in changed})
    return Whatif(
        people=len(people),
        decisions=sum(one.logged is not None for one in meetings),
        changed_decisions=len(changed),
        changed_people=changed_people,
        changes=[Change(before=b, after=a, decisions=n) for (b, a), n in ranked],
        tiers=_moved(meetings, lambda policy, arm: policy.tier),
        needs=_moved(meetings, lambda policy, arm: policy.need or "none"),
        actions=_moved(meetings, lambda policy, arm: arm[0]),
        contacts=_summed("contacts", meetings, lambda arm: bool(arm[1])),
        silences=_summed("silences", meetings, lambda arm: arm == SILENCE),
        groups=_groups(meetings, {one.person for one in changed}),
        unknown=unknown,
        value=value,
        cannot_know=_concerns(meetings, value, unknown),
        says=_sentence(changed_people, len(people), value),
    )


def _shown(policy: Policy | None) -> str:
    if policy is None:
        return NOTHING_DECIDED
    action, channel, treatment = policy.arm
    about = ", ".join(filter(None, (channel, treatment if treatment != "default" else "")))
    return f"{action} ({about})" if about else action


def _weights(policy: Policy | None) -> Mapping[Arm, float]:
    return {SILENCE: 1.0} if policy is None else policy.weights


def _sides(one: Meeting) -> tuple[Policy | None, Policy | None]:
    return one.logged, one.target


def _moved(meetings: Iterable[Meeting], name: Callable[[Policy, Arm], str]) -> list[Moved]:
    sums: dict[str, list[float]] = {}
    for one in meetings:
        for side, policy in enumerate(_sides(one)):
            if policy is None:
                continue
            for arm, p in policy.weights.items():
                if arm != SILENCE:
                    sums.setdefault(name(policy, arm), [0.0, 0.0])[side] += p
    return [
        Moved(name=key, before=before, after=after) for key, (before, after) in sorted(sums.items())
    ]


def _summed(name: str, meetings: Iterable[Meeting], counts: Callable[[Arm], bool]) -> Moved:
    sums = [0.0, 0.0]
    for one in meetings:
        for side, policy in enumerate(_sides(one)):
            sums[side] += sum(p for arm, p in _weights(policy).items() if counts(arm))
    return Moved(name=name, before=sums[0], after=sums[1])


def _groups(meetings: Sequence[Meeting], changed: set[int]) -> list[GroupMoved]:
    found: dict[tuple[str, str], list[Meeting]] = {}
    for one in meetings:
        for trait, group in one.groups.items():
            found.setdefault((trait, group), []).append(one)
    moved = []
    for (trait, group), its in sorted(found.items()):
        people = {one.person for one in its}
        silences = _summed("", its, lambda arm: arm == SILENCE)
        contacts = _summed("", its, lambda arm: bool(arm[1]))
        moved.append(
            GroupMoved(
                trait=trait,
                group=group,
                people=len(people),
                changed_people=len(people & changed),
                acted_before=1.0 - silences.before / len(its),
                acted_after=1.0 - silences.after / len(its),
                contacts_before=contacts.before / len(people),
                contacts_after=contacts.after / len(people),
            )
        )
    return moved


def _unsupported(one: Meeting) -> float:
    """Give the share of the target's choices here that the log could not make."""
    could = {} if one.logged is None else one.logged.weights
    # Where the log decided nothing, silence is what happened.
    if one.logged is None:
        could = {SILENCE: 1.0}
    return min(1.0, sum(p for arm, p in _weights(one.target).items() if arm not in could))


def _unknown(meetings: Sequence[Meeting]) -> float:
    return sum(map(_unsupported, meetings)) / len(meetings) if meetings else 0.0


class _Columns(NamedTuple):
    """What the estimates read."""

    found: Rounds
    q_logged: Floats
    """Money that is foreseen under the log's own policy."""


def _columns(known: Sequence[Meeting]) -> _Columns:
    rows = []
    for one in known:
        assert one.logged is not None  # those that are known
        assert one.reward is not None
        arm, target = one.logged.arm, _weights(one.target)
        # One forecast for both policies, whichever strategy made it.
        worth = {**one.logged.worth, **({} if one.target is None else one.target.worth)}
        rows.append(
            (
                one.reward - one.logged.cost,
                min(1.0, one.logged.weights.get(arm, 1.0)),
                min(1.0, target.get(arm, 0.0)),
                worth.get(arm, 0.0),
                sum(p * worth.get(name, 0.0) for name, p in target.items()),
                _unsupported(one),
                sum(p * worth.get(name, 0.0) for name, p in one.logged.weights.items()),
            )
        )
    *columns, q_logged = np.array(rows, dtype=np.float64).T
    return _Columns(rounds(*columns), q_logged)


def _valued(known: Sequence[Meeting], seed: int) -> Worth:
    found, q_logged = _columns(known)
    people = np.array([one.person for one in known], dtype=np.int64)
    # Doubly robust on both sides, so that the same policy gains exactly nothing.
    residual = found.reward - found.q_chosen
    beyond = found._replace(q_target=found.q_target - q_logged - residual)
    gain, whose = evaluate(beyond, "dr", seed=seed, people=people), len(set(people.tolist()))
    return Worth(
        decisions=len(known),
        people=whose,
        logged=float(found.reward.mean()),
        target=evaluate(found, "dr", seed=seed, people=people),
        target_snips=evaluate(found, "snips", seed=seed, people=people),
        gain=gain,
        is_sure=whose >= GROUP_MIN and (gain.bootstrap.low > 0.0 or gain.bootstrap.high < 0.0),
    )


def _concerns(meetings: Sequence[Meeting], value: Worth | None, unknown: float) -> list[Concern]:
    said = []
    waiting = sum(one.logged is not None and one.reward is None for one in meetings)
    new = sum(one.logged is None for one in meetings)
    if value is None:
        text = "The outcome of fewer than two people is known: what it is worth cannot be."
        said.append(Concern("no_outcomes", text))
    if unknown > _UNKNOWN_MAX:
        text = f"{unknown:.1%} of what the strategy would choose was never possible in the log:"
        said.append(Concern("no_support", f"{text} what that brings cannot be known."))
    if new:
        text = f"Decisions that would be new: {new:,}. The log did and measured nothing there."
        said.append(Concern("new_decisions", text))
    if waiting:
        text = f"Decisions whose outcome is not known, or was not waited for: {waiting:,}."
        said.append(Concern("no_outcome_yet", text))
    if value is not None:
        codes = {one.code for one in said}
        said += [
            one
            for one in value.target.concerns
            if one.code not in codes and one.code != "unsupported"
        ]
    text = "Every decision is met alone: what a change would lead to later is not in the log."
    said.append(Concern("one_step", text))
    return said


def _sentence(changed: int, people: int, value: Worth | None) -> str:
    whom = f"{changed:,} of {people:,} people would be treated otherwise."
    if value is None:
        return whom
    low, high = value.gain.bootstrap
    if low == high == 0.0:
        return f"{whom} It is worth the same."
    if value.people < GROUP_MIN:
        few = f"outcomes are known of {value.people}, and it takes {GROUP_MIN} people at least"
        return f"{whom} Not yet sure whether it is worth more or less: {few}."
    ends = f"{low:+.4g} to {high:+.4g} a decision"
    if not value.is_sure:
        return f"{whom} Not yet sure whether it is worth more or less: {ends}."
    word = "more" if low > 0.0 else "less"
    return f"{whom} It is worth {word}: {ends}."
