"""What people say to the shop's call centre, as its staff type it in."""

from __future__ import annotations

from random import Random
from typing import Final

# Topic -> language -> (calm, frustrated). Languages without sentences fall back to English.
_NOTES: Final[dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]]] = {
    "payment": {
        "en": (
            (
                "Card was declined for {product}, asks whether PayPal works instead.",
                "Customer says 3-D Secure page stayed white. Sent payment link by e-mail.",
            ),
            (
                "THIRD time the card is refused, money is on the account. Very annoyed.",
                "Payment failed again and again, says he will buy {product} elsewhere.",
            ),
        ),
        "de": (
            (
                "Karte bei {product} abgelehnt, Kundin fragt nach Kauf auf Rechnung.",
                "Kunde meldet Fehler bei der Zahlung, versucht es heute Abend noch einmal.",
            ),
            (
                "Jetzt zum dritten Mal abgelehnt! Kunde ist stinksauer, will einen Vorgesetzten.",
                "Zahlung geht seit einer Stunde nicht, Kundin sagt: so etwas Schlechtes noch nie.",
            ),
        ),
        "fr": (
            ("Carte refusée pour {product}, demande à payer par virement.",),
            ("Paiement refusé trois fois, cliente furieuse, veut parler à un responsable.",),
        ),
    },
    "return": {
        "en": (
            ("{product} too small, wants to exchange for one size up.",),
            ("Refund for {order} still not there after two weeks. Third call. Wants a manager.",),
        ),
        "de": (
            ("{product} passt nicht, Rücksendeetikett für {order} verschickt.",),
            ("Wartet seit drei Wochen auf das Geld für {order}. Droht mit Anwalt.",),
        ),
        "fr": (
            ("{product} ne convient pas, étiquette de retour envoyée.",),
            ("Toujours pas remboursé pour {order}, c'est inadmissible selon le client.",),
        ),
    },
    "delivery": {
        "en": (
            ("Asks when {order} arrives, tour starts on Saturday.",),
            ("Parcel {order} promised for Tuesday, nobody answers mails. Trip is ruined.",),
        ),
        "de": (
            ("Fragt, wann {order} kommt, Tour beginnt am Samstag.",),
            ("Paket {order} seit acht Tagen verschollen, niemand antwortet. Sehr verärgert.",),
        ),
        "fr": (
            ("Demande où en est la livraison de {order}.",),
            ("Colis {order} perdu, troisième appel, client très mécontent.",),
        ),
    },
    "advice": {
        "en": (
            (
                "Wants to know whether {product} is warm enough for minus ten.",
                "Asks if {product} fits wide feet. Recommended trying on in the shop.",
                "Lost her job, asks whether the instalments can be paused for two months.",
            ),
            ("Got two different answers on {product} from chat and phone. Confused and cross.",),
        ),
        "de": (
            (
                "Möchte wissen, ob {product} für eine Hüttentour reicht.",
                "Fragt nach der Größe bei {product}, breiter Fuß.",
            ),
            ("Der Chat hat ihn im Kreis geschickt, will endlich mit einem Menschen reden.",),
        ),
        "fr": (
            ("Demande conseil sur {product} pour un trek en automne.",),
            ("Le chat ne comprend rien, veut parler à une vraie personne.",),
        ),
    },
}

TOPICS: Final = tuple(_NOTES)


def write_note(
    rng: Random, topic: str, language: str, frustrated: bool, product: str, order: str
) -> str:
    """Write one call-centre note on the topic, in German, French or English."""
    by_language = _NOTES[topic]
    calm, cross = by_language.get(language, by_language["en"])
    return rng.choice(cross if frustrated else calm).format(product=product, order=order)
