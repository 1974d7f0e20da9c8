"""A person on the terminal: record, timeline, identity graph, what a merge would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text
from rich.tree import Tree

from heedful.cli.screen import (
    NOTHING,
    clean,
    console,
    count,
    identifier,
    identifiers,
    print_facts,
    print_table,
    short,
    span,
    when,
)
from heedful.kernel import public_id

if TYPE_CHECKING:
    from heedful.cli.client import Api

SPAN_KINDS: Final = frozenset({"recency", "gap", "dwell"})
"""Kinds of signals whose values are seconds."""


Kinds = Mapping[str, str]
"""The kind of each signal, by its name."""


def read_kinds(api: Api) -> Kinds:
    """Ask of what kind each signal is, so that spans can be written as spans."""
    return {item["name"]: item["kind"] for item in api.get("/v1/signals")["items"]}


def signal_value(name: str, value: Any, kinds: Kinds) -> str:
    """Write a signal's value as a person would say it.

    Examples
    --------
    >>> signal_value("since_order", 90, {"since_order": "recency"}), signal_value("orders", 3, {})
    ('1m 30s', '3')
    """
    return span(value) if kinds.get(name) in SPAN_KINDS else short(value)


def print_customer(found: dict[str, Any], kinds: Kinds) -> None:
    """Print the golden record in sections; an empty section is left out."""
    out = console()
    head = Text(name_of(found), style="bold")
    head.append(f"  {found['customer_id']}", style="dim")
    out.print(head)
    if found.get("event_count"):
        seen = f"{count(found['event_count'], 'event')}, {when(found.get('first_at'))} to "
        out.print(Text(seen + when(found.get("last_at")), style="dim"))
    if found.get("is_refolding"):
        out.print(Text("Their facts are being rebuilt from the log.", style="yellow"))
    print_table(
        ("identifier", "value"), ((i["namespace"], i["value"]) for i in found["identifiers"])
    )
    print_table(("trait", "value"), found["traits"].items())
    print_table(
        ("account", "last seen", "traits"),
        ((a["group_id"], when(a.get("last_at")), a.get("traits")) for a in found["accounts"]),
    )
    print_table(
        ("consent", "channel", "status", "since", "source"),
        (
            (c["purpose"], c["channel"], c["status"], when(c["at"]), c.get("source"))
            for c in found["consents"]
        ),
    )
    if found.get("gpc"):
        out.print("Global Privacy Control is on.")
    if device := found.get("device_zone"):
        out.print(f"Their device is in {clean(device['zone'])}, as of {when(device['at'])}.")
    if device := found.get("device_locale"):
        out.print(f"Their device speaks {clean(device['locale'])}, as of {when(device['at'])}.")
    print_table(
        ("contact", "channel", "class", "action"),
        ((when(c["at"]), c["channel"], c["class"], c["action"]) for c in found["contacts"]),
    )
    unknown = found.get("signals_unknown", {})
    print_table(
        ("signal", "value"),
        (
            (name, Text(f"unknown: {unknown[name]}", style="dim"))
            if name in unknown
            else (name, signal_value(name, value, kinds))
            for name, value in sorted(found["signals"].items())
        ),
    )


def name_of(found: dict[str, Any]) -> str:
    """Call a person what people call them, as far as it is known."""
    traits = found.get("traits", {})
    parts = [str(traits[n]) for n in ("firstName", "lastName") if traits.get(n)]
    name = traits.get("name") or " ".join(parts) or traits.get("email")
    if name:
        return clean(str(name))
    for namespace in ("user_id", "email", "anonymous_id"):
        for held in found.get("identifiers", ()):
            if held["namespace"] == namespace:
                value = clean(str(held["value"]))
                short_id = value[:8].rstrip("-_. ")
                return value if namespace != "anonymous_id" else f"visitor {short_id}"
    return str(found.get("customer_id", NOTHING))


def print_timeline(page: dict[str, Any]) -> None:
    """Print one page of events."""
    rows = (
        (when(item["at"]), item["type"], item.get("name", ""), item.get("source"), about(item))
        for item in page["items"]
    )
    if not print_table(("at", "type", "name", "source", "about"), rows):
        console().print("No events.")
    if page.get("next_cursor"):
        console().print(Text(f"More: --cursor {page['next_cursor']}", style="dim"))


def about(item: dict[str, Any]) -> str:
    """Say what an event was about, in its own first words."""
    said = item.get("properties") or item.get("traits") or {}
    is_own = item.get("type") == "own"
    parts = [
        f"{name} {_own_value(name, value) if is_own else short(value)}"
        for name, value in said.items()
        if value not in (None, "")
    ]
    return clean(" · ".join(parts))[:120]


def _own_value(name: str, value: Any) -> str:
    """Write a value of an event of ours as the other commands take and show it."""
    if isinstance(value, int) and name == "decision_id":
        return public_id("d", value)
    if isinstance(value, int) and (name == "until" or name.endswith("_at")):
        return when(value)
    return short(value)


def print_graph(found: dict[str, Any]) -> None:
    """Print the identity graph as a tree: what joined what, and what was kept apart."""
    tree = Tree(Text(identifier(found["anchor"]), style="bold"), guide_style="dim")
    tree.label.append(f"  {found['customer_id']}", style="dim")  # type: ignore[union-attr]
    seen = tree.add(Text("seen together", style="cyan"))
    for fragment in found["fragments"]:
        line = Text(identifiers(fragment["identifiers"]))
        line.append(f"  since {when(fragment['first_at'])}, {fragment['kind']}", style="dim")
        seen.add(line)
    merges = tree.add(Text("merges", style="cyan")) if found["merges"] else None
    for merge in found["merges"]:
        line = Text(f"{when(merge['at'])}  {identifiers(merge['joined'])}")
        if merge["could_not_link"]:
            line.append(f"  kept apart: {identifiers(merge['could_not_link'])}", style="yellow")
        if merges is not None:
            merges.add(line)
    for apart in found["separations"]:
        tree.add(
            Text(
                f"not one person: {identifiers(apart['left'])} | {identifiers(apart['right'])}",
                style="yellow",
            )
        )
    if found["shared"]:
        tree.add(Text(f"shared, links nobody: {identifiers(found['shared'])}", style="yellow"))
    console().print(tree)
    if found.get("others_near"):
        console().print(Text(f"{found['others_near']} other people near by.", style="dim"))


def print_preview(found: dict[str, Any]) -> None:
    """Print what one event that names both would do."""
    if found["is_merged"]:
        print(f"They would become one customer, {found['customer_id']}.")
    else:
        print("They would stay two customers.")
    print_facts(
        (
            ("identifiers", identifiers(found["identifiers"])),
            ("could not link", identifiers(found["could_not_link"])),
            ("events together", found["event_count"]),
            ("traits that differ", found["conflicting_traits"]),
        )
    )
