"""Deciding: what this person needs now, which one thing to do about it, and why."""

from heedful.decide.again import forgotten
from heedful.decide.budgets import period_of
from heedful.decide.builtin import builtin_signals
from heedful.decide.case import (
    Case,
    decode_case,
    encode_case,
    new_case,
)
from heedful.decide.choose import choose_again
from heedful.decide.compile import compile_rules
from heedful.decide.definitions import (
    DO_NOTHING,
    TIERS,
    Action,
    ContactPolicy,
    Definitions,
    Goal,
    GoalsFile,
    Need,
    NeedsFile,
    Rule,
    RulesFile,
    Tier,
)
from heedful.decide.explain import Explanation, explain
from heedful.decide.gates import GATES, REASONS
from heedful.decide.joining import merge_cases, split_case
from heedful.decide.rules import Rules
from heedful.decide.slots import slot_hints
from heedful.decide.step import preview, step
from heedful.decide.types import (
    DECISION_APPROVED,
    DECISION_REFUSED,
    DECISION_REQUESTED,
    EFFECT_DUE,
    EFFECT_REDRIVEN,
    EFFECT_SETTLED,
    EFFECT_WITHDRAWN,
    NEED_CLOSED,
    NEED_OPENED,
    OUTCOME_REPORTED,
    SILENCE_SET,
    TIME_PASSED,
    Candidate,
    Decision,
    NewEvent,
    Person,
    Step,
    Surroundings,
    Terms,
)
from heedful.decide.withheld import why_nothing
from heedful.decide.wording import wording

__all__ = [
    "DECISION_APPROVED",
    "DECISION_REFUSED",
    "DECISION_REQUESTED",
    "DO_NOTHING",
    "EFFECT_DUE",
    "EFFECT_REDRIVEN",
    "EFFECT_SETTLED",
    "EFFECT_WITHDRAWN",
    "GATES",
    "NEED_CLOSED",
    "NEED_OPENED",
    "OUTCOME_REPORTED",
    "REASONS",
    "SILENCE_SET",
    "TIERS",
    "TIME_PASSED",
    "Action",
    "Candidate",
    "Case",
    "ContactPolicy",
    "Decision",
    "Definitions",
    "Explanation",
    "Goal",
    "GoalsFile",
    "Need",
    "NeedsFile",
    "NewEvent",
    "Person",
    "Rule",
    "Rules",
    "RulesFile",
    "Step",
    "Surroundings",
    "Terms",
    "Tier",
    "builtin_signals",
    "choose_again",
    "compile_rules",
    "decode_case",
    "encode_case",
    "explain",
    "forgotten",
    "merge_cases",
    "new_case",
    "period_of",
    "preview",
    "slot_hints",
    "split_case",
    "step",
    "why_nothing",
    "wording",
]
