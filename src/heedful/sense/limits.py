"""The limits of sensing: each with its unit and what happens when it is reached."""

from __future__ import annotations

from typing import Final

from heedful.kernel import DAY_MS, HOUR_MS, MINUTE_MS

RING_ENTRIES_MAX: Final = 64
"""Events that a signal keeps one by one. Older ones of a counted window fall into bins, so a
window is exact up to here and exact to one bin beyond; sequences, absences and dwell no longer
see them."""

WINDOW_BINS: Final = 64
"""Bins to a window: beyond the ring a window's edge is known to window / 64."""

RESET_BIN_MS: Final = DAY_MS
"""Width of a bin where a counter has a reset and no window."""

DISTINCT_VALUES_MAX: Final = 256
"""Values that a distinct signal keeps, the most recently seen; a count of 256 means "or more"."""

VALUE_CHARACTERS_MAX: Final = 200
"""Length at which a text value, and a category, is cut."""

CATEGORIES_MAX: Final = 64
"""Categories of one customer under one `by`. Which ones stay is decided by a hash of the category,
the only choice that cannot depend on order; the rest are counted together as `CATEGORY_OTHER`."""

CATEGORY_OTHER: Final = "*"
"""The category that stands for those beyond `CATEGORIES_MAX`."""

STEPS_MAX: Final = 16
"""Steps of a sequence; more are refused."""

SIGNALS_MAX: Final = 1_000
"""Signals of one strategy; more are refused."""

DWELL_CAP_MS: Final = 30 * MINUTE_MS
"""The longest that one visit can be said to have lasted; the longest pause of a web session."""

HOLDS_DEFAULT_MS: Final = DAY_MS
"""How long an absence or a sequence stays true when it does not say."""

RATE_PER_DEFAULT_MS: Final = HOUR_MS
"""The span that a rate is given for when it does not say."""

TAIL_ENTRIES_MAX: Final = 64
"""Events of the customer, of any name, from which dwell is read; older visits are not counted."""

MOMENT_ENTRIES_MAX: Final = 6
"""Events about items that the intent of the moment is read from; older ones do not count."""

MOMENT_CHARACTERS_MAX: Final = 48
"""Length at which an item and a category of the moment are cut."""

NEXT_ITEMS_MAX: Final = 10
"""Items that are proposed as the next ones."""

FEATURES_MAX: Final = 8_192
"""Automatic features of a workspace by default; later ones share the overflow slots."""

FEATURES_PER_EVENT_MAX: Final = 32
"""Automatic features that one event can touch; values beyond it, in order, are not counted."""

OVERFLOW_SLOTS: Final = 256
"""Slots that the features beyond the dictionary's maximum share by hash."""

HALF_LIFE_MIN_MS: Final = 10 * MINUTE_MS
"""Automatic features know seconds; below ten minutes that would be seen in a decayed count."""

HALF_LIVES_MAX: Final = 8
"""Half-lives of the automatic features; more are refused."""
