"""The command `heedful`: every command in its place, nothing imported before it is needed."""

from __future__ import annotations

from typing import Annotated

import typer

from heedful.cli import (
    archiving,
    audit,
    bidding,
    customers,
    deciding,
    demo,
    effects,
    fairness,
    governing,
    importing,
    keys,
    measuring,
    modelling,
    operations,
    quarantine,
    signals,
    strategies,
    supposing,
    training,
    watching,
)
from heedful.cli.answers import EXIT_CODES, Commands

_EPILOG = "Exit codes: " + "; ".join(f"{code} {says}" for code, says in EXIT_CODES) + "."

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)

app.command()(operations.init)
app.command()(operations.serve)
app.add_typer(keys.commands, name="keys")
app.command("import")(importing.import_)
app.command()(demo.demo)
app.command()(watching.stream)
app.add_typer(customers.commands, name="customer")
app.add_typer(signals.commands, name="signals")
app.add_typer(quarantine.commands, name="quarantine")
app.command()(deciding.decide)
app.command()(deciding.outcome)
app.command()(deciding.why)
app.command()(deciding.decisions)
app.add_typer(effects.commands, name="effects")
app.command()(governing.stop)
app.command()(governing.stops)
app.command()(governing.start)
app.add_typer(governing.approvals_commands, name="approvals")
app.add_typer(governing.guardrail_commands, name="guardrails")
app.add_typer(governing.incident_commands, name="incident")
app.add_typer(audit.commands, name="audit")
app.command()(strategies.check)
app.command("test")(strategies.play)
app.command()(strategies.diff)
app.command()(supposing.whatif)
app.command()(strategies.publish)
app.command()(strategies.versions)
app.command()(strategies.rollback)
app.command()(strategies.schema)
app.add_typer(modelling.commands, name="models")
app.command()(measuring.lift)
app.command()(measuring.attribution)
app.command()(measuring.ahead)
app.command()(measuring.budget)
app.command()(measuring.uplift)
app.command()(fairness.drift)
app.command()(fairness.fairness)
app.command()(training.train)
app.command()(bidding.bids)
app.command()(operations.replay)
app.command()(operations.backup)
app.command()(operations.restore)
app.command()(archiving.backups)
app.command()(archiving.archive)
app.command()(operations.doctor)
app.command()(operations.version)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        operations.version()
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar="HEEDFUL_DEBUG", help="Show where an error came from."),
    ] = False,
) -> None:
    """Heedful: every event kept, every person one customer, and the one right thing to do."""


def main() -> None:
    """Run the command line."""
    app()
