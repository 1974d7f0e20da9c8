"""One atomic unit of work on the store, made of what each kind of row offers."""

from __future__ import annotations

from typing import Protocol

from heedful.ports.audit import Audit
from heedful.ports.budgets import Budgets
from heedful.ports.claims import Claims
from heedful.ports.customers import Customers
from heedful.ports.decisions import Decisions
from heedful.ports.lessons import Lessons
from heedful.ports.log import Log
from heedful.ports.outbox import Outbox
from heedful.ports.quarantine import Quarantine
from heedful.ports.registers import Registers


class Transaction(
    Claims,
    Customers,
    Log,
    Quarantine,
    Registers,
    Decisions,
    Outbox,
    Lessons,
    Budgets,
    Audit,
    Protocol,
):
    """One atomic unit of reads and writes; all of it is durable, or none.

    Obligations: a transaction sees what it wrote itself; once it has raised StaleWrite it never
    commits, even if the error is caught; after its end every call raises InvariantError.
    """
