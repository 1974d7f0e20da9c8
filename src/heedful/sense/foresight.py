"""What a model of sequences makes of a person's last minutes."""

from __future__ import annotations

from collections.abc import Sequence

from heedful.learn import SequenceModel
from heedful.sense.features import event_key
from heedful.sense.limits import NEXT_ITEMS_MAX
from heedful.sense.tail import tail_id


class Foresight:
    """A model of sequences in force, asked in the words of signals; never changed.

    Parameters
    ----------
    key
        Of the moment whose items it has learned: another definition needs another model.
    since, seq
        The log from behind `since` up to `seq` has been learned.
    """

    def __init__(self, model: SequenceModel, key: str, since: int, seq: int) -> None:
        self.model = model
        self.key = key
        self.since = since
        self.seq = seq
        self._names: dict[int, str] | None = None

    def next_items(self, items: Sequence[str]) -> list[str]:
        """Propose the next items of a session, the best first."""
        return self.model.next_items(items, NEXT_ITEMS_MAX)

    def next_event(self, entries: Sequence[tuple[int, int]], now: int) -> str | None:
        """Name the most likely next event after a tail, the newest first; None in no session."""
        if self._names is None:
            known = self.model.events.symbols
            self._names = {tail_id(event_key(name).id): name for name in sorted(known)}
        events: list[str] = []
        newer = now
        for at, name_id in entries:
            if newer - at > self.model.pause_ms or len(events) == self.model.events.order:
                break
            newer = min(newer, at)
            if (name := self._names.get(name_id)) is not None:
                events.append(name)
        return self.model.next_event(events[::-1]) if events else None
