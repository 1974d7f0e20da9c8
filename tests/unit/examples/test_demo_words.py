"""Decisions in the words of people: every outcome of deciding has a sentence of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heedful.cli.demo_keys import keys_in
from heedful.cli.demo_words import HELD_BACK, SILENCE, Wording, read_wording, tell
from heedful.decide.explain import REASON_SENTENCES

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "shop" / "strategy"
SHOP = read_wording(
    {p.relative_to(FOLDER).as_posix(): p.read_text("utf-8") for p in FOLDER.rglob("*.yaml")}
)
WORDING = Wording(
    needs={"cannot_pay": "Three payments in a row were refused."},
    titles={"offer_help": "Can we help?", "nudge": "Look here", "receipt": "Your order"},
    classes={
        "offer_help": "service",
        "nudge": "promotional",
        "second": "promotional",
        "receipt": "transactional",
        "recall": "mandatory",
    },
    silences={},
)


def answer(action: str = SILENCE, **given: Any) -> dict[str, Any]:
    gated = given.pop("gated", {})
    candidates = [{"action": a, "reason_code": c, "verdict": "gated"} for a, c in gated.items()]
    known = {
        "action": action,
        "need": None,
        "tier": "growth",
        "class": None,
        "channel": None if action == SILENCE else "inapp",
        "reason": "all_gated",
        "p_choose": 1.0,
        "explanation": {"candidates": candidates, "flags": given.pop("flags", ())},
    }
    return known | given


def test_help_says_what_is_wrong() -> None:
    told = tell(answer("offer_help", need="cannot_pay", reason="best_value"), WORDING)
    assert (told.kind, told.does) == ("help", "“Can we help?” in the shop")
    assert told.why == "Three payments in a row were refused."


def test_what_is_owed_says_that_it_passes_silences() -> None:
    told = tell(answer("receipt", channel="email", reason="transactional"), WORDING)
    assert (told.kind, told.does) == ("owed", "“Your order” by e-mail")
    assert told.why == "They are owed this: it passes every silence."
    assert tell(answer("recall"), WORDING).why.startswith("It is about their safety")


def test_an_offer_says_with_what_chance_it_was_drawn() -> None:
    told = tell(answer("nudge", reason="drawn", p_choose=0.456), WORDING)
    assert (told.kind, told.why) == ("offer", "Nothing else is open. Drawn with a chance of 46 %.")


def test_what_a_person_has_to_agree_to_says_so() -> None:
    waiting = answer("offer_help", need="cannot_pay", flags=("approve_before",))
    assert tell(waiting, WORDING).why.endswith("A person has to agree before it is said.")


def test_what_only_calls_the_desk_is_done_by_a_person() -> None:
    told = tell(answer("personal_care", channel=None, need="bereaved"), WORDING)
    assert told.does == "personal care by a person at the desk"
    assert told.why == "Their need: bereaved."


def test_silence_names_the_weightiest_reason_and_counts_what_was_withheld() -> None:
    gated = {"second": "cap_reached", "nudge": "no_consent", "offer_help": "silenced"}
    told = tell(answer(gated=gated), WORDING)
    assert (told.kind, told.does) == ("silence", "silence")
    assert told.why == "They never agreed to advertising."
    # Help that is muted is no nudge that was withheld.
    assert told.withheld == {"second": "cap_reached", "nudge": "no_consent"}


def test_what_does_not_apply_was_not_withheld() -> None:
    told = tell(answer(gated={"nudge": "not_applicable"}), WORDING)
    assert (told.why, told.withheld) == ("Nothing that is here is of use to them now.", {})


REASONS = {
    "growth_shut": "Something of theirs comes first: selling rests.",
    "holdout": "They are left in peace, for comparison (hold-out).",
    "drawn": "Silence was drawn with a chance of 100 %.",
    "best_value": "Silence was worth more to them than any message.",
    "no_action": "There is nothing to say here.",
}


@pytest.mark.parametrize(("reason", "says"), REASONS.items(), ids=REASONS)
def test_every_reason_for_silence_has_its_sentence(reason: str, says: str) -> None:
    assert tell(answer(reason=reason), WORDING).why == says


@pytest.mark.parametrize("code", sorted(set(REASON_SENTENCES) - {"chosen", "lower_value"}))
def test_every_gate_has_its_sentence(code: str) -> None:
    why = tell(answer(gated={"nudge": code}), WORDING).why
    assert (why != "There is nothing to say here.") == (code != "not_drawn")


def test_the_shop_has_words_for_all_its_needs_and_nearly_all_its_actions() -> None:
    assert all(SHOP.needs.values())
    assert len(SHOP.needs) == 9
    assert SHOP.titles["offer_help"] == "Can we help?"
    assert SHOP.titles["order_confirmation"] == "Your order"
    assert [action for action, title in SHOP.titles.items() if not title] == ["personal_care"]
    assert SHOP.silences["offer_help"] == "48h"
    assert set(HELD_BACK) <= set(REASON_SENTENCES)


def test_keys_are_told_apart_however_they_come() -> None:
    assert keys_in("\x1b[A\x1bOB\x1b\r ") == ["up", "down", "escape", "enter", "space"]
    assert keys_in("9jq") == ["9", "down", "q"]
