"""Features that contextual models see, as series that are watched for drift.

Law: the slot of a feature depends on the row alone, so counts add up in any order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from heedful.learn.context import FIELD_SHIFT
from heedful.measure.drift import SERIES_MAX
from heedful.measure.slots import slot_of

FEATURE: Final = "feature:"
"""Before the name of a feature, in the name of its series."""

_PASSING: Final = "time"
_VALUE: Final = (1 << FIELD_SHIFT) - 1


def feature_slots(
    names: Mapping[int, str], always: Collection[int], ids: Sequence[int], values: Sequence[float]
) -> dict[str, int]:
    """Give the slots of what contextual models saw, by series.

    Parameters
    ----------
    names
        Of each field that is watched, `group.name`.
    always
        Ids of features that stand in every row. Without them a row was written for other models,
        and says nothing of their fields; of any other field no value is one, too.
    ids, values
        A row of features, both of shape (n,).
    """
    said: dict[int, list[int | float | str]] = {field: [] for field in names}
    for id_, value in zip(ids, values, strict=True):
        if (field := id_ >> FIELD_SHIFT) in said:
            hashed = id_ & _VALUE
            said[field].append(f"{hashed:08x}" if hashed else value)
    found = {}
    for field, name in names.items():
        if len(said[field]) == 1:
            found[FEATURE + name] = slot_of(said[field][0])
        elif said[field]:  # several words; their order is that of the ids
            found[FEATURE + name] = slot_of(" ".join(map(str, said[field])))
        elif field << FIELD_SHIFT not in always:
            found[FEATURE + name] = slot_of(None)
    return found


def watched_fields(names: Mapping[int, str], watched: Collection[str]) -> dict[int, str]:
    """Choose the features that are watched beside the values that conditions read.

    Notes
    -----
    The time of day moves whatever people do, and is left out.
    """
    wanted = sorted((name, field) for field, name in names.items() if name not in watched)
    left = [(f, name) for name, f in wanted if name.partition(".")[0] != _PASSING]
    return dict(left[:SERIES_MAX])
