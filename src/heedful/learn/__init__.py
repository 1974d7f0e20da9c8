"""Estimators and policies: numbers only, no words of the domain."""

from heedful.learn.arms import PRIOR_DEFAULT, ArmSpec
from heedful.learn.beta import CELLS_MAX, BetaArms, Posterior, Prior
from heedful.learn.bins import Bin, BinCounts, Tally
from heedful.learn.choice import (
    ARMS_MAX,
    PROBABILITY_ONE,
    draw,
    selection_probabilities,
    to_weights,
    uniform_key,
)
from heedful.learn.context import Basis, Context, Reader, frequent_features
from heedful.learn.logistic import Learned, LogisticArms, LogisticSettings
from heedful.learn.performance import auc, grouped, lift, weighted_auc, z_ratio
from heedful.learn.policies import AnyPolicy, Fixed, Greedy, InverseGap, Policy, Thompson
from heedful.learn.rows import LearningRow, RowState
from heedful.learn.snapshot import decode_model, encode_model
from heedful.learn.table import ArmTable, LogOdds
from heedful.learn.values import ArmColumns, ArmValue, LogitNormalValue, NormalValue, Value

__all__ = [
    "ARMS_MAX",
    "CELLS_MAX",
    "PRIOR_DEFAULT",
    "PROBABILITY_ONE",
    "AnyPolicy",
    "ArmColumns",
    "ArmSpec",
    "ArmTable",
    "ArmValue",
    "Basis",
    "BetaArms",
    "Bin",
    "BinCounts",
    "Context",
    "Fixed",
    "Greedy",
    "InverseGap",
    "Learned",
    "LearningRow",
    "LogOdds",
    "LogisticArms",
    "LogisticSettings",
    "LogitNormalValue",
    "NormalValue",
    "Policy",
    "Posterior",
    "Prior",
    "Reader",
    "RowState",
    "Tally",
    "Thompson",
    "Value",
    "auc",
    "decode_model",
    "draw",
    "encode_model",
    "frequent_features",
    "grouped",
    "lift",
    "selection_probabilities",
    "to_weights",
    "uniform_key",
    "weighted_auc",
    "z_ratio",
]
