"""The protocols behind which the outside stands, with their obligations.

A back end of `Store` passes `tests/contract/test_store.py`; nothing above this file knows which
one runs. Rows are plain tuples of integers, texts and bytes: what the bytes mean is known to the
engine alone, so a back end never decodes them.
"""

from heedful.ports.audit import AuditRow
from heedful.ports.budgets import SliceRow
from heedful.ports.claims import CLAIM_CONFLICT, CLAIM_DUPLICATE, CLAIM_NEW, Claim
from heedful.ports.connector import Connector, Delivery
from heedful.ports.customers import ClusterRow, CustomerRow, FragmentRow, IdentifierRow
from heedful.ports.decisions import DecisionRow
from heedful.ports.errors import StaleWrite, StoreFull, StoreUnavailable
from heedful.ports.log import LogRow
from heedful.ports.outbox import EffectRow, EffectStatus, MessageRow
from heedful.ports.quarantine import QuarantineRow
from heedful.ports.registers import ERASE_AGAIN, KeyRow
from heedful.ports.store import Archived, Store, StoreStats
from heedful.ports.transaction import Transaction

__all__ = [
    "CLAIM_CONFLICT",
    "CLAIM_DUPLICATE",
    "CLAIM_NEW",
    "ERASE_AGAIN",
    "Archived",
    "AuditRow",
    "Claim",
    "ClusterRow",
    "Connector",
    "CustomerRow",
    "DecisionRow",
    "Delivery",
    "EffectRow",
    "EffectStatus",
    "FragmentRow",
    "IdentifierRow",
    "KeyRow",
    "LogRow",
    "MessageRow",
    "QuarantineRow",
    "SliceRow",
    "StaleWrite",
    "Store",
    "StoreFull",
    "StoreStats",
    "StoreUnavailable",
    "Transaction",
]
