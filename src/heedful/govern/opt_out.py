"""Does this person want no more messages? STOP, unsubscribe, and how people really say it.

A wrong no is a message against somebody's will and a wrong yes is a silence that nobody asked
for, so words that mean other things, too, count as a whole message only, and what merely looks
like an opt-out ("don't stop", "when does the sale stop") is taken out before phrases are looked
for. Quoted lines of a reply are not the person's words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final, Literal, NamedTuple

from heedful.govern.limits import OPT_OUT_CHARS_MAX
from heedful.govern.opt_out_germanic import ENGLISH, GERMAN
from heedful.govern.opt_out_romance import FRENCH, ITALIAN, PORTUGUESE, SPANISH
from heedful.govern.opt_out_table import CHANNEL_WORDS, Confidence, Language, Phrase


class OptOut(NamedTuple):
    """What a person does not want any more."""

    scope: Literal["channel", "all"]
    channels: tuple[str, ...]
    """Channels that were named, sorted; empty for the one on which it was said."""
    confidence: Confidence
    """`keyword`: the whole message is a stop word; `explicit`: it speaks of messages or of
    contact; `implied`: it cannot mean anything else ("leave me alone")."""
    language: str
    """The table that recognised it."""


class _Compiled(NamedTuple):
    code: str
    keyword: re.Pattern[str]
    own_keyword: re.Pattern[str] | None
    trigger: re.Pattern[str]
    guards: re.Pattern[str]
    phrases: tuple[tuple[re.Pattern[str], Phrase], ...]
    everything: re.Pattern[str]


_APOSTROPHES: Final = dict.fromkeys(map(ord, "'’‘`´ʼ＇ʹ"), " ")
_NOT_WORDS: Final = re.compile(r"[^a-z0-9?]+")
_STRETCHED: Final = re.compile(r"([a-z])\1{2,}")
_SPELLED: Final = re.compile(r"(?:[a-z] ){2,}[a-z]")
_SENTENCE_ENDS: Final = re.compile(r"[.!;:\n…]+|(?<=\?)")
_QUOTED: Final = re.compile(
    r"(?im)^\s*>.*$|^\s*-{2,}\s*(?:original|urspr|forwarded|weitergeleitet|message|mensaje|mensagem|"
    r"messaggio)[\s\S]*|^\s*(?:on|am|le|el|em|il giorno)\b[^\n]{0,200}(?:wrote|schrieb[^\n]{0,80}|"
    r"crit|escribi\S+|escreveu|scritto)\s*:[\s\S]*"
)
_MESSAGE_LIST: Final = (
    r"(?:{0})(?: (?:or|nor|and|und|oder|noch|et|ou|ni|y|o|e|nem|via|by|per|por|par|de|di) <1>"
    r"(?:{0}))*\b"
)


def opt_out(text: str, language: str | None = None) -> OptOut | None:
    """Recognise that somebody wants no more messages.

    Parameters
    ----------
    text
        What they wrote; the first `OPT_OUT_CHARS_MAX` characters are read.
    language
        ISO 639-1 code where it is known: it only adds stop words that mean something else
        elsewhere, such as Italian "fine". All languages are always looked at.

    Returns
    -------
    OptOut or None
        None where the message says something else.

    Examples
    --------
    >>> opt_out("STOP!!").confidence
    'keyword'
    >>> opt_out("Bitte keine Mails mehr 🙏").channels
    ('email',)
    >>> opt_out("Lasciatemi in pace").scope
    'all'
    >>> opt_out("When does the sale stop?") is None
    True
    """
    said = _QUOTED.sub("", text[:OPT_OUT_CHARS_MAX])
    whole = fold_text(said)
    for table in _tables():
        is_own = table.own_keyword is not None and table.code == (language or "")[:2].lower()
        if table.keyword.fullmatch(whole) or (
            is_own and table.own_keyword is not None and table.own_keyword.fullmatch(whole)
        ):
            is_all = table.everything.search(whole) is not None
            return OptOut("all" if is_all else "channel", _channels(whole), "keyword", table.code)
    sentences = [s for part in _SENTENCE_ENDS.split(said) if (s := fold_text(part))]
    for table in _tables():
        found = [hit for sentence in sentences for hit in _hits(table, sentence)]
        if found:
            return _joined(found, table.code)
    return None


def fold_text(text: str) -> str:
    """Reduce text to lower-case words without accents, one space apart; `?` is a word.

    Examples
    --------
    >>> fold_text("Ne m’écrivez PLUS… s'il vous plaît ?")
    'ne m ecrivez plus s il vous plait ?'
    """
    plain = text.translate(_APOSTROPHES)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain)
        plain = "".join(c for c in plain if unicodedata.category(c) not in ("Mn", "Cf"))
    plain = _STRETCHED.sub(r"\1", plain.casefold()).replace("?", " ? ")
    plain = _NOT_WORDS.sub(" ", plain).strip()
    return plain.replace(" ", "") if _SPELLED.fullmatch(plain) else plain


def _hits(table: _Compiled, sentence: str) -> Iterator[tuple[str, Phrase, bool]]:
    """Yield what was said, by which phrase, and whether it is about everything."""
    if table.trigger.search(sentence) is None:
        return
    left = table.guards.sub(" ", sentence).strip()
    for pattern, phrase in table.phrases:
        match = pattern.search(left)
        if match is not None:
            is_all = phrase.is_all or table.everything.search(left) is not None
            yield match.group(), phrase, is_all


def _joined(found: list[tuple[str, Phrase, bool]], code: str) -> OptOut:
    channels = tuple(sorted({c for said, _, _ in found for c in _channels(said)}))
    is_explicit = any(phrase.confidence == "explicit" for _, phrase, _ in found)
    # A named channel narrows: "never call me again" is about calls, however strong.
    is_all = not channels and any(is_all for _, _, is_all in found)
    confidence: Confidence = "explicit" if is_explicit else "implied"
    return OptOut("all" if is_all else "channel", channels, confidence, code)


def _channels(said: str) -> tuple[str, ...]:
    return tuple(name for name, words in _CHANNELS if words.search(said))


def _compiled(table: Language) -> _Compiled:
    messages = _MESSAGE_LIST.format(table.message)
    polite = rf"(?:(?:{table.polite}) )*(?:{{0}})(?: (?:{table.polite}))*"
    own = re.compile(polite.format(table.own_keywords)) if table.own_keywords else None
    return _Compiled(
        table.code,
        re.compile(polite.format(table.keywords)),
        own,
        re.compile(rf"\b(?:{table.trigger})"),
        re.compile("|".join(_expanded(guard, messages) for guard in table.guards)),
        tuple((re.compile(_expanded(p.pattern, messages)), p) for p in table.phrases),
        re.compile(table.everything),
    )


def _expanded(pattern: str, messages: str) -> str:
    pattern = pattern.replace("<,M>", "(?: <3><M>)?").replace("<M>", messages)
    return re.sub(r"<(\d)>\??", r"(?:\\w+ ){0,\1}?", pattern)


@cache
def _tables() -> tuple[_Compiled, ...]:
    # When the first text is read: an eighth of what it takes to start would go into it.
    languages = (ENGLISH, GERMAN, FRENCH, SPANISH, PORTUGUESE, ITALIAN)
    return tuple(_compiled(language) for language in languages)


_CHANNELS: Final = tuple(
    (name, re.compile(rf"\b(?:{words})\b")) for name, words in sorted(CHANNEL_WORDS.items())
)
