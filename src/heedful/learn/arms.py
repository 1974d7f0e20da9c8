"""An arm from coarse to fine, so that a new treatment starts from its action, not from nothing."""

from __future__ import annotations

from typing import Final

import msgspec

from heedful.kernel import InputError, expected
from heedful.learn.prior import Prior

PARTS: Final = 5

PRIOR_DEFAULT: Final = Prior(p=0.05, strength=20.0)
"""Belief about an action that declares none: a response of one in twenty, worth twenty outcomes."""


class ArmSpec(msgspec.Struct, frozen=True):
    """One arm: an action on a channel, said in some way, at some moment."""

    arm: str
    """Its name in rows and records; unique."""
    group: str
    """Actions of one group are believed to be alike until their outcomes differ."""
    action: str
    channel: str = ""
    treatment: str = ""
    moment: str = ""
    prior: Prior = PRIOR_DEFAULT
    """Belief about the action before its first outcome; of one action always the same."""
    is_silence: bool = False
    """Whether it is doing nothing, which all others are compared with."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Give what a learning row carries: group, action, channel, treatment, moment."""
        return (self.group, self.action, self.channel, self.treatment, self.moment)


def spec_of_parts(arm: str, parts: tuple[str, ...], prior: Prior) -> ArmSpec:
    """Read an arm back from the parts of a learning row; none means an action of its own.

    A row of before arms had moments carries four.

    Raises
    ------
    InputError
        `bad_learning_row` when there are parts, but neither four nor five.
    """
    if not parts:
        return ArmSpec(arm, group=arm, action=arm, prior=prior)
    if len(parts) not in (PARTS - 1, PARTS):
        got = expected(f"{PARTS} parts of an arm", f"{len(parts)}", "$.parts")
        raise InputError("bad_learning_row", got)
    group, action, channel, treatment = parts[: PARTS - 1]
    moment = "".join(parts[PARTS - 1 :])
    return ArmSpec(arm, group, action, channel, treatment, moment, prior)
