"""An audience on the command line: who is meant, what they would get, and what is written."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from heedful import decide
from heedful.app.audience_rows import AudienceAnswer
from heedful.cli.audience import LISTED, decide_audience
from heedful.decide.columns import answer_of
from heedful.engine.audience import Audience, AudienceDecider, audience_condition
from heedful.kernel import PeerError
from tests.unit.cli.live import Live, living, until
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


EARNEST = {
    **FILES,
    "rules.yaml": "builtin: []\nrules: []\n",
    "policies/contact.yaml": "caps: [{at_most: 1, within: 7d}]\nquiet_hours: null\nfloor: 0.02\n"
    "budgets: {gifts: {amount: 8, per: month}}\n",
    "actions/sale.yaml": FILES["actions/sale.yaml"].replace("[email]", "[inapp]")
    + "budget: gifts\ncost: 2\n",
}
MANY = 24


def test_an_audience_is_decided_in_earnest_within_caps_and_budget(tmp_path: Path) -> None:
    with living(tmp_path / "shop", is_shop=False) as made:
        made.api.post("/v1/strategy/publish", {"files": EARNEST})
        for number in range(MANY):
            meet(made, number)
        first = tmp_path / "kept.csv"
        told = made.gives("decide", "--audience", "traits.plan == 'gold'", "--keep", "--processes",
                          "2", "--out", str(first))  # fmt: skip
        assert (told["kept"], told["looked"], told["processes"]) == (True, MANY, 1)
        assert told["actions"]["sale"] > 5
        rows = {row["customer_id"]: row for row in csv.DictReader(first.open(encoding="utf-8"))}
        assert len(rows) == told["people"]
        for customer, row in rows.items():
            (decision,) = made.gives("decisions", customer)["items"]
            assert (decision["action"], decision["reason"]) == (row["action"], row["reason"])
            assert decision["p_choose"] == float(row["p_choose"])
        statuses = ("waiting", "released", "delivered", "withdrawn", "dead")

        def effects(status: str) -> int:
            return len(made.api.get("/v1/effects", status=status)["items"])

        until(lambda: effects("waiting") + effects("released") == 0)
        assert sum(map(effects, statuses)) == told["actions"]["sale"]
        assert effects("delivered") == 4, "the budget of 8 is spent two at a time"
        again = made.gives("decide", "--audience", "traits.plan == 'gold'", "--keep", "--run", "b")
        assert again["people"] == told["people"]
        per_person = [len(made.gives("decisions", customer)["items"]) for customer in rows]
        assert effects("delivered") == 4, "nobody hears from us twice, and no budget is left"
        assert max(per_person) <= 2
        assert made.gives("replay")["is_equal"]


class Told:
    """A server that answers a run with what it was given."""

    def __init__(self, *messages: Any) -> None:
        self.messages_left = messages

    def messages(self, method: str, path: str, body: Any) -> Iterator[tuple[str, Any]]:
        for name, data in self.messages_left:
            if isinstance(data, BaseException):
                raise data
            yield name, data


ROW = ("rows", {"text": "c_1,sale,email,,growth,,drawn,0.5,2.5\r\n"})
FAILED = ("error", {"code": "worker_ended", "message": "Expected processes that finish."})


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("last", "error"),
    [((FAILED,), PeerError), ((), PeerError), ((("", KeyboardInterrupt()),), KeyboardInterrupt)],
    ids=["died", "cut", "ctrl-c"],
)
def test_a_run_that_ends_early_leaves_no_half_file(
    tmp_path: Path, last: Any, error: type[BaseException], ending: str
) -> None:
    out = tmp_path / f"who{ending}"
    with pytest.raises(error):
        decide_audience(Told(ROW, *last), "all", {"run": "x"}, out)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    out.write_text("as it was", "utf-8")
    with pytest.raises(error):
        decide_audience(Told(ROW, *last), "all", {"run": "x"}, out)  # type: ignore[arg-type]
    assert [file.read_text("utf-8") for file in tmp_path.iterdir()] == ["as it was"]


def test_a_long_list_takes_several_runs(tmp_path: Path) -> None:
    listed = tmp_path / "who.txt"
    listed.write_text("\n".join(f"user_id:u{n}" for n in range(LISTED + 1)), "utf-8")
    done = {"actions": {"sale": 2}, "looked": 2, "alone": 1, "processes": 3, "hints": []}
    told = decide_audience(Told(ROW, ("result", done)), str(listed), {}, None)  # type: ignore[arg-type]
    assert (told.actions["sale"], told.alone, told.looked) == (4, 2, LISTED + 1)


def test_a_misspelt_channel_is_said(shop: Live) -> None:
    said = shop.says("decide", "--audience", "all", "--channel", "emal")
    assert "No action goes by the channel `emal`; did you mean `email`?" in said


def test_a_misspelt_trait_is_said(shop: Live) -> None:
    said = shop.says("decide", "--audience", "traits.plam == 'gold'", "--channel", "email")
    assert "Rehearsed for 0 of 40 people" in said
    assert "the trait `plam`; did you mean `plan`?" in said


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
        decider = AudienceDecider(world, shared, about, now)
        page = here.store.read(lambda tx: decider.page(tx, -1, 100))
        assert (page.looked, page.next_key, len(page.answers)) == (30, None, 20)

        rows = here.store.read(lambda tx: tx.scan_customers(-1, 100))
        clusters = here.store.read(lambda tx: tx.clusters([row.cluster for row in rows]))
        asked = [decider._asking(row, clusters) for row in rows]
        alone = [
            answer_of(decide.preview(world.rules, shared, one.person, one.case, one.event))
            for one in decider._belonging(about.condition, asked)
        ]
        assert [answer._replace(is_columnar=False) for answer in page.answers] == alone
        assert sum(answer.is_columnar for answer in page.answers) > 5
        smaller = here.store.read(lambda tx: decider.page(tx, -1, 10))
        rest = here.store.read(lambda tx: decider.page(tx, smaller.next_key, 100))
        assert smaller.answers + rest.answers == page.answers
        middle = rows[11].key
        low = here.store.read(lambda tx: decider.between(tx, -1, middle))
        high = here.store.read(lambda tx: decider.between(tx, middle, rows[-1].key))
        assert (low.looked, high.looked) == (12, 18)
        assert low.answers + high.answers == page.answers
