"""Special functions on arrays, for positive arguments, to about 1e-12."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from heedful.kernel import InputError, expected

Floats: TypeAlias = npt.NDArray[np.float64]

TERMS_MAX: Final = 20_000
"""Terms of a hypergeometric series that are summed; one that needs more is refused."""

_SHIFT: Final = 8
_HALF_LOG_TWO_PI: Final = 0.9189385332046727
_CLOSE: Final = 1e-14


def log_gamma(x: Any) -> Floats:
    """Give log Gamma(x) for x > 0, by Stirling's series at x + 8.

    Examples
    --------
    >>> log_gamma(5.0).round(9).item()  # log 24
    3.17805383
    """
    x = np.asarray(x, dtype=np.float64)
    y = x + _SHIFT
    product = x.copy()
    for step in range(1, _SHIFT):
        product = product * (x + step)
    inverse = 1.0 / y
    square = inverse * inverse
    series = 1.0 / 1260.0 - square * (1.0 / 1680.0 - square * (1.0 / 1188.0))
    series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * series))
    result: Floats = (y - 0.5) * np.log(y) - y + _HALF_LOG_TWO_PI + series - np.log(product)
    return result


def digamma(x: Any) -> Floats:
    """Give the derivative of log Gamma at x > 0.

    Examples
    --------
    >>> digamma(1.0).round(9).item()  # minus Euler's constant
    -0.577215665
    """
    x = np.asarray(x, dtype=np.float64)
    y = x + _SHIFT
    below = 1.0 / x
    for step in range(1, _SHIFT):
        below = below + 1.0 / (x + step)
    square = 1.0 / (y * y)
    series = 1.0 / 252.0 - square * (1.0 / 240.0 - square * (1.0 / 132.0))
    series = square * (1.0 / 12.0 - square * (1.0 / 120.0 - square * series))
    result: Floats = np.log(y) - 0.5 / y - series - below
    return result


def hyp2f1(a: Any, b: Any, c: Any, z: Any) -> Floats:
    """Give Gauss's hypergeometric function by its series.

    Parameters
    ----------
    a, b, c, z
        Arrays that broadcast; a, b and c above 0, z in [0, 1).

    Raises
    ------
    InputError
        `no_convergence` when the series needs more than `TERMS_MAX` terms.

    Examples
    --------
    >>> hyp2f1(1.0, 1.0, 2.0, 0.5).round(9).item()  # -log(1 - z) / z
    1.386294361
    """
    a, b, c, z = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (a, b, c, z)))
    term = np.ones(a.shape)
    total = np.ones(a.shape)
    for n in range(TERMS_MAX):
        ratio = (a + n) * (b + n) / ((c + n) * (n + 1)) * z
        term = term * ratio
        total = total + term
        # Beyond the peak the terms fall at least as fast as the larger of this ratio and z.
        fall = np.maximum(ratio, z)
        if n % 8 == 7 and bool((term * fall <= _CLOSE * total * (1.0 - fall)).all()):
            result: Floats = total
            return result
    raise InputError(
        "no_convergence", expected("a series that converges", f"z up to {z.max():.6f}", "$.z")
    )
