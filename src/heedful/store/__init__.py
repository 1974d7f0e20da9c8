"""The embedded back end of `heedful.ports.Store`: one SQLite file, owned by one process."""

from heedful.store.archive import require_archive_extra
from heedful.store.backup import copy_archives, erased_in, erased_since, restore
from heedful.store.owner import Owner, OwnerLock, read_owner
from heedful.store.reading import SqliteReader
from heedful.store.settings import SqliteSettings
from heedful.store.sqlite import SqliteStore

__all__ = [
    "Owner",
    "OwnerLock",
    "SqliteReader",
    "SqliteSettings",
    "SqliteStore",
    "copy_archives",
    "erased_in",
    "erased_since",
    "read_owner",
    "require_archive_extra",
    "restore",
]
