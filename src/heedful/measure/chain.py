"""Credit by removal from an absorbing Markov chain over the paths: exact, not simulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from heedful.kernel import InputError, expected
from heedful.measure.attribution import Credit, Journey
from heedful.measure.special import Floats

ORDER_MAX: Final = 4
"""Greatest order of a chain; more is refused, since nearly every state would be seen once."""

STATES_MAX: Final = 200_000
"""States of one chain; more are refused. Each takes 8 bytes for every channel."""

SWEEPS_MAX: Final = 100_000
"""Sweeps of a solution; a chain that has not settled by then is refused."""

_DENSE: Final = 64  # states up to which a direct solution for each channel is the faster one
_CLOSE: Final = 1e-14

State = tuple[str, ...]


class Removal(NamedTuple):
    """What a chain says of the channels."""

    p_converts: float
    """Chance that a journey converts."""
    effects: dict[str, float]
    """Of each channel, ascending, the share of conversions that is lost without it."""
    credits: list[Credit]
    """All conversions and their value, shared in proportion to the effects."""


class _Chain(NamedTuple):
    states: list[State]
    source: npt.NDArray[np.intp]
    """Of each transition between states, ascending."""
    target: npt.NDArray[np.intp]
    p: Floats
    converts: Floats
    """Of each state, the chance to convert at the next step."""


def markov(journeys: Sequence[Journey], order: int = 1) -> Removal:
    """Credit each channel by the conversions that are lost when its touches lead nowhere.

    Parameters
    ----------
    journeys
        With their nulls: the chain learns from those who did not convert, too.
    order
        How many touches make a state, 1 to 4.

    Raises
    ------
    InputError
        `bad_order`, `no_conversions`, `too_many_states` or `no_convergence`.

    Notes
    -----
    With `Q` the transitions between states and `b` the chances to convert, conversions are
    `(I - Q)^-1 b`; a channel is removed by striking its states from both. Credits sum to the
    conversions, whatever the effects sum to.

    Examples
    --------
    >>> found = markov([Journey(("mail", "search"), 1.0), Journey(("mail",), 0.0, nulls=1.0)])
    >>> found.p_converts, found.effects
    (0.5, {'mail': 1.0, 'search': 1.0})

    References
    ----------
    E. Anderl, I. Becker, F. von Wangenheim, J. H. Schumann, "Mapping the Customer Journey",
    International Journal of Research in Marketing, 2016.
    """
    if not 1 <= order <= ORDER_MAX:
        raise InputError("bad_order", expected(f"an order of 1 to {ORDER_MAX}", str(order), "$"))
    total = sum(journey.conversions for journey in journeys)
    if not total > 0.0:
        raise InputError("no_conversions", expected("a journey that converted", "none", "$"))
    chain = _chain(journeys, order)
    channels = sorted({touch for journey in journeys for touch in journey.touches})
    # One column with every channel, then one without each.
    kept = np.ones((len(chain.states), 1 + len(channels)))
    for row, state in enumerate(chain.states):
        for touch in state:
            kept[row, 1 + channels.index(touch)] = 0.0
    with_all, *without = _conversion(chain, kept).tolist()
    effects = {
        channel: max(1.0 - p / with_all, 0.0) for channel, p in zip(channels, without, strict=True)
    }
    whole = sum(effects.values())
    value = sum(journey.value for journey in journeys)
    credited = [
        Credit(channel, total * effect / whole, value * effect / whole)
        for channel, effect in effects.items()
    ]
    return Removal(with_all, effects, credited)


def _chain(journeys: Sequence[Journey], order: int) -> _Chain:
    counts: dict[tuple[State, State], float] = {}
    converted: dict[State, float] = {}
    leaving: dict[State, float] = {}
    for journey in journeys:
        weight = journey.conversions + journey.nulls
        if weight == 0.0:
            continue
        before: State = ()  # the start; it holds no touch, so no channel removes it
        for touch in journey.touches:
            state = (*before, touch)[-order:]
            counts[before, state] = counts.get((before, state), 0.0) + weight
            leaving[before] = leaving.get(before, 0.0) + weight
            before = state
        converted[before] = converted.get(before, 0.0) + journey.conversions
        leaving[before] = leaving.get(before, 0.0) + weight
    states = sorted(leaving)
    if len(states) > STATES_MAX:
        what = expected(f"at most {STATES_MAX} states", f"{len(states)}", "$", "Lower the order.")
        raise InputError("too_many_states", what)
    place = {state: row for row, state in enumerate(states)}
    pairs = sorted(counts)
    weights = np.array([counts[pair] / leaving[pair[0]] for pair in pairs])
    return _Chain(
        states,
        np.array([place[start] for start, _ in pairs], dtype=np.intp),
        np.array([place[end] for _, end in pairs], dtype=np.intp),
        weights,
        np.array([converted.get(state, 0.0) / leaving[state] for state in states]),
    )


def _conversion(chain: _Chain, kept: Floats) -> Floats:
    """Give the chance to convert from the start, of shape (columns,), for each set of states."""
    n = len(chain.states)
    direct = chain.converts[:, None] * kept
    if n <= _DENSE:
        moves = np.zeros((n, n))
        moves[chain.source, chain.target] = chain.p
        without = np.eye(n) - kept.T[:, :, None] * moves * kept.T[:, None, :]
        return np.asarray(np.linalg.solve(without, direct.T[:, :, None])[:, 0, 0], np.float64)
    starts = np.flatnonzero(np.diff(chain.source, prepend=-1))
    rows = chain.source[starts]
    found = direct.copy()
    for _ in range(SWEEPS_MAX):
        moved = np.add.reduceat(chain.p[:, None] * found[chain.target], starts, axis=0)
        after = direct.copy()
        after[rows] += moved * kept[rows]
        change = float(np.abs(after - found).max())
        found = after
        if change < _CLOSE:
            result: Floats = found[0]
            return result
    got = f"a change of {change:.1e} after {SWEEPS_MAX} sweeps"
    raise InputError("no_convergence", expected("a chain that settles", got, "$"))
