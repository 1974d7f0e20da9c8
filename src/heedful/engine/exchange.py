"""Models as files: out of one workspace, and into another beside the champion.

What is imported answers for nobody before it was tried: it looks on, or answers for a share, and
only the promotion rule or agreement makes it the champion. Its bytes are kept under the number of
the import, and the log says from which event on they are in force, so a replay meets them there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from heedful.core import World
from heedful.decide.margins import MARGINS, Margins
from heedful.decide.portable import ModelHead, Origin, fitted, read_head, write_model
from heedful.engine.learning import fold, kept, note_learned, origin_key
from heedful.engine.routing import Routing, known_models, require_allowed, require_known
from heedful.govern import ModelImported, challenge, model_score, shadow
from heedful.govern.errors import require_statement
from heedful.kernel import InputError, expected
from heedful.learn import Model
from heedful.ports import Transaction


class Place(NamedTuple):
    """Where an imported model is to stand."""

    model: str
    """A model that the strategy declares, by whose name it goes from now on."""
    line: str
    """The name that actions ask a model by, beside whose champion it is tried."""
    share_ppm: int = 0
    """Of the customers for whom it answers; 0 to look on."""


class Exchange(Routing):
    """Models of one workspace that leave it, or come to it, as files."""

    def exported(self, name: str, version: int | None = None) -> bytes:
        """Write a model in force as a file.

        Parameters
        ----------
        version
            The learning row up to which it is to have learned; None as it is at present.

        Raises
        ------
        InputError
            `model_not_found`, `version_not_found`, `model_file_too_large`.
        """
        world = self._writer.world
        require_known(world, name)
        model: Model = world.models[name].copy()
        if version is not None and version != model.learn_seq:
            model = self._at(world, name, version)
        origin = world.origins.get(name)
        model.learn_seq += 0 if origin is None else origin.rows_ahead
        return write_model(world.rules.models[name], model, model_score(world.rules.scores, name))

    def _at(self, world: World, name: str, version: int) -> Model:
        """Learn a model again up to a row; the same rows give the same bytes."""
        newest = world.models[name].learn_seq
        if not 0 <= version <= newest:
            what = expected(f"a row from 0 to {newest:,}", f"{version:,}", "$.version")
            raise InputError("version_not_found", what)

        def read(tx: Transaction) -> Model:
            model = kept(tx, world.rules.models[name], version, world.origins.get(name))
            found: Model = fold(tx, {name: model}, {name: version})[name]
            found.learn_seq = version
            return found

        return self._store.read(read)

    def bring(self, body: bytes, place: Place, by: str, reason: str) -> ModelHead:
        """Import a model from a file, and let it look on or be tried.

        Returns
        -------
        The first line of the file, which says what was imported.

        Raises
        ------
        InputError
            As `read_head`, `fitted`, `challenge` and `shadow`; `model_in_use` where the name
            answers for somebody, may come to, or was tried before; `model_too_opaque`.
        """
        require_statement(by, reason)
        head, state = read_head(body)
        tried = self._counting.trials()
        if any(tried.total(*pair).decisions for pair in tried.pairs() if pair[1] == place.model):
            raise _in_use(place.model, "one that was tried before")

        def change(tx: Transaction, world: World) -> World:
            model = _received(world, head, state, place)
            upto = model.learn_seq = world.models.get(MARGINS, Margins()).learn_seq
            origin = Origin(tx.last_seq() + 1, head.learn_seq - upto)
            said = ModelImported(
                model=place.model,
                digest=head.digest,
                named=head.name,
                learned=head.learn_seq,
                learn_seq=upto,
                by=by,
                reason=reason,
            )
            world = self.said(tx, world, said, "model", place.model)
            models: dict[str, Any] = {MARGINS: Margins(), **world.models, place.model: model}
            origins = {**world.origins, place.model: origin}
            world = msgspec.structs.replace(world, models=models, origins=origins)
            tx.put_snapshot(
                origin_key(world.rules.models[place.model], origin), upto, model.encode()
            )
            note_learned(tx, self._secret, self._writer.now(), world)
            return self._placed(tx, world, place, by, reason)

        self._writer.change_world(change)
        return head

    def _placed(self, tx: Transaction, world: World, place: Place, by: str, reason: str) -> World:
        routes, known = world.governance.routes, known_models(world)
        line, model, share = place.line, place.model, place.share_ppm
        if share:
            require_allowed(world, line, model)
            said = challenge(routes, line, model, share, by, reason, known)
        else:
            require_known(world, line)
            said = shadow(routes, line, model, True, by, reason, known)
        return self.said(tx, world, said, "model", line)


def _received(world: World, head: ModelHead, state: bytes, place: Place) -> Model:
    """Read the model for its place in a world, where it may stand there."""
    rules, name = world.rules, place.model
    if name not in rules.models:
        remedy = "Declare it in policies/models.yaml and publish."
        what = expected("a model of the strategy", repr(name), "$.model", remedy)
        raise InputError("model_not_found", what)
    if any(action.model == name for action in rules.actions.values()):
        raise _in_use(name, "one that actions ask")
    for line, route in world.governance.routes.by_line.items():
        others = (one.model for one in route.challengers)
        if name in (route.champion, *route.before, *route.shadows, *others):
            raise _in_use(name, f"one that stands in the trials of {line}")
    model = fitted(head, state, rules.models[name])
    score = model_score(rules.scores, name)
    if head.transparency < score:
        remedy = "Say so under `models` in policies/decision-types.yaml."
        what = f"a model of transparency {score} or more, as {name} is said to have"
        got = f"{head.transparency}"
        raise InputError("model_too_opaque", expected(what, got, "$.transparency", remedy))
    return model


def _in_use(name: str, got: str) -> InputError:
    remedy = "Declare another one of the same definition in policies/models.yaml for it."
    what = expected("a model that answers for nobody and was never tried", got, name, remedy)
    return InputError("model_in_use", what)
