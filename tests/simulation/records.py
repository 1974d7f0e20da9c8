"""What a record of a decision promises, checked from the record alone."""

from __future__ import annotations

from typing import Final

from heedful.decide import Candidate, Decision, Rules, choose_again, explain
from heedful.kernel import MICRO
from tests.simulation.ledger import Broken

SECRET: Final = b"a secret of simulations"
ONE: Final = 1 << 32


def check_record(decision: Decision) -> None:
    """Check that a record chooses again, that its chances are exact and its terms add up."""
    candidates = decision.candidates
    if sum(c.weight for c in candidates) != ONE:
        raise Broken("chances do not sum to 2**32")
    chosen = [i for i, c in enumerate(candidates) if c.verdict == "chosen"]
    if len(chosen) != 1 or candidates[chosen[0]].weight != decision.p_choose:
        raise Broken("p_choose is not the chance of what was chosen")
    if choose_again(decision, SECRET) != chosen[0]:
        raise Broken("the record chooses otherwise")
    if candidates[chosen[0]].action != decision.action:
        raise Broken("the record names another action")
    for candidate in candidates:
        check_terms(candidate)
        if candidate.verdict == "gated" and candidate.weight:
            raise Broken("a gated candidate had a chance")


def check_terms(candidate: Candidate) -> None:
    """Check that the money of a candidate adds up to its value."""
    terms = candidate.terms
    if "increment" in terms:
        gain = terms["p_ppm"] - terms["p_nothing_ppm"]
        plain = terms["increment"] + terms["d_clv"] + terms["benefit"]
        plain -= terms["cost"] + terms["fatigue"]
        if terms["increment"] != gain * terms["margin"] // MICRO:
            raise Broken("the increment is not what the chances say")
        if terms["value"] != plain * terms["lever_ppm"] // MICRO:
            raise Broken("the terms do not add up")


def check_explanation(decision: Decision, rules: Rules) -> None:
    """Check that a decision is told in exactly one sentence, and every candidate in one."""
    told = explain(decision, rules)
    for sentence in (told.sentence, *(one.why for one in told.candidates)):
        if (
            not sentence.endswith(".")
            or ". " in sentence
            or "\n" in sentence
            or not sentence[0].isalnum()
        ):
            raise Broken(f"not one sentence: {sentence}")
    if len(told.candidates) != len(decision.candidates):
        raise Broken("a candidate is not told")
