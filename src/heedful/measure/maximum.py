"""Maximum likelihood for a handful of positive parameters: BFGS on their logarithms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from heedful.kernel import InputError, expected
from heedful.measure.special import Floats

STEPS_MAX: Final = 500
"""Steps of a fit; one that has not converged by then is refused."""

LOG_PARAMETER_MAX: Final = 25.0
"""Magnitude of a logarithm at which a parameter is held: data without variation push it there."""

_STEP_MAX: Final = 2.0
_GRADIENT_CLOSE: Final = 1e-8  # a row
_GAIN_CLOSE: Final = 1e-12  # of the value: less is rounding
_IDLE_MAX: Final = 5  # steps in a row that gain no more; along a flat ridge there is no end
_HALVINGS_MAX: Final = 40
_ENOUGH: Final = 1e-4  # of the slope, after Armijo

Likelihood = Callable[[Floats], tuple[float, Floats]]
"""Takes parameters of shape (k,); gives the mean log-likelihood of a row and its gradient."""


class Maximum(NamedTuple):
    """Where a likelihood is greatest."""

    parameters: Floats
    log_likelihood: float
    """Of the mean row."""


def maximize(likelihood: Likelihood, start: Sequence[float]) -> Maximum:
    """Climb from `start` to the nearest maximum, every parameter above 0.

    Raises
    ------
    InputError
        `no_convergence` after `STEPS_MAX` steps, or when the likelihood is not finite at `start`.

    References
    ----------
    J. Nocedal, S. Wright, "Numerical Optimization", 2006, chapter 6.
    """
    where = np.log(np.array(start, dtype=np.float64))
    value, slope = _at(likelihood, where)
    if not np.isfinite(value):
        raise InputError("no_convergence", expected("a finite likelihood", repr(value), "$.start"))
    inverse = np.eye(len(where))
    idle = 0
    for _ in range(STEPS_MAX):
        if float(np.abs(slope).max()) < _GRADIENT_CLOSE or idle >= _IDLE_MAX:
            return Maximum(np.exp(where), value)
        step = inverse @ slope
        if float(step @ slope) <= 0.0:
            inverse, step = np.eye(len(where)), slope
        step *= min(1.0, _STEP_MAX / float(np.abs(step).max()))
        found = _line(likelihood, where, value, slope, step)
        if found is None:  # no better point within rounding
            return Maximum(np.exp(where), value)
        moved, changed = found[0] - where, slope - found[2]
        inverse = _bfgs(inverse, moved, changed)
        idle = idle + 1 if found[1] - value <= _GAIN_CLOSE * abs(value) else 0
        where, value, slope = found
    got = f"{STEPS_MAX} steps"
    raise InputError("no_convergence", expected("a likelihood with a maximum", got, "$"))


def _at(likelihood: Likelihood, where: Floats) -> tuple[float, Floats]:
    parameters = np.exp(where)
    value, slope = likelihood(parameters)
    inside = (np.abs(where) < LOG_PARAMETER_MAX) | (slope * where < 0.0)
    return value, slope * parameters * inside


def _line(
    likelihood: Likelihood, where: Floats, value: float, slope: Floats, step: Floats
) -> tuple[Floats, float, Floats] | None:
    gain = float(step @ slope)
    for _ in range(_HALVINGS_MAX):
        there = np.clip(where + step, -LOG_PARAMETER_MAX, LOG_PARAMETER_MAX)
        found, its_slope = _at(likelihood, there)
        if np.isfinite(found) and found > value and found >= value + _ENOUGH * gain:
            return there, found, its_slope
        step, gain = 0.5 * step, 0.5 * gain
    return None


def _bfgs(inverse: Floats, moved: Floats, changed: Floats) -> Floats:
    curve = float(moved @ changed)
    if curve <= 1e-12 * float(np.linalg.norm(moved) * np.linalg.norm(changed)):
        return inverse
    left = np.eye(len(moved)) - np.outer(moved, changed) / curve
    result: Floats = left @ inverse @ left.T + np.outer(moved, moved) / curve
    return result
