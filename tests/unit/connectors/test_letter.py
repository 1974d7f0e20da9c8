"""A message as e-mail: what its headers say, and what no text can make of them."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.connectors.letter import (
    BadAddress,
    Sender,
    compose,
    message_id,
    normal_address,
    on_one_line,
)
from heedful.connectors.phrases import PHRASES
from heedful.effects import Content, MessageClass, OutboundEffect, SendMessage

SENDER = Sender("The Shop", "hello@shop.example", "desk@shop.example", "Street 1\n12345 Town")
LINK = "https://shop.example/v1/unsubscribe/" + "AbC-_9" * 20
NOW = 1_700_000_000_000
HEADERS = [
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Precedence",
    "X-Heedful-Decision",
    "X-AI-Generated",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "MIME-Version",
    "Content-Type",
    "Content-Language",
]
WORDS = st.text(st.characters(codec="utf-8"), max_size=300)


def written(
    content: Content,
    message_class: MessageClass = "promotional",
    url: str = LINK,
    *,
    effect_id: str = "e_1",
    sender: Sender = SENDER,
) -> bytes:
    """Compose a message."""
    send = SendMessage("email", {}, message_class, content, "help")
    effect = OutboundEffect(effect_id, "d_1", "c_1", send, 0, 1, "email")
    return compose(effect, send, sender, "ann@example.com", now=NOW, unsubscribe_url=url)


def read(raw: bytes) -> EmailMessage:
    """Read a message as a mail program does."""
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def parts(mail: EmailMessage) -> tuple[str, str]:
    """Give the text and the HTML."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


class Page(HTMLParser):
    """The elements, links and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_promotional_message_carries_all_that_it_must() -> None:
    content = Content(
        "Free shipping", "Hello,\nyou.\n\nBye.", "https://shop.example/?a=1&b=2", "de"
    )
    mail = read(written(content))
    assert mail.keys() == HEADERS
    assert mail["From"] == "The Shop <hello@shop.example>"
    assert mail["To"] == "ann@example.com"
    assert mail["Reply-To"] == "desk@shop.example"
    assert mail["Subject"] == "Free shipping"
    assert mail["Date"].datetime.timestamp() * 1000 == NOW
    assert mail["Message-ID"] == "<e_1@shop.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Heedful-Decision"] == "d_1"
    assert mail["X-AI-Generated"] == "false"
    assert mail["Content-Language"] == "de"
    assert mail["List-Unsubscribe"] == f"<{LINK}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = parts(mail)
    assert text == (
        "Hello,\nyou.\n\nBye.\n\nhttps://shop.example/?a=1&b=2\n\n-- \n"
        "Diese Nachricht wurde automatisch verschickt.\nStreet 1\n12345 Town\n"
        f"Abbestellen: {LINK}\n"
    )
    page = Page(html)
    assert page.links == ["https://shop.example/?a=1&b=2", LINK]
    for words in ("Free shipping", "Hello,", "Bye.", "12345 Town", "Abbestellen"):
        assert words in page.text


def test_a_link_to_unsubscribe_stands_on_one_line() -> None:
    # Folded over lines it would be legal, and many programs would not see it.
    assert f"List-Unsubscribe: <{LINK}>\r\n".encode() in written(Content("T", "B"))


def test_a_receipt_cannot_be_unsubscribed_from_and_names_no_address() -> None:
    mail = read(written(Content("Your order", "Thank you."), "transactional", ""))
    assert mail["List-Unsubscribe"] is None
    assert mail["List-Unsubscribe-Post"] is None
    assert mail["Precedence"] is None
    for said in parts(mail):
        assert "Street 1" not in said
        assert "Unsubscribe" not in said
        assert PHRASES["en"].automatic in said


@pytest.mark.parametrize("language", sorted(PHRASES))
def test_what_a_machine_wrote_says_so_in_its_language(language: str) -> None:
    mail = read(written(Content("T", "B", "", language, is_generated=True)))
    assert mail["X-AI-Generated"] == "true"
    text, html = parts(mail)
    assert PHRASES[language].generated in text
    assert PHRASES[language].generated in Page(html).text
    assert len({p.generated for p in PHRASES.values()}) == len(PHRASES)


def test_an_unknown_language_says_it_in_english() -> None:
    text, _ = parts(read(written(Content("T", "B", "", "eo"))))
    assert PHRASES["en"].automatic in text


@given(WORDS, WORDS, WORDS, WORDS)
def test_no_text_makes_a_header_an_element_or_a_part(
    title: str, body: str, url: str, language: str
) -> None:
    raw = written(Content(title, body, url, language))
    mail = read(raw)
    assert mail.keys() == HEADERS[: len(mail.keys())]
    assert mail["Content-Type"] is not None
    assert mail["To"] == "ann@example.com"
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    _, html = parts(mail)
    page = Page(html)
    known = {"html", "head", "meta", "title", "body", "h1", "p", "br", "a", "hr", "small"}
    assert set(page.elements) <= known
    assert all(link.startswith(("http://", "https://")) for link in page.links)
    assert page.links[-1] == LINK


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//x.example", "/path", "https://", "http://["],
)
def test_a_link_that_cannot_be_followed_is_left_out(url: str) -> None:
    text, html = parts(read(written(Content("T", "B", url))))
    assert Page(html).links == [LINK]
    assert text.count("://") == 1


@pytest.mark.parametrize("field", ["title", "body"])
def test_text_that_is_no_unicode_is_refused(field: str) -> None:
    broken = msgspec.structs.replace(Content("T", "B"), **{field: "\ud800"})
    with pytest.raises(ValueError):
        written(broken)


def test_what_is_shown_of_the_sender_cannot_break_out() -> None:
    sender = SENDER._replace(name='A" <evil@x.example>,\r\nBcc: all@x.example')
    mail = read(written(Content("T", "B"), sender=sender))
    assert mail.keys() == HEADERS
    assert [a.addr_spec for a in mail["From"].addresses] == ["hello@shop.example"]


@pytest.mark.parametrize(
    ("effect_id", "named"),
    [("e_1", "<e_1@shop.example>"), ("E-9_x", "<E-9_x@shop.example>")],
)
def test_a_message_is_named_after_its_effect(effect_id: str, named: str) -> None:
    assert message_id(effect_id, "hello@shop.example") == named


@pytest.mark.parametrize("effect_id", ["", "a b", "a@b", "a>\r\nBcc: x", "é", "x" * 65, "\ud800"])
def test_an_odd_effect_id_is_hashed(effect_id: str) -> None:
    named = message_id(effect_id, "hello@shop.example")
    assert named.isascii()
    assert len(named) == 40 + len("<@shop.example>")
    assert read(written(Content("T", "B"), effect_id=effect_id))["Message-ID"] == named


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    line = on_one_line(text)
    assert len(line.splitlines()) <= 1
    assert on_one_line(line) == line


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann.O'Hara+tag@mail.example.co.uk", "Ann.O'Hara+tag@mail.example.co.uk"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@localhost", "ann@localhost"),
    ],
)
def test_an_address_is_normal(text: str, normal: str) -> None:
    assert normal_address(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@@example.com",
        "a b@example.com",
        "ann@exa mple.com",
        "ann@example.com\r\nBcc: x@y.example",
        "ann\n@example.com",
        "ann@example.com, bob@example.com",
        "<ann@example.com>",
        "Ann <ann@example.com>",
        '"a b"@example.com',
        "ann.@example.com",
        ".ann@example.com",
        "a..b@example.com",
        "jörg@example.com",
        "ann@-example.com",
        "ann@example..com",
        "ann@[127.0.0.1]",
        "ann@\ud800.example",
        "ann@" + "é" * 70 + ".example",
        "x" * 65 + "@example.com",
        "ann@" + "x." * 130 + "com",
        "ann\x00@example.com",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        normal_address(text)


@given(st.text())
def test_no_address_holds_what_would_break_out(text: str) -> None:
    try:
        found = normal_address(text + "@example.com")
    except BadAddress:
        return
    assert found.isascii()
    assert set('\r\n\0 <>,;:"\\').isdisjoint(found)
