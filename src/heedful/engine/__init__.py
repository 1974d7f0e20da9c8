"""The engine: load, step, commit, publish."""

from heedful.engine.archiving import archive
from heedful.engine.batch import BatchResult, Landed
from heedful.engine.engine import Engine, read_lineage
from heedful.engine.erasing import Erased
from heedful.engine.replay import Verdict, rebuild, verify
from heedful.engine.stream import Notice, Stream
from heedful.engine.writer import Overloaded

__all__ = [
    "BatchResult",
    "Engine",
    "Erased",
    "Landed",
    "Notice",
    "Overloaded",
    "Stream",
    "Verdict",
    "archive",
    "read_lineage",
    "rebuild",
    "verify",
]
