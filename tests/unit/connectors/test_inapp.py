"""Messages that wait until an app fetches them."""

from __future__ import annotations

import pytest

from heedful.connectors import Inbox
from heedful.connectors.inapp import MESSAGE_BYTES_MAX, InAppConnector, InAppSettings
from heedful.effects import OutboundEffect
from heedful.kernel import InvariantError
from heedful.ports import Delivery, StaleWrite, StoreFull, StoreUnavailable
from tests.unit.connectors.rigs import MemoryInbox, call, message

NOW = 1_700_000_000_000


def connector(inbox: Inbox) -> InAppConnector:
    """Open a connector whose clock stands still."""
    return InAppConnector("inapp", InAppSettings(channels=("inapp", "web")), inbox, lambda: NOW)


def test_a_message_is_kept_once_and_can_be_fetched() -> None:
    inbox = MemoryInbox()
    made = connector(inbox)
    effect = message(expires_at=NOW + 1, channel="inapp")
    assert made.deliver(effect) == Delivery("delivered", "stored", reference="e_1")
    assert made.deliver(effect) == Delivery("delivered", "stored_before", reference="e_1")
    (item,) = inbox.list("c_1", 0, 10, NOW)
    assert (item.effect, item.put_at, item.mark) == (effect, NOW, None)
    assert made.channels == ("inapp", "web")
    assert not made.is_at_most_once(effect)


@pytest.mark.parametrize(
    ("effect", "code"),
    [
        (message(expires_at=NOW), "expired"),
        (message(expires_at=NOW + 1, text="x" * MESSAGE_BYTES_MAX), "content_too_large"),
        (message(expires_at=NOW + 1, text="\ud800"), "bad_content"),
        (call(expires_at=NOW + 1), "wrong_effect"),
    ],
    ids=["expired", "large", "broken", "webhook"],
)
def test_what_cannot_be_kept_is_refused(effect: OutboundEffect, code: str) -> None:
    inbox = MemoryInbox()
    assert connector(inbox).deliver(effect) == Delivery("failed", code)
    assert inbox.items == []


class Failing(MemoryInbox):
    """An inbox that cannot be written."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def put(self, effect: OutboundEffect, at: int) -> bool:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreFull("no room"), "store_full"),
        (StaleWrite("inbox"), "stale_write"),
        (StoreUnavailable("store_locked", "Another process has it."), "store_locked"),
    ],
    ids=["full", "stale", "locked"],
)
def test_a_store_that_cannot_write_now_is_tried_again(error: Exception, code: str) -> None:
    effect = message(expires_at=NOW + 1)
    assert connector(Failing(error)).deliver(effect) == Delivery("retry", code)


def test_a_fault_of_ours_is_not_hidden() -> None:
    with pytest.raises(InvariantError):
        connector(Failing(InvariantError("broken", "A law."))).deliver(message(expires_at=NOW + 1))
