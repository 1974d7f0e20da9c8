"""Bid ceilings over HTTP, and the files that ad platforms import."""

from __future__ import annotations

from typing import Final

from litestar import get
from litestar.params import FromQuery

from heedful.api.context import Here
from heedful.app import bidding
from heedful.app.bidding import BidReport, ConversionFile, Platform
from heedful.measure.acquisition import GroupBy


@get("/v1/measure/bids", sync_to_thread=True)
def bids(
    context: Here, target_payback: FromQuery[str] = "90d", by: FromQuery[GroupBy] = "source"
) -> BidReport:
    """Say what customers are worth by where they came from, and what one more may cost."""
    return bidding.report(context.app, target_payback, by)


@get("/v1/measure/conversions", sync_to_thread=True)
def conversions(
    context: Here, platform: FromQuery[Platform], name: FromQuery[str] = "Customer value"
) -> ConversionFile:
    """Write customers as conversions that `google` or `meta` imports: CSV, people hashed."""
    return bidding.export(context.app, platform, name)


HANDLERS: Final = (bids, conversions)
