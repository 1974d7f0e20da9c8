"""The shape of a command that asks the workspace one thing and shows the answer.

Such a command is a function of the API and of its own arguments that gives an `Answer`. The options
that all of them share, JSON for programs or words for people, and the exit code are added here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, NamedTuple, ParamSpec, get_type_hints

from heedful.cli.answers import NO, end
from heedful.cli.options import HERE, AsKey, Db, Dir, Json

if TYPE_CHECKING:
    from heedful.cli.client import Api

P = ParamSpec("P")


class Answer(NamedTuple):
    """What a command found or did."""

    value: Any
    """What `--json` prints."""
    shown: str | Callable[[Any], None]
    """A sentence for people, or what prints the value for them."""
    is_no: bool = False
    """Whether the command ends with exit code 1."""


def asks(ask: Callable[Concatenate[Api, P], Answer]) -> Callable[..., None]:
    """Make a command that speaks as the owner of the workspace: it takes --dir, --db, --json."""
    return _command(ask, _SHARED)


def orders(ask: Callable[Concatenate[Api, P], Answer]) -> Callable[..., None]:
    """Make a command that speaks as whoever gives the order: it takes --key too."""
    return _command(ask, (_KEY, *_SHARED))


_KEY: Final = Parameter("key", Parameter.KEYWORD_ONLY, default=None, annotation=AsKey)
_SHARED: Final = (
    Parameter("directory", Parameter.KEYWORD_ONLY, default=HERE, annotation=Dir),
    Parameter("db", Parameter.KEYWORD_ONLY, default=None, annotation=Db),
    Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=Json),
)


def _command(ask: Callable[..., Answer], shared: Sequence[Parameter]) -> Callable[..., None]:
    @wraps(ask)
    def command(
        directory: Path, db: Path | None, as_json: bool, key: str | None = None, **own: Any
    ) -> None:
        from heedful.cli.client import connect
        from heedful.cli.screen import print_json

        with connect(directory, db, key) as api:
            value, shown, is_no = ask(api, **own)
        if as_json:
            print_json(value)
        elif isinstance(shown, str):
            print(shown)
        else:
            shown(value)
        if is_no:
            end(NO)

    # What typer reads: the function's own arguments without the API, then the shared options. The
    # class of the API is imported when a command runs, not when the command line is read.
    hints = get_type_hints(ask, localns={"Api": object}, include_extras=True)
    own = list(signature(ask).parameters.values())[1:]
    declared = [*(one.replace(annotation=hints[one.name]) for one in own), *shared]
    command.__annotations__ = {one.name: one.annotation for one in declared}
    command.__signature__ = Signature(declared)  # type: ignore[attr-defined]
    return command
