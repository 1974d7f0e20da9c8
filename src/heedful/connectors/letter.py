"""A message as e-mail: headers that filters and laws ask for, a text part and an HTML part.

The law: nothing that came from outside becomes a header or markup. Line ends and control characters
are taken out of what is shown in a header, an address that holds any is refused, and every word in
the HTML is escaped.
"""

from __future__ import annotations

import re
import unicodedata
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, Policy
from email.utils import formatdate
from hashlib import blake2b
from html import escape
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from heedful.connectors.phrases import Phrases, phrases_for
from heedful.effects import OutboundEffect, SendMessage
from heedful.kernel import SECOND_MS

SUBJECT_CHARS_MAX: Final = 250
"""Characters of a subject; the rest is cut off."""

_ADDRESS_CHARS_MAX: Final = 254  # RFC 5321 with erratum 1690
_LOCAL_CHARS_MAX: Final = 64
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")
_PARAGRAPHS: Final = re.compile(r"\n[ \t]*\n\s*")
_LINE_ENDS: Final = re.compile("\r\n|[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_DOMAIN: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9-]{1,63}"
)
_LOCAL: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)


class BadAddress(ValueError):
    """A text that is no e-mail address, or one that would break out of its header."""


class Sender(NamedTuple):
    """From whom mail comes, and what must stand below it."""

    name: str
    address: str
    reply_to: str
    postal_address: str


class _Verbatim(UnstructuredHeader, BaseHeader):
    """A header of ASCII that is never folded: a folded link is one that mail programs miss."""

    def fold(self, *, policy: Policy[Any]) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _policy() -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    for name in ("list-unsubscribe", "message-id"):
        registry.map_to_type(name, _Verbatim)
    return SMTP.clone(header_factory=registry)


_POLICY: Final = _policy()


def compose(
    effect: OutboundEffect,
    message: SendMessage,
    sender: Sender,
    recipient: str,
    *,
    now: int,
    unsubscribe_url: str,
) -> bytes:
    """Write a message as the bytes that are handed to a server.

    Parameters
    ----------
    recipient
        As `normal_address` gives it.
    now
        Milliseconds, for the Date.
    unsubscribe_url
        With its token; empty for a message that nobody can unsubscribe from.

    Raises
    ------
    ValueError
        The words cannot be written as UTF-8.
    """
    content = message.content
    phrases = phrases_for(content.language)
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _shown(sender.name, sender.address)
    mail["To"] = _shown("", recipient)
    if sender.reply_to:
        mail["Reply-To"] = _shown("", sender.reply_to)
    mail["Subject"] = on_one_line(content.title)[:SUBJECT_CHARS_MAX]
    mail["Date"] = formatdate(now // SECOND_MS, usegmt=True)
    mail["Message-ID"] = message_id(effect.id, sender.address)
    _add_provenance(mail, effect, message)
    if unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    footer = _footer(message, sender, phrases, unsubscribe_url)
    mail.set_content(_text(message, footer), cte="quoted-printable")
    mail.add_alternative(_html(message, footer), subtype="html", cte="quoted-printable")
    if _LANGUAGE.fullmatch(content.language):
        mail["Content-Language"] = content.language
    return mail.as_bytes()


def _add_provenance(mail: EmailMessage, effect: OutboundEffect, message: SendMessage) -> None:
    mail["Auto-Submitted"] = "auto-generated"
    if message.message_class == "promotional":
        mail["Precedence"] = "bulk"
    # Machine-readable: decided by a machine, written by one or not, and where to ask why.
    mail["X-Heedful-Decision"] = on_one_line(effect.decision_id)[:SUBJECT_CHARS_MAX]
    mail["X-AI-Generated"] = "true" if message.content.is_generated else "false"


def message_id(effect_id: str, sender_address: str) -> str:
    """Name a message after its effect: a copy of it has the same name.

    Examples
    --------
    >>> message_id("e_1", "hello@shop.example")
    '<e_1@shop.example>'
    """
    if not _ID.fullmatch(effect_id):
        effect_id = blake2b(effect_id.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
    return f"<{effect_id}@{sender_address.rpartition('@')[2]}>"


def on_one_line(text: str) -> str:
    """Take line ends and control characters out of a text.

    Examples
    --------
    >>> on_one_line("Hello\\r\\nBcc: all@example.com")
    'Hello Bcc: all@example.com'
    """
    # Formatting characters (Cf) stay: emoji are joined by them.
    plain = (" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    return " ".join("".join(plain).split())


def normal_address(text: str) -> str:
    """Check an e-mail address and write its domain in ASCII.

    Raises
    ------
    BadAddress
        It is none, or one that few servers take: quoted, or not ASCII before the `@`.

    Examples
    --------
    >>> normal_address("ann@bücher.example")
    'ann@xn--bcher-kva.example'
    """
    local, _, domain = text.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadAddress from error
    address = f"{local}@{domain}"
    is_short = len(address) <= _ADDRESS_CHARS_MAX and len(local) <= _LOCAL_CHARS_MAX
    if not (is_short and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise BadAddress
    return address


def _shown(name: str, address: str) -> Address:
    return Address(display_name=on_one_line(name), addr_spec=address)


class _Footer(NamedTuple):
    lines: tuple[str, ...]
    unsubscribe: str
    url: str


def _footer(message: SendMessage, sender: Sender, phrases: Phrases, url: str) -> _Footer:
    said = phrases.generated if message.content.is_generated else phrases.automatic
    is_promotional = message.message_class == "promotional"
    address = _lines(sender.postal_address) if is_promotional else []
    return _Footer((said, *address), phrases.unsubscribe, url)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in _LINE_ENDS.sub("\n", text).split("\n") if line.strip()]


def _plain(text: str) -> str:
    # A control character is legal in no mail and no page; tabs and line ends are layout.
    unified = _LINE_ENDS.sub("\n", text)
    return "".join(c for c in unified if c in "\n\t" or unicodedata.category(c) != "Cc").strip()


def _link(url: str) -> str:
    """Give a link that can be followed from a mail, or nothing."""
    url = "".join(url.split())
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


def _text(message: SendMessage, footer: _Footer) -> str:
    blocks = [_plain(message.content.body), _link(message.content.url)]
    closing = [*footer.lines]
    if footer.url:
        closing.append(f"{footer.unsubscribe}: {footer.url}")
    below = "-- \n" + "\n".join(closing)
    return "\n\n".join([*filter(None, blocks), below]) + "\n"


def _html(message: SendMessage, footer: _Footer) -> str:
    content = message.content
    language = content.language if _LANGUAGE.fullmatch(content.language) else "en"
    title = escape(on_one_line(content.title))
    parts = [f"<h1>{title}</h1>"] if title else []
    for paragraph in _PARAGRAPHS.split(_plain(content.body)):
        if paragraph:
            parts.append(f"<p>{escape(paragraph).replace(chr(10), '<br>')}</p>")
    if link := _link(content.url):
        parts.append(f'<p><a href="{escape(link)}">{escape(link)}</a></p>')
    small = [escape(line) for line in footer.lines]
    if footer.url:
        small.append(f'<a href="{escape(footer.url)}">{escape(footer.unsubscribe)}</a>')
    parts.append(f"<hr><p><small>{'<br>'.join(small)}</small></p>")
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{title}</title></head>\n"
        f'<body dir="auto">\n{chr(10).join(parts)}\n</body></html>\n'
    )
