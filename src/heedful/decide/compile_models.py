"""From models as they are written to models that learn and are asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from heedful.customer import TraitType
from heedful.decide.definitions import DO_NOTHING, Definitions, ModelEntry, ModelKind
from heedful.decide.features import FeaturePlan
from heedful.decide.limits import MODELS_MAX
from heedful.decide.models import BETA, FEATURE_VARIANCE, PLAIN, ModelRule
from heedful.decide.writing import Writing
from heedful.learn import LogisticSettings
from heedful.sense import SignalSet

SCORES: Final[dict[ModelKind, int]] = {"beta": 5, "logistic": 4}
"""Transparency of each kind of model where `policies/decision-types.yaml` does not say: two counts
and a declared belief, or a sum of named contributions."""

_EXPLORATION_MAX: Final = 10.0


class Models:
    """Reads the models of one strategy."""

    def __init__(
        self,
        writing: Writing,
        written: Definitions,
        signals: SignalSet,
        traits: Mapping[str, TraitType],
    ) -> None:
        self._writing = writing
        entries = writing.at_most(written.model_entries, MODELS_MAX, "$.model_entries", "models")
        paths = [f"$.model_entries[{i}].name" for i in range(len(entries))]
        writing.named([entry.name for entry in entries], paths, "a name of its own")
        looking = [entry for entry in entries if entry.kind == "logistic"]
        self.plan: FeaturePlan | None = None
        """What contextual models see; None where there is none."""
        self._protected = frozenset(written.protected)
        if looking:
            traits = {n: type_ for n, type_ in traits.items() if n not in self._protected}
            seen = [entry.features for entry in looking]
            self.plan = FeaturePlan(seen, signals, traits, self._protected)
        self.rules: dict[str, ModelRule] = {BETA: PLAIN}
        """By name."""
        self.scores: dict[str, int] = {}
        """Transparency by name, 1 to 5."""
        actions = {action.action for action in written.actions}
        for i, entry in enumerate(entries):
            path = f"$.model_entries[{i}]"
            self._check(entry, signals, actions, path)
            place = looking.index(entry) if entry in looking else None
            self.rules[entry.name] = self._rule(entry, place, path)
            self.scores[entry.name] = SCORES[entry.kind]
        self.scores |= written.models
        if written.default_model not in self.scores:
            known = self.scores
            writing.unknown("a model", written.default_model, "$.default_model", known)

    def _check(self, entry: ModelEntry, signals: SignalSet, actions: set[str], path: str) -> None:
        writing = self._writing
        for i, name in enumerate(entry.features.signals or ()):
            if name not in signals.signals:
                place = f"{path}.features.signals[{i}]"
                writing.unknown("a declared signal", name, place, signals.signals)
        for field in ("traits", "context"):
            for i, name in enumerate(getattr(entry.features, field) or ()):
                if name in self._protected:
                    what, got = "a trait that is not protected", repr(name)
                    remedy = "Protected traits are for measuring."
                    place = f"{path}.features.{field}[{i}]"
                    writing.fault("protected_feature", what, got, place, remedy)
        for name, share in entry.shares.items():
            place = f"{path}.shares.{name}"
            if name not in actions and name != DO_NOTHING:
                writing.unknown("an action", name, place, actions)
            elif not 0.0 <= share < float("inf"):
                writing.fault("bad_share", "a share of 0 or more", repr(share), place)
        if entry.policy == "fixed" and not any(share > 0 for share in entry.shares.values()):
            what = "a share above 0 for some action"
            writing.fault("bad_share", what, "none", f"{path}.shares")
        if entry.policy != "fixed" and entry.shares:
            what, got = "`policy: fixed` beside `shares`", f"`{entry.policy}`"
            writing.fault("bad_policy", what, got, f"{path}.policy")

    def _rule(self, entry: ModelEntry, place: int | None, path: str) -> ModelRule:
        writing = self._writing
        half_life = None
        if entry.half_life is not None:
            half_life = writing.span(entry.half_life, f"{path}.half_life") or None
        floor = entry.floor
        if floor is not None:
            floor = writing.share(floor, f"{path}.floor", 0.0, 1.0, "a share")
        settings: LogisticSettings | None = None
        features: tuple[str, ...] = ()
        if place is not None and self.plan is not None:
            features = tuple(sorted(f"{group}.{name}" for group, name in self.plan.fields[place]))
            exploration = writing.share(
                entry.exploration, f"{path}.exploration", 0.0, _EXPLORATION_MAX, "a factor"
            )
            settings = LogisticSettings(
                basis=self.plan.basis(place),
                fields=self.plan.field_ids(place),
                feature_variance=FEATURE_VARIANCE,
                half_life_ms=half_life,
                exploration=exploration or LogisticSettings().exploration,
                detects_change=entry.detects_change,
            )
        return ModelRule(
            entry.name,
            entry.kind,
            half_life,
            settings,
            entry.policy,
            entry.shares,
            floor,
            features,
        )
