"""`heedful bids`: what customers are worth by origin, and files for ad platforms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.asking import Answer, asks

if TYPE_CHECKING:
    from heedful.cli.client import Api


@asks
def bids(
    api: Api,
    target_payback: Annotated[
        str, typer.Option("--target-payback", help="How soon a customer has to pay back.")
    ] = "90d",
    by: Annotated[
        str, typer.Option("--by", help="Tell apart each `source`, `campaign` or `audience`.")
    ] = "source",
    export: Annotated[
        str | None,
        typer.Option("--export", help="Write customers for the import of `google` or `meta`."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="File to write.", show_default="PLATFORM-conversions.csv"),
    ] = None,
    conversion: Annotated[
        str, typer.Option("--conversion", help="Name of the conversion at the platform.")
    ] = "Customer value",
) -> Answer:
    """Say what customers are worth by where they came from, and what one more may cost.

    With --export, write those who have agreed to marketing as a CSV file that Google Ads or Meta
    imports; people are named by click ids and hashes only.
    """
    if export is not None:
        return _written(api.get("/v1/measure/conversions", platform=export, name=conversion), to)
    answer = api.get("/v1/measure/bids", target_payback=target_payback, by=by)
    return Answer(answer, _print, is_no=not answer["bids"])


def _written(made: dict[str, Any], to: Path | None) -> Answer:
    path = to or Path(f"{made['platform']}-conversions.csv")
    # As it was made: platforms ask for their own line ends.
    path.write_bytes(made["text"].encode())
    told = {"platform": made["platform"], "rows": made["rows"], "file": str(path)}
    return Answer(told, f"Wrote {made['rows']:,} conversions to {path}.")


def _print(report: dict[str, Any]) -> None:
    from heedful.cli.screen import count, print_table

    currency, days = report["currency"], report["target_payback_days"]
    print(f"{count(report['customers'], 'customer')}; margin in {currency}")
    names = ("source", "campaign", "audience")
    shown = names[: names.index(report["by"]) + 1]
    rows = (
        (
            *(bid[name] for name in shown),
            f"{bid['customers']:,}",
            f"{bid['value']:,.2f} ({bid['value_low']:,.2f} to {bid['value_high']:,.2f})",
            f"{bid['ceiling']:,.2f} ({bid['ceiling_low']:,.2f} to {bid['ceiling_high']:,.2f})",
        )
        for bid in report["bids"]
    )
    columns = (*shown, "customers", "value of one", f"ceiling, {days} days")
    print_table(columns, rows)
