"""Who is who, each test after a cause of damage that other systems have had."""

from __future__ import annotations

from concurrent.futures import wait
from typing import Any, TypeVar

import pytest

from heedful.engine.replay import verify
from heedful.events import MESSAGE_RELEASED
from heedful.kernel import DAY_MS, HOUR_MS, InputError
from heedful.ports import StaleWrite, Transaction
from heedful.sense.limits import TAIL_ENTRIES_MAX
from heedful.store.memory import MemoryStore
from tests.unit.engine.living import START, living, named

T = TypeVar("T")


def test_two_simultaneous_first_logins_with_one_email_are_one_person() -> None:
    with living() as here:
        phone = here.event("identify", anonymous_id="phone", traits={"email": "Ann@Example.org"})
        laptop = here.event("identify", anonymous_id="laptop", traits={"email": "ann@example.org"})
        wait([here.engine.ingest([phone], ()), here.engine.ingest([laptop], ())])
        assert here.who("anonymous_id", "phone") == here.who("anonymous_id", "laptop")
        assert here.shown("email", "ann@example.org")["event_count"] == 2


class SlowStore(MemoryStore):
    """A store in which another worker is always faster the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.tries = 0

    def write(self, work: Any, *, makes_room: bool = False) -> Any:
        self.tries += 1

        def overtaken(tx: Transaction) -> Any:
            result = work(tx)
            if self.tries % 2:
                raise StaleWrite("customer")
            return result

        return super().write(overtaken, makes_room=makes_room)


def test_a_worker_that_was_overtaken_steps_again_and_counts_once() -> None:
    store = SlowStore()
    with living(store=store) as here:
        for _ in range(5):
            here.track("Product Viewed", user_id="u1")
        assert here.shown("user_id", "u1")["event_count"] == 5
        assert store.tries >= 10
        assert verify(store, here.engine.world).is_equal


def test_a_known_person_on_a_new_device_keeps_their_id() -> None:
    with living() as here:
        here.track("identify", user_id="u1", anonymous_id="old", traits={"email": "a@b.io"})
        before = here.who("user_id", "u1")
        here.track("Product Viewed", anonymous_id="new")
        assert here.who("anonymous_id", "new") != before
        here.track("identify", user_id="u1", anonymous_id="new")
        assert here.who("anonymous_id", "new") == here.who("user_id", "u1") == before


def test_contacts_of_one_device_hold_on_the_other_and_follow_after_an_unmerge() -> None:
    with living() as here:
        said = {"channel": "push", "class": "promotional", "action": "offer"}
        for device in ("a", "a", "b"):
            here.track(MESSAGE_RELEASED, type="own", anonymous_id=device, properties=said)
        here.track("identify", user_id="u1", anonymous_id="a")
        here.track("identify", user_id="u1", anonymous_id="b")
        person = here.shown("anonymous_id", "b")
        assert len(person["contacts"]) == 3
        here.engine.unmerge(person["customer_id"], [named("anonymous_id", "b")])
        assert len(here.shown("anonymous_id", "a")["contacts"]) == 2
        assert len(here.shown("anonymous_id", "b")["contacts"]) == 1


def test_identify_may_arrive_after_the_events_that_it_explains() -> None:
    with living() as here:
        here.track("Product Viewed", START + HOUR_MS, anonymous_id="a")
        here.track("identify", START, anonymous_id="a", user_id="u1", traits={"city": "Ulm"})
        person = here.shown("user_id", "u1")
        assert person["event_count"] == 2
        assert person["traits"]["city"] == "Ulm"


def test_alias_chains_and_cycles_end_in_one_person() -> None:
    with living() as here:
        for name in ("u1", "u2", "u3"):
            here.track("Product Viewed", user_id=name)
        for previous, later in (("u1", "u2"), ("u2", "u3"), ("u3", "u1")):
            here.track("alias", previous_id=previous, user_id=later)
        assert len({here.who("user_id", name) for name in ("u1", "u2", "u3")}) == 1
        assert verify(here.store, here.engine.world).is_equal


def test_2500_anonymous_ids_of_one_person_stay_bounded_and_linked_to_them() -> None:
    with living() as here:
        events = [
            here.event("Product Viewed", user_id="u1", anonymous_id=f"a{number}")
            for number in range(2_500)
        ]
        for start in range(0, len(events), 250):
            here.send(*events[start : start + 250])
        person = here.shown("user_id", "u1")
        assert person["event_count"] == 2_500
        # The limit of the namespace: the rest were demoted, and their events are the user's still.
        assert len(person["identifiers"]) <= 101
        assert verify(here.store, here.engine.world).is_equal


def test_a_kiosk_cookie_under_500_people_joins_none_of_them() -> None:
    with living() as here:
        here.send(
            *(
                here.event("identify", user_id=f"u{number}", anonymous_id="kiosk")
                for number in range(500)
            )
        )
        people = {here.who("user_id", f"u{number}") for number in range(500)}
        assert len(people) == 500
        here.track("Product Viewed", anonymous_id="kiosk")
        assert here.shown("user_id", "u7")["event_count"] == 1


@pytest.mark.parametrize("nobody", ["null", "anonymous", "undefined", "0", "None"])
def test_an_id_that_names_nobody_joins_nobody(nobody: str) -> None:
    with living() as here:
        here.track("Product Viewed", user_id=nobody, anonymous_id="a")
        here.track("Product Viewed", user_id=nobody, anonymous_id="b")
        assert here.who("anonymous_id", "a") != here.who("anonymous_id", "b")
        with pytest.raises(InputError, match="known customer"):
            here.who("user_id", nobody)


STRATEGY = {
    "signals.yaml": """
signals:
  - {name: views_90d, kind: count, on: Product Viewed, window: 90d}
  - {name: first_item, kind: first, on: Product Viewed, of: event.properties.item}
"""
}


def test_a_late_event_older_than_the_tail_still_counts() -> None:
    with living(STRATEGY) as here:
        for number in range(TAIL_ENTRIES_MAX + 20):
            at = START - DAY_MS + number
            here.track("Product Viewed", at, user_id="u1", properties={"item": f"i{number}"})
        here.track("Product Viewed", START - 30 * DAY_MS, user_id="u1", properties={"item": "late"})
        signals = here.shown("user_id", "u1")["signals"]
        assert signals == {"views_90d": TAIL_ENTRIES_MAX + 21, "first_item": "late"}
        assert verify(here.store, here.engine.world).is_equal
