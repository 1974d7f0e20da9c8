"""The embedded back end of `heedful.ports.Store`: one SQLite file, owned by one process."""

from heedful.store.backup import restore
from heedful.store.owner import Owner, OwnerLock, read_owner
from heedful.store.settings import SqliteSettings
from heedful.store.sqlite import SqliteStore

__all__ = ["Owner", "OwnerLock", "SqliteSettings", "SqliteStore", "read_owner", "restore"]
