"""Scenarios played: each on a clock of its own, from nothing, with the most likely action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from heedful import decide
from heedful.events import CONSENT_CHANGED
from heedful.govern.types import IncidentDeclared, Statement, SwitchSet, write
from heedful.ingest.context import said_by_device
from heedful.kernel import parse_instant, parse_span, public_id
from heedful.strategy.expectations import unmet, unwanted
from heedful.strategy.load import load_parts
from heedful.strategy.parts import Part
from heedful.strategy.scenario_file import Happening, Scenario, ScenariosFile, Somebody
from heedful.strategy.stage import Play, Record, Stage
from heedful.strategy.yaml import StrategyProblem

_SOMEBODY = "somebody"  # the device of who has neither a user id nor a device


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one scenario."""

    file: str
    line: int
    scenario: str
    failures: tuple[StrategyProblem, ...] = ()
    """What was expected and not found, at its place; empty where it passed."""


def play_scenarios(files: Mapping[str, str]) -> list[Verdict]:
    """Play every scenario of a strategy's folder.

    Parameters
    ----------
    files
        Text by relative path; the scenarios are those in `tests/`.

    Raises
    ------
    InputError
        `bad_strategy` where the strategy or a scenario has a problem.

    Examples
    --------
    >>> play_scenarios({})
    []
    """
    strategy, parts = load_parts(files)
    stage = Stage(strategy)
    return [
        _verdict(stage, part, i, scenario)
        for part in parts.of(ScenariosFile)
        for i, scenario in enumerate(part.section.scenarios)
    ]


def _verdict(stage: Stage, part: Part[ScenariosFile], i: int, scenario: Scenario) -> Verdict:
    path = f"$.scenarios[{i}]"
    failures = tuple(Telling(stage, part, path, scenario).failures())
    line, _ = part.document.locate(f"{path}.scenario")
    return Verdict(file=part.file, line=line, scenario=scenario.scenario, failures=failures)


class Telling:
    """One scenario while it is played, on the stage of its own strategy or of another one."""

    def __init__(
        self, stage: Stage, part: Part[ScenariosFile], path: str, scenario: Scenario
    ) -> None:
        self.story = Record()
        """All that has happened so far."""
        self._stage = stage
        self._part = part
        self._path = path
        self._scenario = scenario
        self._somebody = scenario.customer or part.section.customer
        self._begins = parse_instant(scenario.at or part.section.at) or 0
        self._play = Play(
            stage,
            self._begins,
            is_held_out=self._somebody.held_out,
            held_out_of=self._somebody.held_out_of,
        )

    def failures(self) -> Iterator[StrategyProblem]:
        """Play it and tell what is not as expected."""
        part, scenario, play = self._part, self._scenario, self._play
        self._introduce(self._somebody)
        self._look()
        for i, event in enumerate(scenario.events):
            path = f"{self._path}.events[{i}]"
            play.wait(self._begins + parse_span(event.at))
            yield from self._happen(event, path)
            play.wait(play.now)
            seen = self._look()
            if event.expect is not None:
                yield from unmet(part, f"{path}.expect", event.expect, seen, play)
        if scenario.until is not None:
            play.wait(self._begins + parse_span(scenario.until))
            self._look()
        if scenario.expect is not None:
            yield from unmet(part, f"{self._path}.expect", scenario.expect, self.story, play)
        for i, never in enumerate(scenario.never):
            yield from unwanted(part, f"{self._path}.never[{i}]", never, self.story)

    def _look(self) -> Record:
        seen = self._play.told()
        self.story.add(seen)
        return seen

    def _introduce(self, somebody: Somebody) -> None:
        for purpose, said in somebody.consents.items():
            by_channel = {None: said} if isinstance(said, str) else said
            for channel, status in by_channel.items():
                self._consent(purpose, status, channel)
        self._call("identify", "identify", traits=somebody.traits)

    def _consent(self, purpose: str, status: str, channel: str | None) -> None:
        said = {"purpose": purpose, "status": status, "channel": channel, "source": "scenario"}
        self._play.own(CONSENT_CHANGED, said)

    def _call(self, type_: Any, name: str, **fields: Any) -> None:
        somebody = self._somebody
        ids = {"user_id": somebody.user_id, "anonymous_id": somebody.anonymous_id}
        if not any(ids.values()):
            ids["anonymous_id"] = _SOMEBODY
        fields.setdefault("source", "backend")
        self._play.take(self._play.event(type_, name, **ids, **fields))

    def _happen(self, event: Happening, path: str) -> Iterator[StrategyProblem]:
        said = {"context": event.context, "source": event.source}
        for type_ in ("track", "page", "screen"):
            name = getattr(event, type_)
            if name is not None:
                self._call(type_, name, properties=event.properties, **said)
        if event.identify is not None:
            self._call("identify", "identify", traits=event.identify, **said)
        if event.consent is not None:
            self._consent(event.consent.purpose, event.consent.status, event.consent.channel)
        if event.decide is not None:
            asked = msgspec.to_builtins(event.decide)
            given = {name: value for name, value in asked.items() if value is not None}
            device, flags = said_by_device(event.decide.context)
            self._play.own(decide.DECISION_REQUESTED, given, context=device, flags=flags)
        yield from self._answer(event, path)
        for statement in self._statements(event):
            self._play.govern(*write(statement))

    def _answer(self, event: Happening, path: str) -> Iterator[StrategyProblem]:
        """Tell Heedful what became of a decision, or what a person says about one."""
        for field, name in (
            ("approve", decide.DECISION_APPROVED),
            ("refuse", decide.DECISION_REFUSED),
        ):
            action = getattr(event, field)
            if action is not None:
                yield from self._about(action, name, {"reason": "scenario"}, f"{path}.{field}")
        if event.outcome is not None:
            told = msgspec.to_builtins(event.outcome)
            action = told.pop("of")
            told["currency"] = self._stage.strategy.definitions.currency
            place = f"{path}.outcome.of"
            yield from self._about(action, decide.OUTCOME_REPORTED, told, place)

    def _about(
        self, action: str, name: str, said: dict[str, Any], path: str
    ) -> Iterator[StrategyProblem]:
        decisions = [d for d in self.story.decisions if d.action == action]
        if not decisions:
            yield self._part.problem(path, f"a decision for {action}", "none so far")
            return
        said = {key: value for key, value in said.items() if value is not None}
        self._play.own(name, {"decision_id": public_id("d", decisions[-1].id), **said})

    def _statements(self, event: Happening) -> Iterator[Statement]:
        by, reason = "scenario", "A scenario says so."
        for scope, is_stopped in ((event.stop, True), (event.start, False)):
            if scope is not None:
                yield SwitchSet(scope=scope, is_stopped=is_stopped, by=by, reason=reason)
        plans = {plan.name: plan for plan in self._stage.strategy.incidents.incidents}
        if event.incident in plans:
            plan = plans[event.incident]
            yield IncidentDeclared(
                incident_id=plan.name,
                plan=plan.name,
                message=plan.message,
                is_growth_off=plan.growth_off,
                expires_at=self._play.now + parse_span(plan.expires_after),
                by=by,
                reason=reason,
            )
