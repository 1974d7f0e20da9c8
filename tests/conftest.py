"""What all tests share: Hypothesis profiles and programs that are no Python packages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

IN_CI = os.environ.get("CI") == "true"

# No deadline: two workers share two cores, so one example's time says nothing. A failing example
# is printed as a blob that reproduces it.
settings.register_profile(
    "heedful", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("heedful"), max_examples=2_000)
settings.load_profile(os.environ.get("HEEDFUL_HYPOTHESIS", "heedful"))


@pytest.fixture(scope="session")
def require_program() -> Callable[[str], str]:
    """Find a program, or skip the test; under `CI=true` a missing one fails."""

    def find(name: str) -> str:
        if found := shutil.which(name):
            return found
        reason = f"{name} is not installed; scripts/debian-parts.sh names its package"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)

    return find
