"""The one way in which an expression is refused: code, sentence, column, nearest known name."""

from __future__ import annotations

from collections.abc import Iterable

from heedful.kernel import InputError, expected
from heedful.kernel.names import nearest

_SHOWN_CHARS_MAX = 80


class Source:
    """The text of an expression and where in the strategy it stands, for errors."""

    __slots__ = ("path", "text")

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path

    def refusal(
        self,
        what: str,
        got: str,
        at: int,
        remedy: str = "",
        *,
        name: str | None = None,
        known: Iterable[str] = (),
    ) -> InputError:
        """Build the error for the character at offset `at`.

        Parameters
        ----------
        what, got, remedy
            As in `heedful.kernel.expected`.
        name, known
            A name that is not known and those that are; the nearest is offered.
        """
        near = None
        if name is not None:
            near = nearest(name, known)
            if near is not None and not remedy:
                remedy = f"Did you mean {near}?"
        message = expected(what, got, self.path, remedy)
        return InputError(
            "bad_expression",
            f"{message} Column {at + 1}.",
            {"column": at + 1, "nearest": near, "path": self.path, "caret": self._caret(at)},
        )

    def _caret(self, at: int) -> str:
        start = max(0, at - _SHOWN_CHARS_MAX // 2)
        shown = self.text[start : start + _SHOWN_CHARS_MAX]
        flat = "".join(c if c.isprintable() else " " for c in shown)
        return f"{flat}\n{' ' * (at - start)}^"
