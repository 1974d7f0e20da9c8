"""Closed worlds: people react as their file says, and every policy meets the same of them."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from examples.worlds import drawing, parameters, scoring, show
from examples.worlds.heeding import STRATEGY, Heedful, read_strategy
from examples.worlds.parameters import HERE, MESSAGES, Parameters, load
from examples.worlds.playing import Ledger, Morning, play
from examples.worlds.policies import (
    NEWS,
    Chance,
    Insider,
    Product,
    Rules,
    Silence,
    VowpalWabbit,
)
from examples.worlds.world import NOTHING, Numbers, Seen, World
from heedful.cli import app
from heedful.measure import lift, moments_of

WORLDS = sorted(path.stem for path in HERE.glob("*.yaml"))


@pytest.fixture(scope="module")
def town() -> Parameters:
    return load("town")


def everybody(world: World, message: int) -> Numbers:
    return np.full(world.n, message)


# The world


@pytest.mark.parametrize("name", ["world.py", "parameters.py", "playing.py"])
def test_the_world_knows_nothing_of_what_learns_in_it(name: str) -> None:
    tree = ast.parse((HERE / name).read_text("utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    allowed = {"examples.worlds.parameters", "examples.worlds.world", "numpy", "numpy.typing"}
    standard = {"__future__", "collections.abc", "dataclasses", "pathlib", "typing", "yaml"}
    assert imported <= allowed | standard


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_here_can_be_lived_in(name: str) -> None:
    ledger = play(load(name), Chance(1), 300, 1, days=21)
    assert ledger.contacts.sum() > 0
    assert 0 < ledger.is_retained.mean() <= 1


def test_another_world_is_a_file(tmp_path: Path, town: Parameters) -> None:
    text = (HERE / "town.yaml").read_text("utf-8")
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("leaves_a_year: 0.20", "leaves_a_year: 0.90"), "utf-8")
    assert load(other).leaves_a_year == 0.9
    left = play(load(other), Silence(), 500, 1, days=90)
    assert left.is_retained.mean() < play(town, Silence(), 500, 1, days=90).is_retained.mean()


def test_a_parameter_that_no_world_has_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text((HERE / "town.yaml").read_text("utf-8") + "\ncolour: red\n", "utf-8")
    with pytest.raises(ValueError, match="colour"):
        parameters.load(wrong)


def test_luck_does_not_depend_on_what_is_done(town: Parameters) -> None:
    first, second = World(town, 400, 7), World(town, 400, 7)
    assert (first.kind == second.kind).all()
    for day in range(20):
        first.live(everybody(first, NOTHING))
        second.live(everybody(second, NEWS if day == 19 else NOTHING))
    # One mail on the last day: whoever ordered without it still does.
    a, b = first.live(everybody(first, NOTHING)), second.live(everybody(second, NOTHING))
    welcome = first.kind != list(town.kinds).index("private")
    same_trust = np.isclose(first.trust, second.trust)
    assert (b.ordered | ~a.ordered)[welcome & same_trust & ~first.has_cart].all()


def test_people_tire_and_forgive(town: Parameters) -> None:
    world = World(town, 2_000, 3)
    for _ in range(10):
        world.live(everybody(world, NEWS))
    tired, hurt = world.fatigue.mean(), world.trust.mean()
    assert tired > 5
    assert hurt < town.trust - 0.1
    for _ in range(120):
        world.live(everybody(world, NOTHING))
    assert world.fatigue.mean() < 0.01 * tired
    assert hurt < world.trust.mean() < town.trust + 1e-9


def test_people_hesitate_and_come_back_when_helped(town: Parameters) -> None:
    unsure = town.kinds["unsure"]
    only = replace(town, kinds={"unsure": replace(unsure, share=1.0)}, hesitates=1.0)
    came = []
    for message in (NOTHING, MESSAGES.index("advice")):
        world = World(only, 20_000, 5)
        world.live(everybody(world, NOTHING))
        assert world.has_cart.sum() > 500
        cart = world.has_cart.copy()
        seen = world.live(np.where(cart, message, NOTHING))
        came.append(seen.ordered[cart].mean())
    assert came[1] > came[0] + 0.1


def test_people_who_are_written_to_too_often_leave(town: Parameters) -> None:
    class Daily(Silence):
        def choose(self, morning: Morning) -> Numbers:
            return np.full(len(morning.asked), NEWS)

    often, never = play(town, Daily(), 1_000, 2), play(town, Silence(), 1_000, 2)
    assert often.is_retained.mean() < never.is_retained.mean() - 0.03
    assert often.unsubscribed.mean() > 0.1
    assert never.unsubscribed.sum() == 0


# Policies


def test_old_ways_keep_to_their_caps(town: Parameters) -> None:
    class Watched:
        name = "watched"

        def __init__(self, policy: Any) -> None:
            self.policy, self.most = policy, 0
            self.begin, self.learn = policy.begin, policy.learn

        def choose(self, morning: Morning) -> Numbers:
            chosen: Numbers = self.policy.choose(morning)
            told = morning.told_7[morning.asked] + (chosen != NOTHING)
            self.most = max(self.most, int(told[chosen != NOTHING].max(initial=0)))
            return chosen

    for policy in (Rules(), Product(1), Chance(1)):
        watched = Watched(policy)
        play(town, watched, 400, 1, days=60)
        assert watched.most == 2, policy.name


def test_who_sees_into_people_beats_the_rules_with_fewer_contacts(town: Parameters) -> None:
    kind = World(town, 3_000, 1).kind
    insider = play(town, Insider(town, kind), 3_000, 1)
    rules = play(town, Rules(), 3_000, 1)
    assert scoring.compared(insider, rules, "revenue").low > 0.08
    assert scoring.compared(insider, rules, "contacts").high < -0.4


def test_the_peer_takes_part_where_it_is_installed(town: Parameters) -> None:
    if VowpalWabbit.is_here():
        assert play(town, VowpalWabbit(1), 50, 1, days=30).contacts.sum() > 0
    else:
        with pytest.raises(ModuleNotFoundError, match="vowpalwabbit"):
            VowpalWabbit(1)


# Heedful


def test_the_strategy_of_the_worlds_has_no_problem() -> None:
    actions = {action.action for action in read_strategy().definitions.actions}
    assert actions == {*MESSAGES, "cart_offer"}
    assert STRATEGY.is_dir()


class Watching(Heedful):
    """Heedful, and whom it must not write to any more."""

    def begin(self, marks: Any, people: int) -> None:
        self.refused: set[int] = set()
        super().begin(marks, people)

    def choose(self, morning: Morning) -> Numbers:
        chosen = super().choose(morning)
        told = set(morning.asked[chosen != NOTHING].tolist())
        assert not told & self.refused
        counted = morning.told_7[morning.asked] + (chosen != NOTHING)
        assert (counted[chosen != NOTHING] <= 2).all()
        return chosen

    def learn(self, day: int, message: Numbers, seen: Seen) -> None:
        super().learn(day, message, seen)
        self.refused |= set(np.flatnonzero(seen.unsubscribed).tolist())


def year_of(town: Parameters, seed: int) -> tuple[Watching, Ledger]:
    policy = Watching(seed)
    return policy, play(town, policy, 40, seed, days=35)


def test_heedful_decides_for_itself_and_learns(town: Parameters) -> None:
    policy, ledger = year_of(town, 1)
    assert policy.decisions == ledger.asked.sum()
    assert 0 < ledger.contacts.sum() < policy.decisions
    assert max(model.learn_seq for model in policy.models.values()) > policy.decisions


def test_heedful_does_the_same_twice(town: Parameters) -> None:
    (first, a), (second, b) = year_of(town, 2), year_of(town, 2)
    assert (a.revenue == b.revenue).all()
    assert (a.contacts == b.contacts).all()
    assert first.models["arms"].encode() == second.models["arms"].encode()


def test_people_in_two_processes_are_decided_for_as_in_one(town: Parameters) -> None:
    one, two = Heedful(2), Heedful(2, processes=2)
    a, b = (play(town, policy, 15, 2, days=14) for policy in (one, two))
    assert a.contacts.sum() > 0
    assert (a.contacts == b.contacts).all()
    assert (a.value == b.value).all()
    assert one.models["arms"].encode() == two.models["arms"].encode()


def test_silence_is_learned_where_messages_drive_away() -> None:
    world = load("sleepers")
    ledger = play(world, Heedful(1), 80, 1, days=98, since=70)
    by_kind = scoring.silence_by_kind(ledger, world.kinds)
    assert by_kind["private"] > by_kind["open"] + 0.1


def test_peace_is_silence_and_what_it_costs_elsewhere(ledgers: list[Ledger]) -> None:
    rules, silence = ledgers
    kinds = load("town").kinds
    assert scoring.peace(silence, silence, kinds, "private") == (1.0, 0.0)
    found = scoring.peace(rules, silence, kinds, "private")
    others = rules.kind != list(kinds).index("private")
    assert found.silence < 0.2
    assert found.lost == 1.0 - rules.value[others].sum() / silence.value[others].sum()


# Scores and pictures


@pytest.fixture(scope="module")
def ledgers(town: Parameters) -> list[Ledger]:
    return [play(town, policy, 400, 1, days=60) for policy in (Rules(), Silence())]


def test_a_policy_compared_with_itself_differs_by_nothing(ledgers: list[Ledger]) -> None:
    assert scoring.compared(ledgers[0], ledgers[0], "revenue") == (0.0, 0.0, 0.0)
    assert (scoring.regret(ledgers[0], ledgers[0]) == 0).all()


def test_silence_is_counted_by_kind(town: Parameters, ledgers: list[Ledger]) -> None:
    rules, silence = ledgers
    assert set(scoring.silence_by_kind(silence, town.kinds).values()) == {1.0}
    assert all(share < 0.2 for share in scoring.silence_by_kind(rules, town.kinds).values())
    lines = drawing.silence_lines(silence, town.kinds, width=10)
    assert lines[0] == f"  {'regular':<14}{'█' * 10} 100%"


def test_shuffled_treatments_are_not_claimed_to_lift(ledgers: list[Ledger]) -> None:
    found = scoring.shuffled(ledgers[0], 100, share=0.25)
    assert found.judged == found.runs == 100
    assert found.share <= 0.05
    assert found.says().startswith(f"Lift was claimed in {found.share:.1%} of 100 ")


def test_groups_too_small_for_a_claim_are_said_and_not_judged(ledgers: list[Ledger]) -> None:
    none = scoring.shuffled(ledgers[0], 20, share=0.01)
    assert (none.judged, none.claimed, none.share) == (0, 0, 0.0)
    assert none.says().startswith("None of 20 shuffled treatments could be judged: fewer than 30")
    people = len(ledgers[0].value)
    some = scoring.shuffled(ledgers[0], 40, share=30 / people)
    assert 0 < some.judged < some.runs
    assert f"{some.runs - some.judged} more had fewer than 30 people" in some.says()


def test_a_treatment_that_lifts_is_seen(ledgers: list[Ledger]) -> None:
    better = replace(ledgers[0], value=ledgers[0].value + 40.0)
    seen = lift(moments_of(better.value), moments_of(ledgers[1].value))
    assert seen.is_sure
    assert seen.interval.low < 40.0 < seen.interval.high


def test_a_curve_rises_with_its_values() -> None:
    assert drawing.curve(np.array([0.0, 0.5, 1.0]), 3, 1.0) == " ▄█"
    assert drawing.curve(np.zeros(3), 3, 0.0) == "   "


def test_regret_and_silence_are_drawn(
    town: Parameters, ledgers: list[Ledger], tmp_path: Path
) -> None:
    assert len(drawing.regret_lines(ledgers[1:], ledgers[0])) == 1
    drawing.picture(tmp_path / "world.svg", ledgers[1:], ledgers[0], town.kinds)
    drawn = (tmp_path / "world.svg").read_text("utf-8")
    assert "<svg" in drawn


def test_a_year_is_shown(tmp_path: Path) -> None:
    said: list[str] = []
    show.show("sleepers", 20, 1, tmp_path / "year.png", said.append, days=28)
    text = "\n".join(said)
    assert "day  28:" in text
    assert "Share of silence, by kind of people:" in text
    assert "Against batch rules: revenue" in text
    assert (tmp_path / "year.png").read_bytes().startswith(b"\x89PNG")


def test_a_world_that_is_not_there_is_said_in_words() -> None:
    done = CliRunner().invoke(app, ["demo", "--world", "nowhere"])
    assert done.exit_code != 0
    assert "examples/worlds/README.md" in done.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(None, "Expected one of sleepers, town, or a file", id="no-such-world"),
        pytest.param("{", "Expected YAML", id="no-yaml"),
        pytest.param("[town]", "Expected the parameters of a world", id="a-list"),
    ],
)
def test_a_file_that_is_no_world_is_refused_in_words(
    tmp_path: Path, text: str | None, told: str
) -> None:
    file = tmp_path / "world.yaml"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=told):
        load("nowhere" if text is None else file)
