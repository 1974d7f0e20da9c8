"""Regret over the year, and silence by kind of people: in letters, and as a picture."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from examples.worlds.playing import Ledger
from examples.worlds.scoring import regret, silence_by_kind
from examples.worlds.world import Floats

_STEPS: Final = " ▁▂▃▄▅▆▇█"
COLOURS: Final = ("#0b6e4f", "#b23a48", "#3d5a80", "#e09f3e", "#6d597a", "#8a8d91")


def curve(values: Floats, width: int, top: float) -> str:
    """Draw a curve in one line of letters; `top` is the height of a full block."""
    if top <= 0.0:
        return " " * width
    places = [int(i * (len(values) - 1) / max(width - 1, 1)) for i in range(width)]
    heights = [max(min(values[place] / top, 1.0), 0.0) for place in places]
    return "".join(_STEPS[round(height * (len(_STEPS) - 1))] for height in heights)


def bar(share: float, width: int) -> str:
    """Draw a share between 0 and 1 as a bar."""
    full = round(share * width)
    return "█" * full + "·" * (width - full)


def regret_lines(ledgers: Sequence[Ledger], reference: Ledger, width: int = 52) -> list[str]:
    """Draw what each policy earned less than the reference, added up over the year."""
    lost = {ledger.name: regret(ledger, reference) for ledger in ledgers}
    top = max(float(values.max()) for values in lost.values())
    return [
        f"  {name:<14}{curve(values, width, top)} {values[-1]:6.2f} a person"
        for name, values in lost.items()
    ]


def silence_lines(ledger: Ledger, kinds: Mapping[str, object], width: int = 40) -> list[str]:
    """Draw the share of silence by kind."""
    return [
        f"  {kind:<14}{bar(share, width)} {share:4.0%}"
        for kind, share in silence_by_kind(ledger, kinds).items()
    ]


def picture(
    path: Path, ledgers: Sequence[Ledger], reference: Ledger, kinds: Mapping[str, object]
) -> None:
    """Write both as one picture; the ending says of which sort, such as `.svg` or `.png`."""
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), width_ratios=(3, 2))
    for ledger, colour in zip(ledgers, COLOURS, strict=False):
        left.plot(regret(ledger, reference), label=ledger.name, color=colour, linewidth=1.8)
    left.axhline(0.0, color="#444444", linewidth=0.8)
    left.set_title(f"Earned less than the {reference.name}, a person", loc="left", fontsize=11)
    left.set_xlabel("day")
    left.legend(frameon=False, fontsize=9)
    width = 0.8 / len(ledgers)
    for number, (ledger, colour) in enumerate(zip(ledgers, COLOURS, strict=False)):
        shares = silence_by_kind(ledger, kinds)
        places = [place + number * width for place in range(len(shares))]
        right.bar(places, list(shares.values()), width=width * 0.92, color=colour)
    right.set_xticks([place + 0.4 - width / 2 for place in range(len(kinds))], list(kinds))
    right.set_ylim(0.0, 1.0)
    right.set_title("Share of silence, by kind of people", loc="left", fontsize=11)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
