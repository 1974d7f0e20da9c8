"""Estimators and policies: numbers only, no words of the domain."""

from heedful.learn.beta import CELLS_MAX, BetaArms, Posterior, Prior
from heedful.learn.choice import (
    ARMS_MAX,
    PROBABILITY_ONE,
    draw,
    selection_probabilities,
    to_weights,
    uniform_key,
)
from heedful.learn.rows import LearningRow, RowState
from heedful.learn.values import ArmValue, LogitNormalValue, NormalValue, Value

__all__ = [
    "ARMS_MAX",
    "CELLS_MAX",
    "PROBABILITY_ONE",
    "ArmValue",
    "BetaArms",
    "LearningRow",
    "LogitNormalValue",
    "NormalValue",
    "Posterior",
    "Prior",
    "RowState",
    "Value",
    "draw",
    "selection_probabilities",
    "to_weights",
    "uniform_key",
]
