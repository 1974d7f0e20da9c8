"""The recorded requests of unmodified SDKs, read from `captures/`."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

FILES = sorted(Path(__file__).with_name("captures").glob("*.jsonl"))


class Recorded(NamedTuple):
    """One request as an SDK sent it."""

    scenario: str
    method: str
    path: str
    gzip: bool
    headers: dict[str, str]
    body: Any

    @property
    def plain(self) -> bytes:
        """The body before compression."""
        return b"" if self.body is None else json.dumps(self.body).encode()

    @property
    def wire(self) -> bytes:
        """The body as it travelled."""
        return gzip.compress(self.plain) if self.gzip else self.plain

    @property
    def items(self) -> list[dict[str, Any]]:
        """The calls in it; none in a request that sends nothing."""
        if self.body is None:
            return []
        items: list[dict[str, Any]] = self.body.get("batch", [self.body])
        return items


def recorded(file: Path) -> list[Recorded]:
    """Read the requests of one SDK, in the order in which it sent them."""
    return [Recorded(**json.loads(line)) for line in file.read_text("utf-8").splitlines()]
