"""What the shop sells: 60 outdoor products in 12 categories from 10 brands, all invented.

Prices are in cents, so that the totals of an order are sums of integers.
"""

from __future__ import annotations

from typing import Final

import msgspec

CURRENCY: Final = "EUR"


class Product(msgspec.Struct, frozen=True):
    """One article of the shop."""

    product_id: str
    name: str
    category: str
    brand: str
    price_cents: int

    def properties(self) -> dict[str, object]:
        """Describe the product in the names of Segment's e-commerce specification."""
        return {
            "product_id": self.product_id,
            "sku": f"{self.brand[:3].upper()}-{self.product_id}",
            "name": self.name,
            "category": self.category,
            "brand": self.brand,
            "price": self.price_cents / 100,
            "currency": CURRENCY,
        }


_RANGE: Final[dict[str, tuple[tuple[str, str, int], ...]]] = {
    "boots": (
        ("Granat Mid", "Steinbock", 18900),
        ("Talus Low", "Corvina", 13900),
        ("Firn Pro", "Nordwand", 32900),
        ("Kar Light", "Almgrund", 15900),
        ("Moraine GT", "Steinbock", 21900),
    ),
    "jackets": (
        ("Föhn Shell", "Nordwand", 37900),
        ("Regen 3L", "Tarnlake", 24900),
        ("Windfang", "Corvina", 11900),
        ("Daune 700", "Polarveil", 29900),
        ("Hut Fleece", "Almgrund", 8900),
    ),
    "tents": (
        ("Biwak 1", "Tarnlake", 26900),
        ("Zwei Gipfel 2", "Tarnlake", 38900),
        ("Family Dome 4", "Lagerfeuer", 44900),
        ("Ridge UL 2", "Kestrel Works", 52900),
        ("Tarp 3x3", "Lagerfeuer", 7900),
    ),
    "backpacks": (
        ("Tour 35", "Kestrel Works", 14900),
        ("Expedition 70", "Kestrel Works", 27900),
        ("Daypack 18", "Almgrund", 6900),
        ("Child Carrier", "Lagerfeuer", 22900),
        ("Ski Touring 28", "Nordwand", 16900),
    ),
    "sleeping_bags": (
        ("Summer 12", "Polarveil", 9900),
        ("Three Season 0", "Polarveil", 21900),
        ("Arctic -20", "Polarveil", 45900),
        ("Quilt 5", "Kestrel Works", 18900),
        ("Kids Cocoon", "Lagerfeuer", 6900),
    ),
    "climbing": (
        ("Single Rope 9.5", "Edelrat", 17900),
        ("Harness Vario", "Edelrat", 7900),
        ("Helmet Piz", "Edelrat", 6500),
        ("Quickdraw Set 6", "Steinbock", 9900),
        ("Chalk Bag", "Corvina", 2400),
    ),
    "cooking": (
        ("Gas Stove Piccolo", "Lagerfeuer", 4900),
        ("Pot Set 2", "Lagerfeuer", 5900),
        ("Titanium Mug", "Kestrel Works", 3900),
        ("Water Filter", "Tarnlake", 4500),
        ("Spork", "Almgrund", 900),
    ),
    "navigation": (
        ("GPS Watch Zenit", "Meridian", 39900),
        ("Handheld GPS", "Meridian", 28900),
        ("Compass Basic", "Meridian", 2900),
        ("Headlamp 450", "Meridian", 5900),
        ("Satellite Messenger", "Meridian", 32900),
    ),
    "trousers": (
        ("Zip-off Trek", "Almgrund", 8900),
        ("Softshell Guide", "Nordwand", 15900),
        ("Rain Pants 2.5L", "Tarnlake", 9900),
        ("Climbing Denim", "Edelrat", 9500),
        ("Thermo Tights", "Polarveil", 5900),
    ),
    "winter": (
        ("Snowshoes Trail", "Steinbock", 17900),
        ("Avalanche Set", "Nordwand", 33900),
        ("Crampons 10", "Edelrat", 13900),
        ("Ice Axe Classic", "Edelrat", 9900),
        ("Gloves Polar", "Polarveil", 6900),
    ),
    "kids": (
        ("Kids Rain Suit", "Tarnlake", 7900),
        ("Kids Boots Murmel", "Almgrund", 7500),
        ("Kids Harness", "Edelrat", 5900),
        ("Kids Fleece", "Corvina", 3900),
        ("Kids Daypack 10", "Kestrel Works", 4500),
    ),
    "care": (
        ("Wax Spray", "Corvina", 1400),
        ("Down Wash", "Polarveil", 1200),
        ("Repair Tape", "Lagerfeuer", 800),
        ("Insoles Warm", "Steinbock", 2900),
        ("First Aid Kit", "Meridian", 3900),
    ),
}

CATEGORIES: Final = tuple(_RANGE)

PRODUCTS: Final = tuple(
    Product(f"p{100 * shelf + place}", name, category, brand, cents)
    for shelf, (category, articles) in enumerate(_RANGE.items(), start=1)
    for place, (name, brand, cents) in enumerate(articles, start=1)
)

BRANDS: Final = tuple(sorted({product.brand for product in PRODUCTS}))

BY_CATEGORY: Final = {
    category: tuple(p for p in PRODUCTS if p.category == category) for category in CATEGORIES
}

QUERIES: Final[dict[str, tuple[str, ...]]] = {
    "boots": ("hiking boots", "wanderschuhe", "bottes randonnée", "boots wide fit"),
    "jackets": ("rain jacket", "regenjacke", "doudoune", "windbreaker"),
    "tents": ("2 person tent", "zelt ultraleicht", "tente 4 places"),
    "backpacks": ("rucksack 35l", "sac à dos", "child carrier"),
    "sleeping_bags": ("sleeping bag 0 degrees", "schlafsack", "duvet -20"),
    "climbing": ("klettergurt", "rope 60m", "casque escalade"),
    "cooking": ("gaskocher", "water filter", "camping stove"),
    "navigation": ("gps watch", "stirnlampe", "boussole"),
    "trousers": ("zip off", "regenhose", "pantalon softshell"),
    "winter": ("schneeschuhe", "lvs set", "crampons"),
    "kids": ("kids boots", "kinder regenanzug", "chaussures enfant"),
    "care": ("impregnation spray", "daunenwaschmittel", "first aid"),
}

QUERIES_WITHOUT_RESULT: Final = ("kayak", "paragliding", "e-bike akku", "surfboard")

VIDEOS: Final = (
    ("How to fit a backpack", "backpacks", 214),
    ("Choosing your first rope", "climbing", 305),
    ("Tent up in three minutes", "tents", 188),
    ("Layering for winter tours", "winter", 262),
    ("Rental explained", "navigation", 95),
)
