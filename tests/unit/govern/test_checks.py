"""Every finding in `policies/` has a code and a place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heedful.govern import (
    ApprovalsFile,
    DecisionTypesFile,
    GuardrailsFile,
    IncidentsFile,
    ValuesFile,
    check_approvals,
    check_decision_type_use,
    check_decision_types,
    check_guardrails,
    check_incidents,
    check_values,
)
from heedful.kernel import InputError

OFFER = {"name": "offer", "owner": "marketing"}
LOAN = {
    "name": "loan",
    "owner": "credit board",
    "risk": "high",
    "transparency": 5,
    "oversight": "approve_before",
    "explanation": "full",
}
SCORING = {"name": "social_scoring", "owner": "nobody", "risk": "prohibited"}
RAIL = {"name": "complaints", "watches": "complained", "ratio_max": 0.001}
VALUE = {
    "name": "care",
    "statement": "Hardship comes before an offer.",
    "gates": ["tier"],
    "metrics": ["offers_in_hardship"],
    "proofs": ["test_growth_stays_shut"],
}


def found(faults: list[InputError]) -> list[tuple[str, str]]:
    return [(fault.code, fault.detail["path"]) for fault in faults]


def types(*given: dict[str, Any], **more: Any) -> DecisionTypesFile:
    return msgspec.convert({"decision_types": given, **more}, DecisionTypesFile)


def test_what_is_right_has_no_findings() -> None:
    assert check_decision_types(types(OFFER, LOAN, SCORING)) == []
    assert check_guardrails(msgspec.convert({"guardrails": [RAIL]}, GuardrailsFile)) == []
    assert check_approvals(ApprovalsFile()) == []
    assert check_incidents(IncidentsFile(), ()) == []
    values = msgspec.convert({"values": [VALUE]}, ValuesFile)
    gates, metrics, proofs = (VALUE[key] for key in ("gates", "metrics", "proofs"))
    assert check_values(values, gates, metrics, proofs) == []


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": ""}, "bad_name", "name"),
        ({"owner": " "}, "missing_owner", "owner"),
        ({"transparency": 6}, "bad_transparency", "transparency"),
        ({"transparency": 0}, "bad_transparency", "transparency"),
        ({"oversight": "none"}, "missing_oversight", "oversight"),
        ({"explanation": "short"}, "missing_explanation", "explanation"),
    ],
)
def test_decision_types(changes: dict[str, Any], code: str, field: str) -> None:
    faults = check_decision_types(types(OFFER, {**LOAN, **changes}))
    assert found(faults) == [(code, f"$.decision_types[1].{field}")]


def test_models_of_decision_types() -> None:
    faults = check_decision_types(types(OFFER, OFFER, models={"deep": 9}, fallback_model="dep"))
    assert found(faults) == [
        ("repeated_name", "$.decision_types[1].name"),
        ("bad_transparency", "$.models.deep"),
        ("unknown_model", "$.fallback_model"),
    ]
    assert "Did you mean deep?" in faults[2].message


def test_use_of_a_decision_type() -> None:
    declared = types(OFFER, SCORING).decision_types
    assert check_decision_type_use("offer", declared, "$.decision_type") == []
    (unknown,) = check_decision_type_use("ofer", declared, "$.decision_type")
    assert found([unknown]) == [("unknown_decision_type", "$.decision_type")]
    assert "Did you mean offer?" in unknown.message
    prohibited = check_decision_type_use("social_scoring", declared, "$.decision_type")
    assert found(prohibited) == [("prohibited_decision_type", "$.decision_type")]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": ""}, "bad_name", ".name"),
        ({"scope": "chanel:x"}, "bad_scope", ".scope"),
        ({"window": "a week"}, "bad_span", ".window"),
        ({"window": "0s"}, "bad_span", ".window"),
        ({"ratio_max": None}, "missing_bound", ""),
        ({"ratio_max": 5.0}, "bad_ratio", ".ratio_max"),
        ({"ratio_min": -0.1}, "bad_ratio", ".ratio_min"),
        ({"trials_min": 0}, "bad_trials", ".trials_min"),
        ({"factor": 1.0}, "bad_factor", ".factor"),
        ({"factor": 0.0}, "bad_factor", ".factor"),
        ({"factor_min": 1.0}, "bad_factor", ".factor_min"),
    ],
)
def test_guardrails(changes: dict[str, Any], code: str, field: str) -> None:
    file = msgspec.convert({"guardrails": [{**RAIL, **changes}]}, GuardrailsFile)
    assert found(check_guardrails(file)) == [(code, f"$.guardrails[0]{field}")]


def test_too_many_guardrails() -> None:
    many = [{**RAIL, "name": f"g{i}"} for i in range(201)]
    file = msgspec.convert({"guardrails": many}, GuardrailsFile)
    assert found(check_guardrails(file)) == [("too_many_guardrails", "$.guardrails")]


def test_approvals() -> None:
    given = {"publish": {"required": 6}, "decision": {"expires_after": "soon"}}
    faults = check_approvals(msgspec.convert(given, ApprovalsFile))
    assert found(faults) == [
        ("bad_required", "$.publish.required"),
        ("bad_span", "$.decision.expires_after"),
    ]


def test_incidents() -> None:
    plans = [
        {"name": "outage", "message": "say_sory"},
        {"name": "outage", "expires_after": "40d"},
        {"name": "flood", "expires_after": "x"},
    ]
    file = msgspec.convert({"incidents": plans}, IncidentsFile)
    faults = check_incidents(file, ["say_sorry"])
    assert found(faults) == [
        ("repeated_name", "$.incidents[1].name"),
        ("unknown_name", "$.incidents[0].message"),
        ("incident_too_long", "$.incidents[1].expires_after"),
        ("bad_span", "$.incidents[2].expires_after"),
    ]
    assert "Did you mean say_sorry?" in faults[1].message


@pytest.mark.parametrize("field", ["gates", "metrics", "proofs"])
def test_a_value_needs_all_its_evidence(field: str) -> None:
    known = {key: list(VALUE[key]) for key in ("gates", "metrics", "proofs")}
    for given, code, place in (
        ([], "missing_evidence", f"$.values[0].{field}"),
        (["nowhere"], "unknown_name", f"$.values[0].{field}[0]"),
    ):
        file = msgspec.convert({"values": [{**VALUE, field: given}]}, ValuesFile)
        faults = check_values(file, known["gates"], known["metrics"], known["proofs"])
        assert found(faults) == [(code, place)]


def test_a_value_says_something_once() -> None:
    file = msgspec.convert({"values": [VALUE, {**VALUE, "statement": " "}]}, ValuesFile)
    faults = check_values(file, VALUE["gates"], VALUE["metrics"], VALUE["proofs"])
    assert found(faults) == [
        ("repeated_name", "$.values[1].name"),
        ("bad_statement", "$.values[1].statement"),
    ]
