"""The expression language: a small typed subset of Python's syntax with Kleene's logic.

Strategy files and signals say their conditions in it. An expression is checked and compiled once
(`compile_expression`) and evaluated many times; evaluating never raises and never loops beyond
the size of the values that it reads. `docs/reference/expressions.md` is the writer's page.
"""

from heedful.expr.expression import Expression, compile_expression
from heedful.expr.functions import FUNCTIONS
from heedful.expr.types import UNKNOWN, Names, Open, Record, Shape, Type, Unknown

__all__ = [
    "FUNCTIONS",
    "UNKNOWN",
    "Expression",
    "Names",
    "Open",
    "Record",
    "Shape",
    "Type",
    "Unknown",
    "compile_expression",
]
