"""What tests start hears Ctrl-C, even where the tests themselves do not."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.children import start

SLEEPER = "import time; print('on', flush=True); time.sleep(600)"


def test_a_program_hears_ctrl_c_though_the_tests_were_told_not_to() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with start(
            [sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as program:
            assert program.stdout is not None
            assert program.stdout.readline() == "on\n"
            program.send_signal(signal.SIGINT)
            assert program.wait(60) == -signal.SIGINT
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_program_ends_with_a_test_that_fails() -> None:
    program = start([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE)
    with pytest.raises(AssertionError), program:
        raise AssertionError
    assert program.returncode == -signal.SIGKILL
