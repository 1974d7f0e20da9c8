"""What the shop's screen tells: the story from what was observed, the decisions, and why."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from examples.shop.screen import Picture, Scene
from examples.shop.show import Show, line_of
from examples.shop.story import LASTS_S_MAX, READ_S, Stories, Story, until_of
from heedful.cli.demo_feed import Decided
from heedful.cli.demo_tally import Tally, summary
from heedful.cli.demo_words import Told, Wording

AT = "2026-11-21T10:00:0{}.000Z"
WORDING = Wording({}, {"offer_help": "Can we help?"}, {}, {"offer_help": "48h"})


def event(name: str, second: int = 0, customer: str = "c_1", **rest: Any) -> dict[str, Any]:
    said = {"kind": "event", "seq": 1, "customer_id": customer, "name": name, "type": "track"}
    return said | {"at": AT.format(second)} | rest


def decision(name: str = "do_nothing", tier: str = "growth") -> dict[str, Any]:
    return event(name, 5) | {"kind": "decision", "type": tier, "decision_id": "d_1"}


def decided(
    told: Told, *, who: str = "Ada Bauer", need: str = "", customer: str = "c_1", id_: str = "d_1"
) -> Decided:
    explanation = {
        "decision_id": id_,
        "sentence": "offer_help by inapp was chosen for the need cannot_pay (service).",
        "candidates": [
            {
                "action": "offer_help",
                "channel": "inapp",
                "treatment": "default",
                "verdict": "chosen",
                "reason_code": "chosen",
                "why": "It was chosen.",
                "p_choose": 1.0,
                "terms": {"value": 18_250_000},
            },
            {
                "action": "keep_cart",
                "channel": "",
                "treatment": "",
                "verdict": "gated",
                "reason_code": "not_applicable",
                "why": "It makes no sense now.",
                "p_choose": 0.0,
                "terms": {},
            },
        ],
        "would_change": [{"sentence": "keep_cart was stopped: it makes no sense now."}],
        "versions": {"strategy": "178d856719983f2e"},
    }
    answer = {"action": "offer_help", "explanation": explanation}
    return Decided(AT.format(5), customer, who, id_, need, "service", told, answer)


HELP = Told("help", "“Can we help?” in the shop", "Three payments in a row were refused.", {})
HELD = Told(
    "silence", "silence", "Promotions are silent for them just now.", {"evening": "silenced"}
)
TICKET = {"kind": "ticket", "number": 1, "decision_id": "d_1", "says": "Offer a hand."}


def help_came(stories: Stories) -> None:
    for second in (1, 2, 3):
        stories.notice(event("Payment Failed", second))
    stories.decided(decided(HELP, need="cannot_pay"), "48h")


def shown(stories: Stories) -> Story:
    story = stories.turn(0.0)
    assert story is not None
    return story


def test_a_story_begins_with_the_need_and_says_what_was_seen() -> None:
    stories = Stories()
    stories.notice(event("Payment Failed"))
    assert stories.turn(0.0) is None
    help_came(stories)
    story = shown(stories)
    assert story.refused.title == "4 payments refused, one after another"
    assert story.refused.says == "10:00:00 · 10:00:01 · 10:00:02 · 10:00:03"
    assert story.help.title == "Help: “Can we help?” in the shop"
    assert story.quiet.title == "No promotion for 48h, on every channel"
    assert story.quiet.says == "Until Mon 10:00 UTC."
    assert [step.is_done for step in story.steps] == [True, True, False, True, False, False, False]


@pytest.mark.parametrize("comes_first", [True, False])
def test_the_desk_is_told_before_the_decision_is_or_after(comes_first: bool) -> None:
    stories = Stories()
    if comes_first:
        stories.ticket(TICKET)
    help_came(stories)
    if not comes_first:
        assert not shown(stories).desk.is_done
        stories.ticket(TICKET)
    assert shown(stories).desk.says == "Ticket 1, signature checked. Offer a hand."


def test_help_is_followed_until_the_person_has_paid() -> None:
    stories = Stories()
    help_came(stories)
    stories.notice(event("Message Released", 6, type="own"))
    story = shown(stories)
    assert story.help.says == "It waits for them in the shop."
    stories.outcome("d_1", "shown")
    stories.outcome("d_1", "accepted")
    stories.outcome("d_other", "rejected")
    assert (story.help.is_done, story.help.says) == (True, "They take it up.")
    stories.decided(decided(HELD, id_="d_2"), "")
    assert (story.held.title, story.held.says) == ("1 offer held back since", "evening.")
    stories.notice(event("Order Completed", 9, customer="c_2"))
    assert not story.end.is_done
    stories.notice(event("Order Completed", 9))
    assert (story.end.is_done, story.end.title) == (True, "Paid after all")
    assert all(step.is_done for step in story.steps if step is not story.desk)


def test_an_order_before_the_third_refusal_forgets_the_others() -> None:
    stories = Stories()
    stories.notice(event("Payment Failed", 0))
    stories.notice(event("Order Completed", 0))
    help_came(stories)
    assert shown(stories).refused.title.startswith("3 payments")


def test_a_story_is_read_to_its_end_before_the_next_one() -> None:
    stories = Stories()
    help_came(stories)
    first = shown(stories)
    stories.decided(decided(HELP, who="u7", need="cannot_pay", customer="c_7", id_="d_7"), "48h")
    bea = decided(HELP, who="Bea Wolf", need="cannot_pay", customer="c_8", id_="d_8")
    stories.decided(bea, "48h")
    stories.decided(decided(HELP, who="u9", need="cannot_pay", customer="c_9", id_="d_9"), "48h")
    assert stories.turn(first.began_s + LASTS_S_MAX - 1) is first
    stories.notice(event("Order Completed", 9))
    assert stories.turn(first.ended_s + READ_S - 1) is first
    following = stories.turn(first.ended_s + READ_S + 1)
    assert following is not None
    assert following.who == "Bea Wolf", "somebody whose name is known"


def test_who_left_long_before_the_need_was_seen_is_not_shown() -> None:
    stories = Stories()
    stories.notice(event("Payment Failed", at="2026-11-21T09:50:00.000Z"))
    stories.decided(decided(HELP, need="cannot_pay"), "48h")
    assert stories.turn(0.0) is None
    assert "c_1" in stories.told


def test_the_end_of_a_silence_is_told_to_the_minute() -> None:
    assert until_of("2026-11-21T10:00:00.000Z", "48h") == "Mon 10:00 UTC"


def test_a_summary_counts_what_was_decided_withheld_and_answered() -> None:
    tally = Tally()
    for notice in (decision("offer_help", "service"), decision(), decision(), event("Page", 1)):
        tally.notice(notice)
    tally.decided(decided(HELP))
    tally.decided(decided(HELD, customer="c_2"))
    tally.decided(decided(HELD, customer="c_2"))
    tally.need_closed("c_1")
    tally.need_closed("c_2")
    for outcome in ("shown", "accepted", "shown"):
        tally.outcome(outcome)
    assert summary(tally, WORDING, 9.6) == [
        "3 decisions in 10 s: 1 message, and 2 times silence.",
        "by tier: hardship 0 · service 1 · retention 0 · growth 2",
        "done: Can we help? 1",
        "silences, and why",
        "       2  Promotions are silent for them just now.",
        "nudges withheld: 2 from 1 person",
        "       2  Promotions are silent for them just now.",
        "outcomes: shown 2 · accepted 1",
        "people helped: 1 of 1 who needed it",
    ]


def test_what_waits_for_a_person_is_said() -> None:
    tally = Tally()
    plan = decided(HELP)
    plan.answer["explanation"]["flags"] = ("approve_before",)
    tally.decided(plan)
    assert "waiting for a person to agree: 1 (heedful approvals list)" in summary(tally, WORDING, 1)
    tally.vote(True)
    said = summary(tally, WORDING, 1)
    assert "four eyes: a second person agreed to 1, refused 0" in said
    assert not any("waiting for a person" in line for line in said)


def drawn(scene: Scene, width: int, height: int) -> str:
    console = Console(width=width, height=height, record=True, file=StringIO())
    console.print(Picture(scene))
    return console.export_text()


def full_scene() -> Scene:
    stories = Stories()
    help_came(stories)
    scene = Scene(url="http://127.0.0.1:1", story=stories.turn(0.0), events=7)
    scene.lines.append(decided(HELP))
    scene.lines.append(decided(HELD, who="Evil\x1b[31m Eve", customer="c_2"))
    scene.person = {"signals": {"payment_failures_in_a_row": 3, "orders": 0}}
    return scene


@pytest.mark.parametrize(("width", "height"), [(200, 60), (120, 36), (80, 24), (40, 12)])
def test_a_picture_fits_its_terminal_and_steers_nothing(width: int, height: int) -> None:
    text = drawn(full_scene(), width, height)
    assert len(text.splitlines()) == height
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text


@pytest.mark.parametrize(("width", "height"), [(120, 36), (80, 24)])
def test_every_line_of_the_story_is_seen_on_a_small_screen(width: int, height: int) -> None:
    scene = full_scene()
    text = drawn(scene, width, height)
    assert scene.story is not None
    assert [step.title for step in scene.story.steps if step.title not in text] == []


def test_the_screen_tells_who_what_and_why_beside_the_story() -> None:
    text = drawn(full_scene(), 120, 36)
    for said in (
        "HELP  Ada Bauer  “Can we help?” in the shop",
        "Three payments in a row were refused.",
        "Promotions are silent for them just now.",
        "the story of Ada Bauer",
        "3 payments refused, one after another",
        "No promotion for 48h, on every channel",
        "payment failures in a row",
        "Enter: why · space pauses · q ends",
    ):
        assert said in text, said


def test_before_anything_happens_the_screen_says_what_one_will_see() -> None:
    text = " ".join(drawn(Scene(url="http://127.0.0.1:1"), 120, 36).split())
    assert "The shop's last hours are coming in." in text
    assert "help first, then what they are owed" in text.replace("│ ", "")


def test_why_lists_candidates_and_what_would_have_changed_it() -> None:
    scene = full_scene()
    scene.opened = scene.lines[0]
    text = drawn(scene, 120, 36)
    for said in ("18.25", "100.0%", "It makes no sense now.", "what would have changed it", "d_1"):
        assert said in text, said
    assert "Enter or Esc: back" in text


class Rehearsal(Show):
    """A show without a server: keys and the thinning of lines need none."""

    def __init__(self) -> None:
        self._start(Scene(url=""))
        self._said = None


def test_keys_pause_select_open_and_end() -> None:
    show = Rehearsal()
    for number in range(3):
        show.scene.lines.append(decided(HELP, id_=f"d_{number}"))
    assert show.press("enter")
    assert show.scene.opened is None, "nothing is selected"
    assert show.press("down")
    assert show.press("down")
    assert (show.scene.selected, show.scene.is_paused) == (1, True)
    assert show.press("enter")
    assert show.scene.opened is show.scene.lines[1]
    assert show.press("up")
    assert show.scene.opened is show.scene.lines[0]
    assert show.press("escape")
    assert (show.scene.opened, show.scene.selected) == (None, None)
    assert show.press("3")
    assert show.scene.opened is show.scene.lines[2]
    assert show.press("9"), "there is no ninth line"
    assert show.scene.opened is show.scene.lines[2]
    assert show.press("escape")
    assert show.press("space")
    assert not show.scene.is_paused
    assert not show.press("q")


def test_while_paused_lines_stand_still_and_are_counted() -> None:
    show = Rehearsal()
    show.hear_decision(decided(HELP), "")
    show.press("space")
    show.hear_decision(decided(HELP, id_="d_2"), "")
    assert (len(show.scene.lines), show.scene.missed) == (1, 1)
    show.press("space")
    show.hear_decision(decided(HELP, id_="d_3"), "")
    assert [line.decision_id for line in show.scene.lines] == ["d_3", "d_1"]


def test_silences_are_thinned_out_and_help_never_is() -> None:
    show = Rehearsal()
    for number in range(5):
        show.hear_decision(decided(HELD, customer=f"c_{number}"), "")
        show.hear_decision(decided(HELP, customer=f"c_{number}"), "")
    kinds = [line.told.kind for line in show.scene.lines]
    assert (kinds.count("help"), kinds.count("silence")) == (5, 1)
    assert show.tally.silences.total() == 5


def test_four_eyes_are_seen_on_the_line_that_waited_for_them() -> None:
    show = Rehearsal()
    for id_ in ("d_1", "d_2"):
        show.hear_decision(decided(HELP, id_=id_), "")
    vote = {"decision_id": "d_1", "customer_id": "c_1", "by": "rosa", "reason": "Read it."}
    show.hear_vote({**vote, "is_approved": True})
    text = drawn(show.scene, 200, 60)
    assert text.count("Rosa of the credit desk agreed: “Read it.” It goes out now.") == 1
    assert "four eyes: Rosa agreed, for Ada Bauer" in text
    assert text.count("Three payments in a row were refused.") == 1
    assert (show.tally.agreed, show.tally.refused) == (1, 0)


def test_without_a_terminal_a_decision_is_one_line() -> None:
    assert line_of(decided(HELP)) == (
        "10:00:05  help     Ada Bauer: “Can we help?” in the shop. "
        "Three payments in a row were refused."
    )
