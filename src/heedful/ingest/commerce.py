"""Segment's e-commerce vocabulary (version 2) as data, with typed money.

`Payment Failed` is ours: the specification has no name for a payment that fails, and help for the
customer begins there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from heedful.events import PAYMENT_FAILED
from heedful.ingest.coerce import as_currency, as_integer, as_money, as_text

_Coercion = Callable[[Any], Any]

OWN_EVENTS: Final = (PAYMENT_FAILED,)
"""Names in the catalogue that are Heedful's and not Segment's."""

_PRODUCT: Final[dict[str, _Coercion]] = {
    "product_id": as_text,
    "sku": as_text,
    "price": as_money,
    "quantity": as_integer,
    "position": as_integer,
    "discount": as_money,
}
_ORDER: Final[dict[str, _Coercion]] = {
    "order_id": as_text,
    "checkout_id": as_text,
    "total": as_money,
    "subtotal": as_money,
    "revenue": as_money,
    "value": as_money,
    "shipping": as_money,
    "tax": as_money,
    "discount": as_money,
    "currency": as_currency,
}
_ONE_PRODUCT: Final = {**_PRODUCT, "value": as_money, "currency": as_currency}
_CART: Final[dict[str, _Coercion]] = {
    "cart_id": as_text,
    "value": as_money,
    "currency": as_currency,
}
_IN_CART: Final = {**_ONE_PRODUCT, "cart_id": as_text}
_STEP: Final[dict[str, _Coercion]] = {"checkout_id": as_text, "step": as_integer}
_COUPON: Final[dict[str, _Coercion]] = {
    "order_id": as_text,
    "cart_id": as_text,
    "coupon_id": as_text,
    "discount": as_money,
}
_WISH: Final = {**_ONE_PRODUCT, "wishlist_id": as_text}
_FAILED: Final[dict[str, _Coercion]] = {
    **_ORDER,
    "payment_id": as_text,
    "amount": as_money,
    "attempt": as_integer,
}

CATALOGUE: Final[Mapping[str, Mapping[str, _Coercion]]] = MappingProxyType(
    {
        "Products Searched": {},
        "Product List Viewed": {"list_id": as_text},
        "Product List Filtered": {"list_id": as_text},
        "Promotion Viewed": {"promotion_id": as_text},
        "Promotion Clicked": {"promotion_id": as_text},
        "Product Clicked": _ONE_PRODUCT,
        "Product Viewed": _ONE_PRODUCT,
        "Product Added": _IN_CART,
        "Product Removed": _IN_CART,
        "Cart Viewed": _CART,
        "Cart Shared": _CART,
        "Checkout Started": _ORDER,
        "Checkout Step Viewed": _STEP,
        "Checkout Step Completed": _STEP,
        "Payment Info Entered": {**_STEP, "order_id": as_text},
        "Order Completed": _ORDER,
        "Order Updated": _ORDER,
        "Order Refunded": _ORDER,
        "Order Cancelled": _ORDER,
        "Coupon Entered": _COUPON,
        "Coupon Applied": _COUPON,
        "Coupon Denied": _COUPON,
        "Coupon Removed": _COUPON,
        "Product Added to Wishlist": _WISH,
        "Product Removed from Wishlist": _WISH,
        "Wishlist Product Added to Cart": {**_WISH, "cart_id": as_text},
        "Product Shared": _ONE_PRODUCT,
        "Product Reviewed": {"product_id": as_text, "review_id": as_text},
        PAYMENT_FAILED: _FAILED,
    }
)
"""Each event of the catalogue with the properties that have a type of their own."""

_UNREADABLE: Final = "commerce_unreadable"


def type_commerce(name: str, properties: dict[str, Any], flags: list[str]) -> None:
    """Type the properties of an event of the catalogue in place; others are left alone.

    Notes
    -----
    What cannot be read stays as it came and the event is flagged `commerce_unreadable`. A single
    product where a list belongs becomes a list of one.

    Examples
    --------
    >>> properties, flags = {"revenue": "19.99", "currency": "eur", "tax": "n/a"}, []
    >>> type_commerce("Order Completed", properties, flags)
    >>> properties, flags
    ({'revenue': 19.99, 'currency': 'EUR', 'tax': 'n/a'}, ['commerce_unreadable'])
    """
    typed = CATALOGUE.get(name)
    if typed is None:
        return
    if typed:
        _type_entries(properties, typed, flags)
    products = properties.get("products")
    if products is None:
        return
    if type(products) is dict:
        properties["products"] = products = [products]
    if type(products) is not list:
        flags.append(_UNREADABLE)
        return
    for product in products:
        if type(product) is dict:
            _type_entries(product, _PRODUCT, flags)
        else:
            flags.append(_UNREADABLE)


def _type_entries(
    entries: dict[str, Any], typed: Mapping[str, _Coercion], flags: list[str]
) -> None:
    # Values of existing keys are replaced, none is added: the mapping may be changed in the loop.
    for key, value in entries.items():
        coercion = typed.get(key)
        if coercion is None or value is None:
            continue
        found = coercion(value)
        if found is None:
            flags.append(_UNREADABLE)
        elif found is not value:
            entries[key] = found
