"""One server for all tests that only ask or add; a test that changes rules serves its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.serving import Served, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served") / "shop") as made:
        yield made
