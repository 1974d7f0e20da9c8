"""The first gate: the only tokens that Python's own parser ever sees.

Anything else is refused by its column before parsing: comments, line joins, prefixed and
triple-quoted strings, two strings side by side, letters outside ASCII (which Python would fold to
others by NFKC), lambdas, keyword arguments, slices, walruses, powers, shifts and bit operators.
"""

from __future__ import annotations

import keyword
import re
from typing import Final

from heedful.expr.limits import DEPTH_MAX, LITERAL_CHARS_MAX, TEXT_CHARS_MAX
from heedful.expr.refuse import Source

_TOKEN: Final = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
    | (?P<text>'(?:[^'\\\r\n\0\ud800-\udfff]|\\[\\'"nt])*'
      |"(?:[^"\\\r\n\0\ud800-\udfff]|\\[\\'"nt])*")
    | (?P<op>==|!=|<=|>=|//(?!/)|<(?!<)|>(?!>)|\*(?!\*)|\.(?![0-9.])|[+\-/%()\[\],])
    """,
    re.VERBOSE | re.ASCII,
)

_REMEDIES: Final = {
    "=": "Write == to compare.",
    "&": "Write and.",
    "|": "Write or.",
    "!": "Write not, or != to compare.",
    "#": "Write the comment outside the expression.",
    "**": "There is no power; multiply.",
}
_WORDS: Final = frozenset(["and", "or", "not", "in", "is", "if", "else", "None", "True", "False"])
_NESTING_TEXT: Final = f"at most {DEPTH_MAX} levels of nesting"


def lex(source: Source) -> str:
    """Check every token of a text and give it back on one line, each character in its place.

    Raises
    ------
    InputError
        `bad_expression`, at the first token that is not allowed.
    """
    text = source.text
    if len(text) > TEXT_CHARS_MAX:
        raise source.refusal(
            f"at most {TEXT_CHARS_MAX} characters", str(len(text)), TEXT_CHARS_MAX, "Split it."
        )
    parts: list[str] = []
    at, nesting, last = 0, 0, ""
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _refuse_character(source, at)
        kind, token = str(match.lastgroup), match.group()
        if kind == "text":
            _check_text(source, token, at, last)
        elif kind == "name":
            _check_name(source, token, at, text[:at].rstrip(" \t\r\n")[-1:])
        elif token in "([":
            nesting += 1
            if nesting > DEPTH_MAX:
                raise source.refusal(_NESTING_TEXT, "more", at, "Split the expression.")
        elif token in ")]":
            nesting -= 1
        parts.append(" " * len(token) if kind == "space" else token)
        if kind != "space":
            last = kind
        at = match.end()
    return "".join(parts)


def _check_text(source: Source, token: str, at: int, last: str) -> None:
    if last == "text":
        raise source.refusal("an operator or a comma", "two texts side by side", at)
    if last == "name" and source.text[at - 1 : at].isalnum():
        raise source.refusal("a plain text", "a text with a prefix", at, "Leave the prefix out.")
    if len(token) - 2 > LITERAL_CHARS_MAX:
        got = f"{len(token) - 2}"
        raise source.refusal(f"a text of at most {LITERAL_CHARS_MAX} characters", got, at)


def _check_name(source: Source, token: str, at: int, before: str) -> None:
    if token.startswith("__"):
        remedy = f"Write ['{token}'] to read a key of that name."
        raise source.refusal("a name", f"{token}, which begins with two underscores", at, remedy)
    if not keyword.iskeyword(token):
        return
    if before == ".":
        remedy = f"Write ['{token}'] instead of .{token}."
        raise source.refusal("a name", f"the reserved word {token}", at, remedy)
    if token not in _WORDS:
        raise source.refusal("a name or an operator", f"the reserved word {token}", at)


def _refuse_character(source: Source, at: int) -> Exception:
    text = source.text
    char = text[at]
    if char in "'\"":
        remedy = "Close the quotes on the same line; of escapes write \\\\, \\', \\\", \\n or \\t."
        return source.refusal("a text", "one that does not end or has another escape", at, remedy)
    if char.isascii() and char.isdigit():
        return source.refusal("a number such as 10, 2.5 or 1e6", "something else", at)
    if char == "." and text[at + 1 : at + 2].isdigit():
        return source.refusal("a number such as 0.5", "one without its first digit", at)
    remedy = _REMEDIES.get(text[at : at + 2]) or _REMEDIES.get(char, "")
    if not char.isascii():
        remedy = "Write names with other letters as x['name']."
    shown = repr(char) if char.isascii() else f"the character U+{ord(char):04X}"
    return source.refusal("an expression", shown, at, remedy)
