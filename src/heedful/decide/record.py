"""What a decision keeps: every candidate with its gate or its terms, versions and values seen."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from msgspec.structs import replace

from heedful.decide.ahead import looked_ahead
from heedful.decide.answering import ALONE, Answering
from heedful.decide.case import Standing
from heedful.decide.choice import Choice, Option
from heedful.decide.choose import Chosen
from heedful.decide.compiled import ActionRule, ArmRule
from heedful.decide.definitions import DO_NOTHING, Tier
from heedful.decide.limits import NOTHING_STANDS_MS
from heedful.decide.rules import SLOT_PREFIX, Slot
from heedful.decide.run import Run
from heedful.decide.types import Candidate, Decision, Shadow, Terms

Verdict = Literal["chosen", "lost", "gated"]
CHOSEN: Final[Verdict] = "chosen"
LOST: Final[Verdict] = "lost"

TRAINED: Final = "trained/"
"""How a decision begins the name of a model that was trained over the log."""


SEQUENCES: Final = "sequences"
"""Name of the model of sequences among those that a decision asked."""


class Round(NamedTuple):
    """One set of actions that a decision looked at, and what the gates stopped."""

    paths: tuple[tuple[str, ...], ...]
    """Of the values that its conditions read."""
    gated: list[Candidate]


class Picked(NamedTuple):
    """The arms of the round that decided, their worth, and which one it is."""

    choice: Choice
    arms: int
    """The set of those that passed."""
    passed: list[Option]
    terms: list[Terms]
    """What those that passed are worth, in the same order."""
    chosen: Chosen
    nothing: Terms
    """Terms of doing nothing."""
    models: dict[str, int]
    flags: tuple[str, ...] = ()
    lost: list[Candidate] | None = None
    """The record of every arm as one that was not drawn, where it is known."""
    answering: Answering = ALONE
    shadows: tuple[Shadow, ...] = ()
    because: dict[str, int] | None = None
    """What moved the log-odds of what was chosen, in thousandths by group of features."""

    @property
    def winner(self) -> Option | None:
        """The arm that was chosen; None for doing nothing."""
        place = self.chosen.place
        return self.passed[place] if place < len(self.passed) else None

    @property
    def number(self) -> int | None:
        """The number of the winner in the choice; None for doing nothing."""
        winner = self.winner
        return None if winner is None else winner.number

    @property
    def model(self) -> str | None:
        """The one model that valued all that passed; None where several did."""
        models = self.answering.serving.models_of(self.choice, self.arms)
        return models[0] if len(models) == 1 else None


def candidates_of(rounds: list[Round], picked: Picked | None) -> tuple[Candidate, ...]:
    """List every candidate, gated ones first, doing nothing last.

    Notes
    -----
    Where one reason stops all arms of an action it stands once, without channel and treatment.
    """
    found: list[Candidate] = []
    for round_ in rounds:
        found += round_.gated
    if picked is None:
        found.append(Candidate(DO_NOTHING, "", "", CHOSEN, CHOSEN, 1 << 32))
        return tuple(found)
    chosen, weights = picked.chosen.place, picked.chosen.weights
    lost = "lower_value" if picked.chosen.reason == "best_value" else "not_drawn"
    if picked.chosen.reason == "holdout":
        lost = "holdout"
    scored = picked.lost
    if scored is None:
        scored = picked.choice.scored(picked.arms, lost, weights, picked.terms)
    place = len(found) + chosen
    found += scored
    if picked.winner is not None:
        found[place] = replace(found[place], verdict=CHOSEN, reason_code=CHOSEN)
    is_it = chosen == len(picked.terms)
    verdict, code = (CHOSEN, CHOSEN) if is_it else (LOST, lost)
    found.append(Candidate(DO_NOTHING, "", "", verdict, code, weights[-1], picked.nothing))
    return tuple(found)


def seen_by(run: Run, rounds: list[Round]) -> dict[str, Any]:
    """Show what the conditions of the rounds read."""
    if len(rounds) == 1:
        return run.readings.seen(rounds[0].paths)
    paths = dict.fromkeys(path for round_ in rounds for path in round_.paths)
    return run.readings.seen(tuple(sorted(paths)))


def decision_of(
    run: Run,
    slot: Slot,
    trigger: str,
    *,
    tier: Tier,
    need: str | None,
    reason: str,
    rounds: list[Round],
    picked: Picked | None,
) -> Decision:
    """Write a decision down."""
    winner = None if picked is None else picked.winner
    action: ActionRule | None = None if winner is None else winner.action
    arm: ArmRule | None = None if winner is None else winner.arm
    # Read before the models that were asked are listed, since it asks some.
    ahead = None if picked is None else looked_ahead(run, None if action is None else action.name)
    flags: tuple[str, ...] = ("qa",) if run.is_qa else ()
    if picked is not None:
        flags += picked.flags
    if action is not None and action.is_fallback:
        flags += ("fallback_model",)
    if action is not None and action.decision_type.oversight != "none":
        flags += (action.decision_type.oversight,)
    return Decision(
        id=run.next_id(slot.key),
        customer=run.person.customer,
        at=run.now,
        trigger=run.event.key,
        trigger_name=trigger,
        strategy_version=run.rules.version,
        action=DO_NOTHING if action is None else action.name,
        tier=tier,
        reason=reason,
        need=need,
        message_class=None if action is None else action.message_class,
        channel=None if arm is None or not arm.channel else arm.channel,
        treatment=None if arm is None else arm.treatment,
        placement=slot.placement,
        p_choose=1 << 32 if picked is None else picked.chosen.weights[picked.chosen.place],
        expires_at=run.now + _stands_ms(action, picked),
        candidates=candidates_of(rounds, picked),
        models={**({} if picked is None else picked.models), **_asked(run)},
        governance=run.surroundings.governance.revision,
        seen=seen_by(run, rounds),
        flags=flags,
        because={} if picked is None else picked.because or {},
        routed={} if picked is None else dict(picked.answering.serving.lines),
        trials=() if picked is None else picked.answering.trials,
        shadows=() if picked is None else picked.shadows,
        ahead=ahead,
        features=b"" if picked is None or run.rules.features is None else run.features.packed(),
    )


def _asked(run: Run) -> dict[str, int]:
    """Name the trained models that said something in this step, with their versions."""
    asked = {f"{TRAINED}{name}": version for name, version in sorted(run.readings.asked.items())}
    if run.readings.foreseen_up_to is not None:
        asked[SEQUENCES] = run.readings.foreseen_up_to
    return asked


def _stands_ms(action: ActionRule | None, picked: Picked | None) -> int:
    if action is not None:
        return action.stands_ms
    # Where there was nothing to choose, the next request may find something.
    return 0 if picked is None else NOTHING_STANDS_MS


def standing_decision(run: Run, standing: Standing) -> Decision:
    """Tell a decision that still stands, without its candidates: those are in the store."""
    is_shown = standing.slot.startswith(SLOT_PREFIX)
    placement = standing.slot.removeprefix(SLOT_PREFIX) if is_shown else None
    return Decision(
        id=standing.id,
        customer=run.person.customer,
        at=standing.at,
        trigger=standing.trigger,
        trigger_name="standing",
        strategy_version=standing.version,
        action=standing.action,
        tier=standing.tier,
        reason="standing",
        need=standing.need or None,
        message_class=standing.message_class,
        channel=standing.channel or None,
        treatment=standing.treatment or None,
        placement=placement,
        p_choose=standing.p_choose,
        expires_at=standing.stands_until,
        models={standing.model: standing.model_seq} if standing.model else {},
        governance=run.surroundings.governance.revision,
    )
