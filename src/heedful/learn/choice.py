"""Thompson sampling with its selection probabilities computed, and the draw from them.

Law: the action is drawn from the integers that are recorded, so what is logged as `p_choose` is
exact by construction, and choosing again from the record is exact on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import numpy as np

from heedful.kernel import InputError, InvariantError, expected
from heedful.learn.columns import ArmColumns, Columns
from heedful.learn.quadrature import Floats, chances
from heedful.learn.values import Value

PROBABILITY_ONE: Final = 1 << 32
"""What the probabilities of one choice sum to: `p_choose` is an integer of 2^-32."""

ARMS_MAX: Final = 65_536
"""Arms of one choice; more are refused."""

_KEY_BITS: Final = 128


def selection_probabilities(values: Sequence[Value] | ArmColumns, floor: float) -> list[int]:
    """Compute Thompson sampling's chance of every arm, mixed with a floor.

    Parameters
    ----------
    values
        What each eligible arm may be worth, in one currency; independent of each other. They are
        read in single precision, so that a record with 24 bits for a term computes the same.
    floor
        Share of the choices that is spread evenly over the arms, in [0, 1].

    Returns
    -------
    Integers that sum to 2^32 exactly, in the order of `values`; every arm has at least 1 where
    `floor / len(values)` is 2^-31 or more.

    Raises
    ------
    InputError
        `no_arms`, `too_many_arms`, `bad_floor`; `bad_arm_value` when a value of an arm is not
        finite, or a spread is not above 0.

    Notes
    -----
    `p_k = (1 - floor) * P(arm k has the greatest value) + floor / K`, to about 1e-5. Arms whose
    values are certain and equal share their chance evenly.

    Examples
    --------
    >>> from heedful.learn import ArmValue
    >>> nothing = ArmValue(alpha=2.0, beta=98.0, gain=20.0, offset=0.0)
    >>> offer = ArmValue(alpha=6.0, beta=94.0, gain=20.0, offset=-0.1)
    >>> weights = selection_probabilities([nothing, offer], floor=0.02)
    >>> sum(weights) == 2**32, [round(weight / 2**32, 3) for weight in weights]
    (True, [0.094, 0.906])

    References
    ----------
    D. Russo, B. Van Roy, A. Kazerouni, I. Osband, Z. Wen, "A Tutorial on Thompson Sampling", 2018.
    """
    require_arms(values, floor)
    return to_weights((1.0 - floor) * _chances(values) + floor / len(values))


def require_arms(values: Sequence[Value] | ArmColumns, floor: float) -> None:
    """Refuse a choice without arms, with too many, or with a floor that is no share."""
    count = len(values)
    if count == 0:
        raise InputError("no_arms", expected("at least one arm", "none", "$"))
    if count > ARMS_MAX:
        raise InputError(
            "too_many_arms", expected(f"at most {ARMS_MAX} arms", str(count), "$", "Narrow them.")
        )
    if not 0.0 <= floor <= 1.0:
        raise InputError("bad_floor", expected("a share in [0, 1]", repr(floor), "$.floor"))


def _chances(values: Sequence[Value] | ArmColumns) -> Floats:
    columns = Columns(values)
    known = 1.0
    if columns.blocks:
        result, known = chances(columns.blocks, columns.known, columns.count)
    else:
        result = np.zeros(columns.count)
    if columns.known_arms:
        result[columns.known_arms] = known / len(columns.known_arms)
    return result


def to_weights(probabilities: Floats) -> list[int]:
    """Round probabilities to integers that sum to 2^32 exactly, by largest remainder.

    Parameters
    ----------
    probabilities
        Shape (n,), each >= 0, with a sum above 0; they are scaled to sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> to_weights(np.array([1.0, 1.0, 1.0]))
    [1431655766, 1431655765, 1431655765]
    """
    scaled = probabilities * (PROBABILITY_ONE / float(probabilities.sum()))
    whole = scaled.astype(np.int64)
    missing = PROBABILITY_ONE - int(whole.sum())
    if missing > 0:
        # Stable: arms with equal remainders are served in their order.
        whole[(whole - scaled).argsort(kind="stable")[:missing]] += 1
    elif missing < 0:
        whole[int(whole.argmax())] += missing
    weights: list[int] = whole.tolist()
    return weights


def uniform_key(secret: bytes, decision_id: int | str, purpose: str) -> int:
    """Give the uniform 128-bit integer of a decision and a purpose.

    Two what-ifs of one decision share it, so they differ only where their probabilities do.
    """
    name = f"{len(purpose)}:{purpose}:{decision_id}".encode("utf-8", "surrogatepass")
    digest = blake2b(name, digest_size=_KEY_BITS // 8, key=secret, person=b"heedful/draw")
    return int.from_bytes(digest.digest(), "big")


def draw(secret: bytes, decision_id: int | str, purpose: str, weights: Sequence[int]) -> int:
    """Draw the index of an arm in proportion to integer weights, the same on every machine.

    Parameters
    ----------
    secret
        The workspace's key, at most 64 bytes.
    decision_id, purpose
        Name of the random number; the same name gives the same number.
    weights
        Integers >= 0 with a sum above 0; the chance of arm k is weights[k] / sum to within 2^-64.

    Raises
    ------
    InputError
        `bad_weights` when none is above 0 or one is below.

    Examples
    --------
    >>> draw(b"secret", "d_1", "choice", [0, 7, 0])
    1
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        got = f"{len(weights)} weights with the sum {total}"
        raise InputError("bad_weights", expected("weights >= 0, one above", got, "$.weights"))
    target = uniform_key(secret, decision_id, purpose) * total >> _KEY_BITS
    for index, weight in enumerate(weights):
        target -= weight
        if target < 0:
            return index
    raise InvariantError("draw_past_the_sum", "A draw lies below the sum of its weights.")
