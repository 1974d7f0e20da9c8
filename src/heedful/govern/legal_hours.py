"""When promotional messages may make themselves heard, by country and channel: data, with source.

An engineering reading, not legal advice. `standing` says what a rule is: a `law`, a binding or
recognised `code` of the trade, or mere `practice` where nobody wrote hours down. Rules on calls
hold for `phone`; those that also govern texts name `sms` and what rings like it. E-mail and push
have no hours in any of these laws: the workspace's own quiet hours are all there is.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Window = tuple[int, int]
"""From and until, in minutes of the local day; `until` is no longer open."""

TEXT: Final = ("sms", "whatsapp", "rcs")
CALL: Final = ("phone",)
AUDIBLE: Final = (*CALL, *TEXT)
"""Channels that make themselves heard and that a rule may therefore bind."""

SATURDAY: Final = 5
SUNDAY: Final = 6
HOLIDAY: Final = 7
"""Day of the week that a public holiday counts as, where a rule speaks of holidays."""

EVERYWHERE: Final = "*"
"""The rule where a country has none: what providers of text messages enforce by default."""


class LegalHours(NamedTuple):
    """When one country or region lets promotional messages go out on some channels."""

    country: str
    """ISO 3166-1 alpha-2, or ISO 3166-2 for a region whose rule is stricter."""
    channels: tuple[str, ...]
    weekdays: tuple[Window, ...]
    saturday: tuple[Window, ...]
    sunday: tuple[Window, ...]
    holiday: tuple[Window, ...] | None
    """None where the rule does not speak of holidays: such a day counts by its weekday."""
    standing: Literal["law", "code", "practice"]
    source: str
    is_eve_saturday: bool = False
    """Whether the day before a holiday counts as a Saturday."""

    def windows(self, day: int) -> tuple[Window, ...]:
        """Give the open windows of a day of the week; Monday is 0, a holiday is 7."""
        if day == HOLIDAY:
            return self.sunday if self.holiday is None else self.holiday
        if day == SUNDAY:
            return self.sunday
        return self.saturday if day == SATURDAY else self.weekdays


def _open(start: float, end: float) -> tuple[Window, ...]:
    return ((int(start * 60), int(end * 60)),)


_CLOSED: Final[tuple[Window, ...]] = ()

LEGAL_HOURS: Final = (
    LegalHours(
        "AU", CALL, _open(9, 20), _open(9, 17), _CLOSED, _CLOSED, "law",
        "Telecommunications (Telemarketing and Research Calls) Industry Standard 2017",
    ),
    LegalHours(
        "CA", CALL, _open(9, 21.5), _open(10, 18), _open(10, 18), None, "law",
        "CRTC Unsolicited Telecommunications Rules, Part III, hours of telemarketing",
    ),
    LegalHours(
        "CH", CALL, _open(8, 20.5), _open(9, 16), _CLOSED, _CLOSED, "code",
        "Ehrenkodex Telemarketing of the Swiss call centre trade (CallNet.ch)",
    ),
    LegalHours(
        "DE", AUDIBLE, _open(8, 20), _open(9, 18), _CLOSED, _CLOSED, "code",
        "Branchenkodex of CCV and DDV (2015), which the Bundesnetzagentur consults for § 7 (1) "
        "UWG; applied to texts by analogy",
    ),
    LegalHours(
        "ES", CALL, _open(9, 21), _CLOSED, _CLOSED, _CLOSED, "law",
        "Real Decreto Legislativo 1/2007 (TRLGDCU), art. 96.2",
    ),
    LegalHours(
        "FR", CALL, ((600, 780), (840, 1200)), _CLOSED, _CLOSED, _CLOSED, "law",
        "Code de la consommation, art. D. 223-9 (décret n° 2022-1313 du 13 octobre 2022)",
    ),
    LegalHours(
        "FR", TEXT, _open(8, 22), _open(8, 22), _CLOSED, _CLOSED, "code",
        "Charte de déontologie Business Messaging of af2m (2024): working days, 8 h to 22 h",
    ),
    LegalHours(
        "GB", CALL, _open(8, 21), _open(9, 21), _CLOSED, _CLOSED, "code",
        "DMA Telemarketing Guide; the ICO's direct marketing guidance forbids antisocial hours",
    ),
    LegalHours(
        "IT", CALL, _open(9, 20), _open(10, 19), _CLOSED, _CLOSED, "code",
        "Codice di condotta telemarketing e teleselling, Garante, provv. n. 148 del 7 marzo 2024",
        is_eve_saturday=True,
    ),
    LegalHours(
        "NL", CALL, _open(9, 22), _open(10, 16), _CLOSED, _CLOSED, "code",
        "Code Telemarketing (CTM 2012), art. 9, Nederlandse Reclame Code",
    ),
    LegalHours(
        "PT", CALL, _open(9, 22), _open(9, 22), _open(9, 22), None, "law",
        "Decreto-Lei n.º 134/2009, de 2 de junho (centros telefónicos de relacionamento)",
    ),
    LegalHours(
        "US", AUDIBLE, _open(8, 21), _open(8, 21), _open(8, 21), None, "law",
        "TCPA, 47 CFR 64.1200(c)(1): 8 a.m. to 9 p.m. at the called party's location",
    ),
    LegalHours(
        "US-FL", AUDIBLE, _open(8, 20), _open(8, 20), _open(8, 20), None, "law",
        "Florida Statutes 501.616(6)",
    ),
    LegalHours(
        "US-TX", AUDIBLE, _open(9, 21), _open(9, 21), _open(12, 21), None, "law",
        "Texas Business and Commerce Code § 301.051",
    ),
    LegalHours(
        "US-WA", AUDIBLE, _open(8, 20), _open(8, 20), _open(8, 20), None, "law",
        "Revised Code of Washington 19.158.040(2)",
    ),
    LegalHours(
        EVERYWHERE, AUDIBLE, _open(8, 20), _open(8, 20), _open(8, 20), None, "practice",
        "The default quiet hours of text message providers, 20:00 to 08:00",
    ),
)  # fmt: skip

ZONES: Final[dict[str, tuple[str, ...]]] = {
    "AT": ("Europe/Vienna",),
    "AU": ("Australia/Perth", "Australia/Darwin", "Australia/Brisbane", "Australia/Sydney"),
    "BE": ("Europe/Brussels",),
    "CA": ("America/St_Johns", "America/Toronto", "America/Winnipeg", "America/Vancouver"),
    "CH": ("Europe/Zurich",),
    "DE": ("Europe/Berlin",),
    "ES": ("Europe/Madrid", "Atlantic/Canary"),
    "FR": ("Europe/Paris",),
    "GB": ("Europe/London",),
    "IE": ("Europe/Dublin",),
    "IT": ("Europe/Rome",),
    "LU": ("Europe/Luxembourg",),
    "NL": ("Europe/Amsterdam",),
    "PT": ("Europe/Lisbon", "Atlantic/Azores"),
    "US": ("America/New_York", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu"),
}
"""The zones between which a country lies: where a person's own is unknown, quiet in one of them
is quiet. The outermost ones suffice, since the hours of those between overlap with theirs."""
