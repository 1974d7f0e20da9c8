"""One visit to the shop: what a person does on one device, call after call.

A visit advances its own virtual clock. It knows no other person and no other visit; what must
outlive it (log-ins, open orders) is in `Memory`.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

import msgspec

from examples.shop.calls import MINUTE_MS, SECOND_MS, Call, Kind, Source
from examples.shop.catalogue import (
    BY_CATEGORY,
    CATEGORIES,
    CURRENCY,
    QUERIES,
    QUERIES_WITHOUT_RESULT,
    VIDEOS,
    Product,
)
from examples.shop.people import Device, Person

_PAGES: Final = {"Home": "/", "Stores": "/stores", "Delivery": "/help/delivery", "Blog": "/blog"}
_PRICING_PAGE: Final = "Pricing Opened"
_DECLINES: Final = ("insufficient_funds", "do_not_honor", "3ds_timeout", "expired_card")
_PAYMENTS: Final = ("card", "paypal", "invoice", "sofort")
_GUEST_EMAIL: Final = "test@example.com"
"""What people type who do not want to give theirs; blocked in `identity.yaml`."""


class Order(msgspec.Struct, frozen=True):
    """A paid order, kept for a later return or call."""

    order_id: str
    lines: tuple[tuple[Product, int], ...]
    revenue_cents: int


class Memory(msgspec.Struct):
    """What the shop and its devices remember of one person between visits."""

    consents: dict[str, bool]
    signed_in: set[str] = msgspec.field(default_factory=set)
    """Anonymous ids of own devices on which the person has logged in (membership only)."""
    orders: list[Order] = msgspec.field(default_factory=list)
    open_cart: list[tuple[Product, int]] = msgspec.field(default_factory=list)
    is_grouped: bool = False
    is_migrated: bool = False
    visits: int = 0


class Visit:
    """The calls of one visit, in the order in which they happen."""

    def __init__(
        self, rng: Random, person: Person, memory: Memory, device: Device, now_ms: int, ordinal: int
    ) -> None:
        self.rng, self.person, self.memory, self.device = rng, person, memory, device
        self.now_ms, self.ordinal = now_ms, ordinal
        self.calls: list[Call] = []
        self.failures = 0
        self.last_product: Product | None = None
        self.is_known = device.anonymous_id in memory.signed_in

    # Ways to say something -----------------------------------------------------------------

    def _ids(self, from_backend: bool) -> dict[str, str | None]:
        user_id, anonymous_id = self.person.user_id, self.device.anonymous_id
        if self.is_known:
            # The backend knows the account and no device.
            return {"user_id": user_id, "anonymous_id": None if from_backend else anonymous_id}
        # The kiosk's software writes its missing user as a text: why blocked values exist.
        is_kiosk_call = self.device.kind == "kiosk" and not from_backend
        return {"user_id": "null" if is_kiosk_call else None, "anonymous_id": anonymous_id}

    def _context(self) -> dict[str, Any]:
        context: dict[str, Any] = {
            "locale": f"{self.person.language}-{self.person.country}",
            "device": {"type": self.device.kind},
        }
        if self.device.source == "web":
            answers = dict(self.memory.consents)
            if self.person.has_gpc:
                # A server-side SDK cannot send the browser's `Sec-GPC` header: the shop relays it.
                context["gpc"] = True
                answers["Advertising"] = False
            context["consent"] = {"categoryPreferences": answers}
        return context

    def say(
        self,
        kind: Kind,
        name: str | None = None,
        fields: dict[str, Any] | None = None,
        *,
        source: Source | None = None,
        **ids: str | None,
    ) -> None:
        """Add a call now, then let a few seconds pass."""
        from_backend = source == "backend"
        self.calls.append(
            Call(
                kind=kind,
                source=source or self.device.source,
                occurs_ms=self.now_ms,
                sends_ms=self.now_ms,
                message_id=f"{self.ordinal:06d}-{len(self.calls):03d}",
                name=name,
                fields=fields or {},
                context={} if from_backend else self._context(),
                **(ids or self._ids(from_backend)),  # type: ignore[arg-type]
            )
        )
        self.pause(2, 75)

    def pause(self, least_s: int, most_s: int) -> None:
        """Let between `least_s` and `most_s` seconds pass."""
        self.now_ms += self.rng.randint(least_s * SECOND_MS, most_s * SECOND_MS)

    def look(self, name: str, path: str) -> None:
        """Open a page, or on an app a screen."""
        kind: Kind = "screen" if self.device.source == "app" else "page"
        self.say(kind, name, {"name": name, "path": path, "title": f"{name} | Gratweg Outdoor"})

    # What people do ------------------------------------------------------------------------

    def sign_in(self) -> None:
        """Log in: identify, and once per person the alias of the migration and the group."""
        person, memory = self.person, self.memory
        if person.user_id is None or self.is_known:
            return
        if person.legacy_id and not memory.is_migrated:
            self.say("identify", None, dict(person.traits), user_id=person.legacy_id)
            self.say("alias", previous_id=person.legacy_id, user_id=person.user_id)
            memory.is_migrated = True
        self.is_known = True
        if not self.device.is_shared:
            memory.signed_in.add(self.device.anonymous_id)
        self.say("identify", None, dict(person.traits))
        self.say("track", "Signed In", {"method": self.rng.choice(("password", "code"))})
        if person.account and not memory.is_grouped:
            account = person.account
            traits = {
                "name": account.name,
                "industry": account.industry,
                "employees": account.employees,
            }
            self.say("group", None, traits, user_id=person.user_id, group_id=account.group_id)
            memory.is_grouped = True

    def browse(self) -> None:
        """Look around: a list or a search, then some products, some into the cart."""
        rng = self.rng
        category = rng.choice(self.person.tastes if rng.random() < 0.7 else CATEGORIES)
        if rng.random() < 0.35:
            self.search(category)
        else:
            fields = {"list_id": f"list-{category}", "category": category}
            self.say("track", "Product List Viewed", fields)
        for product in rng.sample(BY_CATEGORY[category], rng.randint(1, 4)):
            self.last_product = product
            self.say("track", "Product Viewed", product.properties())
            if rng.random() < 0.28:
                quantity = rng.choice((1, 1, 1, 2))
                self.memory.open_cart.append((product, quantity))
                self.say("track", "Product Added", product.properties() | {"quantity": quantity})
            elif rng.random() < 0.06:
                self.say("track", "Product Added to Wishlist", product.properties())

    def search(self, category: str) -> None:
        """Search, now and then for something that the shop does not sell."""
        rng = self.rng
        if rng.random() < 0.1:
            fields: dict[str, Any] = {"query": rng.choice(QUERIES_WITHOUT_RESULT), "results": 0}
        else:
            fields = {"query": rng.choice(QUERIES[category]), "results": rng.randint(2, 9)}
        self.say("track", "Products Searched", fields | {"category": category})

    def watch(self) -> None:
        """Watch a video; half of those who do open the rental prices after it."""
        title, category, seconds = self.rng.choice(VIDEOS)
        fields = {"name": title, "category": category, "seconds": seconds}
        self.say("track", "Video Watched", fields)
        if self.rng.random() < 0.5:
            self.pause(10, 200)
            self.look(_PRICING_PAGE, "/rental/prices")

    def change_consent(self) -> None:
        """Subscribe to the newsletter or leave it."""
        wants = not self.memory.consents["Advertising"]
        self.memory.consents = {**self.memory.consents, "Advertising": wants}
        self.say(
            "track", "Segment Consent Preference Updated", {"form": "newsletter", "text": "v3"}
        )
        name = "Newsletter Subscribed" if wants else "Newsletter Unsubscribed"
        self.say("track", name, {"category": self.rng.choice(self.person.tastes)})

    def check_out(self) -> Order | None:
        """Go from the cart towards an order; many stop on the way."""
        rng, cart = self.rng, self.memory.open_cart
        if len(cart) > 1 and rng.random() < 0.3:
            product, quantity = cart.pop(rng.randrange(len(cart)))
            self.say("track", "Product Removed", product.properties() | {"quantity": quantity})
        if not cart:
            return None
        self.say("track", "Cart Viewed", {"cart_id": self._cart_id(), **_amounts(cart)})
        if rng.random() < 0.35:
            return None
        if rng.random() < 0.8:
            self.sign_in()
        elif not self.is_known:
            email = self.person.traits["email"] if rng.random() < 0.7 else _GUEST_EMAIL
            self.say("identify", None, {"email": email})
        where = {"city": self.person.city, "country": self.person.country}
        self.say("track", "Checkout Started", {"cart_id": self._cart_id()} | where | _amounts(cart))
        if rng.random() < 0.2:
            return None
        method = rng.choice(_PAYMENTS)
        self.say("track", "Payment Info Entered", {"payment_method": method} | where)
        return self.pay(method) if self._payment_passes(method) else None

    def _payment_passes(self, method: str) -> bool:
        rng = self.rng
        if rng.random() < (0.6 if self.person.pays_badly else 0.05):
            self.failures = rng.randint(1, 4)
        self._refuse(method)
        return self.failures == 0 or (self.failures < 3 and rng.random() < 0.6)

    def _refuse(self, method: str) -> None:
        for attempt in range(1, self.failures + 1):
            fields = {
                "cart_id": self._cart_id(),
                "attempt": attempt,
                "reason": self.rng.choice(_DECLINES),
                "payment_method": method,
                **_amounts(self.memory.open_cart),
            }
            self.say("track", "Payment Failed", fields, source="backend")

    def pay(self, method: str) -> Order:
        """Order what is in the cart."""
        cart = tuple(self.memory.open_cart)
        self.memory.open_cart = []
        order = Order(f"o-{self.ordinal:06d}", cart, sum(p.price_cents * n for p, n in cart))
        shipping = 0 if order.revenue_cents >= 10_000 else 490
        fields = {
            "order_id": order.order_id,
            "revenue": order.revenue_cents / 100,
            "shipping": shipping / 100,
            "total": (order.revenue_cents + shipping) / 100,
            "currency": CURRENCY,
            "payment_method": method,
            "city": self.person.city,
            "products": _lines(cart),
        }
        self.say("track", "Order Completed", fields, source="backend")
        self.look("Thank you", "/checkout/done")
        self.memory.orders.append(order)
        return order

    def _cart_id(self) -> str:
        return f"cart-{self.person.number:05d}-{len(self.memory.orders)}"

    def wander(self) -> None:
        """Open one of the shop's other pages."""
        name = self.rng.choice(tuple(_PAGES))
        self.look(name, _PAGES[name])


def _lines(cart: tuple[tuple[Product, int], ...]) -> list[dict[str, Any]]:
    return [product.properties() | {"quantity": quantity} for product, quantity in cart]


def _amounts(cart: list[tuple[Product, int]]) -> dict[str, Any]:
    cents = sum(product.price_cents * quantity for product, quantity in cart)
    return {
        "value": cents / 100,
        "currency": CURRENCY,
        "products": [{"product_id": p.product_id, "quantity": n} for p, n in cart],
    }


def visit(
    rng: Random, person: Person, memory: Memory, device: Device, now_ms: int, ordinal: int
) -> Visit:
    """Play one visit from the first page to the last."""
    stay = Visit(rng, person, memory, device, now_ms, ordinal)
    memory.visits += 1
    stay.wander()
    # On a shared device people log in to see their own things; on their own one they tarry.
    if rng.random() < (0.9 if device.is_shared else 0.35):
        stay.sign_in()
    for _ in range(rng.randint(1, 3)):
        stay.browse()
        if rng.random() < 0.15:
            stay.wander()
    if rng.random() < 0.12:
        stay.watch()
    if rng.random() < 0.03:
        stay.change_consent()
    if memory.open_cart and rng.random() < 0.75:
        stay.check_out()
    stay.pause(1, MINUTE_MS // SECOND_MS)
    return stay


def trouble(
    rng: Random, person: Person, memory: Memory, device: Device, now_ms: int, ordinal: int
) -> Visit:
    """Play the visit of somebody whose card is refused three times, and who looks around after."""
    stay = Visit(rng, person, memory, device, now_ms, ordinal)
    memory.visits += 1
    stay.look("Home", "/")
    stay.sign_in()
    while not memory.open_cart:
        stay.browse()
    stay.say("track", "Cart Viewed", {"cart_id": stay._cart_id(), **_amounts(memory.open_cart)})
    where = {"city": person.city, "country": person.country}
    asked = {"cart_id": stay._cart_id()} | where | _amounts(memory.open_cart)
    stay.say("track", "Checkout Started", asked)
    stay.say("track", "Payment Info Entered", {"payment_method": "card"} | where)
    stay.failures = 3
    stay._refuse("card")
    stay.pause(60, 120)
    stay.look("Home", "/")
    stay.search(rng.choice(person.tastes))
    return stay
