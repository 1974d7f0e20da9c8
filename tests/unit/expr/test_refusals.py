"""What is refused, at which column, with which remedy; and that nothing escapes."""

from __future__ import annotations

import pytest

from heedful.expr import FUNCTIONS, Names, Open, Record, Type, compile_expression
from heedful.kernel import InputError

NAMES = Names(
    roots={
        "traits": Open(),
        "signals": Record(fields={"payment_failures_10m": Type.NUMBER, "list": Type.LIST}),
        "event": Record(fields={"name": Type.TEXT, "properties": Open()}),
        "paid": Type.BOOL,
    }
)


def refusal(text: str, **options: Type) -> InputError:
    with pytest.raises(InputError) as caught:
        compile_expression(text, NAMES, path="$.signals[3].where", **options)
    error = caught.value
    assert error.code == "bad_expression"
    assert error.detail["path"] == "$.signals[3].where"
    assert "at `$.signals[3].where`" in error.message
    return error


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("", 1, "got nothing"),
        ("  \n", 1, "got nothing"),
        ("paid and", 9, "got its end"),
        ("paid and (", 10, "never closed"),
        ("paid paid", 6, "mistake"),
        ("'a' + 1", 7, "two numbers or two texts"),
        ("event.name > 5", 14, "a text and a number"),
        ("event.name == 5", 15, "a text and a number"),
        ("5 < event.name", 5, "a number and a text"),
        ("paid == 1", 9, "a bool and a number"),
        ("paid < paid", 8, "got a bool"),
        ("event.name * 2", 1, "a number, got a text"),
        ("-event.name", 2, "a number, got a text"),
        ("-paid", 2, "a number, got a bool"),
        ("1 + none", 5, "a number, got none"),
        ("'a' + none", 1, "a text, got none"),
        ("event.name and paid", 1, "a condition, got a text"),
        ("not 1", 5, "a condition, got a number"),
        ("1 if 2 else 3", 6, "a condition, got a number"),
        ("1 if paid else 'x'", 16, "values of one type"),
        ("coalesce(1, 'x')", 13, "values of one type"),
        ("traits == traits", 11, "got a map"),
        ("signals.list == [1]", 17, "got a list"),
        ("traits.a == none", 13, "Write `is none`"),
        ("none < 1", 8, "Write `is none`"),
        ("traits.a is 5", 13, "Write == to compare"),
        ("traits.a is none is none", 13, "none after is"),
        ("'a' in traits", 8, "Write `x.key is not none`"),
        ("'a' in 5", 8, "a list or a text after in"),
        ("1 in 'abc'", 6, "number and text"),
        ("1 in ['a']", 6, "number and text"),
        ("traits.a in [1, 'a']", 13, "number and text"),
        ("[1] in signals.list", 8, "before in"),
        ("traits.a in [none]", 14, "got none"),
        ("[[1]]", 2, "got a list"),
        ("event.name.x", 12, "got event.name, a text"),
        ("signals.list.x", 14, "Write [0]"),
        ("traits[0]", 8, "a list before the brackets, got a map"),
        ("signals.list[1.5]", 14, "a whole number or a text"),
        ("signals.list[true]", 14, "a whole number or a text"),
        ("signals.list[paid]", 14, "a whole number or a text"),
        ("signals.list[-paid]", 14, "a whole number or a text"),
        ("(1 + 1).x", 2, "Read fields of names only"),
        ("'a'.x", 1, "Read fields of names only"),
        ("lower('a')[0]", 1, "Read fields of names only"),
        ("traits.from", 8, "Write ['from']"),
        ("traits.None", 8, "Write ['None']"),
        ("lower", 1, "Write lower(...)"),
        ("lower()", 1, "1 arguments for lower"),
        ("lower('a', 'b')", 1, "1 arguments for lower"),
        ("round(1, 2, 3)", 1, "1 or 2 arguments for round"),
        ("min(1)", 1, "2 or more arguments for min"),
        ("lower(1)", 7, "a text for lower, got a number"),
        ("len(1)", 5, "a text or a list or a map for len"),
        ("lower(none)", 7, "got none"),
        ("lower(x='a')", 8, "Write == to compare"),
        ("paid = true", 6, "Write == to compare"),
        ("paid && paid", 6, "Write and."),
        ("paid || paid", 6, "Write or."),
        ("!paid", 1, "Write not"),
        ("traits.a is null", 13, "Write none."),
        ("paid # comment", 6, "outside the expression"),
        ("2 ** 3", 3, "no power"),
        ("2 << 3", 3, "'<'"),
        ("+1", 1, "UnaryOp"),
        ("0x10", 1, "a number such as"),
        ("10m", 1, "a number such as"),
        ("1.2.3", 1, "a number such as"),
        ("1_", 2, "mistake"),
        (".5", 1, "its first digit"),
        ("1e999", 1, "a number up to"),
        ("9223372036854775808", 1, "a number up to"),
        ("1j", 1, "a number such as"),
        ("'abc", 1, "Close the quotes"),
        ("'a\\x41'", 1, "another escape"),
        ("'''a'''", 3, "two texts side by side"),
        ("'a' 'b'", 5, "two texts side by side"),
        ("f'{paid}'", 2, "Leave the prefix out"),
        ("paid; paid", 5, "';'"),
        ("{}", 1, "'{'"),
        ("größe > 1", 3, "x['name']"),
        ("traits['ä'] == 1 and trais.x", 22, "Did you mean traits?"),
        ("\n paid and\n  pait", 14, "Did you mean paid?"),
    ],
)
def test_refusals_point_at_the_mistake(text: str, column: int, part: str) -> None:
    error = refusal(text)
    assert part in error.message
    assert error.detail["column"] == column
    assert f"Column {column}." in error.message


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("signals.payment_failure_10m > 1", "payment_failures_10m"),
        ("trait.x == 1", "traits"),
        ("lenght('a') > 1", "len"),
        ("start_with(event.name, 'a')", "starts_with"),
        ("event.Name == 'a'", "name"),
        ("zzzzzz", None),
    ],
)
def test_an_unknown_name_brings_the_nearest(text: str, near: str | None) -> None:
    error = refusal(text)
    assert error.detail["nearest"] == near
    assert (f"Did you mean {near}?" in error.message) is (near is not None)


def test_the_caret_stands_under_the_mistake() -> None:
    first, second = refusal("paid and event.nam == 'x'").detail["caret"].split("\n")
    assert first == "paid and event.nam == 'x'"
    assert first[len(second) - 1 :].startswith("nam")
    long = refusal("paid and " * 100 + "pait").detail["caret"].split("\n")
    assert len(long[0]) <= 80
    assert long[0][len(long[1]) - 1 :].startswith("pait")


def test_an_expected_type_is_required() -> None:
    assert "a bool, got a number" in refusal("1 + 1", expects=Type.BOOL).message
    assert compile_expression("1 + 1", NAMES, expects=Type.ANY).type is Type.NUMBER


ESCAPES = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "''.__class__",
    "traits.__class__.__mro__",
    "traits.__init__.__globals__",
    "signals.list.__len__()",
    "lower.__globals__",
    "lower.__code__",
    "traits.get('a')",
    "traits.a()",
    "traits['a']()",
    "(lower)('a')('b')",
    "eval('1')",
    "exec('1')",
    "open('/etc/passwd')",
    "getattr(traits, 'a')",
    "globals()",
    "print(1)",
    "scope",
    "U",
    "N",
    "fn_lower('a')",
    "op0(1, 1)",
    "compiled(1)",
    "v1",
    "lambda: 1",
    "(lambda: 1)()",
    "[x for x in traits]",
    "(x for x in traits)",
    "{x: 1 for x in traits}",
    "(x := 1)",
    "f'{traits}'",
    "f'{traits.__class__}'",
    "rb'a'",
    "'%s' % traits",
    "'%1000000000d' % 1",
    "'{0.__class__}'.format(1)",
    "event.name % 2",
    "'a' * 1000000000",
    "[1] * 1000000000",
    "signals.list * 9",
    "[1] + [2]",
    "9 ** 9 ** 9",
    "1 << 1000000",
    "~1",
    "1 & 1",
    "1 @ 1",
    "*traits",
    "lower(*traits)",
    "lower(**traits)",
    "max(*signals.list, 1)",
    "traits[1:2]",
    "traits[...]",
    "...",
    "await paid",
    "yield paid",
    "(yield)",
    "import os",
    "del paid",
    "paid; import os",
    "paid\nimport os",
    "paid\\\n+ 1",
    "assert paid",
    "True.real",
    "None.__class__",
    "1 .real",
    "1..real",
    "b'a'",
    "1j",
    "ｅval('1')",  # Python folds these letters to eval by NFKC
    "traits.ｃlass",
    "__ｉmport__('os')",
    "ſcope",
    "traits._＿class__",
    "paid\u00a0and paid",
    "paid\u2028and paid",
    "paid\x0cand paid",
    "paid\x00",
    "'\x00'",
    "'\ud800'",
    "'\\N{LATIN SMALL LETTER A}'",
    "'\\x41'",
    "'\\u0041'",
    "'\\101'",
    "not " * 490 + "paid",
    "-" * 1_990 + "1",
    "(" * 1_000 + ")" * 1_000,
    "[" * 31 + "]" * 31,
    "1 if paid else " * 40 + "1",
    "+".join(["1"] * 100),
    "paid and " * 200 + "paid",
    "traits" + ".a" * 40,
    "signals.list" + "[0]" * 40,
    "'" + "a" * 201 + "'",
    "1" * 500,
    "paid " + " " * 2_000,
]


@pytest.mark.parametrize("text", ESCAPES)
def test_attempts_to_escape_are_refused(text: str) -> None:
    refusal(text)


def test_every_function_is_described_in_the_language_of_types() -> None:
    for name, function in FUNCTIONS.items():
        assert name.isidentifier()
        assert 1 <= function.required <= len(function.takes)


@pytest.mark.parametrize(
    "text",
    [
        "not " * 28 + "paid",
        "abs(" * 28 + "traits.a" + ")" * 28,
        "(" * 30 + "paid" + ")" * 30,
        "(" * 28 + "paid" + " is none)" * 28,
        "(1 if traits.a else " * 14 + "2" + ")" * 14,
        "(paid and (paid or " * 14 + "paid" + "))" * 14,
        "(1 < (2 if " * 9 + "paid" + " else 3) < 4)" * 9,
        "traits" + ".a" * 29,
        "paid and " * 198 + "paid",
        "traits.a" + " < traits.a" * 60,
        "'" + "a" * 200 + "' == event.name",
    ],
)
def test_the_largest_allowed_expressions_compile(text: str) -> None:
    expression = compile_expression(text, NAMES)
    for scope in ({}, {"paid": True, "traits": {"a": 1}}):
        assert expression.holds(scope) is (expression.evaluate(scope) is True)
