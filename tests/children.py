"""Processes that tests start and end as a person at a terminal would."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def start(command: Sequence[str | Path], **more: Any) -> subprocess.Popen[str]:
    """Start a program that hears Ctrl-C, whatever started the tests.

    Notes
    -----
    Who runs in the background of a script (`nohup make test &`) is told to ignore SIGINT, and
    hands that on to all that it starts: there Ctrl-C would end nothing. To be called on the main
    thread, as tests are; other arguments are those of `Popen`.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, text=True, **more)
    finally:
        signal.signal(signal.SIGINT, before)
