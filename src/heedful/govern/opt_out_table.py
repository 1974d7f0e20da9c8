"""What a table of opt-out phrases holds, and the words for channels in every language.

Phrases are regular expressions over text as `opt_out.fold_text` leaves it: lower case, no accents,
words apart by one space, apostrophes as spaces ("don t", "n ecrivez"), `?` kept as a word. `<M>`
stands for the language's word for a message, or a list of them, `<,M>` for one that may follow
and then names the channel; `<1>` to `<7>` for up to so many words in between. A phrase without a
word for messages must be unmistakable by itself.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Confidence = Literal["keyword", "explicit", "implied"]


class Phrase(NamedTuple):
    """One way to say it."""

    pattern: str
    is_all: bool = False
    """Whether it means every channel, whatever it was said on."""
    confidence: Confidence = "explicit"


class Language(NamedTuple):
    """How one language says it."""

    code: str
    keywords: str
    """Words, apart by `|`, that mean it where they are the whole message."""
    polite: str
    """Words that may stand around a keyword and change nothing."""
    message: str
    """What messages are called."""
    phrases: tuple[Phrase, ...]
    guards: tuple[str, ...]
    """What looks like it and is not; taken out of a sentence before phrases are looked for."""
    everything: str
    """Words that widen a phrase to every channel."""
    trigger: str
    """Beginnings of words without which no phrase can match: most sentences are done with these."""
    own_keywords: str = ""
    """Keywords that are everyday words in another language: only where this one is known."""


def on_all(pattern: str) -> Phrase:
    """Say it of every channel, whatever it was said on."""
    return Phrase(pattern, is_all=True)


def implied(pattern: str) -> Phrase:
    """Say it without a word for messages, unmistakably."""
    return Phrase(pattern, is_all=True, confidence="implied")


CHANNEL_WORDS: Final = {
    "email": r"e ?mails?|mails?|mailing|newsletter|courriels?|mels?|correos?|boletin|emailing",
    "phone": r"(?:phone )?calls?|calling|phon\w+|ring\w*|anruf\w*|ruf\w*|appel\w*|telephon\w*|"
    r"telefon\w*|llam\w*|lig\w+|chiam\w*|angerufen",
    "push": r"push|notifications?|benachrichtigungen|notificaciones|notificacoes|notifiche|notifs?",
    "sms": r"sms|texts?|texting|text messages|textos?|torpedos?|texten",
    "whatsapp": r"whats ?app\w*|wasaps?|zaps?",
}
"""How channels are called, in any of the languages; a name is looked for inside a phrase."""
