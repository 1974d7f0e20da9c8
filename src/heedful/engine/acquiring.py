"""Where customers came from and what they brought: rows of bids, and of ad platforms' imports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from heedful.core import World
from heedful.engine import pasts
from heedful.events import Event
from heedful.expr import UNKNOWN
from heedful.kernel import WEEK_MS, InputError, expected
from heedful.learn import LifetimeModel
from heedful.measure.acquisition import Acquired
from heedful.ports import Store
from heedful.sense.foreseen import LifetimeForeseen, bought_of

DIRECT: Final = "(direct)"
"""Source of customers who came by no campaign."""

_CLICKS: Final = ("gclid", "fbclid")


class Arrived(NamedTuple):
    """One customer with their origin, and what an ad platform knows them by."""

    acquired: Acquired
    first_order_at: int | None
    clicks: dict[str, str]
    """Click ids of their first touches, by parameter."""
    email: str | None
    phone: str | None
    id: int
    """Key of their first fragment; never an identifier of theirs."""


def arrived(store: Store, world: World, payback_ms: int, purpose: str) -> Iterator[Arrived]:
    """Read each customer's first touch and what they brought.

    Parameters
    ----------
    purpose
        Of consent: who has not granted it is valued, but without anything to know them by.

    Raises
    ------
    InputError
        `no_lifetime_model` when the strategy declares none, or it knows nothing yet.
    """
    model, table = lifetime_of(world)
    end = pasts.end_of(store)
    for past in pasts.pasts(store, world, pasts.keys_of(store), None):
        if past is not None and past.events:
            yield _arrived(world, model, table, past, end, payback_ms, purpose)


def lifetime_of(world: World) -> tuple[LifetimeForeseen, LifetimeModel]:
    """Find the model of lifetime value and the numbers it is to use.

    Raises
    ------
    InputError
        `no_lifetime_model`.
    """
    for model in world.signals.foreseen.values():
        if not isinstance(model, LifetimeForeseen):
            continue
        trained = world.trained.get(model.model)
        fits = trained is not None and trained.definition == model.definition
        table = trained.model if fits and trained is not None else model.assumed
        if isinstance(table, LifetimeModel):
            return model, table
    remedy = "Declare one in `models/`, and run `heedful train NAME`."
    what = expected("a model of lifetime value", "none that knows anything", "models", remedy)
    raise InputError("no_lifetime_model", what)


def _arrived(
    world: World,
    model: LifetimeForeseen,
    table: LifetimeModel,
    past: pasts.Past,
    end: int,
    payback_ms: int,
    purpose: str,
) -> Arrived:
    events = sorted((event for _, event in past.events), key=lambda event: (event.at, event.key))
    first = events[0].at
    replayed = pasts.Replayed(world, model, past)
    is_mature = first + payback_ms <= end
    early = _brought(model, replayed.at(min(first + payback_ms, end)))
    scope = replayed.at(end)
    now = _brought(model, scope)
    value, payback, first_order = 0.0, 0.0, None
    if now is not None:
        bought = bought_of(now)
        units = [_units(one.evaluate(scope)) for one in model.expressions[1:]]
        value = bought.spent * model.margin + model.outlook(table, bought, units).value
        payback = 0.0 if early is None else early["spent"] * model.margin
        first_order = end - round(now["since_first"] * 1_000)
        if not is_mature:
            rest = (first + payback_ms - end) / WEEK_MS
            payback += model.outlook(table, bought, units, rest).value
    source, campaign, audience = origin_of(events)
    return Arrived(
        Acquired(source, campaign, audience, payback, is_mature, value),
        first_order,
        clicks_of(events) if past.grants(purpose) else {},
        past.trait("email") if past.grants(purpose) else None,
        past.trait("phone") if past.grants(purpose) else None,
        min(past.fragments),
    )


def _brought(model: LifetimeForeseen, scope: dict[str, Any]) -> dict[str, Any] | None:
    buying = model.expressions[0].evaluate(scope)
    return buying if isinstance(buying, dict) else None


def _units(value: Any) -> float:
    return 0.0 if value is None or value is UNKNOWN else float(value)


def origin_of(events: list[Event]) -> tuple[str, str, str]:
    """Read source, campaign and audience of the first touch that a campaign brought.

    Notes
    -----
    As SDKs write `utm_source`, `utm_campaign` and `utm_content`: `context.campaign` with `source`,
    `name` and `content`; an `audience` there goes before `content`.
    """
    for event in events:
        said = event.context.get("campaign")
        if isinstance(said, dict) and (said.get("source") or said.get("name")):
            audience = said.get("audience") or said.get("content")
            return _text(said.get("source")) or DIRECT, _text(said.get("name")), _text(audience)
    return DIRECT, "", ""


def clicks_of(events: list[Event]) -> dict[str, str]:
    """Read the first click id of each platform: from the campaign, else from the page's address."""
    found: dict[str, str] = {}
    for event in events:
        campaign, page = event.context.get("campaign"), event.context.get("page")
        said = dict(campaign) if isinstance(campaign, dict) else {}
        address = page.get("url") if isinstance(page, dict) else None
        if isinstance(address, str):
            said |= {name: values[0] for name, values in _query(address).items()}
        for name in _CLICKS:
            if isinstance(said.get(name), str) and name not in found:
                found[name] = said[name]
    return found


def _query(address: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(address).query)
    except ValueError:
        return {}


def _text(value: Any) -> str:
    return value[:200] if isinstance(value, str) else ""
