"""Every connector of ours keeps the contract that a plug-in has to keep."""

from __future__ import annotations

import pytest

from heedful.connectors.contract import CHECKS, MakeRig, run_check
from tests.unit.connectors.rigs import email_rig, inapp_rig, promotional_email_rig, webhook_rig

RIGS: dict[str, MakeRig] = {
    "email": email_rig,
    "inapp": inapp_rig,
    "promotional-email": promotional_email_rig,
    "webhook": webhook_rig,
}
NOT_STAGED = {
    # Nothing lies between the connector and the store.
    "inapp": {
        "survives_unreachable",
        "survives_refusing",
        "survives_silent",
        "survives_dripping",
        "survives_lost_answer",
        "survives_garbled",
    },
    "promotional-email": {"leaves_one_thing_when_repeated"},
}


@pytest.mark.parametrize("check", list(CHECKS))
@pytest.mark.parametrize("name", list(RIGS))
def test_our_connectors_keep_the_contract(name: str, check: str) -> None:
    finding = run_check(check, RIGS[name])
    expected = "not_staged" if check in NOT_STAGED.get(name, ()) else "kept"
    assert finding.result == expected, finding.why
