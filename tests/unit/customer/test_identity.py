"""Identity by its named causes: each test carries the complaint that it answers."""

from __future__ import annotations

from heedful.customer import (
    Fragment,
    IdentityRules,
    Person,
    Separation,
    connected,
    fragment_key,
    resolve,
    shared_identifiers,
)
from heedful.events import Identifier

RULES = IdentityRules().compile()
SECRET = b"tests"


def user(value: str) -> Identifier:
    return Identifier("user_id", value)


def anonymous(value: str) -> Identifier:
    return Identifier("anonymous_id", value)


def email(value: str) -> Identifier:
    return Identifier("email", value)


def seen(at: int, *identifiers: Identifier, kind: str = "seen") -> Fragment:
    key = fragment_key(SECRET, kind, identifiers)  # type: ignore[arg-type]
    return Fragment(key, at, kind, identifiers)  # type: ignore[arg-type]


def alias(at: int, new: str, previous: str) -> Fragment:
    return seen(at, user(new), user(previous), anonymous(previous), kind="alias")


def people(*fragments: Fragment, apart: tuple[Separation, ...] = ()) -> tuple[Person, ...]:
    shared = shared_identifiers(fragments, RULES)
    found = [
        p for part in connected(fragments, shared) for p in resolve(part, apart, RULES, shared)
    ]
    return tuple(sorted(found, key=lambda person: person.anchor))


def test_two_simultaneous_first_logins_with_one_email_from_two_devices() -> None:
    one = people(
        seen(5, email("ada@e.io"), anonymous("phone")),
        seen(5, email("ada@e.io"), anonymous("laptop")),
    )
    assert len(one) == 1
    assert one[0].anchor == email("ada@e.io")


def test_a_known_person_returning_on_a_new_device_keeps_their_id() -> None:
    before = people(seen(1, user("ada"), anonymous("old")))
    after = people(
        seen(1, user("ada"), anonymous("old")),
        seen(8, anonymous("new")),
        seen(9, user("ada"), anonymous("new")),
    )
    assert len(after) == 1
    assert after[0].anchor == before[0].anchor == user("ada")


def test_the_known_id_wins_even_when_the_anonymous_one_is_older() -> None:
    assert people(seen(1, anonymous("a")), seen(9, user("ada"), anonymous("a")))[0].anchor == user(
        "ada"
    )


def test_two_user_ids_with_one_email_are_never_merged_and_lose_nothing() -> None:
    persons = people(
        seen(1, user("ada"), email("family@e.io")),
        seen(2, user("bob"), email("family@e.io")),
    )
    assert [person.anchor for person in persons] == [user("ada"), user("bob")]
    assert email("family@e.io") in persons[0].identifiers
    (evidence,) = persons[1].merges
    assert evidence.demoted == (email("family@e.io"),)


def test_identify_arriving_after_track_joins_what_came_before() -> None:
    (person,) = people(seen(1, anonymous("a")), seen(2, user("ada"), anonymous("a")))
    assert len(person.fragments) == 2
    assert person.merges == ()  # the device had one person only: nothing was merged


def test_alias_chains_and_cycles_end_as_one_person() -> None:
    (person,) = people(
        seen(1, user("a")),
        alias(2, "b", "a"),
        alias(3, "c", "b"),
        alias(4, "a", "c"),
    )
    assert person.anchor == user("a")
    assert {user("a"), user("b"), user("c")} <= set(person.identifiers)


def test_an_alias_of_an_anonymous_id_makes_the_new_user_id_the_anchor() -> None:
    (person,) = people(seen(1, anonymous("cookie")), alias(2, "zoe", "cookie"))
    assert person.anchor == user("zoe")


def test_an_alias_bomb_stops_at_the_limit() -> None:
    persons = people(*(alias(n, f"u{n + 1}", f"u{n}") for n in range(100)))
    assert max(len([i for i in p.identifiers if i.namespace == "user_id"]) for p in persons) <= 10


def test_2500_anonymous_ids_on_one_person_stop_at_the_limit_and_lose_no_event() -> None:
    persons = people(*(seen(n, user("bot"), anonymous(f"a{n}")) for n in range(2_500)))
    (person,) = persons
    assert len([i for i in person.identifiers if i.namespace == "anonymous_id"]) == 100
    assert len(person.fragments) == 2_500


def test_one_kiosk_cookie_under_500_people_joins_none_of_them() -> None:
    kiosk = anonymous("kiosk")
    persons = people(seen(0, kiosk), *(seen(n, user(f"u{n}"), kiosk) for n in range(1, 501)))
    assert len(persons) == 501
    assert [p.anchor for p in persons if kiosk in p.identifiers] == [kiosk]


def test_a_shared_tablet_below_the_threshold_stays_with_the_first_person() -> None:
    tablet = anonymous("tablet")
    persons = people(seen(1, user("ada"), tablet), seen(2, user("bob"), tablet), seen(3, tablet))
    assert [p.anchor for p in persons] == [user("ada"), user("bob")]
    assert tablet in persons[0].identifiers


def test_unmerge_sends_fragments_to_the_side_of_their_own_identifiers() -> None:
    wrong = (
        seen(1, email("shared@e.io"), anonymous("a")),
        seen(2, email("shared@e.io"), anonymous("b")),
        seen(3, anonymous("b")),
    )
    assert len(people(*wrong)) == 1
    apart = Separation(1, 9, (email("shared@e.io"), anonymous("a")), (anonymous("b"),))
    one, other = people(*wrong, apart=(apart,))
    assert (one.anchor, other.anchor) == (anonymous("b"), email("shared@e.io"))
    assert one.fragments == (wrong[2].key,)
    assert set(other.fragments) == {wrong[0].key, wrong[1].key}


def test_a_later_event_cannot_undo_an_unmerge() -> None:
    apart = Separation(1, 5, (email("x@e.io"),), (anonymous("b"),))
    persons = people(
        seen(1, email("x@e.io"), anonymous("a")),
        seen(2, anonymous("b")),
        seen(9, email("x@e.io"), anonymous("b")),
        apart=(apart,),
    )
    assert len(persons) == 2
