"""REES46 rows become Segment calls; the data here is made up, in the real columns."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from examples.rees46 import to_jsonl

HEADER = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
)
VIEW = "2019-10-01 00:00:00 UTC,view,11,900,home.lamp,lux,35.79,501,s-1"
CART = "2019-10-01 00:00:07 UTC,cart,11,900,,,35.79,501,s-1"
PURCHASE = "2019-10-01 00:00:09 UTC,purchase,11,900,home.lamp,lux,35.79,501,s-1"

APP = Typer()
APP.command()(to_jsonl.main)


def calls(*lines: str) -> list[dict[str, Any]]:
    raw = io.BytesIO("\n".join((HEADER, *lines)).encode())
    return list(to_jsonl.to_calls(to_jsonl.read_rows(raw, zipped=False)))


def test_a_view_becomes_a_product_viewed() -> None:
    (call,) = calls(VIEW)
    assert call.pop("messageId").startswith("rees46-")
    assert call == {
        "type": "track",
        "event": "Product Viewed",
        "userId": "501",
        "anonymousId": "s-1",
        "timestamp": "2019-10-01T00:00:00Z",
        "properties": {
            "product_id": "11",
            "category": "home.lamp",
            "category_id": "900",
            "brand": "lux",
            "price": 35.79,
            "currency": "USD",
        },
    }


def test_a_cart_row_becomes_a_product_added_without_what_is_blank() -> None:
    (call,) = calls(CART)
    assert call["event"] == "Product Added"
    assert call["properties"] == {
        "product_id": "11",
        "category_id": "900",
        "price": 35.79,
        "currency": "USD",
        "quantity": 1,
    }


def test_a_purchase_becomes_an_order_with_one_product() -> None:
    (call,) = calls(PURCHASE)
    assert call["event"] == "Order Completed"
    properties = call["properties"]
    assert (properties["revenue"], properties["total"], properties["currency"]) == (
        35.79,
        35.79,
        "USD",
    )
    assert [line["product_id"] for line in properties["products"]] == ["11"]


def test_message_ids_are_stable_and_tell_equal_rows_apart() -> None:
    first = [call["messageId"] for call in calls(VIEW, VIEW, CART)]
    assert len(set(first)) == 3
    assert [call["messageId"] for call in calls(VIEW, VIEW, CART)] == first
    assert calls(VIEW)[0]["messageId"] == first[0]


def test_rows_of_unknown_kind_or_of_nobody_are_left_out() -> None:
    unknown = VIEW.replace(",view,", ",swipe,")
    nobody = VIEW.replace(",501,s-1", ",,")
    assert calls(unknown, nobody) == []


@pytest.mark.parametrize("name", ["part.csv", "part.csv.gz"])
def test_the_command_reads_plain_and_zipped_files(tmp_path: Path, name: str) -> None:
    text = "\n".join((HEADER, VIEW, CART, PURCHASE)).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    out = tmp_path / "out.jsonl"
    result = CliRunner().invoke(APP, [str(tmp_path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    written = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert written == calls(VIEW, CART, PURCHASE)


def test_absent_data_is_named_in_words(tmp_path: Path) -> None:
    result = CliRunner().invoke(APP, [str(tmp_path / "gone")])
    assert result.exit_code == 1
    assert not (tmp_path / "rees46.jsonl").exists()


def test_the_real_sample_converts_where_it_is_present() -> None:
    files = to_jsonl.find_files(to_jsonl.default_data())
    if not files:
        pytest.skip(f"no REES46 sample at {to_jsonl.default_data()}")
    out = io.BytesIO()
    written = to_jsonl.convert(files[:1], out)
    lines = out.getvalue().splitlines()
    assert written == len(lines) == len({json.loads(line)["messageId"] for line in lines}) > 0
