"""What expressions mean: Kleene's tables, missing values, types at run time."""

from __future__ import annotations

import copy
import pickle  # noqa: TID251 - only to show that an expression travels as its text
from typing import Any

import pytest

from heedful.expr import UNKNOWN, Expression, Names, Open, Record, Type, compile_expression

NAMES = Names(
    roots={
        "signals": Record(fields={"fails": Type.NUMBER, "cold": Type.NUMBER, "seen": Type.BOOL}),
        "traits": Open(),
        "event": Record(
            fields={"name": Type.TEXT, "at": Type.NUMBER, "properties": Open(), "tags": Type.LIST}
        ),
        "now": Type.NUMBER,
        "anything": Type.ANY,
    }
)
SCOPE: dict[str, Any] = {
    "signals": {"fails": 4, "cold": UNKNOWN, "seen": True},
    "traits": {
        "clv": 700.5,
        "country": "FR",
        "none": None,
        "vip": True,
        "tags": ["a", "b"],
        "key with space": 7,
        "__typename": "Person",
    },
    "event": {
        "name": "Order Completed",
        "at": 86_400_000,
        "properties": {
            "revenue": 20,
            "products": [
                {"sku": "s1", "quantity": 2},
                {"sku": "s2", "quantity": 0.5},
                {"other": 1},
            ],
        },
        "tags": ("x", "y"),
    },
    "now": 3 * 86_400_000,
    "anything": "text",
}


def value(text: str, scope: dict[str, Any] | None = None) -> Any:
    expression = compile_expression(text, NAMES)
    found = expression.evaluate(SCOPE if scope is None else scope)
    assert expression.holds(SCOPE if scope is None else scope) is (found is True)
    return found


T, F, U = "(now > 0)", "(now < 0)", "(signals.cold > 0)"


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (T, T, True, True),
        (T, F, False, True),
        (T, U, UNKNOWN, True),
        (F, T, False, True),
        (F, F, False, False),
        (F, U, False, UNKNOWN),
        (U, T, UNKNOWN, True),
        (U, F, False, UNKNOWN),
        (U, U, UNKNOWN, UNKNOWN),
    ],
)
def test_and_or_follow_kleene(left: str, right: str, both: Any, either: Any) -> None:
    assert value(f"{left} and {right}") is both
    assert value(f"{left} or {right}") is either
    # De Morgan, which also asks the compiled condition for its falsehood.
    assert value(f"not (not {left} or not {right})") is both
    assert value(f"not (not {left} and not {right})") is either


@pytest.mark.parametrize(("of", "wanted"), [(T, False), (F, True), (U, UNKNOWN)])
def test_not_follows_kleene(of: str, wanted: Any) -> None:
    assert value(f"not {of}") is wanted


@pytest.mark.parametrize(
    "text",
    [
        "traits.missing == 1",
        "traits.missing != 1",
        "traits.none < 1",
        "traits.missing in ['a']",
        "traits.missing not in ['a']",
        "'a' in traits.missing",
        "traits.missing + 1",
        "-traits.missing",
        "traits.missing == traits.none",
        "lower(traits.missing)",
        "traits.missing.deeper > 1",
        "1 if traits.missing else 2",
        "signals.cold is none",
        "signals.cold is not none",
        "coalesce(signals.cold, 1)",
        "signals.cold",
        "1 < signals.cold < 3",
    ],
)
def test_none_and_unknown_operands_give_unknown(text: str) -> None:
    assert value(text) is UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "traits.country > 3",
        "traits.country == 3",
        "traits.vip == 1",  # a bool is no number
        "traits.vip + 1 > 0",
        "traits.clv and true",
        "traits.tags == 'a'",
        "traits.country - 1",
        "traits.clv + 'x'",
        "len(traits.clv)",
        "1 in traits.tags",
        "anything < 3",
        "anything < anything and signals.cold > 0",
        "not anything",
    ],
)
def test_a_type_mismatch_at_run_time_is_unknown_or_unmet(text: str) -> None:
    assert value(text) in (UNKNOWN, False)
    assert value(text) is (False if "anything < anything" in text else UNKNOWN)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("signals.fails >= 3 and traits.clv > 500 and not traits.country == 'DE'", True),
        ("traits.missing is none", True),
        ("traits.missing is None", True),
        ("traits.none is none", True),
        ("traits.clv is not none", True),
        ("traits.missing.deeper is none", True),
        ("traits.country.deeper is none", True),
        ("5 is none", False),
        ("traits.vip == true and traits.vip == True", True),
        ("signals.seen", True),
        ("not signals.seen", False),
        ("0 < signals.fails <= 4 < 5", True),
        ("0 < signals.fails + 1 < 5", False),
        ("1 == 1.0", True),
        ("'a' < 'b'", True),
        ("traits.country in ['FR', 'DE']", True),
        ("traits.country in ('FR',)", True),
        ("traits.country not in ['FR', 'DE']", False),
        ("traits.country in []", False),
        ("2 in (1, 2)", True),
        ("signals.fails in [4, 5]", True),
        ("'der' in event.name", True),
        ("'z' not in event.name", True),
        ("'a' in traits.tags", True),
        ("'x' in event.tags", True),
        ("7 - 2 * 3", 1),
        ("7 // 2 + 7 % 4", 6),
        ("-7 // 2", -4),
        ("1 / 4", 0.25),
        ("-signals.fails", -4),
        ("'a' + 'b'", "ab"),
        ("event.name + '!'", "Order Completed!"),
        ("1_000", 1000),
        ("2.5e1", 25.0),
        ("'it\\'s' + \"\\n\"", "it's\n"),
        ("traits['key with space']", 7),
        ("traits['__typename']", "Person"),
        ("event.properties['revenue']", 20),
        ("event.properties.products[0].sku", "s1"),
        ("event.properties.products[-2]['sku']", "s2"),
        ("event.properties.products[9].sku", None),
        ("event.properties.products[0][0]", None),
        ("traits.country[0]", None),
        ("event.tags[1]", "y"),
        ("1 if signals.fails > 3 else 2", 1),
        ("none if signals.fails > 3 else 2", None),
        ("traits.missing", None),
        ("none", None),
        ("event.tags", ("x", "y")),
        ("traits.tags", ["a", "b"]),
        ("[1, now]", [1, 3 * 86_400_000]),
    ],
)
def test_values(text: str, wanted: Any) -> None:
    found = value(text)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("len('abc') + len(traits.tags) + len(event.properties)", 7),
        ("lower('ÄB')", "äb"),
        ("upper(traits.country)", "FR"),
        ("upper(lower(traits.country)) == traits.country", True),
        ("abs(-2.5)", 2.5),
        ("min(3, 1, 2)", 1),
        ("max(signals.fails, 2)", 4),
        ("round(2.5)", 2),
        ("round(2.345, 1)", 2.3),
        ("round(2.5, 7)", UNKNOWN),
        ("round(2.5, -1)", UNKNOWN),
        ("contains(event.name, 'Order')", True),
        ("contains(traits.tags, 'z')", False),
        ("starts_with(event.name, 'Order')", True),
        ("ends_with(event.name, 'Order')", False),
        ("days_between(event.at, now)", 2.0),
        ("coalesce(traits.missing, traits.none, 3)", 3),
        ("coalesce(traits.missing, none)", None),
        ("coalesce(traits.missing, signals.cold, 3)", UNKNOWN),
        ("sum_of(event.properties.products, 'quantity')", 2.5),
        ("sum_of(event.properties.products, 'sku')", UNKNOWN),
        ("sum_of(event.properties.missing, 'sku')", UNKNOWN),
        ("sum_of([], 'sku')", 0),
        ("any_of(event.properties.products, 'sku', 's2')", True),
        ("any_of(event.properties.products, 'sku', 's3')", False),
        ("any_of(event.properties.products, 'sku', 1)", UNKNOWN),
        ("any_of(event.properties.products, 'sku', traits.missing)", UNKNOWN),
        ("any_of(traits.clv, 'sku', 1)", UNKNOWN),
        ("min(1, traits.country)", UNKNOWN),
    ],
)
def test_functions(text: str, wanted: Any) -> None:
    assert value(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "1 // 0",
        "1 % 0",
        "1.5 % 0",
        "9223372036854775807 + 1",
        "9223372036854775807 * 9223372036854775807",
        "1e308 * 10",
        "1e308 * 10 - 1e308 * 10",
        "-9223372036854775807 - 1",
        "(1e308 + 1e308) // 3",
    ],
)
def test_numbers_without_a_value_are_unknown(text: str) -> None:
    assert value(text) is UNKNOWN


def test_numbers_of_the_data_beyond_all_bounds_are_unknown() -> None:
    huge = {"traits": {"a": 10**400, "b": 1.5, "nan": float("nan"), "inf": float("inf")}}
    for text in ("traits.a / traits.b", "traits.a", "traits.a - traits.a * traits.b", "traits.nan"):
        assert value(text, huge) is UNKNOWN
    assert value("traits.inf", huge) is UNKNOWN
    assert value("days_between(traits.a, traits.b)", huge) is UNKNOWN
    assert value("round(traits.inf)", huge) is UNKNOWN
    assert value("traits.a > traits.b", huge) is True


def test_joined_text_is_bounded() -> None:
    scope = {"traits": {"half": "x" * 2_048}}
    assert value("traits.half + traits.half", scope) == "x" * 4_096
    assert value("traits.half + traits.half + 'x'", scope) is UNKNOWN


@pytest.mark.parametrize("root", [None, 5, "text", [], UNKNOWN])
def test_roots_may_be_anything(root: Any) -> None:
    for scope in ({"traits": root}, {}):
        wanted = UNKNOWN if scope and root is UNKNOWN else True
        assert value("traits.a is none", scope) is wanted
        # Read twice, so held in a local: the same answer.
        assert value("traits.a is none and traits.a.b is none", scope) is wanted


def test_a_dict_that_computes_its_values_is_read_too() -> None:
    class Lazy(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return len(key)

    assert value("traits.abc + traits.de", {"traits": Lazy()}) == 5


def test_an_expected_type_is_kept_at_run_time() -> None:
    revenue = compile_expression("event.properties.revenue", NAMES, expects=Type.NUMBER)
    assert revenue.type is Type.NUMBER
    assert revenue.evaluate(SCOPE) == 20
    assert revenue.evaluate({"event": {"properties": {"revenue": "20"}}}) is UNKNOWN
    assert revenue.evaluate({"event": {"properties": {"revenue": True}}}) is UNKNOWN
    assert revenue.evaluate({}) is None
    flag = compile_expression("traits.vip", NAMES, expects=Type.BOOL)
    assert flag.holds(SCOPE)
    assert flag.evaluate({"traits": {"vip": "yes"}}) is UNKNOWN
    assert not flag.holds({"traits": {"vip": 1}})


def test_a_declared_type_is_not_trusted() -> None:
    assert value("signals.fails", {"signals": {"fails": "4"}}) is UNKNOWN
    assert value("signals.fails > 3", {"signals": {"fails": "4"}}) is UNKNOWN
    assert value("event.name", {"event": {"name": object()}}) is UNKNOWN
    assert value("anything", {"anything": object()}) is UNKNOWN
    # A number that the data made true is no condition that holds.
    assert value("signals.fails", {"signals": {"fails": True}}) is UNKNOWN
    assert value("event.tags", {"event": {"tags": True}}) is UNKNOWN


def test_an_expression_says_what_it_reads_and_costs() -> None:
    expression = compile_expression(
        "event.properties.revenue > 3 and event.properties.products[0].sku == 'a'"
        " and event.properties.revenue < 9",
        NAMES,
    )
    assert expression.paths == (
        ("event", "properties", "revenue"),
        ("event", "properties", "products"),
    )
    assert expression.cost == 1 + 3 + 1 + 1 + 3 + 2 + 1 + 1 + 3 + 1 + 1
    assert expression.type is Type.BOOL


def test_expressions_travel_as_their_text() -> None:
    expression = compile_expression("traits.clv > 500", NAMES, path="$.a", expects=Type.BOOL)
    again: Expression = pickle.loads(pickle.dumps(expression))
    assert again == expression
    assert hash(again) == hash(expression)
    assert again.holds(SCOPE)
    assert again != compile_expression("traits.clv > 501", NAMES)
    assert expression != "traits.clv > 500"
    assert repr(expression) == "<expression 'traits.clv > 500': bool>"


def test_unknown_is_one_false_value() -> None:
    assert not UNKNOWN
    assert repr(UNKNOWN) == "unknown"
    assert type(UNKNOWN)() is UNKNOWN
    assert pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN
    assert copy.deepcopy([UNKNOWN])[0] is UNKNOWN


def test_line_ends_are_spaces() -> None:
    assert value("\n  traits.clv > 500\n  and\tsignals.fails > 3\n") is True
