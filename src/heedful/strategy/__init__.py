"""Strategy as code: a folder of YAML, checked to line and column, read as plain data."""

from heedful.strategy.differences import Difference, compare_histories, compare_stories
from heedful.strategy.load import FILE_KINDS, Strategy, check, json_schema, load, warn
from heedful.strategy.parts import FileKind, Part, Parts
from heedful.strategy.scenario import Verdict, play_scenarios
from heedful.strategy.yaml import StrategyProblem

__all__ = [
    "FILE_KINDS",
    "Difference",
    "FileKind",
    "Part",
    "Parts",
    "Strategy",
    "StrategyProblem",
    "Verdict",
    "check",
    "compare_histories",
    "compare_stories",
    "json_schema",
    "load",
    "play_scenarios",
    "warn",
]
