"""Servers for all tests that only ask or add; a test that changes rules serves its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api import shop
from tests.api.serving import Served, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served") / "shop") as made:
        yield made


@pytest.fixture(scope="session")
def deciding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A shop that decides; each test has people of its own."""
    folder = tmp_path_factory.mktemp("deciding") / "shop"
    with serving(folder, shop.STRATEGY, is_whole=True) as made:
        yield made
