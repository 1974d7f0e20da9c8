"""One server behind all the proxies; each test has people and messages of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.serving import Served, serving

NODE_SDK = Path(__file__).parents[2] / "build/node-sdk"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served") / "shop") as made:
        yield made


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the SDKs from a proxy that the environment names: what they talk to is on loopback."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def node_sdk(require_program: Callable[[str], str]) -> tuple[str, Path]:
    """Find node and the folder of the SDK's modules; as `require_program` where there are none."""
    node = require_program("node")
    if not (NODE_SDK / ".installed").is_file():
        reason = "@segment/analytics-node is not installed; scripts/node-sdk.sh does that"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return node, NODE_SDK
