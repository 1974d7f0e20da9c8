"""What people write when they want no more messages is heard; what looks like it is not."""

from __future__ import annotations

import pytest

from heedful.govern import opt_out
from heedful.govern.opt_out import fold_text
from tests.unit.govern.phrases import OPT_OUTS, OTHERS

POSITIVE = [(language, said) for language, phrases in OPT_OUTS.items() for said in phrases]
NEGATIVE = [(language, said) for language, phrases in OTHERS.items() for said in phrases]


def test_every_language_is_well_covered() -> None:
    assert all(len(OPT_OUTS[language]) >= 30 for language in ("en", "de", "fr", "es", "it", "pt"))
    assert all(len(OTHERS[language]) >= 15 for language in OPT_OUTS)


@pytest.mark.parametrize(("language", "said"), POSITIVE)
def test_an_opt_out_is_heard(language: str, said: str) -> None:
    assert opt_out(said) is not None
    assert opt_out(said, language) is not None
    assert opt_out(f"  {said.upper()} 😡 ") is not None


@pytest.mark.parametrize(("language", "said"), NEGATIVE)
def test_what_looks_like_it_is_not(language: str, said: str) -> None:
    assert opt_out(said) is None
    assert opt_out(said, language) is None


@pytest.mark.parametrize(
    ("said", "scope", "channels", "confidence"),
    [
        ("STOP", "channel", (), "keyword"),
        ("stop all", "all", (), "keyword"),
        ("Stop SMS", "channel", ("sms",), "keyword"),
        ("unsubscribe", "channel", (), "keyword"),
        ("please unsubscribe me from everything", "all", (), "explicit"),
        ("stop texting me", "channel", ("sms",), "explicit"),
        ("stop sending me emails", "channel", ("email",), "explicit"),
        ("No more texts or calls", "channel", ("phone", "sms"), "explicit"),
        ("Don't call me, email me instead", "channel", ("phone",), "explicit"),
        ("never contact me again", "all", (), "explicit"),
        ("remove me from your list", "all", (), "explicit"),
        ("leave me alone", "all", (), "implied"),
        ("Leave me alone. No more emails!", "channel", ("email",), "explicit"),
        ("bitte keine Mails mehr", "channel", ("email",), "explicit"),
        ("bitte keine SMS oder Anrufe mehr", "channel", ("phone", "sms"), "explicit"),
        ("keine Werbung mehr", "channel", (), "explicit"),
        ("lasst mich in Ruhe", "all", (), "implied"),
        ("ne m'écrivez plus", "all", (), "explicit"),
        ("ne m'appelez plus", "channel", ("phone",), "explicit"),
        ("Laissez-moi tranquille", "all", (), "implied"),
        ("no me manden más", "channel", (), "explicit"),
        ("No más correos", "channel", ("email",), "explicit"),
        ("déjenme en paz", "all", (), "implied"),
        ("não quero mais", "channel", (), "keyword"),
        ("não me liguem mais", "channel", ("phone",), "explicit"),
        ("lasciatemi in pace", "all", (), "implied"),
        ("No me manden más correos ni llamadas", "channel", ("email", "phone"), "explicit"),
        ("Não me mande mais SMS", "channel", ("sms",), "explicit"),
        ("Ne m'envoyez plus de mails", "channel", ("email",), "explicit"),
        ("Arrêtez de m'envoyer des SMS", "channel", ("sms",), "explicit"),
        ("Dejen de mandarme mensajes de whatsapp", "channel", ("whatsapp",), "explicit"),
        ("Pare de me mandar emails", "channel", ("email",), "explicit"),
        ("Smettete di mandarmi email", "channel", ("email",), "explicit"),
        ("Hört auf mir SMS zu schicken", "channel", ("sms",), "explicit"),
        ("Non mandatemi più SMS", "channel", ("sms",), "explicit"),
    ],
)
def test_scope_and_confidence(
    said: str, scope: str, channels: tuple[str, ...], confidence: str
) -> None:
    found = opt_out(said)
    assert found is not None
    assert (found.scope, found.channels, found.confidence) == (scope, channels, confidence)


@pytest.mark.parametrize(
    "said",
    ["st\u200bop", "ＳＴＯＰ", "𝐒𝐓𝐎𝐏", "S.T.O.P.", "*stop*", "stop 🛑🛑", "\n\nStop.\n"],
)
def test_disguises_of_a_stop_word(said: str) -> None:
    found = opt_out(said)
    assert found is not None
    assert found.confidence == "keyword"


def test_a_word_of_another_language_needs_that_language() -> None:
    assert opt_out("fine") is None
    assert opt_out("fine", "en") is None
    found = opt_out("Fine, grazie", "it-IT")
    assert found is not None
    assert found.confidence == "keyword"


@pytest.mark.parametrize(
    "said",
    [
        "Great shoes, thanks!\n> You can unsubscribe here\n> No more emails? Click",
        "Great shoes!\n\nOn Mon, 1 Jun 2026 at 10:00, Shop <hi@shop.example> wrote:\nunsubscribe",
        "Tolle Schuhe!\n\nAm 1. Juni schrieb Laden:\nVom Newsletter abmelden",
        "Merci !\n\nLe 1 juin, Boutique a écrit :\nVous désabonner",
        "Gracias\n\nEl lun, 1 jun, Tienda escribió:\nPuede darse de baja aquí, darme de baja",
        "Obrigado\n\nEm 1 de junho, Loja escreveu:\nPara se descadastrar, clique",
        "Grazie\n\nIl giorno 1 giu, Negozio ha scritto:\nPer disiscriverti",
        "Thanks\n-----Original Message-----\nTo unsubscribe reply STOP",
    ],
    ids=["quoted", "en", "de", "fr", "es", "pt", "it", "outlook"],
)
def test_quoted_lines_are_not_their_words(said: str) -> None:
    assert opt_out(said) is None


def test_their_own_words_above_a_quotation_are() -> None:
    found = opt_out("Please unsubscribe me\n\nOn Mon, 1 Jun, Shop wrote:\nBuy boots!")
    assert found is not None


def test_only_the_beginning_of_a_long_message_is_read() -> None:
    assert opt_out("a long story. " * 200 + "stop texting me") is None
    assert opt_out("a long story. " * 100 + "stop texting me") is not None


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ne m’écrivez PLUS… s'il vous plaît ?", "ne m ecrivez plus s il vous plait ?"),
        ("NÃO QUERO MAIS!!!", "nao quero mais"),
        ("Groß & klein", "gross klein"),
        ("S T O P", "stop"),
        ("nooooo", "no"),
        ("💥\u200d", ""),
    ],
)
def test_fold_text(text: str, folded: str) -> None:
    assert fold_text(text) == folded
