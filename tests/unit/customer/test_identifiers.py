"""Which identifiers an event names."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.customer import IdentityRules, identifiers_of
from heedful.events import Event, Identifier

RULES = IdentityRules(blocked={"email": ("test@example.com",)}).compile()


def event(**fields: Any) -> Event:
    given = {"type": "track", "name": "x", "at": 1, "key": 1, "source": "s", "message_id": "m"}
    return Event(**{**given, "received_at": 1, **fields})


@pytest.mark.parametrize(
    "value",
    [
        "null",
        "NULL",
        "undefined",
        "anonymous",
        "0",
        "",
        " ",
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_a_placeholder_user_id_names_nobody(value: str) -> None:
    assert identifiers_of(event(user_id=value), RULES) == ()
    both = identifiers_of(event(user_id=value, anonymous_id="cookie"), RULES)
    assert both == (Identifier("anonymous_id", "cookie"),)


def test_a_workspace_blocks_its_own_values() -> None:
    blocked = event(user_id="u", traits={"email": "Test@Example.com"}, type="identify")
    assert identifiers_of(blocked, RULES) == (Identifier("user_id", "u"),)


def test_priority_orders_identifiers_and_traits_are_normalised() -> None:
    found = identifiers_of(
        event(
            type="identify",
            anonymous_id="a",
            user_id="u",
            traits={"email": " Ada@E.io ", "phone": "0049 30 1234"},
            identifiers=(Identifier("loyalty_card", "77"),),
        ),
        RULES,
    )
    assert found == (
        Identifier("user_id", "u"),
        Identifier("email", "ada@e.io"),
        Identifier("phone", "+49301234"),
        Identifier("anonymous_id", "a"),
        Identifier("loyalty_card", "77"),
    )


def test_traits_of_an_account_identify_no_person() -> None:
    group = event(type="group", user_id="u", group_id="g", traits={"email": "info@g.io"})
    assert identifiers_of(group, RULES) == (Identifier("user_id", "u"),)


def test_an_alias_names_the_new_user_id_first_and_the_previous_one_as_both() -> None:
    found = identifiers_of(event(type="alias", user_id="zoe", previous_id="cookie"), RULES)
    assert found == (
        Identifier("user_id", "zoe"),
        Identifier("user_id", "cookie"),
        Identifier("anonymous_id", "cookie"),
    )


def test_a_value_too_long_to_be_an_id_links_nobody() -> None:
    assert identifiers_of(event(user_id="u" * 300), RULES) == ()
