"""The shop's people are known, so its identity rules can be held against the truth."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from random import Random
from typing import Any

import msgspec
import pytest

from examples.shop.calls import Call
from examples.shop.people import KIOSK_ID, draw_person
from examples.shop.population import Population
from heedful.customer import (
    CompiledIdentity,
    Fragment,
    IdentityRules,
    Person,
    fragment_key,
    identifiers_of,
    resolve,
    shared_identifiers,
)
from heedful.events import Event, Identifier
from tests.unit.examples.test_shop_strategy import read

SECRET = b"the truth is known"
KIOSK = Identifier("anonymous_id", KIOSK_ID)


def fragments_of(calls: Iterable[Call], rules: CompiledIdentity) -> list[Fragment]:
    first: dict[tuple[Any, tuple[Identifier, ...]], int] = {}
    for number, call in enumerate(calls):
        at = call.occurs_ms - call.late_ms
        event = Event(
            type=call.kind,
            name=call.name or call.kind,
            at=at,
            key=number,
            source=call.source,
            message_id=call.message_id,
            received_at=call.sends_ms,
            user_id=call.user_id,
            anonymous_id=call.anonymous_id,
            previous_id=call.previous_id,
            group_id=call.group_id,
            traits=call.fields if call.kind in ("identify", "group") else {},
        )
        kind = "alias" if call.kind == "alias" else "set"
        if identifiers := identifiers_of(event, rules):
            first[kind, identifiers] = min(at, first.get((kind, identifiers), at))
    return [
        Fragment(fragment_key(SECRET, kind, identifiers), at, kind, identifiers)
        for (kind, identifiers), at in first.items()
    ]


def person_numbers(person: Person) -> set[int]:
    """Read from the shop's own ids which people of the population stand behind a person."""
    numbers = set()
    for namespace, value in person.identifiers:
        if namespace == "user_id":
            numbers.add(int(value[1:]) - 1000 if value[0] == "u" else int(value[7:]) - 7000)
        elif namespace == "anonymous_id" and value[:2] in ("w-", "a-"):
            numbers.add(int(value.split("-")[1]))
    return numbers


@pytest.fixture(scope="module", params=[1, 7, 11])
def resolved(request: pytest.FixtureRequest) -> tuple[tuple[Person, ...], frozenset[Identifier]]:
    rules = msgspec.convert(read("identity"), IdentityRules).compile()
    calls = islice(Population(Random(request.param), 200).calls(), 20_000)
    fragments = fragments_of(calls, rules)
    shared = shared_identifiers(fragments, rules)
    return resolve(fragments, (), rules, shared), shared


def test_two_accounts_never_become_one_person(resolved: tuple[tuple[Person, ...], Any]) -> None:
    persons, _ = resolved
    for person in persons:
        holders = {number for number in person_numbers(person) if has_account(number)}
        assert len(holders) <= 1, person.identifiers


def test_only_a_guest_on_a_shared_tablet_is_taken_for_somebody_else(
    resolved: tuple[tuple[Person, ...], Any],
) -> None:
    # No rule can tell a family's guest from its member with an account: the case for `unmerge`.
    persons, _ = resolved
    mixed = [person for person in persons if len(person_numbers(person)) > 1]
    assert len(mixed) <= 2
    for person in mixed:
        assert any(value.startswith("tablet-") for _, value in person.identifiers)
        assert not all(has_account(number) for number in person_numbers(person))


def has_account(number: int) -> bool:
    return draw_person(Random(0), number).user_id is not None


def test_the_kiosk_links_nobody_and_the_tablets_still_link(
    resolved: tuple[Any, frozenset[Identifier]],
) -> None:
    _, shared = resolved
    assert shared == {KIOSK}


def test_devices_and_migrated_accounts_come_together(
    resolved: tuple[tuple[Person, ...], Any],
) -> None:
    persons, _ = resolved
    assert sum(len(person.merges) for person in persons) > 100
    spaces = [[namespace for namespace, _ in person.identifiers] for person in persons]
    assert any(names.count("anonymous_id") >= 3 for names in spaces)
    migrated = [person for person in persons if spaces_count(person, "user_id") == 2]
    assert migrated
    for person in migrated:
        assert {i.value[:1] for i in person.identifiers if i.namespace == "user_id"} == {"u", "l"}


def spaces_count(person: Person, namespace: str) -> int:
    return sum(identifier.namespace == namespace for identifier in person.identifiers)
