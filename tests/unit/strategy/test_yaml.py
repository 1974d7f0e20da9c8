"""Strategy files as plain data with places: what is read, what is refused, and where."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

import msgspec
import pytest
import yaml as pyyaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from heedful.strategy.reading import FAULTS_MAX, convert, path_text
from heedful.strategy.yaml import Position, StrategyError, StrategyProblem, load_yaml, read


def problems(text: str, type_: type | None = None) -> list[StrategyProblem]:
    with pytest.raises(StrategyError) as caught:
        read(load_yaml(text, "signals.yaml"), type_ or dict)
    error = caught.value
    assert error.code == error.problems[0].code
    assert error.message == str(error.problems[0])
    assert error.detail["problems"] == [msgspec.structs.asdict(p) for p in error.problems]
    return list(error.problems)


# ---- what is read


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("true", True),
        ("False", False),
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("none", "none"),
        ("0", 0),
        ("-12", -12),
        ("9223372036854775807", 9_223_372_036_854_775_807),
        ("2.50", 2.5),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("007", "007"),
        ("+4915112345", "+4915112345"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("0o7", "0o7"),
        ("1:30", "1:30"),
        ("10m", "10m"),
        (".5", ".5"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("2026-11-20", "2026-11-20"),
        ("=", "="),
        ("'10'", "10"),
        ('"true"', "true"),
        ('"\\u00e4"', "ä"),
        ("größe", "größe"),
        ("traits.clv > 500", "traits.clv > 500"),
    ],
)
def test_scalars(text: str, wanted: Any) -> None:
    found = load_yaml(f"value: {text}\n", "f").data["value"]
    assert found == wanted
    assert type(found) is type(wanted)


def test_keys_are_texts_as_they_are_written() -> None:
    text = "on: 1\ntrue: 2\n10: 3\nnull: 4\n'a b': 5\n99999999999999999999: 6\n"
    assert list(load_yaml(text, "f").data) == [
        *("on", "true", "10", "null", "a b", "99999999999999999999")
    ]


def test_blocks_and_flows() -> None:
    text = "---\na:\n- x\n- {b: [1, 2]}\n-\nc: |\n  one\n  two\nd: >-\n  one\n  two\n"
    data = {"a": ["x", {"b": [1, 2]}, None], "c": "one\ntwo\n", "d": "one two"}
    assert load_yaml(text, "f").data == data


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "---\n...\n"])
def test_an_empty_file_is_read_as_an_empty_map(text: str) -> None:
    class Section(msgspec.Struct, forbid_unknown_fields=True):
        names: tuple[str, ...] = ("default",)

    document = load_yaml(text, "f")
    assert document.data is None
    assert read(document, Section) == Section()


# ---- places

TEXT = """\
# comment
on: Order Completed
signals:
  - name: a
    where: event.total > 5
  - {name: 'b', where: "x \\" y", if: 'paid'}
  -
    name: c
    where: >-
      folded
Key. with [dots]:
  inner: ä
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ("$", 2, 1),
        ("$.on", 2, 5),
        ("$.signals", 4, 3),
        ("$.signals[0]", 4, 5),
        ("$.signals[0].where", 5, 12),
        ("$.signals[1]", 6, 5),
        ("$.signals[1].name", 6, 12),
        ("$.signals[2].where", 9, 12),
        ("$.Key. with [dots].inner", 12, 10),
        ("$.signals[0].absent", 4, 5),
        ("$.signals[9].where.deeper", 4, 3),
        ("$.absent[0]", 2, 1),
        ("$..", 2, 1),
        ("$[", 2, 1),
        (("signals", 1, "name"), 6, 12),
        (("Key. with [dots]", "inner"), 12, 10),
        ((), 2, 1),
    ],
)
def test_locate(path: Any, line: int, column: int) -> None:
    assert load_yaml(TEXT, "f").locate(path) == Position(line, column)


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ("$.signals", 3, 1),
        ("$.signals[0].where", 5, 5),
        ("$.signals[1]", 6, 5),
        ("$.Key. with [dots]", 11, 1),
        ("$.absent", 2, 1),
        ("$.absent.x", 2, 1),
        ("$", 2, 1),
    ],
)
def test_locate_key(path: str, line: int, column: int) -> None:
    assert load_yaml(TEXT, "f").locate_key(path) == Position(line, column)


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ("$.signals[0].where", 5, 18),
        ("$.signals[1].if", 6, 45),  # behind its quote
        ("$.signals[1].where", 6, 24),  # an escape: the start
        ("$.signals[2].where", 9, 12),  # folded: the start
        ("$.signals[0]", 4, 5),
    ],
)
def test_locate_inside_a_text(path: str, line: int, column: int) -> None:
    assert load_yaml(TEXT, "f").locate(path, offset=6) == Position(line, column)


def test_a_problem_at_a_path() -> None:
    problem = load_yaml(TEXT, "f.yaml").problem("$.on", "Wrong.", "odd", offset=1)
    assert problem == StrategyProblem("f.yaml", 2, 6, "Wrong.", "$.on", "odd")
    assert str(problem) == "f.yaml:2:6: Wrong."
    assert load_yaml("- a", "f").problem((0,), "x").path == "$[0]"


# ---- what is refused


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("a: &x 1\n", 1, 4, "the anchor &x"),
        ("a:\n  - &x [1]\n", 2, 5, "the anchor &x"),
        ("a: &x {b: 1}\n", 1, 4, "the anchor &x"),
        ("&x a: 1\n", 1, 1, "the anchor &x"),
        ("a: 1\nb: *x\n", 2, 4, "the alias *x"),
        ("*x : 1\n", 1, 1, "the alias *x"),
        ("a: !!python/object:os.system x\n", 1, 4, "the tag"),
        ("a: !!str 1\n", 1, 4, "the tag"),
        ("a: ! 1\n", 1, 4, "the tag"),
        ("!thing {a: 1}\n", 1, 1, "the tag !thing"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "It stands on line 1, too."),
        ("{a: 1, 'a': 3}\n", 1, 8, "each key once, got a"),
        ("<<: {a: 1}\n", 1, 1, "a merge key"),
        ("? [a]\n: 1\n", 1, 3, "a map or a list"),
        ("? {a: 1}\n: 1\n", 1, 3, "a map or a list"),
        ("'': 1\n", 1, 1, "a name as key, got nothing"),
        ("a: 1\n---\nb: 1\n", 2, 1, "a second one"),
        ("a: 9223372036854775808\n", 1, 4, "a number of 64 bits"),
        ("a: 1e999\n", 1, 4, "a number of 64 bits"),
        ("a: " + "9" * 5_000, 1, 4, "a number of 64 bits"),
        ("a: 1\nb: \x07\n", 2, 4, "U+0007"),
        ("a: '\ud800'\n", 1, 5, "U+D800"),
        ("a: \x00\n", 1, 4, "U+0000"),
        ("a: 1\n b: 2\n", 2, 3, "a mistake"),
        ("\ta: 1\n", 1, 1, "Indent with spaces."),
        ("a: @b\n", 1, 4, "a mistake"),
    ],
)
def test_refusals_have_their_place(text: str, line: int, column: int, part: str) -> None:
    (problem,) = problems(text)
    assert (problem.file, problem.line, problem.column) == ("signals.yaml", line, column)
    assert part in problem.text
    assert problem.code == "bad_yaml"


@pytest.mark.parametrize(
    "text", ["a: [1", "a: 'b", "a: {", "a: b: c", "%YAML 9.9\n---\na", "- a\nb"]
)
def test_torn_files_are_refused(text: str) -> None:
    (problem,) = problems(text)
    assert problem.code == "bad_yaml"
    assert "Expected YAML, got a mistake (" in problem.text


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("#" * ((1 << 20) + 1), "at most 1048576 bytes, got 1048577"),
        ("ä" * (1 << 20), "at most 1048576 bytes"),
        ("- a\n" * 100_001, "at most 100000 values"),
        ("[" * 51, "at most 50 levels"),
        ("[" * 1_000_000, "at most 50 levels"),
        ("{a: " * 100_000, "at most 50 levels"),
        ("\n".join(" " * i + "a:" for i in range(60)), "at most 50 levels"),
    ],
    ids=["bytes", "bytes of UTF-8", "values", "levels", "bomb of lists", "bomb of maps", "blocks"],
)
def test_bombs_are_refused_in_words(text: str, part: str) -> None:
    (problem,) = problems(text)
    assert part in problem.text
    assert problem.code == "too_large"


def test_the_billion_laughs_are_refused_at_the_first() -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
    )
    (problem,) = problems(laughs)
    assert (problem.line, problem.column) == (1, 4)


def test_the_limits_themselves_pass() -> None:
    assert len(load_yaml("- a\n" * 99_999, "f").data) == 99_999
    assert load_yaml("[" * 50 + "]" * 50, "f").data
    assert load_yaml("#" * (1 << 20), "f").data is None


# ---- reading as a type


class Kind(Enum):
    COUNT = "count"
    SUM = "sum"


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    count: int
    unit: Literal["day", "week"] = "day"


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    kind: Kind = Kind.COUNT
    window: int | None = None
    where: str = ""
    keep: Literal["first", "last"] = "last"
    limits: dict[str, Limit] = {}
    factor: float = 1.0
    is_on: bool = True


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="mail", tag_field="by"):
    address: str


class Push(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="push", tag_field="by"):
    device: str
    silent: bool = False


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    low: int = 0
    high: int = 1

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low stands above high")


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    signals: tuple[Signal, ...] = ()
    channel: Mail | Push | None = None
    pairs: dict[Literal["a", "b"], Pair] = {}
    sizes: tuple[int, str] | None = None
    short: tuple[str, ...] = ()


def one(text: str) -> tuple[int, int, str, str, str]:
    (problem,) = problems(text, Section)
    return problem.line, problem.column, problem.code, problem.path, problem.text


def test_a_document_is_read_as_its_type() -> None:
    text = """
signals:
  - {name: a, kind: sum, window: 5, factor: 2, limits: {x y: {count: 1, unit: week}}}
channel: {by: push, device: d}
pairs: {a: {low: 0}}
sizes: [1, x]
"""
    assert read(load_yaml(text, "f"), Section) == Section(
        signals=(Signal("a", Kind.SUM, 5, factor=2.0, limits={"x y": Limit(1, "week")}),),
        channel=Push("d"),
        pairs={"a": Pair()},
        sizes=(1, "x"),
    )


@pytest.mark.parametrize(
    ("text", "line", "column", "code", "path", "sentence"),
    [
        (
            "signals:\n  - {name: a, widow: 5}\n",
            *(2, 15, "unknown_field", "$.signals[0].widow"),
            "Expected a known field, got widow - at `$.signals[0].widow`. Did you mean window?",
        ),
        (
            "zzz: 1\n",
            *(1, 1, "unknown_field", "$.zzz"),
            "Expected a known field, got zzz - at `$.zzz`. "
            "Known are signals, channel, pairs, sizes, short.",
        ),
        (
            "signals:\n  - kind: sum\n",
            *(2, 5, "missing_field", "$.signals[0]"),
            "Expected a field `name`, got none - at `$.signals[0]`.",
        ),
        (
            "signals:\n  - name: 5\n",
            *(2, 11, "wrong_type", "$.signals[0].name"),
            "Expected a text, got a whole number (5) - at `$.signals[0].name`. "
            "Put quotes around it.",
        ),
        (
            "signals:\n  - {name: a, window: ten}\n",
            *(2, 23, "wrong_type", "$.signals[0].window"),
            "Expected a whole number or nothing, got a text ('ten') - at `$.signals[0].window`.",
        ),
        (
            "signals:\n  - {name: a, is_on: yes}\n",
            *(2, 22, "wrong_type", "$.signals[0].is_on"),
            "Expected true or false, got a text ('yes') - at `$.signals[0].is_on`.",
        ),
        (
            "signals:\n  - {name: a, kind: cuont}\n",
            *(2, 21, "unknown_value", "$.signals[0].kind"),
            "Expected one of count, sum, got 'cuont' - at `$.signals[0].kind`. Did you mean count?",
        ),
        (
            "signals:\n  - {name: a, keep: newest}\n",
            *(2, 21, "unknown_value", "$.signals[0].keep"),
            "Expected one of first, last, got 'newest' - at `$.signals[0].keep`.",
        ),
        (
            "signals:\n  - name: a\n    limits: {x: {count: 1}, per mail: {count: 2, unti: day}}\n",
            *(3, 50, "unknown_field", "$.signals[0].limits.per mail.unti"),
            "Expected a known field, got unti - at `$.signals[0].limits.per mail.unti`. "
            "Did you mean unit?",
        ),
        (
            "signals: {name: a}\n",
            *(1, 10, "wrong_type", "$.signals"),
            "Expected a list, got a map - at `$.signals`.",
        ),
        (
            "- a\n",
            *(1, 1, "wrong_type", "$"),
            "Expected a map, got a list - at `$`.",
        ),
        (
            "channel: {by: push, devise: d}\n",
            *(1, 21, "unknown_field", "$.channel.devise"),
            "Expected a known field, got devise - at `$.channel.devise`. Did you mean device?",
        ),
        (
            "channel: {by: pusch, device: d}\n",
            *(1, 15, "unknown_value", "$.channel.by"),
            "Expected one of mail, push, got 'pusch' - at `$.channel.by`. Did you mean push?",
        ),
        (
            "channel: {device: d}\n",
            *(1, 10, "missing_field", "$.channel"),
            "Expected a field `by`, got none - at `$.channel`.",
        ),
        (
            "pairs: {a: {low: 1}, c: {low: 1}}\n",
            *(1, 22, "unknown_value", "$.pairs.c"),
            "Expected one of a, b, got 'c' - at `$.pairs.c`.",
        ),
        (
            "pairs: {a: {low: 1}, b: {low: 2}}\n",
            *(1, 25, "bad_value", "$.pairs.b"),
            "Expected a valid value (low stands above high), got a map - at `$.pairs.b`.",
        ),
        (
            "sizes: [1]\n",
            *(1, 8, "wrong_type", "$.sizes"),
            "Expected a list of length 2, got 1 - at `$.sizes`.",
        ),
        (
            "sizes: [1, 2]\n",
            *(1, 12, "wrong_type", "$.sizes[1]"),
            "Expected a text, got a whole number (2) - at `$.sizes[1]`. Put quotes around it.",
        ),
    ],
)
def test_a_fault_is_one_sentence_at_its_place(
    text: str, line: int, column: int, code: str, path: str, sentence: str
) -> None:
    assert one(text) == (line, column, code, path, sentence)


def test_all_faults_are_told_in_the_order_of_the_file() -> None:
    text = """\
signals:
  - {nam: a, kind: sum}
  - name: b
    kind: cuont
    window: ten
    wher: x
  - {name: c}
  - {name: [], keep: newest}
  - 7
channel: {by: mail, adress: x, address: y}
extra: 1
"""
    found = [(p.line, p.path, p.code) for p in problems(text, Section)]
    assert found == [
        (2, "$.signals[0].nam", "unknown_field"),
        (4, "$.signals[1].kind", "unknown_value"),
        (5, "$.signals[1].window", "wrong_type"),
        (6, "$.signals[1].wher", "unknown_field"),
        (8, "$.signals[3].name", "wrong_type"),
        (8, "$.signals[3].keep", "unknown_value"),
        (9, "$.signals[4]", "wrong_type"),
        (10, "$.channel.adress", "unknown_field"),
        (11, "$.extra", "unknown_field"),
    ]


def test_what_only_follows_from_a_fault_is_not_told() -> None:
    # Without `name` at fault the signal would lack it; without the item the tuple is too short.
    assert [p.path for p in problems("signals: [{name: 1}]", Section)] == ["$.signals[0].name"]
    assert [p.path for p in problems("sizes: [x, y]", Section)] == ["$.sizes[0]"]


def test_the_faults_of_one_file_are_bounded() -> None:
    text = "signals:\n" + "  - {name: 1}\n" * (FAULTS_MAX + 50)
    assert len(problems(text, Section)) == FAULTS_MAX // 2


def test_reading_leaves_the_data_as_it_was() -> None:
    document = load_yaml("signals: [{name: 1}, {nam: x}]", "f")
    before = repr(document.data)
    with pytest.raises(StrategyError):
        read(document, Section)
    assert repr(document.data) == before


def test_paths_are_written_as_msgspec_writes_them() -> None:
    assert path_text(()) == "$"
    assert path_text((0, "a", "b c", 1)) == "$[0].a.b c[1]"


# ---- both parsers, any data


def outcome(text: str, loader: Any) -> Any:
    """Give the data and the places of a text, or where it is refused and why."""
    try:
        document = load_yaml(text, "f", loader=loader)
    except StrategyError as error:
        problem = error.problems[0]
        # The parsers find one mistake in other words and, at times, at another place.
        is_torn = "Expected YAML" in problem.text
        return "refused" if is_torn else problem
    places = [document.locate(path, offset=1) for path in paths_of(document.data)]
    return document.data, places, [document.locate_key(p) for p in paths_of(document.data)]


def paths_of(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    parts = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    return [path, *(p for step, part in parts for p in paths_of(part, (*path, step)))]


REFUSED = [
    *(
        "a: &x 1",
        "a: *x",
        "a: !!str 1",
        "! a",
        "a: 1\na: 2",
        "a: 1\n---\nb",
        "? [a]\n: 1",
        "[" * 51,
    ),
    *("a: [1", "a: 'b", "a: b: c", "- a\nb", "a: @b", "'': 1", "<<: 1", "a: 1e999", "\ta: 1"),
]


@pytest.mark.parametrize("text", [TEXT, "", "---\n", "a: 'ä' # ö\nb: {c: [x, y]}", *REFUSED])
def test_both_parsers_say_the_same(text: str) -> None:
    assert outcome(text, pyyaml.CSafeLoader) == outcome(text, pyyaml.SafeLoader)


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text("abc:# -[]{}'\"ä", max_size=6)
keys = st.sampled_from(["signals", "name", "kind", "limits", "count", "channel", "by", "a", "b.c"])
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=15,
)
sections = st.dictionaries(
    st.sampled_from(["signals", "channel", "pairs", "sizes", "short", "x"]), trees, max_size=4
)


@given(trees, st.booleans())
def test_what_another_writer_wrote_is_read_back(data: Any, is_flow: bool) -> None:
    text = pyyaml.safe_dump(data, default_flow_style=is_flow, allow_unicode=True)
    # The writer means YAML 1.1, so it quotes all that would be read otherwise.
    assert load_yaml(text, "f").data == data or "&id" in text


@given(sections)
@example({"signals": [{"name": "a", "limits": {"x": {"count": "1"}, "y": {"count": "1"}}}]})
def test_every_fault_points_at_a_part_that_stands_in_the_file(data: Any) -> None:
    text = pyyaml.safe_dump(data, allow_unicode=True)
    document = load_yaml(text, "f")
    lines = text.splitlines()
    reading = convert(document.data, Section)
    try:
        value = msgspec.convert(data, Section, str_keys=True)
    except msgspec.ValidationError:
        assert reading.value is None
        assert reading.faults
    else:
        assert reading.value == value
        assert reading.faults == ()
        return
    assert len(set(reading.faults)) == len(reading.faults)
    for fault in reading.faults:
        part: Any = document.data
        for step in fault.path:
            part = part[step]  # it stands there, or this raises
        line, column = document.locate(fault.path)
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1])


@settings(max_examples=300)
@given(st.text("ab:-[]{},#&*!|>'\"%@`? \n\t\\0~<", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        load_yaml(text, "f")
    except StrategyError as error:
        problem = error.problems[0]
    else:
        return
    assert problem.code == "bad_yaml"
    assert 1 <= problem.line <= text.count("\n") + 2
