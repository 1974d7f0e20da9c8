"""Who visits the shop: people, their devices, and the devices that several people share.

A person is drawn once and never changes; what happens to them is in `sessions` and `population`.
All of it is a function of the given `random.Random`.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final, Literal

import msgspec

from examples.shop.calls import DAY_MS, Source
from examples.shop.catalogue import CATEGORIES

KIOSK_ID: Final = "kiosk-munich-01"
"""The cookie of the terminal in the shop, under which dozens of people have logged in."""

PEOPLE_PER_TABLET: Final = 3
PREFIXES: Final = {"DE": "+49", "FR": "+33", "NL": "+31", "AT": "+43", "IT": "+39", "ES": "+34"}
CITIES: Final = {
    "DE": ("München", "Berlin", "Köln", "Freiburg", "Kempten", "Leipzig", "Hamburg"),
    "FR": ("Grenoble", "Lyon", "Annecy", "Paris", "Strasbourg"),
    "NL": ("Utrecht", "Amsterdam", "Eindhoven", "Nijmegen"),
    "AT": ("Innsbruck", "Wien", "Salzburg", "Bludenz"),
    "IT": ("Bolzano", "Torino", "Trento", "Milano"),
    "ES": ("Barcelona", "Bilbao", "Granada", "Madrid"),
}
LANGUAGES: Final = {"DE": "de", "FR": "fr", "NL": "nl", "AT": "de", "IT": "it", "ES": "es"}
_FIRST: Final = (
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Elif",
    "Felix",
    "Greta",
    "Hugo",
    "Ines",
    "Jan",
    "Karim",
    "Lea",
    "Marco",
    "Nora",
    "Olaf",
    "Paula",
    "Quentin",
    "Rosa",
    "Sven",
    "Tessa",
    "Umut",
    "Vera",
    "Willem",
    "Yara",
    "Zoé",
)
_LAST: Final = (
    "Bauer",
    "Moreau",
    "Jansen",
    "Huber",
    "Rossi",
    "García",
    "Keller",
    "Dubois",
    "Bakker",
    "Steiner",
    "Ferrari",
    "Romero",
    "Wolf",
    "Lefèvre",
    "Visser",
    "Gruber",
    "Conti",
    "Navarro",
    "Schmid",
    "Girard",
)
_COMPANIES: Final = (
    ("acc-alpschule", "Alpschule Nord", "education", 24),
    ("acc-bergwacht", "Bergwacht Süd", "rescue", 180),
    ("acc-guides", "Guides des Aiguilles", "guiding", 12),
    ("acc-huettenwerk", "Hüttenwerk GmbH", "hospitality", 55),
)
_ASCII: Final = str.maketrans("éèíü", "eeiu")


class Device(msgspec.Struct, frozen=True):
    """A browser or an app with its anonymous id, from a moment on."""

    kind: Literal["laptop", "phone", "tablet", "kiosk"]
    source: Source
    anonymous_id: str
    from_ms: int = 0
    is_shared: bool = False


class Account(msgspec.Struct, frozen=True):
    """A company that buys for its staff."""

    group_id: str
    name: str
    industry: str
    employees: int


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who visits the shop; `user_id` is None for those who never log in."""

    number: int
    user_id: str | None
    traits: dict[str, Any]
    devices: tuple[Device, ...]
    tastes: tuple[str, ...]
    country: str
    city: str
    language: str
    consents: dict[str, bool]
    """Segment's consent categories and the answer at the first visit."""
    has_gpc: bool
    """The browser sends Global Privacy Control."""
    pays_badly: bool
    returns_often: bool
    is_irritable: bool
    account: Account | None
    legacy_id: str | None
    """The user id in the shop system before the migration."""


def _devices(rng: Random, number: int, kiosk: bool) -> tuple[Device, ...]:
    devices = [Device("laptop", "web", f"w-{number:05d}-{rng.getrandbits(32):08x}")]
    # Half of the phones join within the first day: a known person returns as a stranger.
    if rng.random() < 0.6:
        start = rng.randrange(DAY_MS) if rng.random() < 0.5 else 0
        devices.append(Device("phone", "app", f"a-{number:05d}-{rng.getrandbits(32):08x}", start))
    if rng.random() < 0.2:
        start = rng.randrange(2 * DAY_MS)
        devices.append(Device("phone", "web", f"w-{number:05d}-{rng.getrandbits(32):08x}", start))
    if number % 10 < PEOPLE_PER_TABLET:
        devices.append(Device("tablet", "web", f"tablet-{number // 10:04d}", 0, True))
    if kiosk:
        devices.append(Device("kiosk", "web", KIOSK_ID, 0, True))
    return tuple(devices)


def _traits(rng: Random, number: int, country: str) -> dict[str, Any]:
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    local = f"{first}.{last}".lower().translate(_ASCII)
    traits: dict[str, Any] = {
        "name": f"{first} {last}",
        "firstName": first,
        "lastName": last,
        "email": f"{local}{number}@example.org",
        "country": country,
        "value_class": rng.choices(("low", "middle", "high", "top"), (50, 30, 15, 5))[0],
        "first_source": rng.choice(("search", "friend", "newsletter", "ad", "shop visit")),
    }
    if rng.random() < 0.6:
        traits["phone"] = f"{PREFIXES[country]}15{rng.randrange(10**8):08d}"
    return traits


def draw_person(rng: Random, number: int) -> Person:
    """Draw the person with this number; every sixth never logs in."""
    country = rng.choices(tuple(CITIES), (45, 15, 12, 14, 8, 6))[0]
    is_stranger = number % 6 == 5
    city, language = rng.choice(CITIES[country]), LANGUAGES[country]
    tastes = tuple(rng.sample(CATEGORIES, 3))
    traits = _traits(rng, number, country) | {
        "city": city,
        "language": language,
        "interests": list(tastes),
    }
    has_gpc = rng.random() < 0.08
    analytics, advertising = rng.random() < 0.8, rng.random() < 0.5 and not has_gpc
    return Person(
        number=number,
        user_id=None if is_stranger else f"u{1000 + number}",
        traits=traits,
        devices=_devices(rng, number, kiosk=not is_stranger and rng.random() < 0.3),
        tastes=tastes,
        country=country,
        city=city,
        language=language,
        consents={"Advertising": advertising, "Analytics": analytics, "Functional": True},
        has_gpc=has_gpc,
        pays_badly=rng.random() < 0.15,
        returns_often=rng.random() < 0.12,
        is_irritable=rng.random() < 0.2,
        account=Account(*rng.choice(_COMPANIES)) if rng.random() < 0.06 else None,
        legacy_id=f"legacy-{7000 + number}" if rng.random() < 0.05 else None,
    )
