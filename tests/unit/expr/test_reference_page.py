"""Every example on the page of expressions gives what the page says."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from heedful.expr import FUNCTIONS, UNKNOWN, Names, Open, Record, Type, compile_expression
from heedful.kernel import InputError

PAGE = (Path(__file__).parents[3] / "docs/reference/expressions.md").read_text("utf-8")
NAMES = Names(
    roots={
        "signals": Record(fields={"payment_failures_10m": Type.NUMBER, "cold": Type.NUMBER}),
        "traits": Open(),
        "event": Record(
            fields={
                "name": Type.TEXT,
                "type": Type.TEXT,
                "at": Type.NUMBER,
                "source": Type.TEXT,
                "properties": Open(),
            }
        ),
        "now": Type.NUMBER,
    }
)
ROW = re.compile(r"^\| `(.+?)` \| (.+) \|$", re.MULTILINE)
WORDS = {"none": None, "unknown": UNKNOWN, "`true`": True, "`false`": False}


def rows(heading: str) -> list[tuple[str, str]]:
    """Cut the rows under the tables with this heading out of the page."""
    tables = re.findall(rf"^\| expression \| {heading} \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE, re.M)
    return [row for table in tables for row in ROW.findall(table)]


def scope() -> dict[str, Any]:
    shown = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    values: dict[str, Any] = json.loads(shown.group(1))
    assert values["signals"]["cold"] == "(unknown)"
    values["signals"]["cold"] = UNKNOWN
    return values


@pytest.mark.parametrize(("text", "gives"), rows("gives"))
def test_an_expression_gives_what_the_page_says(text: str, gives: str) -> None:
    wanted = WORDS[gives] if gives in WORDS else ast.literal_eval(gives.strip("`"))
    found = compile_expression(text, NAMES).evaluate(scope())
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(("text", "says"), rows("says"))
def test_a_refusal_says_what_the_page_says(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_expression(text, NAMES)
    assert says in caught.value.message


def test_the_page_has_all_its_tables_and_every_function() -> None:
    assert len(rows("gives")) >= 40
    assert len(rows("says")) >= 9
    assert [name for name in FUNCTIONS if f"{name}(" not in PAGE] == []
