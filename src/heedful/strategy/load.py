"""From the texts of a folder to one strategy in force, or to every problem with its place.

Law: a version is a hash of the files' texts and of nothing else, so two machines that hold the
same files run the same strategy and say so. Scenarios (`tests/`) prove a strategy and change
nothing about it: their texts are no part of the hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from heedful.customer import IdentityRules, ProfileRules
from heedful.decide.builtin import builtin_signals
from heedful.decide.definitions import (
    Action,
    ContactPolicy,
    Definitions,
    GoalsFile,
    ModelsFile,
    NeedsFile,
    RulesFile,
)
from heedful.decide.foreseeing import signals_beside
from heedful.govern.definitions import (
    ApprovalsFile,
    DecisionTypesFile,
    GuardrailsFile,
    IncidentsFile,
    ValuesFile,
)
from heedful.govern.monitors import DriftFile, FairnessFile
from heedful.ingest import SourceRules, TrackingPlan, WebhookMapping
from heedful.kernel import InputError, canonical
from heedful.kernel.names import nearest
from heedful.sense import Automatic, Sequences, SignalDefinition
from heedful.sense.models import ModelFile
from heedful.strategy.actions import check_actions
from heedful.strategy.contact import check_contact
from heedful.strategy.deciding import check_deciding, definitions_of
from heedful.strategy.models import check_models, models_of
from heedful.strategy.needs import check_goals, check_needs
from heedful.strategy.parts import FileKind, Part, Parts
from heedful.strategy.people import (
    check_consent,
    check_identity,
    check_traits,
    identity_of,
    profile_of,
    purposes_of,
)
from heedful.strategy.policies import (
    check_approvals_file,
    check_decision_types_file,
    check_guardrails_file,
    check_incidents_file,
    check_models_file,
    check_values_file,
)
from heedful.strategy.protected import check_drift_file, check_fairness_file
from heedful.strategy.rules import check_rules
from heedful.strategy.scenario_check import check_scenarios
from heedful.strategy.scenario_file import ScenariosFile
from heedful.strategy.sections import (
    ConsentFile,
    IdentityFile,
    SignalsFile,
    SourcesFile,
    TraitsFile,
)
from heedful.strategy.signals import automatic_of, check_signals, sequences_of, signals_of
from heedful.strategy.sources import (
    check_plans,
    check_sources,
    check_webhooks,
    sources_of,
    webhooks_of,
)
from heedful.strategy.warnings import warnings_of
from heedful.strategy.yaml import StrategyError, StrategyProblem, load_yaml, read

SCENARIOS_FOLDER: Final = "tests/"
"""Where scenarios stand: checked with the strategy, but no part of its version."""

FILE_KINDS: Final = (
    FileKind("identity", ("identity.yaml",), IdentityFile, check_identity),
    FileKind("traits", ("traits.yaml",), TraitsFile, check_traits),
    FileKind("consent", ("consent.yaml",), ConsentFile, check_consent),
    FileKind("sources", ("sources.yaml",), SourcesFile, check_sources),
    FileKind("tracking-plan", ("tracking-plans/*.yaml",), TrackingPlan, check_plans),
    FileKind("webhook", ("webhooks/*.yaml",), WebhookMapping, check_webhooks),
    FileKind("signals", ("signals.yaml", "signals/*.yaml"), SignalsFile, check_signals),
    FileKind("model", ("models/*.yaml",), ModelFile, check_models),
    FileKind("needs", ("needs.yaml",), NeedsFile, check_needs),
    FileKind("goals", ("goals.yaml",), GoalsFile, check_goals),
    FileKind("action", ("actions/*.yaml",), Action, check_actions),
    FileKind("rules", ("rules.yaml",), RulesFile, check_rules),
    FileKind("contact", ("policies/contact.yaml",), ContactPolicy, check_contact),
    FileKind(
        "decision-types",
        ("policies/decision-types.yaml",),
        DecisionTypesFile,
        check_decision_types_file,
    ),
    FileKind("models", ("policies/models.yaml",), ModelsFile, check_models_file),
    FileKind("values", ("policies/values.yaml",), ValuesFile, check_values_file),
    FileKind("guardrails", ("policies/guardrails.yaml",), GuardrailsFile, check_guardrails_file),
    FileKind("approvals", ("policies/approvals.yaml",), ApprovalsFile, check_approvals_file),
    FileKind("incidents", ("policies/incidents.yaml",), IncidentsFile, check_incidents_file),
    FileKind("fairness", ("policies/fairness.yaml",), FairnessFile, check_fairness_file),
    FileKind("drift", ("policies/drift.yaml",), DriftFile, check_drift_file),
    FileKind("scenarios", (f"{SCENARIOS_FOLDER}*.yaml",), ScenariosFile, check_scenarios),
)
"""Every kind of file that a strategy knows; see `FileKind` for adding one."""

FILES_MAX: Final = 2_000
"""Files of one strategy; a folder with more is refused."""

_YAML: Final = (".yaml", ".yml")


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a workspace declares, as plain data.

    Notes
    -----
    `purposes` is what a person can agree to; the purpose `service` needs no agreement and stands
    in it only where a file lists it. `sources` holds the webhooks, too.
    """

    version: str
    identity: IdentityRules
    profile: ProfileRules
    purposes: tuple[str, ...]
    signals: tuple[SignalDefinition, ...]
    automatic: Automatic
    sequences: Sequences | None
    sources: Mapping[str, SourceRules]
    webhooks: Mapping[str, WebhookMapping]
    models: tuple[ModelFile, ...] = ()
    """What is trained over the log."""
    definitions: Definitions = Definitions()
    """Needs, goals, actions, rules, the contact policy and decision types: what deciding takes."""
    values: ValuesFile = ValuesFile()
    guardrails: GuardrailsFile = GuardrailsFile()
    approvals: ApprovalsFile = ApprovalsFile()
    incidents: IncidentsFile = IncidentsFile()
    fairness: FairnessFile = FairnessFile()
    drift: DriftFile = DriftFile()

    @property
    def sensed(self) -> tuple[SignalDefinition, ...]:
        """The declared signals, those of models and, where anything is decided, built-in ones."""
        said, known = self.definitions, (*self.signals, *signals_beside(self.models))
        if not (said.needs or said.actions or said.rules):
            return known
        return (*known, *builtin_signals(said.builtin))


def check(files: Mapping[str, str]) -> list[StrategyProblem]:
    """Find every problem of a strategy.

    Parameters
    ----------
    files
        Text by relative path with `/`, such as `signals/paying.yaml`. What is no YAML file by its
        name is no part of the strategy.

    Returns
    -------
    list of StrategyProblem
        Sorted by file, line and column; empty for a strategy that `load` accepts.

    Examples
    --------
    >>> [str(problem) for problem in check({"trait.yaml": ""})]
    ['trait.yaml:1:1: Expected a file of a strategy, got `trait.yaml`. Did you mean traits.yaml?']
    """
    return _read(files)[1]


def warn(files: Mapping[str, str]) -> list[StrategyProblem]:
    """Find what a strategy may say and likely should not.

    Returns
    -------
    list of StrategyProblem
        As `check` gives problems; nothing is refused for them. Empty where there is a problem.
    """
    parts, problems = _read(files)
    return [] if problems else _sorted(warnings_of(parts))


def load(files: Mapping[str, str]) -> Strategy:
    """Read a strategy that has no problem; what no file says has its default.

    Parameters
    ----------
    files
        As in `check`.

    Raises
    ------
    InputError
        `bad_strategy`, naming the first problem; `detail.problems` lists all.

    Examples
    --------
    >>> load({"consent.yaml": "purposes: [marketing]"}).purposes
    ('marketing',)
    """
    return load_parts(files)[0]


def load_parts(files: Mapping[str, str]) -> tuple[Strategy, Parts]:
    """Read a strategy and keep its files with their places, for those who tell about them.

    Raises
    ------
    InputError
        As `load`.
    """
    parts, problems = _read(files)
    if problems:
        listed = [msgspec.structs.asdict(problem) for problem in problems]
        raise InputError("bad_strategy", str(problems[0]), {"problems": listed})
    strategy = Strategy(
        version=_version(files),
        identity=identity_of(parts),
        profile=profile_of(parts),
        purposes=purposes_of(parts),
        signals=signals_of(parts),
        automatic=automatic_of(parts),
        sequences=sequences_of(parts),
        sources=sources_of(parts),
        webhooks=webhooks_of(parts),
        models=models_of(parts),
        definitions=definitions_of(parts),
        values=parts.only(ValuesFile),
        guardrails=parts.only(GuardrailsFile),
        approvals=parts.only(ApprovalsFile),
        incidents=parts.only(IncidentsFile),
        fairness=parts.only(FairnessFile),
        drift=parts.only(DriftFile),
    )
    return strategy, parts


def json_schema() -> dict[str, dict[str, Any]]:
    """Give the JSON Schema of each kind of file, for editors, by the kind's name."""
    return {
        kind.name: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": ", ".join(kind.patterns),
            **_plain(msgspec.json.schema(kind.type)),
        }
        for kind in FILE_KINDS
    }


def _plain(schema: Any) -> Any:
    # An editor shows the summary of a docstring; its sections are for the reference.
    if isinstance(schema, list | tuple):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(part) for key, part in schema.items()}
    if isinstance(said := plain.get("description"), str):
        plain["description"] = " ".join(said.partition("\n\n")[0].split())
    return plain


def _read(files: Mapping[str, str]) -> tuple[Parts, list[StrategyProblem]]:
    parts = Parts()
    problems: list[StrategyProblem] = []
    paths = [path for path in sorted(files) if path.endswith(_YAML)]
    if len(paths) > FILES_MAX:
        text = f"Expected at most {FILES_MAX} files, got {len(paths)}."
        return parts, [StrategyProblem(paths[FILES_MAX], 1, 1, text)]
    for path in paths:
        kind = next((kind for kind in FILE_KINDS if kind.matches(path)), None)
        if kind is None:
            problems.append(_unknown_file(path))
            continue
        problems += _section(path, files[path], kind, parts)
    for kind in FILE_KINDS:
        problems += kind.check(parts)
    if not problems:
        problems += check_deciding(parts)
    return parts, _sorted(problems)


def _sorted(problems: Iterable[StrategyProblem]) -> list[StrategyProblem]:
    return sorted(set(problems), key=lambda p: (p.file, p.line, p.column, p.text))


def _unknown_file(path: str) -> StrategyProblem:
    folder, slash, name = path.rpartition("/")
    patterns = [pattern for kind in FILE_KINDS for pattern in kind.patterns]
    if slash:
        folders = {p.removesuffix("/*.yaml") for p in patterns if p.endswith("/*.yaml")}
        found = nearest(folder, folders)
        named = f"{found}/{name.rpartition('.')[0]}.yaml" if found else None
        near = named or nearest(path, [p for p in patterns if "/" in p and p[-6:] != "*.yaml"])
    else:
        near = nearest(path, [pattern for pattern in patterns if "/" not in pattern])
    remedy = f"Did you mean {near}?" if near else f"Known are {', '.join(patterns)}."
    return StrategyProblem(path, 1, 1, f"Expected a file of a strategy, got `{path}`. {remedy}")


def _version(files: Mapping[str, str]) -> str:
    counted = [p for p in files if p.endswith(_YAML) and not p.startswith(SCENARIOS_FOLDER)]
    return canonical.digest([[p, files[p]] for p in sorted(counted)])


def _section(path: str, text: str, kind: FileKind, parts: Parts) -> tuple[StrategyProblem, ...]:
    try:
        document = load_yaml(text, path)
        parts.add(kind.type, Part(path, document, read(document, kind.type)))
    except StrategyError as error:
        parts.lose(kind.type)
        return error.problems
    return ()
