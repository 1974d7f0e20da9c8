"""What deciding takes and gives: the person, what is shared, the case, and what one step made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from heedful.customer import Profile
from heedful.decide.definitions import Tier
from heedful.effects import MessageClass, OutboundEffect
from heedful.events import Identifier
from heedful.govern.governance import Governance
from heedful.kernel import MICRO
from heedful.learn import Trained
from heedful.sense import FeatureDictionary, Foresight, Senses

# Names of our own events about deciding (type `own`); what they carry stands in `properties`.
DECISION_REQUESTED: Final = "Decision Requested"
"""Somebody asked what to do now: `placement` or `channel`, and `context`."""
OUTCOME_REPORTED: Final = "Outcome Reported"
"""What became of a decision: `decision_id`, `outcome`, `value`, `currency`."""
TIME_PASSED: Final = "Time Passed"
"""Something changes without anybody doing anything: a need expires, a window ends."""
EFFECT_DUE: Final = "Effect Due"
"""An effect's time has come: `effect_id`; all gates are looked at again."""
EFFECT_SETTLED: Final = "Effect Settled"
"""What became of a released effect: `effect_id`, `status`, `code`, `reference`."""
EFFECT_REDRIVEN: Final = "Effect Redriven"
"""A person had a dead letter sent once more: `effect_id`, `attempt`, and its new `expires_at`."""
EFFECT_WITHDRAWN: Final = "Effect Withdrawn"
"""An effect died before its release: `effect_id`, `decision_id`, `reason_code`."""
NEED_OPENED: Final = "Need Opened"
"""A need was seen: `need`, `tier`."""
NEED_CLOSED: Final = "Need Closed"
"""A need is over: `need`, `tier`, `reason` (`event`, `condition`, `expired`)."""
SILENCE_SET: Final = "Silence Set"
"""A class of messages is muted: `class`, `until`, `reason`."""
DECISION_APPROVED: Final = "Decision Approved"
"""A person agreed to a decision that needs it before its release: `decision_id`."""
DECISION_REFUSED: Final = "Decision Refused"
"""A person refused a decision that needs approval: `decision_id`, `reason`."""

UNKNOWN_SEEN: Final = {"unknown": True}
"""How a record shows a value that was not known when it was read."""


class Person(NamedTuple):
    """Whom a decision is about, as of the event at hand."""

    customer: int
    profile: Profile
    senses: Senses
    identifiers: Callable[[], tuple[Identifier, ...]]
    """All of the person's identifiers, the anchor first; read only where a decision is made."""


class Surroundings(msgspec.Struct, frozen=True):
    """What is shared between people and versioned: a decision names the versions it saw."""

    secret: bytes
    """The workspace's key, for draws and ids."""
    models: Mapping[str, Any]
    """Snapshot of each model by name, as `learn` makes them."""
    governance: Governance
    """Switches, incidents and guardrails in force."""
    budgets: Mapping[str, int]
    """Micros left in this period, by budget."""
    margins: Mapping[str, int] = {}
    """Micros that an outcome was worth on average so far, by goal: for goals that state none."""
    trained: Mapping[str, Trained] = {}
    """Models that were trained over the log, by name: what signals of forecasts come from."""
    delays: Mapping[str, tuple[int, ...]] = {}
    """By goal, how many outcomes came within each part of `RIPENING`, and in all."""
    dictionary: FeatureDictionary | None = None
    """Tells automatic signals that share a slot, which are unknown; see `sense.evaluate`."""
    foresight: Foresight | None = None
    """What was learned of sequences; see `sense.evaluate`."""
    is_rehearsal: bool = False
    """Whether the most likely arm is taken instead of one being drawn, so that a scenario says
    the same each time; never where anybody is reached."""


class NewEvent(NamedTuple):
    """An event of our own that a step writes; the engine stamps, logs and folds it."""

    name: str
    properties: dict[str, Any]


class Terms(msgspec.Struct, frozen=True, gc=False):
    """What an arm is worth, and what makes it up; read by name, since formulas differ in theirs.

    Notes
    -----
    Money in micros, and probabilities and factors in millionths (`_ppm`). Records are written for
    every arm of every decision: a struct is made and written in half the time of a map.

    Examples
    --------
    >>> terms = Terms(p_ppm=50_000, value=0)
    >>> terms["p_ppm"], terms.get("value"), "cost" in terms, terms.get("cost"), bool(Terms())
    (50000, 0, False, 0, False)
    """

    p_ppm: int | msgspec.UnsetType = msgspec.UNSET
    p_nothing_ppm: int | msgspec.UnsetType = msgspec.UNSET
    margin: int | msgspec.UnsetType = msgspec.UNSET
    weight_ppm: int | msgspec.UnsetType = msgspec.UNSET
    increment: int | msgspec.UnsetType = msgspec.UNSET
    d_clv: int | msgspec.UnsetType = msgspec.UNSET
    benefit: int | msgspec.UnsetType = msgspec.UNSET
    cost: int | msgspec.UnsetType = msgspec.UNSET
    fatigue: int | msgspec.UnsetType = msgspec.UNSET
    lever_ppm: int | msgspec.UnsetType = msgspec.UNSET
    value: int | msgspec.UnsetType = msgspec.UNSET
    ahead: int | msgspec.UnsetType = msgspec.UNSET

    def __getitem__(self, name: str) -> int:
        found: int | msgspec.UnsetType = getattr(self, name, msgspec.UNSET)
        if found is msgspec.UNSET:
            raise KeyError(name)
        return found

    def __contains__(self, name: str) -> bool:
        return getattr(self, name, msgspec.UNSET) is not msgspec.UNSET

    def __bool__(self) -> bool:
        return self != _NO_TERMS

    def get(self, name: str, default: int = 0) -> int:
        """Give a term, or something else where the arm has none of that name."""
        found: int | msgspec.UnsetType = getattr(self, name, msgspec.UNSET)
        return default if found is msgspec.UNSET else found


_NO_TERMS: Final = Terms()


class Candidate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One arm as a decision saw it: the gate that stopped it, or the terms of its value."""

    action: str
    channel: str
    treatment: str
    verdict: Literal["chosen", "lost", "gated"]
    reason_code: str
    """Why not, such as `cap_reached`; of a scored arm `lower_value`, `not_drawn` or `chosen`."""
    weight: int = 0
    """Probability of being chosen, in units of 2**-32; 0 where gated."""
    terms: Terms = _NO_TERMS
    """Empty where gated."""


class Trial(NamedTuple):
    """Which of the models that are tried answered for a customer."""

    line: str
    """The name that actions ask the model by."""
    model: str
    share_ppm: int
    """Share of the customers that it answers for, in millionths."""
    slice: int
    """Slice of the customers that they stand in, by their place."""


class Shadow(NamedTuple):
    """What a model that only looked on thinks of what was chosen."""

    line: str
    model: str
    p_choose: int
    """Probability with which it would have chosen the same, in units of 2**-32."""
    value: int
    """Micros that it gives what was chosen."""


class LookedAhead(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the long game said of a person at a decision."""

    state: int = 0
    """Where they stood, in `sense.ahead.GRID`."""
    scale_ppm: int = MICRO
    """How much later counted, by what they are foreseen to be worth, in millionths."""
    then: str = ""
    """The action that is best next if nothing comes of what was chosen; empty for silence."""
    reason: str = ""
    """Why later was not counted, as a code; empty where it was."""


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was decided, and all that is needed to choose again and to explain."""

    id: int
    """63-bit; shown as `d_...` by `kernel.public_id`."""
    customer: int
    at: int
    trigger: int
    """Key of the event that it answers."""
    trigger_name: str
    strategy_version: str
    action: str
    """`do_nothing` where silence was best."""
    tier: Tier
    reason: str
    """Stable code, such as `best_value`, `drawn`, `standing`, `holdout`, `all_gated`."""
    need: str | None = None
    message_class: MessageClass | None = None
    channel: str | None = None
    treatment: str | None = None
    placement: str | None = None
    p_choose: int = 1 << 32
    """Probability with which exactly this arm was chosen, in units of 2**-32."""
    expires_at: int = 0
    candidates: tuple[Candidate, ...] = ()
    models: dict[str, int] = {}
    """`learn_seq` of each model that was asked."""
    governance: int = 0
    """Revision of switches, incidents and guardrails."""
    seen: dict[str, Any] = {}
    """Values that conditions read, by path, so that `why` shows the needed beside the actual."""
    flags: tuple[str, ...] = ()
    """Such as `holdout_contaminated`, `fallback_model`, `qa`."""
    because: dict[str, int] = {}
    """What moved the log-odds of what was chosen, in thousandths: `start` (the declared prior),
    `arm` (its outcomes with the usual person), and groups of features that set the person apart
    from the usual one; empty where no model looked at the person."""
    routed: dict[str, str] = {}
    """Which model answered, by the name that actions asked it by, where that is another one."""
    trials: tuple[Trial, ...] = ()
    """Where models are tried: which one answered for this customer. `p_choose` is the probability
    under it."""
    shadows: tuple[Shadow, ...] = ()
    """Models that looked on."""
    ahead: LookedAhead | None = None
    """What the long game said; None where the strategy has none, or nothing was weighed."""
    features: bytes = b""
    """What contextual models saw, as `learn.pack_features` writes it: what is learned of this
    decision later is learned with it. Empty where the strategy has no such model."""


class Step(NamedTuple):
    """All that follows from one event for one person."""

    events: tuple[NewEvent, ...] = ()
    decisions: tuple[Decision, ...] = ()
    answer: Decision | None = None
    """The decision that answers a request: a new one, or the one that still stands."""
    effects: tuple[OutboundEffect, ...] = ()
    released: tuple[str, ...] = ()
    """Ids of effects that may go out now: their `Message Released` is among `events`."""
    postponed: tuple[tuple[str, int, str], ...] = ()
    """Effects whose `due` moves, with the new one and why: `quiet_hours` until they end,
    `approval_required` until the effect expires, `approved` to now."""
    withdrawn: tuple[tuple[str, str], ...] = ()
    """Ids of effects that must not go out any more, with the reason code."""
    readdressed: tuple[tuple[str, dict[str, str]], ...] = ()
    """Messages that go elsewhere than they were written to, with the address."""
    learned: tuple[Any, ...] = ()
    """Learning rows, as `learn` folds them."""
    spent: tuple[tuple[str, int], ...] = ()
    """(budget, micros) taken at a release."""
