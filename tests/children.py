"""Processes that tests start and end as a person at a terminal would."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any


class Program(subprocess.Popen[str]):
    """A program that is killed where its test fails; else the test would wait for it for ever."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, value, traceback)


def start(command: Sequence[str | Path], **more: Any) -> Program:
    """Start a program that hears Ctrl-C, whatever started the tests.

    Notes
    -----
    Who runs in the background of a script (`nohup make test &`) is told to ignore SIGINT, and
    hands that on to all that it starts: there Ctrl-C would end nothing. To be called on the main
    thread, as tests are; other arguments are those of `Popen`.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return Program(command, text=True, **more)
    finally:
        signal.signal(signal.SIGINT, before)
