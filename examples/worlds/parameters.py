"""What a world is made of, read from a file: rates a year, days, chances and money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import yaml

MESSAGES: Final = ("news", "offer", "reminder", "advice", "win_back")
"""What can be said; saying nothing is -1 wherever a message is a number."""

HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Kind:
    """How one kind of people reacts; responses by message, in the order of `MESSAGES`."""

    share: float
    visits: Mapping[str, float]
    """Visits that one message leads to in a rested person; a negative number is the share of their
    own visits that it drives away for `echo_days`."""
    recovers: Mapping[str, float]
    """Chance that a message brings a person back to the cart that they left."""
    annoyed: float
    """Trust lost by a message for each unit of fatigue beyond what they have patience for."""
    order_rate: float = 1.0
    """Factor on the orders of a year."""


@dataclass(frozen=True)
class Parameters:
    """One world."""

    name: str
    about: str
    kinds: Mapping[str, Kind]
    orders_a_year: float
    order_shape: float
    """Shape of the Gamma distribution of people's rates."""
    conversion: float
    """Share of visits that end with an order."""
    caused_conversion: float
    """The same of visits that a message led to."""
    order_value: float
    order_log_sd: float
    margin: float
    """Share of an order that is margin."""
    discount: float
    """Share of an order that `offer` and `win_back` give away while they are valid."""
    discount_days: int
    hesitates: float
    """Share of visits without an order that leave a cart behind."""
    recovers: float
    """Chance to come back to a cart with nobody saying anything."""
    tells: float
    """How much the marks by which a shop could tell kinds apart say: 0 nothing, 1 everything."""
    fatigue_half_life_days: float
    wear: float
    """Response falls by `exp(-wear * fatigue)`."""
    patience: float
    """Fatigue from which a message annoys."""
    trust: float
    """Trust in the shop to which people come back, 0 to 1."""
    forgive_half_life_days: float
    helps: float
    """Trust won by advice after hesitating."""
    echo_days: int
    """Days over which a message brings visits or drives them away."""
    leaves_a_year: float
    leaves_slope: float
    """The hazard of leaving rises by `exp(slope * trust lost)`."""
    unsubscribes: float
    """Chance for one message to a rested person."""
    unsubscribes_slope: float
    """It rises by `exp(slope * fatigue)`."""
    complains: float
    """Share of unsubscriptions that complain, too."""
    tire: Mapping[str, float]
    """Fatigue that one message adds."""
    costs: Mapping[str, float]
    """What one message costs."""
    minutes: Mapping[str, float]
    """Minutes that one message takes from a person."""
    minutes_saved: float
    """Minutes that a message saves somebody who comes back to a cart by it."""
    minute: float
    """What a person's minute is worth."""


def load(name: str | Path) -> Parameters:
    """Read a world: the name of one of those here, or the path of a file.

    Raises
    ------
    ValueError
        When there is no such world, it is no YAML, or it names something that no world has or
        leaves something out.
    """
    path = Path(name)
    if not path.suffix:
        path = HERE / f"{name}.yaml"
    try:
        said: Any = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        named = ", ".join(sorted(world.stem for world in HERE.glob("*.yaml")))
        raise ValueError(f"Expected one of {named}, or a file, got {name} - at --world.") from None
    except yaml.YAMLError as error:
        raise ValueError(f"Expected YAML, got something else - at {path}: {error}.") from error
    if not isinstance(said, dict):
        raise ValueError(f"Expected the parameters of a world, got {said!r} - at {path}.")
    known = {field.name for field in fields(Parameters)}
    if wrong := sorted(known ^ set(said)):
        raise ValueError(
            f"Expected exactly the parameters of a world, got others - at {path}: {wrong}."
        )
    said["kinds"] = {kind: Kind(**it) for kind, it in said["kinds"].items()}
    return Parameters(**said)
