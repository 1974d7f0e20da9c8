"""The models of a strategy, compiled: what is made of each, and by which policy it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from heedful.decide.choice import Choice, Option, members
from heedful.decide.compiled import ActionRule
from heedful.decide.definitions import DO_NOTHING, ModelKind, PolicyKind
from heedful.govern.transparency import model_score
from heedful.kernel import canonical
from heedful.learn import (
    AnyPolicy,
    ArmColumns,
    BetaArms,
    Fixed,
    Greedy,
    InverseGap,
    LogisticArms,
    LogisticSettings,
    Model,
    Thompson,
    moments,
)

_SERVINGS_MAX: Final = 64  # ways to answer for a choice that are remembered

BETA: Final = "beta"
"""The transparent model that every workspace has."""

FEATURE_VARIANCE: Final = 0.25
"""Variance of a dense weight around its group's: features are scaled to about 1, so some fifteen of
them together move an unknown action's log-odds by about 1."""


class ModelRule(NamedTuple):
    """One model as a strategy declares it."""

    name: str
    kind: ModelKind
    half_life_ms: int | None
    settings: LogisticSettings | None
    """Of a logistic model."""
    policy: PolicyKind
    shares: Mapping[str, float]
    """Of the fixed policy, by action."""
    floor: float | None
    """None for the floor of `policies/contact.yaml`."""
    features: tuple[str, ...] = ()
    """What a logistic model sees, each as `group.name`, sorted."""

    def new(self) -> Model:
        """Make one that has learned nothing."""
        if self.settings is not None:
            return LogisticArms(self.settings)
        return BetaArms(self.half_life_ms)

    def read(self, body: bytes) -> Model:
        """Read a snapshot of it."""
        return BetaArms.decode(body) if self.settings is None else LogisticArms.decode(body)

    def fits(self, model: object) -> bool:
        """Say whether a model learns as this rule says; one that does not is left out."""
        if self.settings is not None:
            return isinstance(model, LogisticArms) and model.settings == self.settings
        return isinstance(model, BetaArms) and model.half_life_ms == self.half_life_ms

    @property
    def key(self) -> str:
        """Name under which its snapshots are kept: what is learned otherwise has another."""
        if self.settings is None and self.half_life_ms is None:
            return self.name
        settings = canonical.encode((self.kind, self.half_life_ms, self.settings))
        return f"{self.name}@{blake2b(settings, digest_size=8).hexdigest()}"


PLAIN: Final = ModelRule(BETA, "beta", None, None, "thompson", {}, None)
"""The model that decides where a strategy declares none."""


class Serving:
    """Which model answers for each action.

    Parameters
    ----------
    lines
        Pairs of the name that actions ask a model by and the model that answers for it, by name; of
        any other its own model answers.
    scores
        Transparency of each model, 1 to 5. For an action whose decision type demands more than the
        model that would answer has, its own model does.
    """

    def __init__(
        self, lines: tuple[tuple[str, str], ...] = (), scores: Mapping[str, int] | None = None
    ) -> None:
        self.lines = lines
        self._models = dict(lines)
        self._scores = scores or {}

    def model_of(self, action: ActionRule) -> str:
        """Name the model that values an action."""
        model = self._models.get(action.model)
        if model is None or model_score(self._scores, model) < action.decision_type.transparency:
            return action.model
        return model

    def arms_of(self, choice: Choice) -> Mapping[str, int]:
        """Give the arms that each model answers for, worked out once for a choice."""
        remembered = choice.remembered.setdefault("answered", {})
        found: dict[str, int] | None = remembered.get(self.lines)
        if found is None:
            found = {}
            for row in choice.rows:
                model = self.model_of(row.action)
                found[model] = found.get(model, 0) | row.arms
            if len(remembered) >= _SERVINGS_MAX:
                remembered.clear()
            remembered[self.lines] = found
        return found

    def models_of(self, choice: Choice, arms: int) -> list[str]:
        """Name the models that answer for some arms of a choice, sorted."""
        return sorted(model for model, its in self.arms_of(choice).items() if its & arms)


OWN: Final = Serving()
"""Every line is answered by its own model."""


def weights_of(
    rules: Mapping[str, ModelRule],
    choice: Choice,
    passed: int,
    columns: ArmColumns,
    floor: float,
    learned: Mapping[str, int],
    serving: Serving,
) -> list[int]:
    """Say how often each arm is chosen, by the policy of the model that values them.

    Parameters
    ----------
    columns
        What the arms that passed and, last, doing nothing may be worth.
    floor
        Share that is spread evenly where a model states none.
    learned
        `learn_seq` of each model.
    serving
        Which model answers for each action.

    Notes
    -----
    Where the arms are valued by several models they are drawn by Thompson sampling, which needs
    only that each says how sure it is, with the greatest of their floors.
    """
    models = serving.models_of(choice, passed)
    known = [rules[name] for name in models if name in rules]
    floors = [floor if rule.floor is None else rule.floor for rule in known]
    least = max(floors, default=floor)
    if len(models) != 1 or not known or known[0].policy == "thompson":
        return Thompson(least).weights(columns)
    options = list(members(choice.options, passed))
    return _policy(known[0], options, columns, least, learned).weights(columns)


def _policy(
    rule: ModelRule,
    options: Sequence[Option],
    columns: ArmColumns,
    floor: float,
    learned: Mapping[str, int],
) -> AnyPolicy:
    if rule.policy == "greedy":
        return Greedy(floor)
    if rule.policy == "inverse_gap":
        worth, _ = moments(columns)
        span = float(worth.max() - worth.min())
        scale = span if span > 0.0 else 1.0
        return InverseGap(scale, learned.get(rule.name, 0), floor=floor)
    many = Counter(option.action.name for option in options)
    shares = [rule.shares.get(o.action.name, 0.0) / many[o.action.name] for o in options]
    shares.append(rule.shares.get(DO_NOTHING, 0.0))
    # Where none of the declared ones may be chosen now, nobody is preferred.
    return Fixed(tuple(shares) if sum(shares) > 0.0 else (1.0,) * len(shares))
