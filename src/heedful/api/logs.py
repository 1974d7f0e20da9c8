"""JSON lines on standard error. What is logged is chosen field by field: never a body, a header,
a query or an id of a person.
"""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs() -> None:
    """Write our log, and the warnings of the libraries below, as JSON lines."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.ERROR, format="%(message)s", handlers=[_Lines()], force=True)


class _Lines(logging.Handler):
    """Hands the libraries' records on without their text, which may quote a request."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger("heedful").log(
            record.levelno, "library_error", logger=record.name, line=record.lineno, error=error
        )
