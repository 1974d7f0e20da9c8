"""Expressions under fuzz: no text escapes, no value raises, the compiler agrees with the tree.

Three oracles. `trespasses` says what a compiled function could touch that it may not. A `Canary`
in the values counts every touch of it. `meaning` is Kleene's logic read straight off the tree,
slow and plain, against which the compiled functions are compared.
"""

from __future__ import annotations

import re
from math import isfinite
from random import Random
from types import CodeType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from heedful.expr import (
    FUNCTIONS,
    UNKNOWN,
    Expression,
    Names,
    Open,
    Record,
    Type,
    compile_expression,
    tree,
)
from heedful.expr.limits import INTEGER_MAX
from heedful.expr.operators import ARITHMETIC, COMPARE, LEAVE, field, item, negate, through
from heedful.kernel import InputError
from tests.unit.expr.test_refusals import ESCAPES

NAMES = Names(
    roots={
        "traits": Open(),
        "signals": Record(fields={"n": Type.NUMBER, "t": Type.TEXT, "b": Type.BOOL}),
        "lists": Record(fields={"l": Type.LIST, "deep": Record(fields={"l": Type.LIST})}),
        "x": Type.ANY,
        "flag": Type.BOOL,
    }
)


def at_least(examples: int) -> settings:
    """Run so many examples, or more where the profile asks for more."""
    return settings(max_examples=max(examples, settings().max_examples))


# ---- values: of every type, of wrong types, and one that must never be touched


class Canary:
    """An object that no expression may read, call, compare or return."""

    touches: list[str] = []  # noqa: RUF012 - shared on purpose: any instance reports here

    def __getattribute__(self, name: str) -> Any:
        if name != "__class__":
            Canary.touches.append(name)
        return object.__getattribute__(self, name)

    def _touched(self, *_: Any) -> Any:
        Canary.touches.append("operator")
        return self

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __mul__ = _touched
    __sub__ = __truediv__ = __floordiv__ = __mod__ = __neg__ = __call__ = __getitem__ = _touched
    __len__ = __iter__ = __contains__ = __bool__ = __hash__ = _touched  # type: ignore[assignment]


CANARY = Canary()
KEYS = ["a", "b", "n", "t", "l", "deep", "key with space", "__class__", "get"]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a", "ab", "n"])
    | st.text(max_size=5)
    | st.sampled_from([UNKNOWN, CANARY, 10**400, b"a", 1j])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
maps = st.dictionaries(st.sampled_from(KEYS), values, max_size=5)
scopes = st.fixed_dictionaries(
    {},
    optional={
        "traits": maps | values,
        "signals": maps
        | st.fixed_dictionaries(
            {"n": st.integers(-1, 3) | scalars, "t": st.sampled_from(["", "a", "b"])},
            optional={"b": st.booleans()},
        ),
        "lists": st.fixed_dictionaries({}, optional={"l": values, "deep": maps}),
        "x": scalars | values,
        "flag": st.booleans() | st.booleans() | values,
    },
)

PROPER: dict[str, list[Any]] = {
    "number": [0, 1, 2, 3, -1, 2.5, 0.0, 7],
    "text": ["", "a", "b", "ab", "B"],
    "bool": [True, False],
    "list": [[], [1, 2], ["a"], [{"a": 1}, {"a": 2.5}, {}], ("a", None), [UNKNOWN], [[1]]],
}
IMPROPER = [None, None, UNKNOWN, UNKNOWN, CANARY, True, 1, "a", [1], {}, 10**400, float("nan")]


def grown_scope(random: Random) -> dict[str, Any]:
    """Grow values that are mostly of their declared types: random ones alone compare as unknown."""

    def pick(kind: str) -> Any:
        return random.choice(PROPER[kind] if random.random() < 0.75 else IMPROPER)

    def some() -> Any:
        return pick(random.choice(list(PROPER)))

    return {
        "traits": {"a": some(), "b": pick("bool"), "key with space": pick("text"), "l": some()},
        "signals": {"n": pick("number"), "t": pick("text"), "b": pick("bool")},
        "lists": {"l": pick("list"), "deep": {"l": pick("list")}},
        "x": some(),
        "flag": pick("bool"),
    }


grown_scopes = st.integers(0, 1 << 32).map(
    lambda seed: [grown_scope(random) for random in [Random(seed)] for _ in range(20)]
)

# ---- texts: of random tokens, and of the grammar so that most compile

TOKENS = """
    ( ( ) ) [ ] . , + - * / // % == != < <= > >= in not is and or if else
    true false none True None traits signals lists x flag a b n t l deep get
    0 1 2.5 1e300 9223372036854775807 'a' 'ab' "it's" '' '__class__'
    __class__ __import__ eval lambda for ** = := { } : ; @ ~ | & << f'{x}' \\ ｅval # `
    compiled scope v1 fn_len op0 U N dict through __builtins__
""".split()  # noqa: SIM905 - as they are written
TOKENS += FUNCTIONS
random_texts = (
    st.lists(st.sampled_from(TOKENS), min_size=1, max_size=14).map(" ".join)
    | st.lists(st.sampled_from(TOKENS), min_size=1, max_size=10).map("".join)
    | st.text(max_size=30)
)

LEAVES = {
    "number": ["0", "2", "2.5", "9223372036854775807", "1e308", "signals.n", "x", "traits.a"],
    "text": ["'a'", "''", "signals.t", "x", "traits['key with space']", "traits.a"],
    "list": ["lists.l", "lists.deep.l", "x", "traits.l", "traits.l[0].l", "[]", "[1, 2]", "['a']"],
    "condition": ["flag", "flag", "signals.b", "x", "traits.b", "(signals.n > 1)", "true"],
    "any": ["traits", "x[0]", "x[-1].a[1]", "none"],
}
RELATIONS = ["==", "!=", "<", "<=", ">", ">="]
# One line per form; a part in braces is written as another form of that kind.
FORMS = {
    "number": [
        "({number} + {number})",
        "({number} - {number})",
        "({number} * {number})",
        "({number} / {number})",
        "({number} // {number})",
        "({number} % {number})",
        "-({number})",
        "({number} if {condition} else {number})",
        "abs({number})",
        "round({number})",
        "round({number}, 2)",
        "min({number}, {number})",
        "max({number}, {number}, {number})",
        "len({text})",
        "len({list})",
        "coalesce({number}, none, {number})",
        "days_between({number}, {number})",
        "sum_of({list}, {text})",
    ],
    "text": [
        "({text} + {text})",
        "lower({text})",
        "upper({text})",
        "coalesce({text}, {text})",
        "({text} if {condition} else none)",
    ],
    "list": ["[{number}, {number}]", "[{text}]", "({list} if {condition} else {list})"],
    "condition": [
        *["({condition} and {condition})", "({condition} or {condition})", "not ({condition})"] * 4,
        *["not ({condition} and {condition})", "not ({condition} or {condition})"] * 3,
        "({condition} and {condition} and {condition})",
        "({condition} or not {condition} or {condition})",
        "({condition} if {condition} else {condition})",
        "({condition} == {condition})",
        "({any} is none)",
        "({any} is not none)",
        *(f"({{number}} {op} {{number}})" for op in RELATIONS),
        *(f"(1 < {{number}} {op} {{number}} != 7)" for op in RELATIONS),
        *(f"({{text}} {op} {{text}})" for op in RELATIONS),
        *(f"(x {op} traits.a)" for op in RELATIONS),
        "({number} in {list})",
        "({text} not in {list})",
        "({text} in {text})",
        "({text} in ['a', 'b', ''])",
        "({number} not in (1, -2, 2.5))",
        "any_of({list}, {text}, {number})",
        "contains({text}, {text})",
        "starts_with({text}, {text})",
        "coalesce({condition}, {condition})",
    ],
    "any": ["{number}", "{text}", "{list}", "{condition}"],
}
PART = re.compile(r"\{(\w+)\}")


def grown(random: Random, kind: str, depth: int) -> str:
    """Grow a text of one kind; deeper ones end in leaves."""
    if depth == 0 or random.random() < 0.1:
        return random.choice(LEAVES[kind])
    form = random.choice(FORMS[kind])
    return PART.sub(lambda part: grown(random, part.group(1), depth - 1), form)


def texts_of(kind: str) -> st.SearchStrategy[str]:
    # From a seed: drawing choice by choice, Hypothesis prefers the first ones, which are leaves.
    seeds = st.integers(0, 1 << 32)
    return st.builds(lambda seed, depth: grown(Random(seed), kind, depth), seeds, st.integers(1, 5))


WORDS = re.compile(r"\w+|'[^']*'|[^\w\s]")


@st.composite
def damaged_texts(draw: st.DrawFn) -> str:
    """Draw a text of the grammar with one to three tokens replaced, put in or left out."""
    words = WORDS.findall(draw(texts_of("any")))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(words)))
        words[at : at + draw(st.integers(0, 1))] = draw(
            st.lists(st.sampled_from(TOKENS), max_size=2)
        )
    return " ".join(words)


def compiled(text: str) -> Expression | None:
    """Compile a text, or check that it is refused properly and give None."""
    try:
        return compile_expression(text, NAMES)
    except InputError as error:
        refusal = error
    assert refusal.code == "bad_expression"
    assert 1 <= refusal.detail["column"] <= len(text) + 1
    return None


# ---- oracle 1: what a compiled function could touch

ALLOWED_NAMES = frozenset(
    ["scope", "get", "__class__", "U", "N", "LISTS", "dict", "str", "bool"]
    + ["through", "field", "item", "negate"]
    + [f"fn_{name}" for name in FUNCTIONS]
    + [f"op{i}" for i in range(len(ARITHMETIC))]
    + [f"rel{i}" for i in range(len(COMPARE))]
    + [f"leave_{type_}" for type_ in Type]
)
PLAIN = (int, float, str, bool, type(None))


def trespasses(function: Any) -> list[str]:
    """List the names, nested code and constants of a function that an expression may not have."""
    code = function.__code__
    found = [name for name in code.co_names if name not in ALLOWED_NAMES]
    found += [c.co_name for c in code.co_consts if isinstance(c, CodeType)]
    for constant in code.co_consts:
        parts = constant if isinstance(constant, tuple | frozenset) else (constant,)
        found += [repr(p) for p in parts if not isinstance(p, PLAIN) and p is not constant]
    if code.co_freevars or function.__closure__ or function.__globals__["__builtins__"] != {}:
        found.append("reaches outside")
    return found


def misbehaviour(evaluate: Any, scope: dict[str, Any]) -> str | None:
    """Evaluate, and say what an expression may not do, or None."""
    Canary.touches.clear()
    try:
        value = evaluate(scope)
    except Exception as error:
        return f"raised {type(error).__name__}"
    if Canary.touches:
        return f"touched the canary: {Canary.touches}"
    if value is None or value is UNKNOWN or isinstance(value, bool | str):
        return None
    if isinstance(value, int):
        return None if -INTEGER_MAX <= value <= INTEGER_MAX else "an integer beyond int64"
    if isinstance(value, float):
        return None if isfinite(value) else "a number that is not finite"
    return None if type(value) in (list, tuple, dict) else f"returned {type(value).__name__}"


def check(expression: Expression, scope: dict[str, Any]) -> None:
    for function in (expression.evaluate, expression.holds):
        assert trespasses(function) == []
        assert misbehaviour(function, scope) is None
    assert expression.holds(scope) is (expression.evaluate(scope) is True)


@at_least(500)
@given(random_texts | damaged_texts(), scopes)
def test_random_texts_are_refused_or_harmless(text: str, scope: dict[str, Any]) -> None:
    expression = compiled(text)
    if expression is not None:
        check(expression, scope)


@at_least(250)
@given(texts_of("any"), st.lists(scopes, min_size=1, max_size=3))
@example("(x if 1 in x else x)", [{"x": [CANARY]}])
@example("len([x])", [{"x": CANARY}])
def test_expressions_never_raise_whatever_the_values(
    text: str, examples: list[dict[str, Any]]
) -> None:
    expression = compiled(text)
    if expression is not None:
        for scope in examples:
            check(expression, scope)


# ---- the oracles notice what they are for


def naive(text: str) -> Any:
    """Compile as an expression room without its gates would."""
    room: dict[str, Any] = {}
    exec(f"def compiled(scope):\n return ({text})", room)  # noqa: S102
    return room["compiled"]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getpid()",
        "().__class__.__bases__",
        "(lambda: 1)()",
        "[c for c in 'ab']",
        "scope.pop('x', None)",
        "f'{scope}'.join('a')",
        "1",  # harmless as it stands, yet with builtins in reach
    ],
)
def test_a_planted_escape_is_seen_in_the_code(text: str) -> None:
    assert trespasses(naive(text))


@pytest.mark.parametrize(
    "text",
    [
        "scope['x'].secret",
        "scope['x']",
        "scope['x'] == 1",
        "scope['x'] + 1",
        "scope['x']()",
        "not scope['x']",
        "scope['absent']",
        "1 / 0",
        "9 ** 99",
        "1e308 * 10",
        "object()",
    ],
)
def test_a_planted_escape_is_seen_in_what_it_does(text: str) -> None:
    assert misbehaviour(naive(text), {"x": CANARY}) is not None


def test_the_corpus_of_escapes_would_be_seen_without_the_gates() -> None:
    seen = 0
    for text in ESCAPES:
        try:
            function = naive(text)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
        seen += bool(trespasses(function))
    assert seen >= 30  # the others are no Python expressions


# ---- oracle 2: the meaning, read off the tree


def meaning(node: Any, scope: dict[str, Any]) -> Any:
    """Evaluate a tree plainly: every part, no short cuts, Kleene's tables as sets."""
    parts = [meaning(child, scope) for child in tree.children(node)]
    match node:
        case tree.Literal(value=value):
            return value
        case tree.Path(names=names):
            value = scope.get(names[0])
            for name in names[1:]:
                value = field(value, name)
            return value
        case tree.Item(at=at):
            return item(parts[0], at)
        case tree.Field(name=name):
            return through(parts[0], name)
        case tree.Many():
            return parts
        case tree.Logic(op=op):
            truths = [p if isinstance(p, bool) else UNKNOWN for p in parts]
            ends = op == "or"
            if any(t is ends for t in truths):
                return ends
            return UNKNOWN if any(t is UNKNOWN for t in truths) else not ends
        case tree.Not():
            return not parts[0] if isinstance(parts[0], bool) else UNKNOWN
        case tree.Compare(ops=ops):
            pairs = [
                related(op, node.operands[i : i + 2], parts[i : i + 2]) for i, op in enumerate(ops)
            ]
            if any(p is False for p in pairs):
                return False
            return UNKNOWN if any(p is UNKNOWN for p in pairs) else True
        case tree.IsNone(negated=negated):
            return UNKNOWN if parts[0] is UNKNOWN else (parts[0] is None) is not negated
        case tree.Arithmetic(op=op):
            return ARITHMETIC[op](*parts)
        case tree.Negate():
            return negate(parts[0])
        case tree.Choose():
            then, test, otherwise = parts
            return then if test is True else otherwise if test is False else UNKNOWN
        case tree.Call(name=name):
            return FUNCTIONS[name].body(*parts)
    raise AssertionError(node)


CLASSES = {Type.NUMBER: (int, float), Type.TEXT: (str,), Type.BOOL: (bool,)}


def related(op: str, nodes: Any, values: list[Any]) -> Any:
    """Compare in the declared type where there is one: values of another are unknown."""
    declared = {node.type for node in nodes} & set(CLASSES)
    is_search = op in ("in", "not in") and nodes[1].type is not Type.TEXT
    if not is_search and any(type(v) not in CLASSES[t] for t in declared for v in values):
        return UNKNOWN
    return COMPARE[op](*values)


@at_least(800)
@given(texts_of("condition"), grown_scopes)
def test_the_compiled_condition_means_what_the_tree_means(
    text: str, examples: list[dict[str, Any]]
) -> None:
    expression = compiled(text)
    if expression is None:
        return
    for scope in examples:
        wanted = LEAVE[expression.type](meaning(expression.tree, scope))
        assert expression.holds(scope) is (wanted is True)
        assert repr(expression.evaluate(scope)) == repr(wanted)


@at_least(150)
@given(texts_of("number"), grown_scopes)
def test_the_compiled_number_is_what_the_tree_means(
    text: str, examples: list[dict[str, Any]]
) -> None:
    expression = compiled(text)
    if expression is None:
        return
    for scope in examples:
        wanted = LEAVE[expression.type](meaning(expression.tree, scope))
        assert repr(expression.evaluate(scope)) == repr(wanted)
