"""What has to hold in `policies/` beyond the types: every finding, with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from heedful.govern.definitions import (
    TRANSPARENCY_MAX,
    TRANSPARENCY_MIN,
    ApprovalRule,
    ApprovalsFile,
    DecisionType,
    DecisionTypesFile,
    Guardrail,
    GuardrailsFile,
    IncidentsFile,
    ValuesFile,
)
from heedful.govern.errors import fault
from heedful.govern.limits import (
    APPROVALS_REQUIRED_MAX,
    GUARDRAILS_MAX,
    INCIDENT_SPAN_MS_MAX,
)
from heedful.govern.scopes import check_scope
from heedful.kernel import InputError, format_span, parse_span
from heedful.kernel.names import nearest


def check_decision_types(file: DecisionTypesFile) -> list[InputError]:
    """Find types without an owner, and high risk without the oversight that it demands."""
    faults = list(check_repeated((t.name for t in file.decision_types), "$.decision_types"))
    for i, one in enumerate(file.decision_types):
        faults += _check_decision_type(one, f"$.decision_types[{i}]")
    for model, score in file.models.items():
        faults += _check_score(score, f"$.models.{model}")
    if file.fallback_model not in file.models:
        remedy = _did_you_mean(file.fallback_model, file.models, "List it under `models`.")
        got = repr(file.fallback_model)
        faults.append(fault("unknown_model", "a listed model", got, "$.fallback_model", remedy))
    return faults


def _check_decision_type(one: DecisionType, path: str) -> Iterator[InputError]:
    if not one.name:
        yield fault("bad_name", "a name", "an empty text", f"{path}.name")
    if not one.owner.strip():
        remedy = "Name the person or role that answers for it."
        yield fault("missing_owner", "an accountable owner", "nothing", f"{path}.owner", remedy)
    yield from _check_score(one.transparency, f"{path}.transparency")
    if one.risk == "high" and one.oversight == "none":
        what = "`review_after` or `approve_before` where the risk is high"
        yield fault("missing_oversight", what, "`none`", f"{path}.oversight")
    if one.risk == "high" and one.explanation != "full":
        what = "`full` where the risk is high"
        yield fault("missing_explanation", what, f"`{one.explanation}`", f"{path}.explanation")


def _check_score(score: int, path: str) -> Iterator[InputError]:
    if not TRANSPARENCY_MIN <= score <= TRANSPARENCY_MAX:
        what = f"{TRANSPARENCY_MIN} (opaque) to {TRANSPARENCY_MAX} (readable as it stands)"
        yield fault("bad_transparency", what, str(score), path)


def check_decision_type_use(
    name: str, types: Iterable[DecisionType], path: str
) -> list[InputError]:
    """Find the use of a decision type that nobody declared, or that no system may decide."""
    known = {one.name: one for one in types}
    if name not in known:
        remedy = _did_you_mean(name, known, "Declare it in policies/decision-types.yaml.")
        return [fault("unknown_decision_type", "a decision type", repr(name), path, remedy)]
    if known[name].risk == "prohibited":
        what, got = "a decision type that a system may decide", f"{name}, which is prohibited"
        return [fault("prohibited_decision_type", what, got, path)]
    return []


def check_guardrails(file: GuardrailsFile) -> list[InputError]:
    """Find guardrails that can never tighten, and factors that would not tighten."""
    if len(file.guardrails) > GUARDRAILS_MAX:
        what, got = f"at most {GUARDRAILS_MAX} guardrails", str(len(file.guardrails))
        return [fault("too_many_guardrails", what, got, "$.guardrails")]
    faults = list(check_repeated((g.name for g in file.guardrails), "$.guardrails"))
    for i, one in enumerate(file.guardrails):
        faults += _check_guardrail(one, f"$.guardrails[{i}]")
    return faults


def _check_guardrail(one: Guardrail, path: str) -> Iterator[InputError]:
    if not one.name:
        yield fault("bad_name", "a name", "an empty text", f"{path}.name")
    try:
        check_scope(one.scope, f"{path}.scope")
    except InputError as error:
        yield error
    yield from check_span(one.window, f"{path}.window")
    bounds = {"ratio_max": one.ratio_max, "ratio_min": one.ratio_min, "drift_max": one.drift_max}
    if all(value is None for value in bounds.values()):
        what = f"one of {', '.join(bounds)}"
        yield fault("missing_bound", what, "none, so nothing ever tightens", path)
    for field, value in bounds.items():
        if value is not None and not 0 <= value < 1:
            what = "a share of at least 0 and below 1"
            yield fault("bad_ratio", what, str(value), f"{path}.{field}", "1 % is 0.01.")
    if one.trials_min < 1:
        yield fault("bad_trials", "at least 1 message", str(one.trials_min), f"{path}.trials_min")
    if not 0 < one.factor < 1:
        what = "a factor above 0 and below 1"
        yield fault("bad_factor", what, str(one.factor), f"{path}.factor", "0.5 halves it.")
    if not 0 <= one.factor_min < 1:
        what = "a least factor of at least 0 and below 1"
        yield fault("bad_factor", what, str(one.factor_min), f"{path}.factor_min")


def check_approvals(file: ApprovalsFile) -> list[InputError]:
    """Find numbers of approvals that nobody can give, and spans that are none."""
    faults = []
    for kind in file.__struct_fields__:
        rule, path = getattr(file, kind), f"$.{kind}"
        if not isinstance(rule, ApprovalRule):
            continue
        if not 0 <= rule.required <= APPROVALS_REQUIRED_MAX:
            what, got = f"0 to {APPROVALS_REQUIRED_MAX} approvals", str(rule.required)
            faults.append(fault("bad_required", what, got, f"{path}.required"))
        faults += check_span(rule.expires_after, f"{path}.expires_after")
    if file.whatif_within is not None:
        faults += check_span(file.whatif_within, "$.whatif_within")
    return faults


def check_incidents(file: IncidentsFile, actions: Collection[str]) -> list[InputError]:
    """Find plans whose message is no action, and plans that would run for too long."""
    faults = list(check_repeated((p.name for p in file.incidents), "$.incidents"))
    for i, plan in enumerate(file.incidents):
        path = f"$.incidents[{i}]"
        if plan.message is not None and plan.message not in actions:
            faults.append(_unknown("action", plan.message, actions, f"{path}.message"))
        spans = list(check_span(plan.expires_after, f"{path}.expires_after"))
        faults += spans
        if not spans and parse_span(plan.expires_after) > INCIDENT_SPAN_MS_MAX:
            what = f"an expiry within {format_span(INCIDENT_SPAN_MS_MAX)}"
            got = plan.expires_after
            faults.append(fault("incident_too_long", what, got, f"{path}.expires_after"))
    return faults


def check_values(
    file: ValuesFile,
    gates: Collection[str],
    metrics: Collection[str],
    proofs: Collection[str],
) -> list[InputError]:
    """Find values without evidence: no gate, metric or proof, or one that does not exist."""
    faults = list(check_repeated((v.name for v in file.values), "$.values"))
    for i, value in enumerate(file.values):
        path = f"$.values[{i}]"
        if not value.statement.strip():
            faults.append(
                fault("bad_statement", "a sentence", "an empty text", f"{path}.statement")
            )
        for field, named, known in (
            ("gates", value.gates, gates),
            ("metrics", value.metrics, metrics),
            ("proofs", value.proofs, proofs),
        ):
            if not named:
                remedy = "A value that nothing enforces, measures or proves is a wish."
                what = f"at least one of its {field}"
                faults.append(fault("missing_evidence", what, "none", f"{path}.{field}", remedy))
            for j, name in enumerate(named):
                if name not in known:
                    kind = field.removesuffix("s")
                    faults.append(_unknown(kind, name, known, f"{path}.{field}[{j}]"))
    return faults


def _unknown(kind: str, name: str, known: Collection[str], path: str) -> InputError:
    remedy = _did_you_mean(name, known, "")
    return fault("unknown_name", f"a known {kind}", repr(name), path, remedy)


def _did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    found = nearest(name, known)
    return f"Did you mean {found}?" if found else otherwise


def check_repeated(names: Iterable[str], path: str, field: str = "name") -> Iterator[InputError]:
    """Find names of a list that stand in it twice."""
    seen: set[str] = set()
    for i, name in enumerate(names):
        if name in seen:
            yield fault("repeated_name", "each name once", repr(name), f"{path}[{i}].{field}")
        seen.add(name)


def check_span(text: str, path: str) -> Iterator[InputError]:
    """Find a text that is no span longer than 0."""
    try:
        span = parse_span(text, path)
    except InputError:
        span = 0
    if span <= 0:
        yield fault("bad_span", "a span longer than 0, such as 48h", repr(text), path)
