"""Bids of a workspace, and what ad platforms are told: hashed, agreed to, in their columns."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import pytest

from heedful.app import App, bidding, init_workspace, open_app
from heedful.engine.acquiring import clicks_of, origin_of
from heedful.events import Event
from heedful.kernel import DAY_MS, InputError

NOW = 1_800_000_000_000
STRATEGY = {
    "signals.yaml": (
        "signals:\n"
        "  - {name: buying, kind: buying, on: Order Completed, of: event.properties.revenue}\n"
    ),
    "consent.yaml": "purposes: [marketing]\ncategories: {marketing: marketing}\n",
    "models/value.yaml": (
        "model: value\nlifetime: {buying: buying, margin: 0.5, assumed: {p: 6, q: 4, v: 60}}\n"
    ),
}
COLUMNS = (
    "Google Click ID,Email,Phone Number,Conversion Name,Conversion Time,Conversion Value,"
    "Conversion Currency"
)


def event(who: str, days_ago: float, name: str, **said: Any) -> Event:
    at = NOW - round(days_ago * DAY_MS)
    id_ = f"{who}{days_ago}{name}"
    key = int.from_bytes(hashlib.sha256(id_.encode()).digest()[:7], "big")
    return Event(
        type="identify" if name == "identify" else "track",
        name=name,
        at=at,
        key=key,
        source="web",
        message_id=id_,
        received_at=at,
        user_id=who,
        **said,
    )


def life(who: str, source: str, orders: list[float], **traits: Any) -> list[Event]:
    campaign = {"campaign": {"source": source, "name": "spring", "gclid": f"click-{who}"}}
    events = [event(who, 200, "Product Viewed", context=campaign)]
    for days in orders:
        events.append(event(who, days, "Order Completed", properties={"revenue": 100}))
    if traits:
        agreed = {"consent": {"categoryPreferences": {"marketing": traits.pop("agreed")}}}
        events.append(event(who, 1, "identify", traits=traits, context=agreed))
    return events


@pytest.fixture
def shop(tmp_path: Path) -> App:
    init_workspace(tmp_path / "shop")
    for path in (tmp_path / "shop" / "strategy").rglob("*.yaml"):
        path.unlink()
    for name, text in STRATEGY.items():
        path = tmp_path / "shop" / "strategy" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return open_app(tmp_path / "shop", clock=lambda: NOW)


def send(app: App, *lives: list[Event]) -> None:
    for one in lives:
        app.engine.ingest(one, ()).result()


def test_a_source_whose_customers_pay_back_may_cost_more(shop: App) -> None:
    with shop:
        good = [life(f"s{n}", "search", [190, 150, 20]) for n in range(10)]
        poor = [life(f"b{n}", "banner", [20] if n == 0 else []) for n in range(10)]
        send(shop, *good, *poor)
        report = bidding.report(shop, "90d", "source")
        search, banner = report.bids
        assert (search.source, banner.source) == ("search", "banner")
        # Two orders of 100 within 90 days at half margin, drawn towards the mean of all, 50.
        assert search.ceiling == pytest.approx((10 * 100 + 20 * 50) / 30)
        assert banner.ceiling == pytest.approx((0 + 20 * 50) / 30)
        assert search.value > search.ceiling
        assert report.customers == 20


def test_platforms_are_told_hashes_of_those_who_agreed_in_their_columns(shop: App) -> None:
    with shop:
        send(
            shop,
            life("u1", "search", [50], email="Ada.L@Gmail.com ", phone="+49 30 123", agreed=True),
            life("u2", "search", [50], email="no@example.org", agreed=False),
            life("u3", "search", [], email="never@example.org", agreed=True),
        )
        google = bidding.export(shop, "google", "Customer value")
        zone, columns, *rows = google.text.splitlines()
        assert (zone, columns) == ("Parameters:TimeZone=+0000", COLUMNS)
        assert google.rows == len(rows) == 1
        ((click, email, phone, name, time, value, currency),) = csv.reader(rows)
        assert (click, name, currency) == ("click-u1", "Customer value", "EUR")
        assert email == hashlib.sha256(b"adal@gmail.com").hexdigest()
        assert phone == hashlib.sha256(b"+4930123").hexdigest()
        assert time == "2026-11-26 08:00:00"
        assert float(value) > 50.0
        meta = bidding.export(shop, "meta", "Purchase")
        columns, row = meta.text.splitlines()
        assert columns == "email,phone,external_id,event_name,event_time,value,currency"
        fields = row.split(",")
        assert fields[0] == hashlib.sha256(b"ada.l@gmail.com").hexdigest()
        assert fields[1] == hashlib.sha256(b"4930123").hexdigest()
        assert fields[3:5] == ["Purchase", str((NOW - 50 * DAY_MS) // 1_000)]
        for text in (google.text, meta.text):
            assert "example.org" not in text
            assert "u1" not in text.replace("click-u1", "")


def test_without_a_model_of_lifetime_value_it_says_what_to_do(tmp_path: Path) -> None:
    init_workspace(tmp_path / "plain")
    with (
        open_app(tmp_path / "plain", clock=lambda: NOW) as app,
        pytest.raises(InputError, match="heedful train"),
    ):
        bidding.report(app, "90d", "source")


def test_the_first_campaign_counts_and_click_ids_are_read_from_addresses_too() -> None:
    page = {"page": {"url": "https://shop.example/?gclid=g1&fbclid=f1"}}
    second = {"campaign": {"source": "mail", "name": "may", "content": "new"}}
    events = [
        event("u", 3, "Product Viewed", context=page),
        event("u", 2, "Product Viewed", context=second),
        event("u", 1, "Product Viewed", context={"campaign": {"source": "late"}}),
    ]
    assert origin_of(events) == ("mail", "may", "new")
    assert origin_of(events[:1]) == ("(direct)", "", "")
    assert clicks_of(events) == {"gclid": "g1", "fbclid": "f1"}
