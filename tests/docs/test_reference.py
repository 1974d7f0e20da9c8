"""The reference is what the code says, and everything on it has its sentence."""

from __future__ import annotations

import ast

import pytest

from scripts import reference
from scripts.error_codes import prose_codes, raised_codes
from scripts.source_tree import ROOT, Module, constants, read

PAGES = {page.file: page for page in reference.pages(read())}


def module(text: str, name: str = "customer.rules") -> Module:
    """Plant one module."""
    return Module(name, text, ast.parse(text))


@pytest.mark.parametrize("file", sorted(PAGES))
def test_the_page_is_not_stale(file: str) -> None:
    written = (ROOT / "docs/reference" / file).read_text("utf-8")
    assert written == PAGES[file].text, "run: make reference"


@pytest.mark.parametrize("file", sorted(PAGES))
def test_everything_on_the_page_has_its_sentence(file: str) -> None:
    assert PAGES[file].undocumented == ()


def test_no_other_page_stands_in_the_folder() -> None:
    written = {p.name for p in (ROOT / "docs/reference").iterdir()}
    assert written == set(PAGES) | set(reference.BY_HAND)


def test_every_command_and_option_is_on_its_page() -> None:
    page = PAGES["command-line.md"].text
    assert "## heedful customer merge-preview" in page
    assert "| 3 | the server or the store is away" in page
    assert "| `--port INTEGER` |" in page


def test_a_known_limit_code_and_event_are_found() -> None:
    assert "`MICROS_MAX` | `1 << 60`" in PAGES["limits.md"].text
    assert "| `bad_span` | the caller |" in PAGES["errors.md"].text
    assert "`Message Released`" in PAGES["events.md"].text


def test_a_limit_is_described_by_the_sentence_after_or_behind_it() -> None:
    planted = module('A_MAX: Final = 1\n"""After."""\nB_MAX = 2  # behind\nC_MAX = 3\n')
    assert [(e.name, e.value, e.says) for e in constants(planted)] == [
        ("A_MAX", "1", "After."),
        ("B_MAX", "2", "behind"),
        ("C_MAX", "3", ""),
    ]
    assert reference.limits_page([planted]).undocumented == ("limit customer.rules.C_MAX",)


def test_every_constant_of_a_limits_module_needs_its_sentence() -> None:
    planted = module("WINDOW_BINS: Final = 64\n_PRIVATE = 1\n", "sense.limits")
    assert reference.limits_page([planted]).undocumented == ("limit sense.limits.WINDOW_BINS",)


def test_a_setting_is_described_beside_it_or_in_the_docstring() -> None:
    planted = module(
        "class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):\n"
        '    """A rule; `top` says how many."""\n\n'
        '    name: str\n    top: int = 3\n    at: int | None = None\n    """When."""\n'
        "    lost: bool = False\n"
    )
    page = reference.settings_page([planted])
    assert page.undocumented == ("setting customer.rules.Rule.lost",)
    assert "| `at` | `int \\| None` | `None` | When. |" in page.text
    assert "| `name` | `str` | required |" in page.text


def test_what_is_compiled_from_the_files_is_no_setting() -> None:
    text = 'class CapRules(msgspec.Struct):\n    """Caps."""\n\n    per_day: int = 3\n'
    assert reference.settings_page([module(text, "decide.compiled")]).undocumented == ()
    assert reference.settings_page([module(text, "decide.rules")]).undocumented != ()


def codes_of(text: str) -> dict[str, str]:
    """Collect the codes of a planted module with their sentences."""
    return {raised.code: raised.says for raised in raised_codes([module(text)])}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (
            'def f():\n    raise InputError("too_long", expected("a short name", "x", "$"))\n',
            {"too_long": "Expected a short name."},
        ),
        (
            'def f(n):\n    what = f"at most {n} items"\n'
            '    raise InputError("too_many", expected(what, "x", "$"))\n',
            {"too_many": "Expected at most … items."},
        ),
        (
            'def f(n):\n    what, got = f"at most {n} steps", "x"\n'
            '    return fault("bad_steps", what, got, "$")\n\n\n'
            "def fault(code, what, got, path):\n"
            "    return InputError(code, expected(what, got, path))\n",
            {"bad_steps": "Expected at most … steps."},
        ),
        ('X = InputError("a_b" if y else "c_d", "Three words here")\n', None),
        (
            'def refuse(code, path):\n    return InputError(code, expected(path, "x", path))\n\n\n'
            'raise refuse("no_key", "$")\n',
            {"no_key": ""},
        ),
        (
            "class Bad(InputError):\n"
            '    def __init__(self, what="a JSON body"):\n'
            '        super().__init__("bad_json", expected(what, "x", "$"))\n',
            {"bad_json": "Expected a JSON body."},
        ),
        (
            "class Closed(PeerError):\n    def __init__(self):\n"
            '        super().__init__("store_closed", "The store is closed.")\n',
            {"store_closed": "The store is closed."},
        ),
        ('class Odd(InputError): ...\n\nraise Odd("odd_one", "x")\n', {"odd_one": ""}),
        ('GONE = "gone_away"\nraise PeerError(GONE, "x")\n', {"gone_away": ""}),
        ('print("not_a_code")\n', {}),
    ],
)
def test_codes_are_found_however_they_are_raised(text: str, codes: dict[str, str] | None) -> None:
    wanted = {"a_b": "Three words here", "c_d": "Three words here"} if codes is None else codes
    assert codes_of(text) == wanted


def test_a_code_without_a_sentence_is_undocumented() -> None:
    page = reference.errors_page([module('raise InputError("odd_one", text)\n')])
    assert page.undocumented == ("error code odd_one of customer",)


def test_a_raises_section_describes_a_code() -> None:
    planted = module(
        'def f():\n    """Read.\n\n    Raises\n    ------\n    InputError\n'
        "        `too_long` beyond `chars_max`, `odd_one` when the text is odd.\n\n"
        '    Examples\n    --------\n    >>> f("`odd_one` in vain")\n    """\n'
    )
    assert prose_codes([planted], ["too_long", "odd_one"]) == {
        "too_long": "Beyond `chars_max`.",
        "odd_one": "When the text is odd.",
    }
