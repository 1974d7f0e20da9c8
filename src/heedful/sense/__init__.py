"""Signals: declared and automatic real-time features of one customer, the same in any order."""

from heedful.sense.compile import Signal, SignalSet, compile_signals, moment_definitions
from heedful.sense.definitions import FIELDS, Automatic, Sequences, SignalDefinition
from heedful.sense.evaluate import (
    automatic_fields,
    automatic_names,
    evaluate,
    features,
    next_due,
    reason,
)
from heedful.sense.explain import Contribution, SignalExplanation, explain
from heedful.sense.features import FeatureDictionary, FeatureKey
from heedful.sense.fold import adopt, feature_keys, fold, ids, keys_behind, merge, refold, warm
from heedful.sense.foresight import Foresight
from heedful.sense.read import EVENT_NAMES
from heedful.sense.types import (
    FEATURE_OVERFLOWED,
    SIGNAL_WARMING,
    Senses,
    Value,
    copy_senses,
    counters_of,
    decode_senses,
    encode_senses,
    put_counters,
)

__all__ = [
    "EVENT_NAMES",
    "FEATURE_OVERFLOWED",
    "FIELDS",
    "SIGNAL_WARMING",
    "Automatic",
    "Contribution",
    "FeatureDictionary",
    "FeatureKey",
    "Foresight",
    "Senses",
    "Sequences",
    "Signal",
    "SignalDefinition",
    "SignalExplanation",
    "SignalSet",
    "Value",
    "adopt",
    "automatic_fields",
    "automatic_names",
    "compile_signals",
    "copy_senses",
    "counters_of",
    "decode_senses",
    "encode_senses",
    "evaluate",
    "explain",
    "feature_keys",
    "features",
    "fold",
    "ids",
    "keys_behind",
    "merge",
    "moment_definitions",
    "next_due",
    "put_counters",
    "reason",
    "refold",
    "warm",
]
