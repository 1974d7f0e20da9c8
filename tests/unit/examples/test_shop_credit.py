"""The credit desk: it reads before it agrees, votes as itself, and gives one plan to a person."""

from __future__ import annotations

from typing import Any

from examples.shop.credit import READS_S, CreditDesk


class FakeApi:
    """Approvals as the server lists them, and the votes that were sent."""

    def __init__(self, *asked: tuple[str, str, str]) -> None:
        self.items = [
            {"id": id_, "kind": kind, "subject": subject, "status": "pending"}
            for id_, kind, subject in asked
        ]
        self.votes: list[tuple[str, bool]] = []

    def get(self, path: str) -> Any:
        if path == "/v1/governance/approvals":
            return {"items": self.items}
        return {"customer_id": f"c_{path[-1]}"}

    def post(self, path: str, body: dict[str, Any]) -> None:
        id_ = path.rpartition("/")[2]
        self.votes.append((id_, body["is_approved"]))
        for item in self.items:
            if item["id"] == id_:
                item["status"] = "approved" if body["is_approved"] else "rejected"


def test_she_agrees_once_she_has_read_and_only_to_decisions() -> None:
    api = FakeApi(("a_1", "decision", "d_1"), ("a_2", "publish", "v2@e_1"))
    heard: list[dict[str, Any]] = []
    desk = CreditDesk(api, heard.append)  # type: ignore[arg-type]
    desk.look(100.0)
    assert api.votes == [], "nobody agrees to what they have not read"
    desk.look(100.0 + READS_S)
    desk.look(200.0)
    assert api.votes == [("a_1", True)]
    assert [(said["by"], said["decision_id"], said["customer_id"]) for said in heard] == [
        ("rosa", "d_1", "c_1")
    ]


def test_one_person_gets_one_plan() -> None:
    api = FakeApi(("a_1", "decision", "d_1"), ("a_2", "decision", "e_1"))
    desk = CreditDesk(api, lambda said: None)  # type: ignore[arg-type]
    desk.look(0.0)
    desk.look(READS_S)
    assert api.votes == [("a_1", True), ("a_2", False)]
