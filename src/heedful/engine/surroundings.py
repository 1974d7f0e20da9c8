"""What decisions share, taken from the world in force."""

from __future__ import annotations

from collections.abc import Mapping

from heedful.core import World
from heedful.decide import Surroundings
from heedful.decide.margins import apart, delays_of


def surroundings_of(world: World, secret: bytes, budgets: Mapping[str, int]) -> Surroundings:
    """Give what decisions share.

    Parameters
    ----------
    budgets
        Micros that are left of each in its period.
    """
    models, margins = apart(world.models)
    return Surroundings(
        secret=secret,
        models=models,
        margins=margins,
        delays=delays_of(world.models),
        trained=world.trained,
        governance=world.governance,
        budgets=budgets,
        dictionary=world.dictionary,
        foresight=world.sequences,
    )
