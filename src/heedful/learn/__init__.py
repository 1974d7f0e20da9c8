"""Estimators and policies: numbers only, no words of the domain."""

from heedful.learn.alarm import AlarmChange, DriftAlarms
from heedful.learn.arms import PRIOR_DEFAULT, ArmSpec
from heedful.learn.beta import CELLS_MAX, BetaArms, Posterior
from heedful.learn.bins import Bin, BinCounts, Tally
from heedful.learn.change import Forgot
from heedful.learn.choice import (
    ARMS_MAX,
    PROBABILITY_ONE,
    draw,
    selection_probabilities,
    to_weights,
    uniform_key,
)
from heedful.learn.columns import ArmColumns, columns_together, moments
from heedful.learn.context import (
    Basis,
    Context,
    Reader,
    frequent_features,
    pack_features,
    unpack_features,
)
from heedful.learn.continuation import FOLLOWING_ARMS_MAX, Continuation, Transition
from heedful.learn.evidence import Alarm
from heedful.learn.grid import GONE, STATES_MAX, Grid
from heedful.learn.later import LaterTable, later_table
from heedful.learn.lifetime import (
    Bought,
    GammaGamma,
    LifetimeModel,
    Outlook,
    ParetoNbd,
    Purchases,
)
from heedful.learn.logistic import Learned, LogisticArms
from heedful.learn.markov import VariableOrder
from heedful.learn.model import Beliefs, Model, Panel, Scorer
from heedful.learn.neighbours import SessionNeighbours
from heedful.learn.performance import auc, grouped, lift, weighted_auc, z_ratio
from heedful.learn.plan import SILENT, ContinuationSettings, Next, Plan
from heedful.learn.policies import AnyPolicy, Fixed, Greedy, InverseGap, Policy, Thompson
from heedful.learn.prior import Prior
from heedful.learn.rows import LearningRow, RowState
from heedful.learn.sequences import SESSION_END, Happening, SequenceModel
from heedful.learn.settings import LogisticSettings
from heedful.learn.table import ArmTable, LogOdds, Parts
from heedful.learn.tables import AnyTable, ChanceModel, Isotonic, LinearTable, TreesTable
from heedful.learn.trained import Trained, decode_trained
from heedful.learn.trials import SLICES, Outcome, TrialCounts
from heedful.learn.values import ArmValue, LogitNormalValue, NormalValue, Value
from heedful.learn.waiting import OpenWindows

__all__ = [
    "ARMS_MAX",
    "CELLS_MAX",
    "FOLLOWING_ARMS_MAX",
    "GONE",
    "PRIOR_DEFAULT",
    "PROBABILITY_ONE",
    "SESSION_END",
    "SILENT",
    "SLICES",
    "STATES_MAX",
    "Alarm",
    "AlarmChange",
    "AnyPolicy",
    "AnyTable",
    "ArmColumns",
    "ArmSpec",
    "ArmTable",
    "ArmValue",
    "Basis",
    "Beliefs",
    "BetaArms",
    "Bin",
    "BinCounts",
    "Bought",
    "ChanceModel",
    "Context",
    "Continuation",
    "ContinuationSettings",
    "DriftAlarms",
    "Fixed",
    "Forgot",
    "GammaGamma",
    "Greedy",
    "Grid",
    "Happening",
    "InverseGap",
    "Isotonic",
    "LaterTable",
    "Learned",
    "LearningRow",
    "LifetimeModel",
    "LinearTable",
    "LogOdds",
    "LogisticArms",
    "LogisticSettings",
    "LogitNormalValue",
    "Model",
    "Next",
    "NormalValue",
    "OpenWindows",
    "Outcome",
    "Outlook",
    "Panel",
    "ParetoNbd",
    "Parts",
    "Plan",
    "Policy",
    "Posterior",
    "Prior",
    "Purchases",
    "Reader",
    "RowState",
    "Scorer",
    "SequenceModel",
    "SessionNeighbours",
    "Tally",
    "Thompson",
    "Trained",
    "Transition",
    "TreesTable",
    "TrialCounts",
    "Value",
    "VariableOrder",
    "auc",
    "columns_together",
    "decode_trained",
    "draw",
    "frequent_features",
    "grouped",
    "later_table",
    "lift",
    "moments",
    "pack_features",
    "selection_probabilities",
    "to_weights",
    "uniform_key",
    "unpack_features",
    "weighted_auc",
    "z_ratio",
]
