"""A run for an audience in several processes: the same bytes, and nothing left of one that ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from heedful.app import App, open_app
from heedful.app.audience import WORKER, AudienceRun
from heedful.app.audience_rows import RowFormat
from heedful.app.audience_state import AskedAudience, AudienceState, Prepared, read_state
from heedful.decide.margins import MARGINS, Margins
from heedful.engine.audience import AudienceDecider
from heedful.kernel import MICRO, PeerError
from heedful.learn import LearningRow
from heedful.store.memory import MemoryStore
from tests.unit.cli.live import living
from tests.unit.cli.test_fairness import meet
from tests.unit.engine.acting import acting
from tests.unit.engine.strategies import SHOP
from tests.unit.measure.test_ablation import FILES

PEOPLE = 24
UNASKED = {**FILES, "rules.yaml": "builtin: []\nrules: []\n"}
"""The strategy of which nobody is sent anything unless somebody asks."""
ALL = AskedAudience("spring")
GOLD = AskedAudience("spring", "traits.plan == 'gold'", None, "email")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    directory = tmp_path_factory.mktemp("audience") / "shop"
    with living(directory, is_shop=False) as made:
        made.api.post("/v1/strategy/publish", {"files": UNASKED})
        for number in range(PEOPLE):
            meet(made, number)
    with open_app(directory) as app:
        yield app


def told(
    app: App, asked: AskedAudience, processes: int, form: RowFormat, whom: list[str] | None = None
) -> tuple[str, int]:
    run = AudienceRun(app, asked, whom, form, task_people=5)
    blocks = list(run.blocks(processes, lambda looked: None))
    return "".join(block.text for block in blocks), sum(block.looked for block in blocks)


def test_several_processes_write_the_same_bytes_and_all_report(shop: App) -> None:
    alone, looked = told(shop, ALL, 1, "csv")
    assert (looked, alone.count("\r\n")) == (PEOPLE, PEOPLE)
    assert {line.split(",")[1] for line in alone.splitlines()} == {"sale", "do_nothing"}
    seen: list[int] = []
    run = AudienceRun(shop, ALL, None, "csv", task_people=5)
    assert run.total == PEOPLE
    blocks = list(run.blocks(3, seen.append))
    assert "".join(block.text for block in blocks) == alone
    assert sum(block.looked for block in blocks) == PEOPLE
    assert seen == sorted(seen)
    assert seen[0] == 0


def test_a_condition_is_asked_in_every_process(shop: App) -> None:
    alone, looked = told(shop, GOLD, 1, "jsonl")
    assert (looked, alone.count("\n")) == (PEOPLE, 15)
    assert told(shop, GOLD, 2, "jsonl") == (alone, looked)


def test_a_list_is_answered_in_its_order_each_person_once(shop: App) -> None:
    whom = [f"user_id:u{number}" for number in (7, 3, 11, 3)] + ["user_id:nobody"]
    alone, looked = told(shop, ALL, 1, "csv", whom)
    assert (looked, alone.count("\n")) == (3, 3)
    assert told(shop, ALL, 2, "csv", whom) == (alone, looked)


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("raise SystemExit(7)", "with exit code 7"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
    ],
    ids=["code", "signal"],
)
def test_a_process_that_dies_is_said_at_once(shop: App, code: str, how: str) -> None:
    run = AudienceRun(shop, ALL, None, "csv", command=(sys.executable, "-c", code))
    with pytest.raises(PeerError, match=how) as caught:
        list(run.blocks(2, lambda looked: None))
    assert caught.value.code == "worker_ended"


def children() -> set[str]:
    return set(" ".join(f.read_text() for f in Path("/proc/self/task").glob("*/children")).split())


def test_whoever_stops_waiting_leaves_no_process_behind(shop: App) -> None:
    before = children()

    def leave(looked: int) -> None:
        assert len(children() - before) == 2
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(AudienceRun(shop, ALL, None, "csv", task_people=5).blocks(2, leave))
    assert children() <= before


def test_processes_are_as_many_as_are_worth_it(shop: App) -> None:
    run = AudienceRun(shop, ALL, None, None, task_people=5)
    assert (run.processes(1), run.processes(3), run.processes(1_000)) == (1, 3, 5)
    assert AudienceRun(shop, ALL, None, None).processes(8) == 1, "one part"
    assert WORKER[0] == sys.executable


def test_a_trait_that_nobody_has_is_said_with_the_one_that_was_meant(shop: App) -> None:
    asked = AskedAudience("spring", "traits.plna == 'gold' or traits.quite_else > 3")
    run = AudienceRun(shop, asked, None, "csv", task_people=5)
    assert "".join(block.text for block in run.blocks(2, lambda looked: None)) == ""
    assert run.hints() == [
        "Nobody who was looked at has the trait `plna`; did you mean `plan`?",
        "Nobody who was looked at has the trait `quite_else`.",
    ]
    run = AudienceRun(shop, GOLD, None, None)
    assert list(run.blocks(1, lambda looked: None))
    assert run.hints() == []


CONTEXTUAL = {
    **SHOP,
    "policies/models.yaml": "models:\n  - {name: arms, kind: logistic}\ndefault: arms\n",
}


@pytest.mark.parametrize("files", [SHOP, CONTEXTUAL], ids=["counts", "contextual"])
def test_a_state_that_was_written_down_decides_the_same(files: dict[str, str]) -> None:
    draw = Random(5)
    with acting(files) as here:
        for number in range(30):
            here.meet(f"u{number}", plan="gold" if number % 3 else "plain", age=20 + number)
            if number % 5 == 0:
                here.fail_to_pay(f"u{number}")
        assert isinstance(here.store, MemoryStore)
        world, shared, now = here.engine.decisions.prepared()
        models = {name: rule.new() for name, rule in world.rules.models.items()}
        actions = list(world.rules.actions.values())
        for seq in range(1, 200):
            action = draw.choice(actions)
            is_reached = draw.random() < 0.4
            row = LearningRow(
                learn_seq=seq,
                decision_id="d",
                arm=f"{action.name}/inapp/default",
                goal="purchase",
                state="converted" if is_reached else "expired",
                outcome=MICRO * is_reached,
                value=7 * MICRO,
                decided_at=now,
                at=now,
                parts=("growth", action.name, "inapp", "default", ""),
            )
            for model in models.values():
                model.learn_one(row)
        world = msgspec.structs.replace(
            world, models={**models, MARGINS: Margins(1, {"purchase": (2, 9)})}
        )
        shared = msgspec.structs.replace(shared, models=models, margins={"purchase": 4})
        asked = AskedAudience("spring", "traits.age > 21", "home")
        state = AudienceState.of(Prepared(world, shared, now), asked, dict(files)).encode()
        assert read_state(state).encode() == state
        here_now = AudienceDecider(world, shared, asked.compiled(world), now)
        there = read_state(state).decider()
        answers = here.store.read(lambda tx: here_now.page(tx, -1, 100))
        assert len({answer.action for answer in answers.answers}) > 1
        assert here.store.read(lambda tx: there.page(tx, -1, 100)) == answers
