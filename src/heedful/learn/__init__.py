"""Estimators and policies: numbers only, no words of the domain."""

from heedful.learn.choice import (
    ARMS_MAX,
    PROBABILITY_ONE,
    draw,
    selection_probabilities,
    to_weights,
    uniform_key,
)
from heedful.learn.values import ArmValue, NormalValue, Value

__all__ = [
    "ARMS_MAX",
    "PROBABILITY_ONE",
    "ArmValue",
    "NormalValue",
    "Value",
    "draw",
    "selection_probabilities",
    "to_weights",
    "uniform_key",
]
