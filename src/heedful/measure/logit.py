"""Logistic and linear models with a ridge penalty: the fits that several measures share."""

from __future__ import annotations

from typing import Final

import numpy as np

from heedful.measure.special import Floats

NEWTON_STEPS_MAX: Final = 100
"""Steps of one logistic fit; with a penalty it settles in ten, and what is found by then counts."""

_CLOSE: Final = 1e-10


def with_constant(x: Floats) -> Floats:
    """Put a column of ones before features of shape (n, d)."""
    return np.hstack((np.ones((len(x), 1)), x))


def sigmoid(z: Floats) -> Floats:
    """Give `1 / (1 + exp(-z))`, without an overflow."""
    result: Floats = 1.0 / (1.0 + np.exp(-np.clip(z, -500.0, 500.0)))
    return result


def _penalties(width: int, penalty: float) -> Floats:
    result = np.full(width, penalty)
    result[0] = 1e-8  # the constant is free, but for a group in which all respond alike
    return result


def fit_ridge(z: Floats, target: Floats, penalty: float) -> Floats:
    """Fit a linear model; the first column of `z`, a constant, is free of the penalty."""
    system = z.T @ z + np.diag(_penalties(z.shape[1], penalty))
    return np.asarray(np.linalg.solve(system, z.T @ target), dtype=np.float64)


def fit_logistic(z: Floats, y: Floats, weight: Floats, penalty: float) -> Floats:
    """Fit a logistic model by Newton's method, halving steps that overshoot.

    Parameters
    ----------
    z
        Shape (n, d); the first column, a constant, is free of the penalty.
    y, weight
        Shape (n,): 0 or 1, or a share between them; and how much each counts.

    Returns
    -------
    Weights of shape (d,).
    """
    held = _penalties(z.shape[1], penalty)
    beta = np.zeros(z.shape[1])

    def loss(beta: Floats) -> float:
        linear = z @ beta
        fit = float(weight @ (np.logaddexp(0.0, linear) - y * linear))
        return fit + 0.5 * float(held @ (beta * beta))

    at = loss(beta)
    for _ in range(NEWTON_STEPS_MAX):
        p = sigmoid(z @ beta)
        slope = z.T @ (weight * (y - p)) - held * beta
        system = (z * (weight * p * (1.0 - p))[:, None]).T @ z + np.diag(held)
        step = np.asarray(np.linalg.solve(system, slope), dtype=np.float64)
        there = loss(beta + step)
        while there > at and float(np.abs(step).max()) > _CLOSE:
            step *= 0.5
            there = loss(beta + step)
        beta, at = beta + step, there
        if float(np.abs(step).max()) < _CLOSE:
            break
    return beta
