"""Complete Journey tables become Segment calls; the data here is made up, in the real columns."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from examples.complete_journey import to_jsonl

TABLES = {
    "transactions_sample": [
        "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,"
        "coupon_match_disc,week,transaction_timestamp",
        "7,31,900,11,2.0,3.10,0.43,0.0,0.0,5,1485630413.0",
        "7,31,900,12,1.0,0.20,0.0,0.5,0.25,5,1485630413.0",
        "7,31,900,13,0.0,0.0,0.0,0.0,0.0,5,1485630413.0",
        "8,32,901,11,1.0,1.55,0.0,0.0,0.0,6,1485630414.0",
    ],
    "coupon_redemptions": [
        "household_id,coupon_upc,campaign_id,redemption_date",
        "7,555,3,17240.0",
        "7,555,3,17240.0",
    ],
    "campaigns": ["campaign_id,household_id", "3,7", "4,7"],
    "campaign_descriptions": [
        "campaign_id,campaign_type,start_date,end_date",
        "3,Type C,17238.0,17294.0",
    ],
    "demographics": [
        "household_id,age,income,home_ownership",
        "7,65+,35-49K,Homeowner",
        "8,35-44,25-34K,",
    ],
}

APP = Typer()
APP.command()(to_jsonl.main)


def lay(folder: Path, *, shuffle: int | None = None, without: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    for table, (header, *rows) in TABLES.items():
        lines = list(rows)
        if shuffle is not None:
            random.Random(shuffle).shuffle(lines)
        if table != without:
            content = "\n".join((header, *lines)).encode()
            (folder / f"{table}.csv.gz").write_bytes(gzip.compress(content))
    return folder


def convert(folder: Path) -> list[dict[str, object]]:
    out = folder / "out.jsonl"
    result = CliRunner().invoke(APP, [str(folder), "--out", str(out)])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def test_a_basket_becomes_one_order(tmp_path: Path) -> None:
    (order,) = [call for call in convert(lay(tmp_path)) if call["messageId"] == "cj-basket-900"]
    assert order == {
        "type": "track",
        "event": "Order Completed",
        "userId": "household-7",
        "timestamp": "2017-01-28T19:06:53.000Z",
        "messageId": "cj-basket-900",
        "properties": {
            "order_id": "900",
            "store_id": "31",
            "revenue": 3.3,
            "total": 3.3,
            "currency": "USD",
            "retail_discount": 0.43,
            "coupon_discount": 0.75,
            "products": [
                {"product_id": "11", "quantity": 2, "sales_value": 3.1, "price": 1.55},
                {"product_id": "12", "quantity": 1, "sales_value": 0.2, "price": 0.2},
                {"product_id": "13", "quantity": 0, "sales_value": 0.0},
            ],
        },
    }


def test_coupons_campaigns_and_households_become_calls(tmp_path: Path) -> None:
    calls = convert(lay(tmp_path))
    named = Counter(call.get("event", call["type"]) for call in calls)
    # Campaign 4 has no description and is left out; two equal coupons are two coupons.
    assert named == {
        "Order Completed": 2,
        "Coupon Applied": 2,
        "Campaign Received": 1,
        "identify": 2,
    }
    (campaign,) = [call for call in calls if call.get("event") == "Campaign Received"]
    assert campaign["timestamp"] == "2017-03-13T12:00:00.000Z"
    assert campaign["properties"] == {
        "campaign_id": "3",
        "campaign_type": "Type C",
        "starts_at": "2017-03-13T12:00:00.000Z",
        "ends_at": "2017-05-08T12:00:00.000Z",
    }
    (second,) = [c for c in calls if c["messageId"] == "cj-household-8"]
    assert second["traits"] == {"age": "35-44", "income": "25-34K"}


def test_calls_stand_in_the_order_of_time_under_ids_of_their_own(tmp_path: Path) -> None:
    calls = convert(lay(tmp_path))
    stamps = [call["timestamp"] for call in calls]
    assert stamps == sorted(stamps, key=str)
    assert len({call["messageId"] for call in calls}) == len(calls)


def test_the_order_of_the_rows_changes_nothing_but_the_order_of_products(tmp_path: Path) -> None:
    def content(calls: list[dict[str, object]]) -> list[object]:
        for call in calls:
            properties = call.get("properties")
            if isinstance(properties, dict) and "products" in properties:
                properties["products"].sort(key=lambda line: line["product_id"])
        return [*calls]

    plain = content(convert(lay(tmp_path / "a")))
    assert content(convert(lay(tmp_path / "b", shuffle=3))) == plain


def test_demographics_may_be_absent(tmp_path: Path) -> None:
    calls = convert(lay(tmp_path, without="demographics"))
    assert all(call["type"] == "track" for call in calls)


def test_absent_data_is_named_in_words(tmp_path: Path) -> None:
    folder = lay(tmp_path, without="campaigns")
    out = tmp_path / "out.jsonl"
    result = CliRunner().invoke(APP, [str(folder), "--out", str(out)])
    assert result.exit_code == 1
    assert not out.exists()


def test_the_real_tables_convert_where_they_are_present(tmp_path: Path) -> None:
    folder = to_jsonl.default_data()
    if to_jsonl.find_file(folder, "demographics") is None:
        pytest.skip(f"no Complete Journey at {folder}")
    # The small tables only: the transactions take seconds, and `orders` is tested above.
    found = {table: to_jsonl.find_file(folder, table) for table in to_jsonl.NEEDED[1:]}
    files = {table: file for table, file in found.items() if file is not None}
    empty = tmp_path / "transactions_sample.csv"
    empty.write_text(TABLES["transactions_sample"][0] + "\n")
    calls = to_jsonl.read_calls({"transactions_sample": empty} | files)
    assert len(calls) == len({call["messageId"] for call in calls}) > 5_000
