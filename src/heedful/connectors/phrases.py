"""The few sentences that a message says of itself, in the languages that it may be written in."""

from __future__ import annotations

from typing import Final, NamedTuple


class Phrases(NamedTuple):
    """What stands below a message."""

    automatic: str
    """That nobody pressed a button."""
    generated: str
    """That a machine wrote it, too."""
    unsubscribe: str


PHRASES: Final = {
    "de": Phrases(
        "Diese Nachricht wurde automatisch verschickt.",
        "Diese Nachricht wurde automatisch verschickt und von einer KI geschrieben.",
        "Abbestellen",
    ),
    "en": Phrases(
        "This message was sent automatically.",
        "This message was sent automatically and written by AI.",
        "Unsubscribe",
    ),
    "es": Phrases(
        "Este mensaje se ha enviado automáticamente.",
        "Este mensaje se ha enviado automáticamente y lo ha escrito una IA.",
        "Darse de baja",
    ),
    "fr": Phrases(
        "Ce message a été envoyé automatiquement.",
        "Ce message a été envoyé automatiquement et rédigé par une IA.",
        "Se désabonner",
    ),
    "it": Phrases(
        "Questo messaggio è stato inviato automaticamente.",
        "Questo messaggio è stato inviato automaticamente ed è stato scritto da un'IA.",
        "Annulla l'iscrizione",
    ),
    "pt": Phrases(
        "Esta mensagem foi enviada automaticamente.",
        "Esta mensagem foi enviada automaticamente e escrita por uma IA.",
        "Cancelar a subscrição",
    ),
}
"""By language; a message in another one says it in English."""


def phrases_for(language: str) -> Phrases:
    """Choose the sentences for a language tag.

    Examples
    --------
    >>> phrases_for("de-AT").unsubscribe
    'Abbestellen'
    """
    return PHRASES.get(language.partition("-")[0].lower(), PHRASES["en"])
