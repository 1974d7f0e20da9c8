"""Models as files: there and back to the same bytes, beside the champion only, and replayed."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from heedful.app.worlds import world_of
from heedful.decide import portable
from heedful.decide.portable import MODEL_FILE_BYTES_MAX, is_model, read_head
from heedful.engine.engine import Engine
from heedful.engine.exchange import Place
from heedful.engine.replay import decisions_differing, rebuild, verify
from heedful.govern import audit
from heedful.kernel import DAY_MS, HOUR_MS, InputError
from heedful.learn import LogisticArms
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.test_routing import FILES, WHY, answers_for_all, learn, people

MODELS = """
models:
  - {name: arms, kind: logistic, features: {traits: [firstName]}}
  - {name: guest, kind: logistic, features: {traits: [firstName]}}
  - {name: wide, kind: logistic, features: {traits: [email]}}
  - {name: slow, kind: logistic, half_life: 40d, features: {traits: [firstName]}}
  - {name: quick, kind: beta, half_life: 9d}
  - {name: rapid, kind: beta, half_life: 9d}
"""
WITH_GUESTS = {**FILES, "policies/models.yaml": MODELS}
GUEST = Place("guest", "beta")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Models of another workspace, in which people bought."""
    with acting(FILES) as there:
        learn(there)
        live(there)
        return {name: there.engine.governing.exported(name) for name in ("arms", "quick")}


def live(here: Acting, count: int = 12) -> None:
    people(here, count)
    here.later(4 * DAY_MS)
    learn(here)


def bring(here: Acting, body: bytes, place: Place = GUEST) -> None:
    here.engine.governing.bring(body, place, *WHY)


@pytest.mark.parametrize(
    ("name", "target"), [("arms", "guest"), ("quick", "rapid")], ids=["logistic", "counts"]
)
def test_a_model_travels_there_and_back_to_equal_bytes(
    files: dict[str, bytes], name: str, target: str
) -> None:
    body = files[name]
    head, state = read_head(body)
    assert is_model(body)
    assert (head.name, head.schema, head.learn_seq > 10) == (name, 1, True)
    with acting(WITH_GUESTS) as here:
        learn(here)
        live(here, 3)
        assert here.engine.world.models[target].learn_seq != head.learn_seq
        bring(here, body, Place(target, "beta"))
        back, same = read_head(here.engine.governing.exported(target))
    assert same == state
    assert msgspec.structs.replace(back, name=name, digest=head.digest) == head


def test_the_same_strategy_takes_a_file_back_to_the_byte(files: dict[str, bytes]) -> None:
    for name, body in files.items():
        with acting(FILES) as here:
            learn(here)
            bring(here, body, Place(name, "beta"))
            assert here.engine.governing.exported(name) == body


def test_a_file_of_before_is_taken_in(files: dict[str, bytes]) -> None:
    """What the model learned is written otherwise since; the file says what it said."""
    head, state = read_head(files["arms"])
    old = msgspec.msgpack.decode(state)
    assert old["slots"]
    assert old.pop("changes") == [], "of which decisions it waits for no file says anything"
    old |= {"schema": 2}
    for name in ("usual", "informed", "level"):
        del old["slot_arrays"][name]
    body = msgspec.msgpack.encode(old)
    told = msgspec.structs.replace(head, size=len(body))
    told = msgspec.structs.replace(told, digest=portable._digest(told, body))
    with acting(FILES) as here:
        learn(here)
        bring(here, portable._line(told) + body, Place("arms", "beta"))
        taken_in = here.engine.governing.exported("arms")
    assert read_head(taken_in)[1] == LogisticArms.decode(body).encode() != state


def test_an_imported_model_would_decide_as_the_one_that_was_exported() -> None:
    with acting(WITH_GUESTS) as here:
        learn(here)
        live(here)
        governing = here.engine.governing
        answers_for_all(here)
        bring(here, governing.exported("arms"))
        here.now += HOUR_MS
        for number in range(8):
            one = here.ask(f"u{number}", placement="later")
            assert (one.routed, one.because != {}) == ({"beta": "arms"}, True)
            (shadow,) = one.shadows
            (mine,) = [c for c in one.candidates if c.verdict == "chosen"]
            assert (shadow.model, shadow.p_choose) == ("guest", mine.weight)
            assert shadow.value == mine.terms["value"]


def test_what_is_imported_looks_on_is_audited_and_learns_on(files: dict[str, bytes]) -> None:
    with acting(WITH_GUESTS) as here:
        learn(here)
        people(here, 3)
        bring(here, files["arms"])
        (line,) = [one for one in here.engine.governing.lines() if one.name == "beta"]
        assert (line.route.champion, line.route.shadows) == ("beta", ("guest",))
        [said] = here.said("Model Imported")
        digest = read_head(files["arms"])[0].digest
        assert (said.properties["model"], said.properties["named"]) == ("guest", "arms")
        assert said.properties["digest"] == digest
        links = [audit.describe(line) for line in here.engine.governing.audit_lines()]
        imported = [one["body"] for one in links if one["subject"] == "guest"]
        assert imported == [{"event": "Model Imported", "by": "ann", "digest": digest}]
        before = here.engine.world.models["guest"]
        live(here, 6)
        after = here.engine.world.models["guest"]
        assert after.learn_seq > before.learn_seq
        assert after.encode() != here.engine.world.models["arms"].encode()
        restarted = Engine(here.store, here.world, SECRET, lambda: here.now)
        assert restarted.world.models["guest"].encode() == after.encode()
        assert restarted.world.origins == here.engine.world.origins


def test_a_version_is_the_model_as_it_was_at_a_row(files: dict[str, bytes]) -> None:
    with acting(WITH_GUESTS) as here:
        learn(here)
        live(here, 4)
        governing = here.engine.governing
        then = governing.exported("arms")
        row = here.engine.world.models["arms"].learn_seq
        bring(here, files["arms"])
        came = governing.exported("guest")
        here.now += HOUR_MS
        live(here, 4)
        assert governing.exported("arms") != then
        assert governing.exported("arms", row) == then
        assert governing.exported("guest") != came
        assert governing.exported("guest", row) == came
        for name, wanted in (("arms", 10**9), ("guest", row - 1)):
            with pytest.raises(InputError) as caught:
                governing.exported(name, wanted)
            assert caught.value.code == "version_not_found"


def test_decisions_around_an_import_replay_byte_for_byte(files: dict[str, bytes]) -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(WITH_GUESTS, store=store) as here:
        learn(here)
        live(here, 4)
        people(here, 4, "before")
        bring(here, files["arms"], GUEST._replace(share_ppm=500_000))
        bring(here, files["quick"], Place("rapid", "beta"))
        here.now += HOUR_MS
        people(here, 6, "after")
        live(here, 6)
        people(here, 6, "search")
        made = [d for n in range(6) for d in here.decided(f"u{n}")]
        world = here.engine.world
    assert "guest" in {d.trials[0].model for d in made if d.trials}
    assert any(shadow.model == "rapid" for d in made for shadow in d.shadows)
    rebuilt = rebuild(store, again, world_of(load(WITH_GUESTS)), SECRET, 20 * DAY_MS)
    assert decisions_differing(store, again) == []
    assert (rebuilt.governance, rebuilt.origins) == (world.governance, world.origins)
    assert verify(again, rebuilt).is_equal
    for name in ("guest", "rapid", "arms"):
        assert rebuilt.models[name].encode() == world.models[name].encode()


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (Place("beta", "beta"), "actions ask"),
        (Place("nobody", "beta"), "a model of the strategy"),
        (Place("quick", "beta"), "kind 'beta'"),
        (Place("wide", "beta"), "none of traits.email and traits.firstName beside them"),
        (Place("slow", "beta"), "half_life_ms 3456000000"),
        (Place("guest", "nobody"), "a model in force"),
    ],
    ids=["champion", "undeclared", "kind", "features", "settings", "line"],
)
def test_what_does_not_fit_is_refused_in_words(
    files: dict[str, bytes], place: Place, says: str
) -> None:
    with acting(WITH_GUESTS) as here:
        learn(here)
        before = (here.engine.world, len(here.log()))
        with pytest.raises(InputError, match=says):
            bring(here, files["arms"], place)
        assert (here.engine.world, len(here.log())) == before


def test_no_import_reaches_who_is_tried_or_was(files: dict[str, bytes]) -> None:
    with acting(WITH_GUESTS) as here:
        learn(here)
        bring(here, files["arms"])
        with pytest.raises(InputError, match="trials of beta") as caught:
            bring(here, files["arms"])
        assert caught.value.code == "model_in_use"
        live(here, 6)
        here.engine.governing.shadow("beta", "guest", False, *WHY)
        with pytest.raises(InputError, match="tried before"):
            bring(here, files["arms"])


def asking_guests(files: dict[str, str]) -> dict[str, str]:
    return {**files, "actions/gift.yaml": files["actions/gift.yaml"] + "model: guest\n"}


def publish(here: Acting, files: dict[str, str], version: str) -> None:
    here.engine.publish(world_of(load(files)), version, "ann")


def test_no_publication_lets_an_imported_model_answer_that_nobody_promoted(
    files: dict[str, bytes],
) -> None:
    asking = asking_guests(WITH_GUESTS)
    with acting(WITH_GUESTS) as here:
        learn(here)
        bring(here, files["arms"])
        before = (here.engine.world, len(here.log()))
        with pytest.raises(InputError, match=r"gift\.model") as caught:
            publish(here, asking, "v2")
        assert caught.value.code == "model_not_promoted"
        assert (here.engine.world, len(here.log())) == before
        # Under another definition it begins anew, with nothing of the file.
        guest = "{name: guest, kind: logistic, "
        anew = MODELS.replace(guest, guest + "half_life: 3d, ")
        publish(here, {**asking, "policies/models.yaml": anew}, "v3")
        learn(here)
        assert "guest" not in here.engine.world.origins


def test_an_imported_model_that_was_promoted_may_be_asked_for(files: dict[str, bytes]) -> None:
    agreed = {"policies/approvals.yaml": "promote: {required: 1}\n"}
    with acting({**WITH_GUESTS, **agreed}) as here:
        learn(here)
        bring(here, files["arms"])
        governing = here.engine.governing
        request = governing.promote("beta", "guest", *WHY)
        assert request is not None
        with pytest.raises(InputError, match="was promoted"):
            publish(here, asking_guests(WITH_GUESTS), "v2")
        governing.vote(request.id, "bob", True, "agreed")
        publish(here, asking_guests(WITH_GUESTS), "v2")
        # What is asked for already is not taken away from those who publish something else.
        governing.roll_back("beta", *WHY)
        publish(here, asking_guests(WITH_GUESTS), "v3")


def damaged(body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1])


def newer(body: bytes) -> bytes:
    return body.replace(b'"schema":1', b'"schema":2,"more":[]', 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (damaged, "bad_model_file"),
        (lambda body: body[:-9], "bad_model_file"),
        (lambda body: body[:40], "bad_model_file"),
        (lambda body: b"", "bad_model_file"),
        (lambda body: b"PK" + body, "bad_model_file"),
        (lambda body: body.replace(b'"name":"arms"', b'"name":"guys"', 1), "bad_model_file"),
        (lambda body: body.replace(b'"schema":1', b'"schema":[]', 1), "bad_model_file"),
        (newer, "newer_model_file"),
        (lambda body: body + bytes(MODEL_FILE_BYTES_MAX), "model_file_too_large"),
    ],
    ids=["byte", "end", "head", "empty", "else", "renamed", "misshapen", "newer", "large"],
)
def test_what_is_damaged_newer_or_too_big_is_refused(
    files: dict[str, bytes], change: Callable[[bytes], bytes], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_head(change(files["arms"]))
    assert caught.value.code == code
    assert caught.value.message.startswith("Expected ")


def test_a_file_that_names_itself_anew_may_not_lie(files: dict[str, bytes]) -> None:
    """The digest tells of damage, not of intent: what follows the head is looked at, too."""
    head, state = read_head(files["arms"])
    with acting(WITH_GUESTS) as here:
        learn(here)
        for lie in (
            msgspec.structs.replace(head, learn_seq=head.learn_seq + 1),
            msgspec.structs.replace(head, definition="0" * 32),
        ):
            named = msgspec.structs.replace(lie, digest=portable._digest(lie, state))
            with pytest.raises(InputError) as caught:
                bring(here, portable._line(named) + state)
            assert caught.value.code == "bad_model_file"
        opaque = msgspec.structs.replace(head, transparency=1)
        named = msgspec.structs.replace(opaque, digest=portable._digest(opaque, state))
        with pytest.raises(InputError, match="transparency 4 or more"):
            bring(here, portable._line(named) + state)
