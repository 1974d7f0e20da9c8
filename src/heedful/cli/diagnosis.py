"""What the numbers of `/v1/doctor` mean, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from heedful.cli.screen import count, when
from heedful.cli.training import WHY

DAYS_LEFT_WRONG: Final = 3
"""Days until the disk is full below which something is wrong."""
DAYS_LEFT_LOOK: Final = 30
"""Days until the disk is full below which one should look."""
COVERAGE_LOOK: Final = 0.2
"""Share of people with a known id below which one should look: nothing can be sent to the rest."""
CONSENT_LOOK: Final = 0.5
"""Share of people without any consent statement above which one should look."""
QUARANTINE_LOOK: Final = 0.01
"""Share of events in the quarantine above which one should look."""
NEVER_SEEN_NAMED: Final = 5
"""Events waited for in vain that are named; the rest are counted."""

Status = Literal["ok", "look", "wrong"]
_STYLES: Final[dict[str, str]] = {"ok": "green", "look": "yellow", "wrong": "bold red"}


class Finding(NamedTuple):
    """One thing that was looked at."""

    about: str
    status: Status
    says: str


def diagnose(report: Mapping[str, Any]) -> list[Finding]:
    """Judge a report, the weightiest first.

    Examples
    --------
    >>> disk = {"bytes_used": 10, "bytes_free": 90, "days_until_full": 2.0}
    >>> diagnose({"disk": disk})[0].status
    'wrong'
    """
    found = [*_disk(report), *_sources(report), *_people(report), *_work(report)]
    found += [*_levers(report), *_never_seen(report)]
    found += [*_models(report), *_drift(report)]
    weight = list(reversed(_STYLES))
    return sorted(found, key=lambda finding: weight.index(finding.status))


def _disk(report: Mapping[str, Any]) -> Iterator[Finding]:
    disk = report["disk"]
    sizes = f"{size(disk['bytes_used'])} used, {size(disk['bytes_free'])} free"
    days = disk.get("days_until_full")
    wanted = disk.get("bytes_free_min", 0)
    if disk["bytes_free"] < wanted:
        says = f"{sizes}: events are refused until {size(wanted)} are free. Make room."
        yield Finding("disk", "wrong", says)
    elif days is None:
        yield Finding("disk", "ok", f"{sizes}.")
    elif days < DAYS_LEFT_LOOK:
        status: Status = "wrong" if days < DAYS_LEFT_WRONG else "look"
        yield Finding("disk", status, f"{sizes}; full in {days:.1f} days. Make room.")
    else:
        yield Finding("disk", "ok", f"{sizes}; full in {days:,.0f} days.")


def _sources(report: Mapping[str, Any]) -> Iterator[Finding]:
    webhooks = report.get("webhooks", {})
    for source in report.get("sources", ()):
        name, hours = f"source {source['name']}", source.get("hours_silent")
        if not webhooks.get(source["name"], True):
            says = (
                "It has no secret, so every delivery is refused. Write what its sender signs with"
            )
            yield Finding(name, "wrong", f"{says} into webhook-secrets/{source['name']}.")
        elif hours is None and source["name"] in webhooks:
            where = f"POST /v1/webhooks/{source['name']}"
            yield Finding(name, "look", f"No delivery has come. Does its sender know {where}?")
        elif hours is None:
            yield Finding(name, "look", "Nothing seen of it. Does its SDK have the write key?")
        elif source["is_stale"]:
            yield Finding(name, "look", f"Silent for {spent(hours)}. Does it still send?")
        else:
            yield Finding(name, "ok", f"Last seen {spent(hours)} ago.")


def _people(report: Mapping[str, Any]) -> Iterator[Finding]:
    people = report.get("people", {})
    known, silent = people.get("identity_coverage"), people.get("without_consent_statement")
    if known is not None:
        advice = " Call identify when people log in." if known < COVERAGE_LOOK else ""
        says = f"{known:.0%} of people are known by more than a device.{advice}"
        yield Finding("identity", "look" if known < COVERAGE_LOOK else "ok", says)
    if silent is not None:
        advice = " Without one nothing promotional is sent." if silent > CONSENT_LOOK else ""
        says = f"{silent:.0%} of people have said nothing about consent.{advice}"
        yield Finding("consent", "look" if silent > CONSENT_LOOK else "ok", says)


def _work(report: Mapping[str, Any]) -> Iterator[Finding]:
    held = report.get("quarantine", {})
    total, events = held.get("total", 0), report.get("events", 0)
    reasons = ", ".join(f"{name} {count:,}" for name, count in held.get("by_reason", {}).items())
    if total:
        many = total > QUARANTINE_LOOK * max(events, 1)
        says = f"{count(total, 'item')} ({reasons}). See `heedful quarantine list`."
        yield Finding("quarantine", "look" if many else "ok", says)
    else:
        yield Finding("quarantine", "ok", "Empty.")
    if dead := report.get("dead_letters"):
        codes = ", ".join(f"{code} {number:,}" for code, number in dead.items())
        says = f"{count(sum(dead.values()), 'dead letter')} ({codes}). See `heedful effects list`."
        yield Finding("effects", "look", says)
    for one in report.get("failing", ()):
        says = f"{count(one['effects'], 'effect')} tried again and again: {one['code']}."
        yield Finding(
            f"effects by {one['destination']}",
            "look",
            f"{says} See `heedful effects list --status waiting`.",
        )
    if waiting := report.get("refolds_waiting", 0):
        yield Finding("rebuilding", "ok", f"In work: {count(waiting, 'customer')}.")


def _never_seen(report: Mapping[str, Any]) -> Iterator[Finding]:
    """Say which events the strategy waits for in vain; without a likely slip it is but a note."""
    rare = []
    for one in report.get("never_seen", ()):
        event, waits = f"`{one['event']}`", " and ".join(one["waits"])
        if one["meant"] is not None:
            says = f"{event} never came, and `{one['meant']}` did. Is the name a slip?"
            yield Finding(waits, "look", says)
        else:
            near = f", nearest `{one['nearest']}`" if one["nearest"] else ""
            rare.append(f"{event} ({waits}{near})")
    if rare:
        more = f" and {len(rare) - NEVER_SEEN_NAMED:,} more" if rare[NEVER_SEEN_NAMED:] else ""
        says = f"Never came so far: {', '.join(rare[:NEVER_SEEN_NAMED])}{more}."
        yield Finding("events waited for", "ok", says)


def _levers(report: Mapping[str, Any]) -> Iterator[Finding]:
    """Say what people stopped or declared: nothing else looks wrong while nothing goes out."""
    told = report.get("governance", {})
    for one in told.get("stops", ()):
        says = f"Stopped since {when(one['since'])}: {one['reason']}."
        remedy = f"`heedful start {one['scope']}` ends it."
        yield Finding(f"stop of {one['scope']}", "look", f"{says} {remedy}")
    for one in told.get("incidents", ()):
        says = f"Runs until {when(one['until'])}: {one['reason']}. Growth may rest."
        yield Finding(f"incident {one['plan']}", "look", f"{says} See `heedful incident list`.")
    if waiting := told.get("approvals", 0):
        says = f"{count(waiting, 'request')} waiting for somebody else to agree."
        yield Finding("approvals", "look", f"{says} See `heedful approvals list`.")


def _models(report: Mapping[str, Any]) -> Iterator[Finding]:
    for state in report.get("training", ()):
        about, name = f"model {state['model']}", state["model"]
        if why := "; ".join(WHY[one] for one in state["retrain"]):
            yield Finding(about, "look", f"{why.capitalize()}. Run `heedful train {name}`.")
        else:
            yield Finding(about, "ok", f"Version {state['version']} is in force.")


def _drift(report: Mapping[str, Any]) -> Iterator[Finding]:
    told = report.get("drift", {})
    for alarm in told.get("alarms", ()):
        yield Finding(f"drift of {alarm['action']}", "look", f"{alarm['says']} {alarm['remedy']}")
    for one in told.get("forgot", ()):
        yield Finding(f"model {one['model']}", "look", f"{one['says']} {one['remedy']}")
    for one in told.get("crossed", ()):
        kind, _, about = one["about"].partition(":")
        says = f"Beyond its limit since {one['since']}. See `heedful {kind}`."
        yield Finding(f"{kind} of {about}", "look", says)


def spent(hours: float) -> str:
    """Write hours as people say them.

    Examples
    --------
    >>> spent(0.2), spent(30.4), spent(300)
    ('less than an hour', '30 h', '12 days')
    """
    if hours < 1:
        return "less than an hour"
    return f"{hours:.0f} h" if hours < 48 else f"{hours // 24:,.0f} days"


def size(number: float) -> str:
    """Write a number of bytes as people say it.

    Examples
    --------
    >>> size(1536), size(3_000_000_000)
    ('1.5 KB', '2.8 GB')
    """
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TB"


def print_findings(report: Mapping[str, Any], findings: list[Finding]) -> None:
    """Print a diagnosis as a table."""
    from rich.text import Text

    from heedful.cli.screen import print_table

    print(
        f"{count(report.get('customers', 0), 'customer')}, "
        f"{count(report.get('events', 0), 'event')}, "
        f"strategy {report.get('strategy_version', 'unknown')}"
    )
    print_table(
        ("about", "", "finding"),
        ((f.about, Text(f.status, style=_STYLES[f.status]), f.says) for f in findings),
    )
