"""Automation says that it is, everywhere, and cannot be made to say something else."""

from __future__ import annotations

import pytest

from heedful.govern import DISCLOSED_LANGUAGES, disclosure, provenance

CHANNELS = ("email", "sms", "push", "inapp", "chat", "phone", "whatsapp", "mcp", "carrier pigeon")


def test_six_languages_are_there() -> None:
    assert DISCLOSED_LANGUAGES == ("de", "en", "es", "fr", "it", "pt")


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_language_has_a_sentence_of_its_own(channel: str) -> None:
    sentences = [disclosure(language, channel) for language in DISCLOSED_LANGUAGES]
    assert len(set(sentences)) == len(sentences)
    assert all("auto" in sentence.lower() for sentence in sentences)


@pytest.mark.parametrize("language", ["pt-BR", "PT", "pt_PT", "pt"])
def test_a_region_does_not_matter(language: str) -> None:
    assert disclosure(language, "chat") == disclosure("pt", "chat")


@pytest.mark.parametrize("language", ["", "x", "fi", "zh-Hans"])
def test_another_language_gets_english(language: str) -> None:
    assert disclosure(language, "email") == disclosure("en", "email")


def test_short_messages_are_short() -> None:
    assert all(len(disclosure(language, "sms")) <= 30 for language in DISCLOSED_LANGUAGES)


def test_provenance_is_one_safe_header_value() -> None:
    value = provenance(True, "d_1", "evil\r\nBcc: all@example.com; decision=d_2")
    assert value == "yes; decision=d_1; model=evil_Bcc:_all@example.com_decision_d_2"
    assert provenance(False, "d_1", "gpt") == "no; decision=d_1"
