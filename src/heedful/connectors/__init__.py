"""Ways out: connectors that carry effects into other systems, and what keeps them apart."""

from heedful.connectors.acceptance import refusal
from heedful.connectors.breaker import Breaker, BreakerRules
from heedful.connectors.inbox import Inbox, InboxItem, Mark
from heedful.connectors.lanes import Lanes
from heedful.connectors.plugin import Plugin, Secret, Surroundings
from heedful.connectors.registry import (
    CONNECTORS_FILE,
    Connectors,
    ConnectorsError,
    open_connectors,
    read_connectors,
)
from heedful.connectors.retry import RetryRules, next_attempt_at
from heedful.connectors.unsubscribe import (
    Unsubscription,
    read_unsubscribe_token,
    unsubscribe_token,
)

__all__ = [
    "CONNECTORS_FILE",
    "Breaker",
    "BreakerRules",
    "Connectors",
    "ConnectorsError",
    "Inbox",
    "InboxItem",
    "Lanes",
    "Mark",
    "Plugin",
    "RetryRules",
    "Secret",
    "Surroundings",
    "Unsubscription",
    "next_attempt_at",
    "open_connectors",
    "read_connectors",
    "read_unsubscribe_token",
    "refusal",
    "unsubscribe_token",
]
