"""The page on strategies: a reader who types what stands there sees what stands there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.children import start

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/strategy.md").read_text("utf-8")
PORT = "8765"  # the default, which the page names and a test must not take
AT_END = ", at its end"
ANYTHING = "…"
NO = 1


class Block(NamedTuple):
    """A block of the page: its language, its title, its text."""

    kind: str
    title: str
    text: str


def blocks() -> list[Block]:
    found = re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', PAGE, re.M | re.S)
    return [Block(*one) for one in found]


class Reader:
    """Somebody who reads the page from top to bottom and does what it says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        bin_ = str(Path(sys.executable).parent)
        own = {n: v for n, v in os.environ.items() if not n.startswith("HEEDFUL_")}
        self.env = {**own, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}
        self.env["PYTHONUNBUFFERED"] = "1"  # so that both streams come in their order
        self.port = PORT
        self.said = ""

    def write(self, block: Block) -> None:
        """Write a file, or what is to stand at its end."""
        name, is_more, _ = block.title.partition(AT_END)
        path = self.folder / "shop" / name
        assert path.exists() == bool(is_more), name
        path.parent.mkdir(exist_ok=True)
        with path.open("a" if is_more else "x", encoding="utf-8") as file:
            file.write(block.text)

    def type(self, block: Block) -> None:
        """Type commands; the last one may answer no where the page says so."""
        text = block.text.replace(f":{PORT}", f":{self.port}")
        self.said, code = self.run("bash", "-euc", text)
        assert code in self.codes(text.splitlines()[-1]), self.said

    def run(self, *command: str) -> tuple[str, int]:
        ran = subprocess.run(
            command,
            cwd=self.here(),
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ran.stdout, ran.returncode

    def codes(self, command: str) -> tuple[int, ...]:
        if command.startswith("heedful doctor"):
            return (NO,)
        return (0, NO) if command == "heedful check" else (0,)

    def here(self) -> Path:
        inside = self.folder / "shop"
        return inside if inside.exists() else self.folder

    def compare(self, block: Block) -> None:
        """Find each line of the page in what the commands said, in this order."""
        rest = self.said
        for line in block.text.splitlines():
            wanted = ".*".join(re.escape(part) for part in line.split(ANYTHING))
            found = re.search(wanted, rest)
            assert found, f"{line!r} is not in:\n{self.said}"
            rest = rest[found.end() :]

    @contextmanager
    def serving(self, block: Block) -> Iterator[None]:
        """Let the server run, on a port that is free."""
        command = [*block.text.split(), "--port", "0"]
        with start(command, cwd=self.here(), env=self.env, stdout=subprocess.PIPE) as server:
            try:
                assert server.stdout is not None
                ready = server.stdout.readline()
                self.port = ready.strip().rpartition(":")[2]
                assert self.port.isdigit(), ready
                yield
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(timeout=60)


def test_a_reader_sees_what_the_page_shows(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    found = blocks()
    [begins] = [i for i, block in enumerate(found) if block.title == "server"]
    follow(reader, found[:begins])
    with reader.serving(found[begins]):
        follow(reader, found[begins + 1 :])
        said, _ = reader.run("heedful", "stops", "--json")
    assert [one["reason"] for one in json.loads(said)["items"]] == ["The experts are on holiday"]


def follow(reader: Reader, found: list[Block]) -> None:
    for block in found:
        match block.kind:
            case "yaml":
                reader.write(block)
            case "sh":
                reader.type(block)
            case "text":
                reader.compare(block)
