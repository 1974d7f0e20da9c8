"""Every limit of the room: its name, its unit, and what happens when it is reached."""

from __future__ import annotations

from typing import Final

from heedful.kernel import DAY_MS, MINUTE_MS

ACTIONS_MAX: Final = 10_000
"""Actions of one strategy; more are refused."""

ARMS_PER_ACTION_MAX: Final = 100
"""Channels times treatments of one action; more are refused."""

NEEDS_MAX: Final = 200
"""Needs of one strategy; more are refused."""

RULES_MAX: Final = 500
"""Declared rules of one strategy; more are refused."""

NEED_INSTANCES_MAX: Final = 4
"""Times that one need of one person was opened and is remembered, the newest."""

STANDING_MAX: Final = 64
"""Decisions of one person whose outcome is waited for, the newest; an older one is not learned."""

SILENCES_MAX: Final = 32
"""Silences of one person that are kept, those that last longest."""

FIRINGS_MAX: Final = 64
"""Rules of one person whose last firing is remembered, by name; those beyond may fire anew."""

ASSIGNMENTS_MAX: Final = 64
"""Draws of hold-outs kept for one person: of everything before those of actions, then by name and
the oldest, since the first one stays. One that is not kept is drawn again, to the same side while
the person's anchor is the same."""

ACTION_HOLDOUTS_MAX: Final = 32
"""Actions of a strategy with a hold-out of their own; more are refused."""

ACT_WITHIN_MS: Final = 15 * MINUTE_MS
"""Age beyond which an event triggers nothing where no rule says otherwise."""

NOTHING_STANDS_MS: Final = 30 * MINUTE_MS
"""How long a decision to do nothing stands before a request decides anew."""

FATIGUE_WINDOW_MS: Final = 7 * DAY_MS
"""Window of the contacts that fatigue counts."""

LEVER_MIN: Final = 0.1
"""Smallest lever of an action; a smaller one is refused."""
LEVER_MAX: Final = 10.0
"""Largest lever of an action; a larger one is refused."""

MONEY_MAX: Final = 1_000_000.0
"""Largest amount of one cost, benefit or margin, in units of the currency; more is refused."""

HOLDOUT_SHARE_MAX: Final = 0.5
"""Largest share of people who are left in peace to prove the lift; more is refused."""

SEEN_CHARS_MAX: Final = 200
"""Characters of a text that a condition read and a record shows; the rest is cut."""

FILLED_CHARS_MAX: Final = 200
"""Characters that one value may bring into a message; the rest is cut."""

PRIOR_STRENGTH_MAX: Final = 1_000_000.0
"""Observations that a belief may be worth; more is refused, since nothing would unlearn it."""

OUTCOME_MICROS_MAX: Final = 10**14
"""Micros that one outcome may be worth in a decision; a greater mean of those seen is cut."""

CONTEXT_WEIGHT_MAX: Final = 1_000
"""Largest context weight of the product formula; a greater one is cut."""

MODELS_MAX: Final = 16
"""Models of one strategy; more are refused."""

FEATURES_MAX: Final = 48
"""Features that a decision keeps of a person for contextual models; of more, hashed ones are left
out."""

AUTO_SIGNALS_MAX: Final = 12
"""Declared signals that a contextual model reads where it names none, the first by name."""

AUTO_TRAITS_MAX: Final = 12
"""Declared traits that a contextual model reads where it names none, the first by name."""

TRAIT_VALUES_MAX: Final = 4
"""Values of a trait of many that are features; the rest are left out."""

CONTEXT_KEYS_MAX: Final = 8
"""Keys of a request's context that are features of one decision, the first by name that say
something; the rest are left out."""
