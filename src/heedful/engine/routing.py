"""Which model answers: challenge, look on, promote, roll back, in force between two batches.

Every change is an event in the log and a link of the audit chain, so a replay meets it where the
live run met it, and a decision on either side of it is made again to the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from heedful.core import World
from heedful.engine.approving import Approving
from heedful.engine.counting import Counting
from heedful.engine.writer import Writer
from heedful.govern import (
    Approval,
    ApprovalNeeded,
    Evidence,
    ModelRouted,
    Route,
    challenge,
    line_of,
    model_score,
    promote,
    roll_back,
    shadow,
)
from heedful.govern.types import Statement
from heedful.kernel import InputError, expected
from heedful.measure import Comparison, compare
from heedful.ports import Store, Transaction

RULE: Final = "the promotion rule"
"""Who promotes where a strategy lets a rule do that."""

PROMOTE_WAIT_S: Final = 60.0
"""How often it is looked whether a challenger has shown enough."""


class Rival(NamedTuple):
    """A model beside the champion of a line."""

    model: str
    share_ppm: int
    """0 for one that only looks on."""
    found: Comparison
    """What its decisions brought against the champion's."""


class Line(NamedTuple):
    """A name that actions ask a model by, and who answers for it."""

    name: str
    route: Route
    actions: int
    """Actions that ask by this name."""
    is_high_risk: bool
    """Whether any of them decides of a high risk."""
    rivals: tuple[Rival, ...]


class Routing(Approving):
    """Which model answers for each line of one workspace."""

    def __init__(self, store: Store, writer: Writer, secret: bytes, counting: Counting) -> None:
        super().__init__(store, writer, secret)
        self._counting = counting

    def lines(self) -> list[Line]:
        """List the names that actions ask a model by, with what was tried of each."""
        world = self._writer.world
        names = {action.model for action in world.rules.actions.values()}
        names |= set(world.governance.routes.by_line)
        return [self._line(world, name) for name in sorted(names)]

    def line(self, name: str) -> Line:
        """Tell of one line.

        Raises
        ------
        InputError
            `model_not_found`.
        """
        world = self._writer.world
        require_known(world, name)
        return self._line(world, name)

    def _line(self, world: World, name: str) -> Line:
        route = world.governance.routes.route(name)
        asking = [one for one in world.rules.actions.values() if one.model == name]
        rivals = [(one.model, one.share_ppm) for one in route.challengers]
        rivals += [(model, 0) for model in route.shadows]
        return Line(
            name,
            route,
            len(asking),
            _is_high_risk(world, name),
            tuple(Rival(m, share, self._compared(world, name, m)) for m, share in rivals),
        )

    def _compared(self, world: World, line: str, model: str) -> Comparison:
        trials = self._counting.trials()
        champion = world.governance.routes.route(line).champion
        confidence = world.rules.promotion.confidence
        one, other = trials.slices(line, model), trials.slices(line, champion)
        return compare(one, other, confidence=confidence)

    def challenge(self, line: str, model: str, share_ppm: int, by: str, reason: str) -> None:
        """Let a model answer for a share of the customers; raises as `govern.challenge`."""

        def make(tx: Transaction, world: World) -> Statement:
            require_allowed(world, line, model)
            routes = world.governance.routes
            return challenge(routes, line, model, share_ppm, by, reason, known_models(world))

        self.state(make, "model", line)

    def shadow(self, line: str, model: str, is_on: bool, by: str, reason: str) -> None:
        """Let a model look on, or no longer; raises as `govern.shadow`."""

        def make(tx: Transaction, world: World) -> Statement:
            require_known(world, line)
            require_known(world, model)
            return shadow(
                world.governance.routes, line, model, is_on, by, reason, known_models(world)
            )

        self.state(make, "model", line)

    def promote(self, line: str, model: str, by: str, reason: str) -> Approval | None:
        """Make a model the champion where that was shown or agreed; else ask for it.

        Raises
        ------
        InputError
            As `govern.promote`; `model_too_opaque`.
        """

        # Counted before the change, which nothing else may be read within.
        found = self._compared(self._writer.world, line, model)

        def make(world: World, now: int, approval: Approval | None) -> ModelRouted | ApprovalNeeded:
            require_allowed(world, line, model)
            return promote(
                world.governance.routes,
                line,
                model,
                by,
                reason,
                known_models(world),
                now,
                evidence=Evidence(found.decisions, found.is_better),
                rule=world.rules.promotion,
                is_high_risk=_is_high_risk(world, line),
                required=world.approvals.promote.required,
                approval=approval,
            )

        return self.state_where_agreed(
            make, lambda world: world.approvals.promote, ("model", line), by, reason
        )

    def roll_back(self, line: str, by: str, reason: str) -> None:
        """Make the earlier champion answer again; raises as `govern.roll_back`."""

        def make(tx: Transaction, world: World) -> Statement:
            require_known(world, line)
            return roll_back(world.governance.routes, line, by, reason)

        self.state(make, "model", line)

    def promote_by_name(self, promotion: str, by: str, reason: str) -> Approval | None:
        """Promote by the name of a promotion, as an approval bears it."""
        line, model = line_of(promotion)
        return self.promote(line, model, by, reason)

    def promote_shown(self) -> bool:
        """Promote challengers that have shown enough, where the strategy lets a rule do that.

        Returns
        -------
        Whether anything was promoted.
        """
        if not self._writer.world.rules.promotion.is_automatic:
            return False
        for line in self.lines():
            for rival in line.rivals:
                if rival.share_ppm and self.has_shown(rival.found):
                    return self.promote(line.name, rival.model, RULE, rival.found.says) is None
        return False

    def has_shown(self, found: Comparison) -> bool:
        """Say whether a trial suffices for a promotion without anybody's agreement."""
        rule = self._writer.world.rules.promotion
        return found.is_better and found.decisions >= rule.outcomes_min


def _is_high_risk(world: World, line: str) -> bool:
    asking = [one for one in world.rules.actions.values() if one.model == line]
    return any(one.decision_type.risk == "high" for one in asking)


def require_known(world: World, name: str) -> None:
    """Refuse a name that no model in force bears.

    Raises
    ------
    InputError
        `model_not_found`.
    """
    if name not in known_models(world):
        what = expected(
            "a model in force", repr(name), "$.name", "`heedful models list` names them."
        )
        raise InputError("model_not_found", what)


def require_promoted(world: World, rules: World) -> None:
    """Refuse rules that ask for an imported model that nobody promoted.

    Notes
    -----
    An action asks for a model by its name, and at first the model of that name answers for all: to
    name an imported one in an action would pass by the rule or the agreement that promotes it. One
    whose definition changes begins anew and has nothing any more of what was imported. What is
    asked for already stays.

    Parameters
    ----------
    world, rules
        As it is, and the world whose rules are to be in force.

    Raises
    ------
    InputError
        `model_not_promoted`.
    """
    promoted = {
        name
        for line, route in world.governance.routes.by_line.items()
        for name in (route.champion, *route.before)
        if name != line
    }
    before = {action.model for action in world.rules.actions.values()}
    for action in rules.rules.actions.values():
        name, rule = action.model, rules.rules.models.get(action.model)
        if name not in world.origins or name in promoted or name in before:
            continue
        if rule is not None and rule.fits(world.models.get(name)):
            remedy = "Promote it first with `heedful models promote`, or name another one."
            what = expected(
                "a model that was promoted",
                f"{name}, which was imported",
                f"{action.name}.model",
                remedy,
            )
            raise InputError("model_not_promoted", what)


def require_allowed(world: World, line: str, model: str) -> None:
    """Refuse a model that is too opaque for everything that is asked by a name.

    Raises
    ------
    InputError
        `model_too_opaque`.
    """
    require_known(world, line)
    require_known(world, model)
    asking = [one for one in world.rules.actions.values() if one.model == line]
    demanded = min((one.decision_type.transparency for one in asking), default=0)
    score = model_score(world.rules.scores, model)
    if model in world.rules.scores and score < demanded:
        what = f"a model of transparency {demanded} or more, which every action of {line} demands"
        raise InputError("model_too_opaque", expected(what, f"{model}, of {score}", "$.model"))


def known_models(world: World) -> Iterable[str]:
    """List the models that are in force as the strategy declares them."""
    rules = world.rules.models
    return [name for name, one in world.models.items() if name in rules and rules[name].fits(one)]
