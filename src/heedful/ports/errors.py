"""What a store refuses."""

from __future__ import annotations

from heedful.kernel import PeerError


class StaleWrite(PeerError):
    """Somebody else changed an aggregate since it was read: read again and repeat the step."""

    def __init__(self, aggregate: str) -> None:
        super().__init__(
            "stale_write",
            f"Expected the version of the {aggregate} that was read, got a newer one - at the "
            "store. Repeat the transaction.",
        )


class StoreFull(PeerError):
    """The disk, or what is allowed of it, is full; nothing of the transaction was kept."""

    def __init__(self, what: str) -> None:
        super().__init__(
            "store_full",
            f"Expected room on the disk, got {what} - at the store. Free space; nothing was lost.",
        )


class StoreUnavailable(PeerError):
    """The store cannot be reached or is owned by another process."""
