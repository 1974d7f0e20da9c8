"""Reading the file of a store that another process owns: a snapshot a read, and no write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from heedful.ports import Transaction
from heedful.store.archive import Archives
from heedful.store.connection import open_reader
from heedful.store.faults import translated
from heedful.store.log import read_tail
from heedful.store.settings import SqliteSettings
from heedful.store.sqlite import SqliteTransaction

T = TypeVar("T")


class SqliteReader:
    """Read one SQLite store beside its owner; for one thread.

    Parameters
    ----------
    path
        The database file of a store that stays open meanwhile.

    Notes
    -----
    What is not filed yet is in the owner's memory, so each read takes it from the log instead.

    Raises
    ------
    StoreUnavailable
        When the file cannot be opened or read.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._archives = Archives(self.path)
        try:
            self._connection = open_reader(self.path, SqliteSettings())
        except sqlite3.Error as error:
            raise translated(error, self.path) or error from error

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on the snapshot that stands when it begins; writing in it is an error."""
        connection = self._connection
        transaction = SqliteTransaction(connection)
        try:
            connection.execute("BEGIN")
            transaction.begin(read_tail(connection), self._archives)
            return work(transaction)
        except sqlite3.Error as error:
            raise translated(error, self.path) or error from error
        finally:
            transaction.end()
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
