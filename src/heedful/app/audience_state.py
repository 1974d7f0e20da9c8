"""One state and one instant of a workspace as bytes, from which another process decides the same.

Law: whoever reads these bytes decides for every person what the process that wrote them would. No
code is in them, only what a store or the log could hold as well, and the workspace's secret: they
go through a pipe to a process of the same user, never over a network.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self

import msgspec

from heedful import strategy as strategies
from heedful.app.worlds import world_of
from heedful.core import World
from heedful.decide import Surroundings
from heedful.decide.margins import MARGINS, Margins
from heedful.engine.audience import Audience, AudienceDecider, audience_condition
from heedful.engine.surroundings import surroundings_of
from heedful.govern import Governance
from heedful.kernel import InvariantError, canonical, expected
from heedful.learn import SequenceModel, decode_trained
from heedful.sense import FeatureDictionary, Foresight
from heedful.sense.features import feature_key


class AskedAudience(msgspec.Struct, frozen=True, array_like=True):
    """Who is asked about, in words."""

    name: str
    """Of the run: the draws of a run are its own."""
    text: str | None = None
    """Condition that says who belongs to it; everybody where absent."""
    placement: str | None = None
    channel: str | None = None

    def compiled(self, world: World) -> Audience:
        """Compile it; raises `bad_expression`."""
        condition = None if self.text is None else audience_condition(world, self.text)
        return Audience(self.name, condition, self.placement, self.channel)


class _Sequences(msgspec.Struct, frozen=True, array_like=True):
    key: str
    since: int
    seq: int
    model: bytes


class AudienceState(msgspec.Struct, frozen=True, array_like=True):
    """All that the answers of a run depend on, but for the customers."""

    asked: AskedAudience
    now: int
    secret: bytes
    version: str
    """Of the strategy."""
    files: dict[str, str]
    lineage: dict[str, tuple[str, ...]]
    features: tuple[tuple[str, str, str], ...]
    """The dictionary of automatic features, in its order: kind, path, value."""
    features_max: int
    models: dict[str, bytes]
    margins: bytes
    trained: dict[str, bytes]
    sequences: _Sequences | None
    governance: Governance
    budgets: dict[str, int]

    @classmethod
    def of(cls, given: Prepared, asked: AskedAudience, files: dict[str, str]) -> Self:
        """Write down what is in force.

        Parameters
        ----------
        files
            The texts of the strategy in force.
        """
        world, shared, now = given
        rules, dictionary, foresight = world.rules, world.dictionary, world.sequences
        fitting = {
            name: model.encode()
            for name, model in world.models.items()
            if name in rules.models and rules.models[name].fits(model)
        }
        return cls(
            asked=asked,
            now=now,
            secret=shared.secret,
            version=rules.version,
            files=files,
            lineage={name: tuple(sorted(k)) for name, k in world.signals.lineage().items()},
            features=tuple((k.kind, k.path, k.value) for k in dictionary.keys.values()),
            features_max=dictionary.limit,
            models=fitting,
            margins=world.models.get(MARGINS, Margins()).encode(),
            trained={name: model.encode() for name, model in world.trained.items()},
            sequences=None
            if foresight is None
            else _Sequences(
                foresight.key, foresight.since, foresight.seq, foresight.model.encode()
            ),
            governance=world.governance,
            budgets=dict(shared.budgets),
        )

    def encode(self) -> bytes:
        """Write it as bytes."""
        return canonical.encode(self)

    def decider(self) -> AudienceDecider:
        """Make what decides under it.

        Raises
        ------
        InvariantError
            `strategy_differs`, where the texts are not those of the version in force.
        """
        world = self._world()
        if world.rules.version != self.version:
            what = expected(f"strategy {self.version}", world.rules.version, "the state of a run")
            raise InvariantError("strategy_differs", what)
        shared = surroundings_of(world, self.secret, self.budgets)
        return AudienceDecider(world, shared, self.asked.compiled(world), self.now)

    def _world(self) -> World:
        lineage = {name: frozenset(keys) for name, keys in self.lineage.items()}
        world = world_of(strategies.load(self.files), lineage)
        keys = [feature_key(*said) for said in self.features]
        models: dict[str, Any] = {
            name: world.rules.models[name].read(body) for name, body in self.models.items()
        }
        return msgspec.structs.replace(
            world,
            dictionary=FeatureDictionary({key.id: key for key in keys}, self.features_max),
            models={**models, MARGINS: Margins.decode(self.margins)},
            trained={name: decode_trained(body) for name, body in self.trained.items()},
            sequences=self._foresight(),
            governance=self.governance,
        )

    def _foresight(self) -> Foresight | None:
        said = self.sequences
        if said is None:
            return None
        return Foresight(SequenceModel.decode(said.model), said.key, said.since, said.seq)


class Prepared(NamedTuple):
    """What a run is decided under in the process that has it."""

    world: World
    shared: Surroundings
    now: int


_STATES: Final = msgspec.msgpack.Decoder(AudienceState)


def read_state(body: bytes) -> AudienceState:
    """Read a state from its bytes."""
    return _STATES.decode(body)
