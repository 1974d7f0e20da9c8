"""`heedful models`: what models know, and what was brought along from another system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from heedful.cli import carrying
from heedful.cli.answers import WRONG, end, say
from heedful.cli.asking import Answer, asks, orders
from heedful.cli.carrying import import_model, is_model_file
from heedful.cli.governing import Reason, agreed
from heedful.cli.options import HERE, Db, Dir, Json

if TYPE_CHECKING:
    from heedful.cli.client import Api

commands = typer.Typer(
    no_args_is_help=True, help="What models know of the arms, and which model answers."
)

SENT_BYTES_MAX: Final = 3 * 1024 * 1024
"""Bytes of a report that is sent whole; of a larger one only predictors in use are."""

Snapshots = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="A model's file of `export`; or exports of a data mart: model snapshots and, if "
        "there are, predictor snapshots.",
    ),
]


@commands.command()
def report(
    brought: Annotated[
        bool, typer.Option("--brought", help="Of another system's models that were imported.")
    ] = False,
    action: Annotated[
        str | None, typer.Option("--action", help="Only this one, with its predictors.")
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Show responses, base rate and AUC of each model and arm, and of the predictors of one."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    asked = {"action": action} | ({"brought": "true"} if brought else {})
    with connect(directory, db) as api:
        answer = api.get("/v1/measure/models", **asked)
    print_json(answer) if as_json else _print_report(answer)


commands.command("export")(carrying.export)


@commands.command("import")
@orders
def import_(
    api: Api,
    files: Snapshots,
    name: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="Of a model's file: the declared model that it becomes.",
            show_default="its name in the file",
        ),
    ] = None,
    line: Annotated[
        str | None,
        typer.Option("--for", metavar="LINE", help="Of a model's file: beside whose champion."),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Of the customers, up to 0.5; 0 looks on.")
    ] = 0.0,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why; it stands in the audit.")
    ] = None,
) -> Answer:  # fmt: skip
    """Import a model beside the champion, or snapshots of another system into the report.

    What a file holds shows in its content.
    """
    if not any(map(is_model_file, files)):
        return Answer(api.post("/v1/measure/models/brought", _body(files)), _print_brought)
    if len(files) != 1:
        end(WRONG, f"Expected one model's file at a time, got {len(files)} files.")
    answer, said = import_model(api, files[0], name, line, share, reason)

    def show(answer: Mapping[str, Any]) -> None:
        print(said)
        _print_line(answer)

    return Answer(answer, show)


def _print_brought(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import count

    read = f"{count(answer['models'], 'model')}, {count(answer['predictors'], 'predictor')}"
    print(f"{read}; AUC weighted by responses {answer['auc']:.4f}.")
    if answer["priors"]:
        print("For actions of the same name, in actions/*.yaml:")
    for prior in answer["priors"]:
        belief = f"prior: {{p: {prior['p']:g}, strength: {prior['strength']:g}}}"
        print(f"  {prior['action']}: {belief}  # {prior['responses']:,.0f} responses")


def _body(files: list[Path]) -> Any:
    """Read the files as the body of a request, small enough to be sent."""
    import msgspec

    from heedful.cli.snapshots import snapshot_lines
    from heedful.measure import read_snapshot

    models: list[Path] = []
    predictors: list[Path] = []
    for file in files:
        if not file.is_file():
            end(WRONG, f"Expected a file, got none - at `{file}`.")
        first = next((line for line in snapshot_lines(file) if line.strip()), "")
        (predictors if "predictorname" in first.lower() else models).append(file)
    if len(models) != 1 or len(predictors) > 1:
        got = f"{len(models)} and {len(predictors)}"
        end(WRONG, f"Expected one file of models and at most one of predictors, got {got}.")
    lines: Iterator[str] = snapshot_lines(predictors[0]) if predictors else iter(())
    called = str(models[0]), str(predictors[0]) if predictors else ""
    found = read_snapshot(snapshot_lines(models[0]), lines, files=called)
    if len(msgspec.json.encode(found)) > SENT_BYTES_MAX:
        kept = tuple(one for one in found.predictors if one.is_active)
        say(f"Of {len(found.predictors):,} predictors the {len(kept):,} in use are taken along.")
        found = msgspec.structs.replace(found, predictors=kept)
    body: Any = msgspec.to_builtins(found)
    for one in body["models"]:
        del one["open"]  # of another system's decisions nobody knows
    for one in body["predictors"]:
        one["use"] = "active" if one.pop("is_active") else "inactive"
    return body


def _print_report(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import count, print_table

    rows = (
        (
            one["model"],
            "/".join(part for part in (one["action"], one["channel"], one["treatment"]) if part),
            one["goal"],
            f"{one['responses']:,.0f}",
            f"{one['open']:,}",
            f"{one['positives']:,.0f}",
            f"{one['positives'] / one['responses']:.2%}" if one["responses"] else None,
            f"{one['auc']:.4f}",
            one["predictors"],
        )
        for one in answer["models"]
    )
    columns = ("model", "arm", "goal", "responses", "open", "positives", "base rate", "AUC")
    if not print_table((*columns, "predictors"), rows):
        print("No responses yet.")
        return
    if answer["open"]:
        print(f"Open, waiting for an outcome: {count(answer['open'], 'decision')}.")
        print(
            "Who responds is counted at once, who does not as windows close: until then base rates"
        )
        print("are too high.")
    print(f"AUC weighted by {answer['responses']:,.0f} responses: {answer['auc']:.4f}.")
    for one in answer["predictors"]:
        use = "in use" if one["is_active"] else "not in use"
        arm = "/".join(part for part in (one["channel"], one["treatment"], one["goal"]) if part)
        print(f"\n{one['predictor']} ({one['kind']}, {use}, AUC {one['auc']:.4f}) {arm}")
        print_table(
            ("bin", "positives", "negatives", "lift", "z"),
            (
                (
                    b["label"],
                    f"{b['positives']:,.1f}",
                    f"{b['negatives']:,.1f}",
                    f"{b['lift']:.2f}",
                    f"{b['z_ratio']:+.1f}",
                )
                for b in one["bins"]
            ),
        )


# Which model answers

Line = Annotated[str, typer.Argument(metavar="NAME", help="The name that actions ask a model by.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="One of `heedful models list`.")]
_ROUTE: Final = "/v1/governance/models"


@commands.command("list")
@asks
def list_models(api: Api) -> Answer:
    """List the models in force, and who answers where actions ask for one."""
    return Answer(api.get(_ROUTE), _print_models)


@commands.command()
@asks
def show(api: Api, name: Line) -> Answer:
    """Show who answers for a name, and how the others compare with the champion."""
    return Answer(api.get(_path(name)), _print_line)


@commands.command()
@orders
def challenge(
    api: Api,
    name: Line,
    model: Model,
    reason: Reason,
    share: Annotated[
        float,
        typer.Option(
            help="Share of the customers, up to 0.5 for all challengers together; 0 ends it.",
            min=0.0,
            max=1.0,
        ),
    ] = 0.1,
) -> Answer:
    """Let a model answer for a share of the customers, who keep it."""
    body = {"model": model, "share": share, "reason": reason}
    return Answer(api.post(_path(name, "challenge"), body), _print_line)


@commands.command()
@orders
def shadow(
    api: Api,
    name: Line,
    model: Model,
    reason: Reason,
    ends: Annotated[bool, typer.Option("--end", help="It no longer looks on.")] = False,
) -> Answer:
    """Let a model look on: it values what is decided, and nobody acts on it."""
    body = {"model": model, "change": "end" if ends else "begin", "reason": reason}
    return Answer(api.post(_path(name, "shadow"), body), _print_line)


@commands.command()
@orders
def promote(api: Api, name: Line, model: Model, reason: Reason) -> Answer:
    """Make a model the champion, or ask the others to agree; exit code 1 while they have not."""
    answer = api.post(_path(name, "promote"), {"model": model, "reason": reason})
    return agreed(answer, f"{model} answers for {name}.", f"{name} is as before: {model}")


@commands.command()
@orders
def rollback(api: Api, name: Line, reason: Reason) -> Answer:
    """Make the earlier champion answer again; what was tried ends."""
    return Answer(api.post(_path(name, "rollback"), {"reason": reason}), _print_line)


def _path(name: str, change: str = "") -> str:
    path = f"{_ROUTE}/{quote(name, safe='')}"
    return f"{path}/{change}" if change else path


def _print_models(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table

    columns = ("model", "kind", "transparency", "learned up to row")
    fields = ("name", "kind", "transparency", "learn_seq")
    print_table(columns, ([one[field] for field in fields] for one in answer["models"]))
    rows = (
        (
            line["name"],
            line["actions"],
            line["champion"],
            ", ".join(f"{r['model']} {r['share']:.0%}" for r in line["rivals"] if r["share"]),
            ", ".join(r["model"] for r in line["rivals"] if not r["share"]),
        )
        for line in answer["lines"]
    )
    print_table(("asked by", "actions", "champion", "challengers", "look on"), rows)


def _print_line(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table

    print(f"{answer['champion']} answers for {answer['name']} ({answer['actions']} actions).")
    if answer["before"]:
        print(f"Before: {', '.join(answer['before'])}.")
    rows = (
        (
            one["model"],
            f"{one['share']:.1%}" if one["share"] else "looks on",
            f"{one['decisions']:,.0f}",
            f"{one['value']:.4g}",
            f"{one['champion_value']:.4g}",
        )
        for one in answer["rivals"]
    )
    columns = ("model", "share", "decisions", "money each", "champion's")
    print_table(columns, rows)
    for one in answer["rivals"]:
        print(f"{one['model']}: {one['says']}")
