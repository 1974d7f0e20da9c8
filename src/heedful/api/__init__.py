"""HTTP: ingest as plain ASGI in front, everything else through Litestar behind it."""

from heedful.api.errors import STATUS
from heedful.api.roles import TABLE
from heedful.api.server import build, run

__all__ = ["STATUS", "TABLE", "build", "run"]
