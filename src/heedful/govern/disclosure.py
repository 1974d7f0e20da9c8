"""What automation says of itself: to people in one sentence, to machines in a header.

No template may leave the sentence out (EU AI Act, art. 50 (1) and (2)); a language that is not
in the table gets English, since a sentence in another language is better than none.
"""

from __future__ import annotations

import re
from typing import Final

PROVENANCE_HEADER: Final = "X-AI-Generated"
"""Header of an outgoing message that says whether a model wrote it, and for which decision."""

LANGUAGE_DEFAULT: Final = "en"

_WRITTEN: Final = {
    "en": "This message was chosen and sent automatically.",
    "de": "Diese Nachricht wurde automatisch ausgewählt und versendet.",
    "fr": "Ce message a été choisi et envoyé automatiquement.",
    "es": "Este mensaje se ha elegido y enviado automáticamente.",
    "it": "Questo messaggio è stato scelto e inviato automaticamente.",
    "pt": "Esta mensagem foi escolhida e enviada automaticamente.",
}
_SHORT: Final = {
    "en": "Sent automatically.",
    "de": "Automatisch gesendet.",
    "fr": "Envoi automatique.",
    "es": "Envío automático.",
    "it": "Invio automatico.",
    "pt": "Envio automático.",
}
_CHAT: Final = {
    "en": "I am an automated assistant. You can ask for a person at any time.",
    "de": "Ich bin ein automatischer Assistent. Sie können jederzeit nach einem Menschen fragen.",
    "fr": "Je suis un assistant automatique. Vous pouvez demander une personne à tout moment.",
    "es": "Soy un asistente automático. Puede pedir hablar con una persona en cualquier momento.",
    "it": "Sono un assistente automatico. Può chiedere di una persona in qualsiasi momento.",
    "pt": "Sou um assistente automático. Pode pedir para falar com uma pessoa a qualquer momento.",
}
_SPOKEN: Final = {
    "en": "You are speaking with an automated assistant. Say agent to reach a person.",
    "de": "Sie sprechen mit einem automatischen Assistenten. Sagen Sie Mensch für eine Person.",
    "fr": "Vous parlez à un assistant automatique. Dites conseiller pour joindre une personne.",
    "es": "Habla con un asistente automático. Diga agente para hablar con una persona.",
    "it": "Sta parlando con un assistente automatico. Dica operatore per parlare con una persona.",
    "pt": "Está a falar com um assistente automático. Diga operador para falar com uma pessoa.",
}
_BY_CHANNEL: Final = {
    "chat": _CHAT,
    "mcp": _CHAT,
    "phone": _SPOKEN,
    "voice": _SPOKEN,
    "push": _SHORT,
    "rcs": _SHORT,
    "sms": _SHORT,
    "whatsapp": _SHORT,
}

DISCLOSED_LANGUAGES: Final = tuple(sorted(_WRITTEN))

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._:@/+-]+")


def disclosure(language: str, channel: str) -> str:
    """Give the sentence by which automation says that it is.

    Parameters
    ----------
    language
        ISO 639-1 code, with or without a region: `de`, `pt-BR`, `fr_CA`.
    channel
        Where it is said: conversations offer a person, short messages are short.

    Examples
    --------
    >>> disclosure("de-AT", "sms")
    'Automatisch gesendet.'
    >>> disclosure("fi", "chat") == disclosure("en", "chat")
    True
    """
    sentences = _BY_CHANNEL.get(channel, _WRITTEN)
    return sentences.get(language[:2].lower(), sentences[LANGUAGE_DEFAULT])


def provenance(is_generated: bool, decision_id: str, model: str = "") -> str:
    """Write the value of `PROVENANCE_HEADER`.

    Notes
    -----
    `no` says that people wrote the words, though automation chose and sent them. What could end
    a header line is replaced, so nothing can be smuggled in by a model's name.

    Examples
    --------
    >>> provenance(True, "d_4tq2rs7kd5e3u", "gpt-x")
    'yes; decision=d_4tq2rs7kd5e3u; model=gpt-x'
    >>> provenance(False, "d_4tq2rs7kd5e3u")
    'no; decision=d_4tq2rs7kd5e3u'
    """
    parts = ["yes" if is_generated else "no", f"decision={_UNSAFE.sub('_', decision_id)}"]
    if is_generated and model:
        parts.append(f"model={_UNSAFE.sub('_', model)}")
    return "; ".join(parts)
