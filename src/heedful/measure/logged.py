"""Logged rounds as another policy would have met them: what every off-policy estimate reads."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from heedful.kernel import InputError, expected
from heedful.measure.special import Floats


class Rounds(NamedTuple):
    """n decisions of a log and what a target policy thinks of them; arrays of shape (n,)."""

    reward: Floats
    """What the chosen arm brought, in any unit."""
    p_choose: Floats
    """Selection probability of the chosen arm when it was chosen, in (0, 1]."""
    p_target: Floats
    """Selection probability of that arm under the target policy, in [0, 1]."""
    q_chosen: Floats
    """Reward that a model foresees for the chosen arm; 0 without a model."""
    q_target: Floats
    """Reward that the model foresees under the target policy, over all arms; 0 without a model."""
    unsupported: Floats
    """Share of the target's choices that fall on arms which the log could not choose."""

    @property
    def weight(self) -> Floats:
        """Importance weights: how much more often the target chooses what was chosen."""
        result: Floats = self.p_target / self.p_choose
        return result


class Concern(msgspec.Struct, frozen=True):
    """A reason to doubt an estimate."""

    code: str
    says: str
    """One sentence for people."""


def rounds(
    reward: Any,
    p_choose: Any,
    p_target: Any,
    q_chosen: Any = None,
    q_target: Any = None,
    unsupported: Any = None,
) -> Rounds:
    """Check and take in the columns of `Rounds`; those that are left out are 0.

    Raises
    ------
    InputError
        `bad_rounds` when there are fewer than two rounds, lengths differ, a number is not finite,
        or a probability is out of its range.

    Examples
    --------
    >>> rounds([0.0, 1.0], [0.5, 0.25], [1.0, 0.5]).weight.tolist()
    [2.0, 2.0]
    """
    first = np.asarray(reward, dtype=np.float64)
    given = (first, p_choose, p_target, q_chosen, q_target, unsupported)
    columns = [np.zeros(first.shape) if v is None else np.asarray(v, np.float64) for v in given]
    if first.ndim != 1 or len(first) < 2 or len({c.shape for c in columns}) != 1:
        _refuse("columns of one length, 2 or more", ", ".join(str(c.shape) for c in columns))
    if not all(bool(np.isfinite(c).all()) for c in columns):
        _refuse("finite numbers", "others")
    found = Rounds(*columns)
    if not bool(((found.p_choose > 0.0) & (found.p_choose <= 1.0)).all()):
        _refuse("logged probabilities in (0, 1]", "others")
    for column in (found.p_target, found.unsupported):
        if not bool(((column >= 0.0) & (column <= 1.0)).all()):
            _refuse("probabilities of the target in [0, 1]", "others")
    return found


def _refuse(what: str, got: str) -> None:
    """Refuse columns.

    Raises
    ------
    InputError
        `bad_rounds` when the columns cannot be a log.
    """
    raise InputError("bad_rounds", expected(what, got, "$.rounds"))


def effective_rounds(found: Rounds) -> float:
    """Give Kish's effective sample size: how many rounds of the target's own would say as much.

    References
    ----------
    L. Kish, "Survey Sampling", 1965.
    """
    weight = found.weight
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares else 0.0


EFFECTIVE_ROUNDS_MIN: Final = 100.0
"""Effective rounds below which an estimate is called thin."""

EFFECTIVE_SHARE_MIN: Final = 0.05
"""Share of the rounds below which the effective ones are called few."""

WEIGHT_SHARE_MAX: Final = 0.05
"""Share of all weight beyond which one round is said to decide an estimate."""

UNSUPPORTED_MAX: Final = 0.01
"""Share of the target's choices that may lack support before it is said what cannot be known."""

_ODD_MEAN: Final = 4.0  # standard errors; by chance one log in 16,000


def concerns(found: Rounds) -> tuple[Concern, ...]:
    """Say in words what an estimate from these rounds cannot know."""
    n, weight = len(found.reward), found.weight
    effective, total = effective_rounds(found), float(weight.sum())
    said = []
    if total == 0.0:
        text = "The target never chooses what was logged, so nothing can be known of it."
        return (Concern("no_overlap", text),)
    lost = float(found.unsupported.mean())
    if lost > UNSUPPORTED_MAX:
        text = f"{lost:.1%} of the target's choices fall on arms that the log never could choose:"
        said.append(Concern("unsupported", f"{text} what these bring cannot be known."))
    if effective < EFFECTIVE_ROUNDS_MIN:
        text = f"The {n:,} rounds say as much as {effective:,.0f} of the target's own would: thin."
        said.append(Concern("thin", text))
    elif effective < EFFECTIVE_SHARE_MIN * n:
        text = f"Only {effective / n:.1%} of the {n:,} rounds count: the policies differ much."
        said.append(Concern("few_effective", text))
    if float(weight.max()) > WEIGHT_SHARE_MAX * total:
        text = f"One round carries {float(weight.max()) / total:.0%} of all weight."
        said.append(Concern("heavy_round", text))
    error = float(weight.std(ddof=1)) / n**0.5
    # Weights average 1 less what lacks support, when the logged probabilities are true.
    if abs(float(weight.mean()) - (1.0 - lost)) > _ODD_MEAN * max(error, 1e-12):
        text = f"Weights average {float(weight.mean()):.3f} where {1.0 - lost:.3f} is expected:"
        said.append(Concern("odd_weights", f"{text} the logged probabilities may be wrong."))
    return tuple(said)
