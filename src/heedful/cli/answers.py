"""What a command answers besides its text: the exit code, and one sentence when it failed.

Codes are part of the interface: programs that call `heedful` match on them.
"""

from __future__ import annotations

import sys
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup

OK: Final = 0
"""The command did what it was asked."""
NO: Final = 1
"""The answer is no: not found, different, refused by a check."""
WRONG: Final = 2
"""Wrong usage or input: sending the same again will not help."""
AWAY: Final = 3
"""The server or the store is away, busy or in trouble: trying again may help."""
INTERRUPTED: Final = 130
"""Ended by Ctrl-C."""

EXIT_CODES: Final = (
    (OK, "done"),
    (NO, "the answer is no: not found, different, or a check failed"),
    (WRONG, "wrong usage or input"),
    (AWAY, "the server or the store is away, busy or in trouble"),
    (INTERRUPTED, "ended by Ctrl-C"),
)


def say(sentence: str) -> None:
    """Say something to the person, beside the output."""
    print(sentence, file=sys.stderr, flush=True)


def end(code: int, sentence: str = "") -> NoReturn:
    """End the command with a code and, where there is one, a sentence."""
    if sentence:
        say(sentence)
    raise typer.Exit(code)


class Commands(TyperGroup):
    """The root of all commands: turns every failure into one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            if ctx.params.get("debug"):
                raise
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of our output (head, less) has gone: that is its right.
            sys.stderr.close()
            raise typer.Exit(OK) from None
        except (OSError, ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as e:
            if ctx.params.get("debug") or isinstance(e, typer.Exit | typer.Abort):
                raise
            _explain(e)
        except Exception as error:
            from heedful.kernel import HeedfulError

            if ctx.params.get("debug") or not isinstance(error, HeedfulError):
                raise
            end(code_of(error), error.message)


def code_of(error: Exception) -> int:
    """Choose the exit code for an error: who has to change something decides."""
    from heedful.cli.client import NotFoundError
    from heedful.kernel import InputError

    if isinstance(error, NotFoundError):
        return NO
    return WRONG if isinstance(error, InputError) else AWAY


def _explain(error: Exception) -> NoReturn:
    if isinstance(error, OSError) and error.filename:
        end(WRONG, f"Cannot use {error.filename}: {error.strerror or error}.")
    end(AWAY, f"Something went wrong inside: {error!r}. `heedful --debug ...` shows where.")
