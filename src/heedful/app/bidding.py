"""Bid ceilings, and files that ad platforms import: what the customers they found are worth.

Columns follow the platforms' own templates. Google Ads: click conversions, with a first row that
names the zone. Meta: offline events. People are named by click ids and SHA-256 hashes only, and
only those who have granted the purpose `marketing`.
"""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from heedful.app.measuring import span_of
from heedful.engine.acquiring import Arrived, arrived
from heedful.kernel import DAY_MS, SECOND_MS, hash_bytes
from heedful.measure.acquisition import Bid, GroupBy, bids

if TYPE_CHECKING:
    from heedful.app.application import App

Platform = Literal["google", "meta"]

MARKETING: Final = "marketing"
"""The purpose of consent without which nobody is named to a platform."""

GOOGLE_ZONE: Final = "Parameters:TimeZone=+0000"
GOOGLE_COLUMNS: Final = (
    "Google Click ID",
    "Email",
    "Phone Number",
    "Conversion Name",
    "Conversion Time",
    "Conversion Value",
    "Conversion Currency",
)
META_COLUMNS: Final = (
    "email",
    "phone",
    "external_id",
    "event_name",
    "event_time",
    "value",
    "currency",
)

_SEED: Final = 20_240_601  # of the bootstrap: the same log gives the same interval
_DOTLESS: Final = ("gmail.com", "googlemail.com")


class BidReport(msgspec.Struct, frozen=True, kw_only=True):
    """What customers are worth by origin."""

    target_payback_days: int
    currency: str
    by: GroupBy
    customers: int
    bids: list[Bid]


class ConversionFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that an ad platform imports."""

    platform: Platform
    rows: int
    text: str
    """CSV with the platform's columns."""


def report(app: App, payback: str, by: GroupBy) -> BidReport:
    """Value origins and give each its ceiling.

    Raises
    ------
    InputError
        `bad_span`, `span_too_long`, `no_lifetime_model`.
    """
    span = span_of(payback, "$.target_payback")
    rows = [one.acquired for one in arrived(app.store, app.engine.world, span, MARKETING)]
    return BidReport(
        target_payback_days=round(span / DAY_MS),
        currency=app.strategy.definitions.currency,
        by=by,
        customers=len(rows),
        bids=bids(rows, by, _SEED),
    )


def export(app: App, platform: Platform, name: str) -> ConversionFile:
    """Write the customers who ordered as conversions worth what they are worth in the long run.

    Parameters
    ----------
    name
        Of the conversion, as the platform knows it.

    Raises
    ------
    InputError
        `no_lifetime_model`.
    """
    people = arrived(app.store, app.engine.world, 0, MARKETING)
    currency = app.strategy.definitions.currency
    out = io.StringIO()
    if platform == "google":
        out.write(GOOGLE_ZONE + "\r\n")
    write = csv.writer(out, lineterminator="\r\n").writerow
    write(GOOGLE_COLUMNS if platform == "google" else META_COLUMNS)
    rows = 0
    for one in people:
        row = google_row(one) if platform == "google" else meta_row(one, app.secret)
        if row is None or one.first_order_at is None:
            continue
        rows += 1
        value = f"{max(one.acquired.value, 0.0):.2f}"
        if platform == "google":
            write([*row, name, google_time(one.first_order_at), value, currency])
        else:
            write([*row, name, one.first_order_at // SECOND_MS, value, currency])
    return ConversionFile(platform=platform, rows=rows, text=out.getvalue())


def google_row(one: Arrived) -> list[str] | None:
    """Name a person to Google Ads: click id, hashed e-mail, hashed number; None for nobody."""
    number = phone_digits(one.phone)
    hashed = [hashed_text(google_email(one.email)), hashed_text(number and f"+{number}")]
    named = [one.clicks.get("gclid", ""), *hashed]
    return named if any(named) else None


def meta_row(one: Arrived, secret: bytes) -> list[str] | None:
    """Name a person to Meta: hashed e-mail, hashed number, an id of ours; None for nobody."""
    email = one.email.strip().lower() if one.email else ""
    named = [hashed_text(email), hashed_text(phone_digits(one.phone))]
    if not any(named):
        return None
    return [*named, hash_bytes(secret, "ad platform", str(one.id)).hex()]


def google_email(email: str | None) -> str:
    """Normalise an e-mail address as Google asks: small letters, and no dots before gmail.com.

    Examples
    --------
    >>> google_email(" Ada.Lovelace@Gmail.com ")
    'adalovelace@gmail.com'
    """
    local, at, domain = (email or "").strip().lower().partition("@")
    return (local.replace(".", "") if domain in _DOTLESS else local) + at + domain


def phone_digits(phone: str | None) -> str:
    """Give the digits of an international number; one without a country code names nobody.

    Examples
    --------
    >>> phone_digits("+49 (0)30 1234-5"), phone_digits("0049 30 12345"), phone_digits("030 12345")
    ('493012345', '493012345', '')
    """
    text = (phone or "").replace("(0)", "").strip()
    digits = "".join(c for c in text if c.isascii() and c.isdigit())
    if text.startswith("+"):
        return digits
    return digits[2:] if digits.startswith("00") else ""


def hashed_text(text: str) -> str:
    """Give the SHA-256 of a text in small hex letters; nothing for nothing."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def google_time(at: int) -> str:
    """Write an instant in UTC as Google's import reads it.

    Examples
    --------
    >>> google_time(1_700_000_000_000)
    '2023-11-14 22:13:20'
    """
    return datetime.fromtimestamp(at / SECOND_MS, UTC).strftime("%Y-%m-%d %H:%M:%S")
