"""Let the sample shop's strategy decide over REES46's shop events.

python -m examples.rees46.decide [FILE.csv[.gz] or folder]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

if not __package__:  # run as a file: the package `examples` is two folders up
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.histories import agreeing, report
from examples.rees46.to_jsonl import read_files, require_files


def place_of(call: dict[str, Any]) -> str | None:
    """Fill the place on the page of a product when somebody looks at it."""
    return "product" if call["event"] == "Product Viewed" else None


def main(
    data: Annotated[
        Path | None, typer.Argument(help="File or folder; by default in HEEDFUL_DATA.")
    ] = None,
    agreed: Annotated[
        bool, typer.Option("--agreed", help="Suppose that everybody has agreed to advertising.")
    ] = False,
) -> None:
    """Print what the sample shop's strategy would have done for REES46's customers."""
    calls = list(read_files(require_files(data)))
    for line in report("REES46", list(agreeing(calls)) if agreed else calls, place_of):
        print(line, flush=True)


if __name__ == "__main__":
    typer.run(main)
