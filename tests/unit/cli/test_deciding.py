"""What operators and marketers ask of decisions, against the sample shop's strategy at work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.cli.live import Live, living, until


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with living(tmp_path_factory.mktemp("deciding") / "shop") as made:
        made.refuse_payments("poor-luck")
        yield made


def asked_for_help(shop: Live) -> str:
    [helped] = [
        d
        for d in shop.gives("decisions", "user_id:poor-luck")["items"]
        if d["action"] == "offer_help"
    ]
    return str(helped["decision_id"])


def test_a_decision_is_made_for_somebody_unknown_and_kept(shop: Live) -> None:
    made = shop.gives("decide", "--anonymous-id", "new-phone", "--placement", "home")
    assert made["decision_id"].startswith("d_")
    again = shop.gives("why", made["decision_id"])
    assert again["customer_id"] == made["customer_id"]
    assert again["action"] == made["action"]


def test_a_rehearsal_creates_nobody(shop: Live) -> None:
    said = shop.says("decide", "--user-id", "never-was", "--dry-run", "--explain")
    assert "none was kept" in said
    assert "What would have changed it" in said
    shop.says("decisions", "user_id:never-was", code=1)


def test_a_misspelt_channel_or_placement_is_said_and_answered(shop: Live) -> None:
    who = ("decide", "user_id:poor-luck", "--dry-run")
    said = shop.says(*who, "--channel", "emal", "--placement", "hme")
    assert "No action goes by the channel `emal`; did you mean `email`?" in said
    assert "No action names the placement `hme`; did you mean `home`?" in said
    said = shop.says("decide", "user_id:new", "--dry-run", "--channel", "emal", "--explain")
    assert "the strategy has no action for what was asked" in said
    said = shop.says(*who, "--placement", "zzz")
    assert "`zzz`; known are `checkout`, `home`, `product`, `search`." in said
    assert "hints" not in shop.gives(*who, "--channel", "email", "--placement", "home")


def test_a_decision_needs_a_person(shop: Live) -> None:
    assert "Give --user-id" in shop.says("decide", code=2)


def test_three_refused_payments_are_told_in_one_sentence(shop: Live) -> None:
    said = shop.says("decisions", "user_id:poor-luck")
    assert "offer_help by inapp was chosen for the need cannot_pay (service)" in said


def test_why_shows_every_candidate_and_what_would_have_changed_it(shop: Live) -> None:
    decision = asked_for_help(shop)
    reasons = shop.gives("why", decision)["explanation"]
    said = shop.says("why", decision)
    assert reasons["sentence"] in said
    assert reasons["candidates"]
    for candidate in reasons["candidates"]:
        assert candidate["why"].split(".")[0] in said
    assert reasons["versions"]["strategy"] in said


def test_a_person_is_named_to_decide_as_to_every_other_command(shop: Live) -> None:
    by_option = shop.gives("decide", "--user-id", "poor-luck", "--dry-run")
    by_name = shop.gives("decide", "user_id:poor-luck", "--dry-run")
    assert by_name["customer_id"] == by_option["customer_id"]
    by_id = shop.gives("decide", by_name["customer_id"], "--dry-run")
    assert by_id["customer_id"] == by_name["customer_id"]
    assert "Expected one of user_id" in shop.says("decide", "phone:1", code=2)


def test_who_is_named_wrongly_hears_how_people_are_named(shop: Live) -> None:
    assert "Did you mean user_id:poor-luck?" in shop.says("customer", "show", "poor-luck", code=1)
    assert "Namespaces are such as user_id" in shop.says("customer", "show", "uid:x", code=1)
    assert "Namespaces" not in shop.says("customer", "show", "user_id:nobody", code=1)


def test_a_status_or_a_code_that_is_none_is_told_with_what_there_is(shop: Live) -> None:
    said = shop.says("effects", "list", "--status", "lost", code=2)
    assert "Expected one of waiting, released, delivered, dead, withdrawn, got 'lost'" in said
    said = shop.says("effects", "redrive", "--code", "no_postal_adress", code=1)
    assert "No dead letter died of no_postal_adress." in said


def test_an_event_of_ours_is_shown_in_the_words_of_other_commands(shop: Live) -> None:
    decision = asked_for_help(shop)
    until(lambda: "Effect Settled" in shop.says("customer", "timeline", "user_id:poor-luck"))
    said = shop.says("customer", "timeline", "user_id:poor-luck").splitlines()
    due = [line for line in said if "Effect Due" in line and decision in line]
    assert due
    assert all("expires_at 20" in line for line in due)


def test_a_list_of_people_that_is_not_there_is_no_condition(shop: Live) -> None:
    said = shop.says("decide", "--audience", "nofile.txt", code=2)
    assert "Expected a file of ids, got none - at `nofile.txt`." in said


def test_why_says_what_became_of_it(shop: Live) -> None:
    decision = asked_for_help(shop)
    until(lambda: "It was delivered by inapp." in shop.says("why", decision))
    shop.says("outcome", decision, "ignored", "--at", "2031-01-01T00:00:00Z")
    became = shop.gives("why", decision)["became"]
    [effect] = [one for one in became["effects"] if one["destination"] == "inapp"]
    assert (effect["status"], effect["attempts"], effect["due"]) == ("delivered", 1, None)
    assert "ignored" in [one["outcome"] for one in became["outcomes"]]
    assert "It was ignored at 20" in shop.says("why", decision)


def test_the_doctor_tells_what_people_stopped_and_wait_for(shop: Live) -> None:
    shop.says("stop", "placement:nowhere", "--reason", "No stock")
    said = shop.says("doctor")
    assert "stop of placement:nowhere" in said
    assert "No stock. `heedful start placement:nowhere` ends it." in said
    shop.says("start", "placement:nowhere", "--reason", "Enough", code=1)
    assert "1 request waiting for somebody else to agree." in shop.says("doctor")
    assert shop.gives("doctor")["governance"]["approvals"] == 1


def test_an_unknown_decision_is_a_no(shop: Live) -> None:
    said = shop.says("why", "d_unknown", code=1)
    assert "known decision" in said
    assert "`heedful decisions CUSTOMER` lists a person's." in said


def test_a_command_about_a_goal_says_which_goals_there_are(shop: Live) -> None:
    for command in ("attribution", "uplift", "budget"):
        said = shop.says(command, code=2)
        assert "Expected a known goal" in said
        assert "Known are: " in said
        assert "purchase" in said


def test_an_outcome_is_noted_and_a_wrong_one_refused(shop: Live) -> None:
    decision = asked_for_help(shop)
    assert shop.gives("outcome", decision, "accepted", "--message-id", "m1") == {"success": True}
    assert f"{decision} was shown" in shop.says("outcome", decision, "shown")
    shop.says("outcome", decision, "adored", code=2)
    shop.says("outcome", decision, "converted", "--at", "yesterday", code=2)


def test_doctor_says_why_a_person_gets_nothing(shop: Live) -> None:
    found = {
        i["code"]: i["why"] for i in shop.gives("doctor", "user_id:poor-luck", code=1)["items"]
    }
    assert "silenced" in found
    said = shop.says("doctor", "user_id:poor-luck", code=1)
    assert all(code in said for code in found)
    assert "customer" in shop.says("doctor")


def test_a_dead_letter_is_listed_and_driven_again(shop: Live) -> None:
    # The strategy names a service desk, and this workspace has no such connector.
    def dead() -> list[str]:
        return [e["effect_id"] for e in shop.gives("effects", "list")["items"]]

    until(lambda: bool(dead()))
    [effect] = dead()
    assert "service_desk" in shop.says("effects", "list", "--status", "dead")
    assert "1 effect will be tried again" in shop.says("effects", "redrive", effect)
    until(lambda: dead() == [effect])
    [again] = shop.gives("effects", "list")["items"]
    assert (again["code"], again["attempts"]) == ("no_connector", 2)
    shop.says("effects", "redrive", "f_unknown", code=1)
    shop.says("effects", "list", "--status", "lost", code=2)
