"""Commands about decisions: make one, report what became of it, ask why, look at what goes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from heedful.cli.answers import NO, WRONG, end, say
from heedful.cli.options import HERE, Db, Dir, Json, Who

if TYPE_CHECKING:
    from heedful.cli.client import Api

SILENCE: Final = "do_nothing"
"""The action that is none."""

NAMESPACES: Final = ("user_id", "anonymous_id", "email", "customer_id")
"""By what a question may name a person."""

DecisionId = Annotated[str, typer.Argument(metavar="DECISION", help="A decision's id, d_...")]

UserId = Annotated[str | None, typer.Option(help="The person by the id of their log-in.")]
AnonymousId = Annotated[str | None, typer.Option(help="The person by their device.")]
Email = Annotated[str | None, typer.Option(help="The person by their address.")]
CustomerId = Annotated[str | None, typer.Option(help="The person by our own id, c_...")]
AudienceOf = Annotated[
    str | None,
    typer.Option(
        metavar="EXPR_OR_FILE",
        help="Many people: a condition, `all`, or a file of ids. Nothing is kept.",
    ),
]
Out = Annotated[
    Path | None, typer.Option(help="Where to write an audience: .csv, .jsonl or .parquet.")
]
RunName = Annotated[
    str, typer.Option(help="Names the run of an audience: one name draws the same.")
]
Processes = Annotated[
    int | None,
    typer.Option(min=1, help="Processes that share an audience; one for each core unless said."),
]


def decide(
    who: Annotated[
        str | None,
        typer.Argument(metavar="[CUSTOMER]", help="As in other commands, such as user_id:u1."),
    ] = None,
    user_id: UserId = None,
    anonymous_id: AnonymousId = None,
    email: Email = None,
    customer_id: CustomerId = None,
    placement: Annotated[
        str | None, typer.Option(help="The place that is to be filled, such as home.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Only what goes over this channel.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, candidate by one.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Keep nothing, send nothing, create nobody.")
    ] = False,
    audience: AudienceOf = None,
    out: Out = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Decide for the audience in earnest: it happens.")
    ] = False,
    run: RunName = "audience",
    processes: Processes = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Decide what to do for a person now, or for an audience; an unknown person, too."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    where = {n: v for n, v in (("placement", placement), ("channel", channel)) if v is not None}
    if audience is not None:
        asked_for: dict[str, Any] = {"run": run, "mode": "keep" if keep else "rehearse", **where}
        if processes is not None:
            asked_for["processes"] = processes
        _decide_audience(audience, asked_for, out, directory, db, as_json=as_json)
        return
    given = {
        "user_id": user_id,
        "anonymous_id": anonymous_id,
        "email": email,
        "customer_id": customer_id,
    }
    whom = _named(who) | {name: value for name, value in given.items() if value is not None}
    if not whom:
        end(WRONG, "Expected a person, got none. Give --user-id, --anonymous-id or --email.")
    asked: dict[str, Any] = {"customer": whom, "explain": explain, "dry_run": dry_run}
    asked |= where
    with connect(directory, db) as api:
        answer = api.post("/v1/decide", asked)
    for hint in answer.get("hints", ()):
        say(hint)
    if as_json:
        print_json(answer)
        return
    _print_decision(answer, is_kept=not dry_run)
    if explain:
        print_reasons(answer["explanation"])


def _named(who: str | None) -> dict[str, str]:
    """Read `user_id:u1`, or our own id, as a question names a person."""
    if who is None:
        return {}
    namespace, separator, value = who.partition(":")
    if not separator:
        return {"customer_id": who}
    if namespace not in NAMESPACES:
        end(WRONG, f"Expected one of {', '.join(NAMESPACES)}, got {namespace!r} - at `{who}`.")
    return {namespace: value}


def _decide_audience(
    said: str,
    asked: dict[str, Any],
    out: Path | None,
    directory: Path,
    db: Path | None,
    *,
    as_json: bool,
) -> None:
    from heedful.cli.audience import decide_audience
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json, print_table

    with connect(directory, db) as api:
        told = decide_audience(api, said, asked, out)
    people = sum(told.actions.values())
    for hint in told.hints:
        say(hint)
    if as_json:
        print_json(
            {
                "looked": told.looked,
                "people": people,
                "alone": told.alone,
                "actions": dict(told.actions),
                "kept": asked["mode"] == "keep",
                "file": None if out is None else str(out),
                "processes": told.processes,
                "hints": told.hints,
            }
        )
        return
    print_table(
        ("action", "people", "share"),
        ((name, f"{n:,}", f"{n / people:.1%}") for name, n in told.actions.most_common()),
    )
    verb = "Decided" if asked["mode"] == "keep" else "Rehearsed"
    print(f"{verb} for {people:,} of {told.looked:,} people; {told.alone:,} of them one by one,")
    print("since something is under way with them that a decision looks at.")
    if out is not None:
        print(f"Written to {out}.")


def outcome(
    decision_id: DecisionId,
    what: Annotated[
        str,
        typer.Argument(
            metavar="OUTCOME",
            help="shown, accepted, rejected, ignored, converted, unsubscribed or complained.",
        ),
    ],
    value: Annotated[float | None, typer.Option(help="What it was worth.")] = None,
    currency: Annotated[str | None, typer.Option(help="Of the value, such as EUR.")] = None,
    at: Annotated[str | None, typer.Option(help="When, if not now: 2026-01-31T12:00:00Z.")] = None,
    message_id: Annotated[
        str | None, typer.Option(help="Names this report, so that repeating it is harmless.")
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Report what became of a decision; what is learned rests on it."""
    from heedful.cli.became import reported
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    told = {"value": value, "currency": currency, "at": at, "message_id": message_id}
    said = {"decision_id": decision_id, "outcome": what}
    with connect(directory, db) as api:
        answer = api.post(
            "/v1/outcomes", {**said, **{n: v for n, v in told.items() if v is not None}}
        )
    print_json(answer) if as_json else print(f"Noted: {decision_id} {reported(what)}.")


def why(
    decision_id: DecisionId, directory: Dir = HERE, db: Db = None, as_json: Json = False
) -> None:
    """Say why a decision is as it is, what would have changed it, and what became of it."""
    from heedful.cli.became import became_sentences
    from heedful.cli.client import connect
    from heedful.cli.screen import clean, print_json

    with connect(directory, db) as api:
        answer = api.get(f"/v1/decisions/{quote(decision_id, safe='')}")
    if as_json:
        print_json(answer)
        return
    print_reasons(answer["explanation"])
    if told := list(became_sentences(answer["became"])):
        print("What became of it:")
        for sentence in told:
            print(f"  {clean(sentence)}")


def print_reasons(explanation: Mapping[str, Any]) -> None:
    """Print an explanation: the sentence, the candidates, the changes, the versions."""
    from heedful.cli.screen import clean, print_facts, print_table

    print(clean(explanation["sentence"]))
    print_table(("candidate", "channel", "worth", "chance", "why"), candidate_rows(explanation))
    if explanation["because"]:
        print("What moved its chance:")
        for sentence in explanation["because"]:
            print(f"  {clean(sentence)}")
    if explanation["ahead"]:
        print("What comes later:")
        for sentence in explanation["ahead"]:
            print(f"  {clean(sentence)}")
    changes = explanation["would_change"]
    if changes:
        print("What would have changed it:")
        for change in changes:
            print(f"  {clean(change['sentence'])}")
    told = dict(explanation["versions"])
    if explanation.get("flags"):
        told["noted"] = explanation["flags"]
    print_facts(told.items())


def candidate_rows(explanation: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Give each candidate as a row: the chosen one, those that lost by money, the gated."""
    order = ("chosen", "lost", "gated")
    ranked = sorted(
        explanation["candidates"],
        key=lambda one: (order.index(one["verdict"]), -one["terms"].get("value", 0)),
    )
    ways = Counter((one["action"], one["channel"]) for one in ranked)
    for one in ranked:
        name = "silence" if one["action"] == SILENCE else one["action"]
        if ways[one["action"], one["channel"]] > 1:
            name = f"{name} ({one['treatment']})"
        worth = f"{one['terms']['value'] / 1e6:.2f}" if "value" in one["terms"] else None
        chance = f"{one['p_choose']:.1%}" if one["p_choose"] else None
        yield name, one["channel"], worth, chance, one["why"]


def decisions(
    who: Who,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Decisions of one page.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List a person's decisions, the newest first, each in one plain sentence."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json, print_table, when

    with connect(directory, db) as api:
        page = api.get(api.customer(who, "/decisions"), limit=limit, cursor=cursor)
    if as_json:
        print_json(page)
        return
    rows = ((when(d["at"]), d["decision_id"], d["sentence"]) for d in page["items"])
    if not print_table(("at", "decision", "what and why"), rows):
        print("Nothing further." if cursor else "Nothing was decided for them yet.")
    if page["next_cursor"]:
        print(f"More: --cursor {page['next_cursor']}")


def show_withheld(api: Api, who: str, as_json: bool) -> None:
    """Say why a person gets nothing; the exit code is 1 when something is withheld."""
    from heedful.cli.screen import print_json, print_table

    found = api.get(api.customer(who, "/withheld"))
    items = found["items"]
    if as_json:
        print_json(found)
    elif not print_table(
        ("reason", "why they get nothing"), ((i["code"], i["why"]) for i in items)
    ):
        print("Nothing holds messages to them back.")
    if items:
        end(NO)


def _print_decision(answer: Mapping[str, Any], is_kept: bool) -> None:
    from heedful.cli.screen import print_facts, when

    content = answer.get("content") or {}
    is_silent = answer["action"] == SILENCE
    facts = (
        ("do", "nothing" if is_silent else answer["action"]),
        ("because", answer["reason"]),
        ("need", answer["need"]),
        ("tier", answer["tier"]),
        ("class", answer["class"]),
        ("channel", answer["channel"]),
        ("treatment", answer["treatment"]),
        ("title", content.get("title")),
        ("words", content.get("body")),
        ("chance", f"{answer['p_choose']:.1%}"),
        ("until", when(answer["expires_at"])),
        ("customer", answer["customer_id"] if is_kept else None),
        ("decision", answer["decision_id"] if is_kept else "none was kept"),
    )
    print_facts((name, value) for name, value in facts if value is not None)
