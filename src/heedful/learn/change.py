"""Has an arm's world changed? A two-sided cumulative sum over the surprise of its outcomes.

Each outcome is held against what the model itself foresaw as it learned it, in the batches of
`evidence`; once they suffice for one direction, the action begins to be watched anew.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Self

import msgspec

from heedful.kernel import MICRO, format_instant
from heedful.learn.dense import ACTIONS_MAX
from heedful.learn.evidence import (
    ALARM_NATS,
    DIRECTIONS,
    Alarm,
    Batch,
    Batches,
    Side,
    action_of,
    alarm_of,
    announce,
    batch_of,
    begun,
    let_go,
    take_due,
)
from heedful.learn.rows import LearningRow

FORGET_ON_CHANGE: Final = 8.0
"""How much less the past counts when an arm's outcomes show that its world has changed."""

_MOST: Final = round(ALARM_NATS * MICRO)

Key = tuple[str, str]
"""A goal and an action."""


class Forgot(NamedTuple):
    """What made a model forget, and where among its rows it was found."""

    alarm: Alarm
    """By no model's name while nobody has said what the model is called."""
    at: int
    """When the row came, ms since 1970."""
    learn_seq: int

    def by(self, model: str) -> Forgot:
        """Say which model it was."""
        return self._replace(alarm=self.alarm._replace(model=model))

    @property
    def says(self) -> str:
        """Tell it in sentences."""
        return (
            f"{self.alarm.says} What {self.alarm.model} had learned of it before counts "
            f"1/{FORGET_ON_CHANGE:g} since {format_instant(self.at)}."
        )


class Watched(msgspec.Struct, array_like=True):
    """What is known of one goal and action; mutable, since every row adds to it."""

    sides: tuple[Side, Side] = msgspec.field(default_factory=lambda: (Side(), Side()))
    batches: Batches = []
    forgot: Forgot | None = None
    """What made the model forget last."""


WrittenChanges = list[tuple[str, str, Watched]]
"""By goal and action, sorted."""

_DECODER: Final = msgspec.msgpack.Decoder(WrittenChanges)


class ChangeDetector:
    """Says when what a model has learned of an action is of a world that is gone.

    Parameters
    ----------
    actions_max
        Actions that are watched, each goal counted apart; one more is not.

    Notes
    -----
    Only decisions that were announced are weighed: what comes of one of which no pending row told,
    or whose batch was weighed or let go, is left out.

    References
    ----------
    E. S. Page, "Continuous Inspection Schemes", Biometrika, 1954.
    """

    def __init__(self, actions_max: int = ACTIONS_MAX) -> None:
        self._actions_max = actions_max
        self._watched: dict[Key, Watched] = {}

    def learn_one(self, row: LearningRow, p: float | None) -> list[Forgot]:
        """Weigh what is due by a row, and take the row in.

        Parameters
        ----------
        p
            Chance that the model foresaw as it learned an outcome; None where it knew too little
            to be surprised, and of another row.

        Returns
        -------
        For each time that the action is to be forgotten why; mostly nothing.
        """
        key = (row.goal, action_of(row))
        watched = self._watched.get(key)
        if watched is None:
            if row.state in ("maturing", "withdrawn") or len(self._watched) >= self._actions_max:
                return []
            watched = self._watched[key] = Watched()
        found = _weighed(key, watched, row)
        if row.window_ms <= 0:
            if row.state in ("converted", "expired") and p is not None:
                begun(watched.batches, row).join(row, round(p * MICRO))
                found += _weighed(key, watched, row)
        elif row.state == "pending":
            announce(watched.batches, row)
        elif row.state == "withdrawn":
            let_go(watched.batches, row)
        elif row.state != "maturing" and (batch := batch_of(watched.batches, row)) is not None:
            if p is None:
                batch.waiting -= 1
            else:
                batch.join(row, round(p * MICRO))
        return found

    def forgotten(self) -> list[Forgot]:
        """Give what made the model forget, the last time for each action and goal."""
        return [one.forgot for one in self._watched.values() if one.forgot is not None]

    def copy(self) -> Self:
        """Give a copy that shares nothing that is learned into."""
        return self.of(_DECODER.decode(msgspec.msgpack.encode(self.written())))

    def written(self) -> WrittenChanges:
        """Give all that is known, sorted: equal states are written equally."""
        return [(*key, watched) for key, watched in sorted(self._watched.items())]

    @classmethod
    def of(cls, written: WrittenChanges) -> Self:
        """Go on with what was written."""
        detector = cls()
        detector._watched = {(goal, action): watched for goal, action, watched in written}
        return detector


def _weighed(key: Key, watched: Watched, row: LearningRow) -> list[Forgot]:
    found = []
    for batch in take_due(watched.batches, row.at):
        alarm = _raised(key, watched.sides, batch)
        if alarm is not None:
            watched.forgot = Forgot(alarm, row.at, row.learn_seq)
            found.append(watched.forgot)
    return found


def _raised(key: Key, sides: tuple[Side, Side], batch: Batch) -> Alarm | None:
    goal, action = key
    for direction, side in zip(DIRECTIONS, sides, strict=True):
        if not side.add(batch.more if direction == "more" else batch.less, batch):
            side.clear()
        elif side.evidence > _MOST:
            side.tell(batch)
            alarm = alarm_of(("", action, goal), direction, side)
            for one in sides:
                one.clear()
            return alarm
    return None
