"""An audience on the command line: who is meant, what they would get, and what is written."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import parquet

from heedful import decide
from heedful.api.audiences import AudienceAnswer
from heedful.decide.columns import answer_of
from heedful.engine import audience
from heedful.engine.audience import Audience, audience_condition, decide_page
from tests.unit.cli.live import Live, living
from tests.unit.cli.test_fairness import PEOPLE, meet
from tests.unit.engine.acting import acting
from tests.unit.engine.strategies import SHOP
from tests.unit.measure.test_ablation import FILES


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with living(tmp_path_factory.mktemp("audience") / "shop", is_shop=False) as made:
        made.api.post("/v1/strategy/publish", {"files": FILES})
        for number in range(PEOPLE):
            meet(made, number)
        yield made


def test_an_audience_is_rehearsed_into_every_kind_of_file(shop: Live, tmp_path: Path) -> None:
    found = []
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        file = tmp_path / name
        told = shop.gives("decide", "--audience", "all", "--out", str(file))
        assert (told["people"], told["looked"], told["kept"]) == (PEOPLE, PEOPLE, False)
        if name == "out.csv":
            rows = list(csv.DictReader(file.open(encoding="utf-8")))
        elif name == "out.jsonl":
            rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        else:
            rows = parquet.read_table(file).to_pylist()
        found.append([(row["customer_id"], row["action"], float(row["p_choose"])) for row in rows])
        assert set(rows[0]) == set(AudienceAnswer.__struct_fields__) - {"is_columnar"}
    assert found[0] == found[1] == found[2], "one name draws the same"
    assert {action for _, action, _ in found[0]} == {"sale", "do_nothing"}
    assert len(shop.gives("decisions", "user_id:u1")["items"]) == 1, "that of the cart alone"


def test_a_condition_and_a_file_say_who_is_meant(shop: Live, tmp_path: Path) -> None:
    gold = shop.gives("decide", "--audience", "traits.plan == 'gold'", "--channel", "email")
    assert gold["people"] == 25
    assert gold["looked"] == PEOPLE
    listed = tmp_path / "who.csv"
    listed.write_text(
        "customer_id,name\nuser_id:u1,Ada\nuser_id:u2,Bea\nuser_id:nobody,\n", "utf-8"
    )
    told = shop.gives("decide", "--audience", str(listed), "--channel", "email")
    assert (told["people"], told["looked"]) == (2, 3)
    said = shop.says("decide", "--audience", str(listed), "--channel", "email")
    assert "Rehearsed for 2 of 3 people" in said
    listed.write_text("\n", "utf-8")
    assert "lists nobody" in shop.says("decide", "--audience", str(listed), code=2)
    assert "Expected" in shop.says("decide", "--audience", "traits.plan ==", code=2)
    shop.says("decide", "--audience", "all", "--out", str(tmp_path / "out.xls"), code=2)


def test_an_audience_may_be_decided_in_earnest(shop: Live) -> None:
    told = shop.gives("decide", "--audience", "traits.age == 30", "--keep", "--placement", "home")
    assert told["kept"] is True
    assert told["actions"]["do_nothing"] >= 0


def test_every_answer_is_the_one_that_a_question_gets() -> None:
    with acting(SHOP) as here:
        for number in range(30):
            here.meet(f"u{number}", plan="gold" if number % 3 else "plain")
            if number % 5 == 0:
                here.fail_to_pay(f"u{number}")
            if number % 4 == 0:
                here.ask(f"u{number}", placement="home")
        here.now += 3 * 86_400_000
        world, now = here.engine.world, here.now
        shared = here.engine.decisions._shared(world)
        about = Audience("test", audience_condition(world, "traits.plan == 'gold'"), "home")
        page = here.store.read(lambda tx: decide_page(tx, world, shared, about, -1, 100, now))
        assert (page.looked, page.next_key, len(page.answers)) == (30, None, 20)

        rows = here.store.read(lambda tx: tx.scan_customers(-1, 100))
        clusters = here.store.read(lambda tx: tx.clusters([row.cluster for row in rows]))
        asked = [audience._asking(world, shared.secret, about, row, clusters, now) for row in rows]
        alone = [
            answer_of(decide.preview(world.rules, shared, one.person, one.case, one.event))
            for one in audience._belonging(world, shared, about.condition, asked)
        ]
        assert [answer._replace(is_columnar=False) for answer in page.answers] == alone
        assert sum(answer.is_columnar for answer in page.answers) > 5
        smaller = here.store.read(lambda tx: decide_page(tx, world, shared, about, -1, 10, now))
        rest = here.store.read(
            lambda tx: decide_page(tx, world, shared, about, smaller.next_key, 100, now)
        )
        assert smaller.answers + rest.answers == page.answers
