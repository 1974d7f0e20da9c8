"""The contract finds each way of not keeping it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from heedful.connectors import contract, refusal
from heedful.connectors.acceptance import wall_clock
from heedful.connectors.contract import CHECKS, ContractBroken, MakeRig, Rig, Trouble
from heedful.effects import OutboundEffect, SendMessage
from heedful.ports import Connector, Delivery
from tests.unit.connectors.rigs import message

TROUBLED: dict[Trouble, Delivery] = {
    "unreachable": Delivery("retry", "connect_failed"),
    "busy": Delivery("retry", "busy"),
    "refusing": Delivery("failed", "refused"),
    "silent": Delivery("unknown", "answer_timeout"),
    "dripping": Delivery("unknown", "answer_timeout"),
    "lost_answer": Delivery("unknown", "connection_lost"),
    "garbled": Delivery("unknown", "bad_answer"),
}


class Pigeons(Connector):
    """A connector that keeps the contract, with the other side inside it."""

    name = "pigeons"
    channels = ("roof",)
    destinations = ()
    timeout_s = 0.2

    def __init__(self) -> None:
        self.roof: list[str] = []
        self.trouble: Trouble | None = None
        self.lock = threading.Lock()

    def is_at_most_once(self, effect: OutboundEffect) -> bool:
        return False

    def refused(self, effect: OutboundEffect) -> Delivery | None:
        return refusal(effect, SendMessage, wall_clock())

    def land(self, effect: OutboundEffect) -> None:
        with self.lock:
            if effect.id not in self.roof:
                self.roof.append(effect.id)

    def deliver(self, effect: OutboundEffect) -> Delivery:
        if (refused := self.refused(effect)) is not None:
            return refused
        if self.trouble in (None, "lost_answer"):
            self.land(effect)
        return TROUBLED[self.trouble] if self.trouble else Delivery("delivered", "landed")

    def close(self) -> None:
        pass


class PigeonRig(Rig):
    """Pigeons, trained or not."""

    def __init__(self, pigeons: Pigeons) -> None:
        self.pigeons = pigeons

    @property
    def connector(self) -> Connector:
        return self.pigeons

    def effect(self, effect_id: str, text: str, expires_at: int) -> OutboundEffect:
        return message(effect_id, text, expires_at, channel="roof")

    def things(self) -> Sequence[str]:
        return self.pigeons.roof

    def stage(self, trouble: Trouble | None) -> bool:
        self.pigeons.trouble = trouble
        return True


def rig_of(kind: Callable[[], Pigeons]) -> MakeRig:
    """Make rigs of one kind of pigeon."""

    @contextmanager
    def make() -> Iterator[Rig]:
        yield PigeonRig(kind())

    return make


class Nameless(Pigeons):
    name = ""


class Aimless(Pigeons):
    channels = ()


class Timeless(Pigeons):
    timeout_s = 0.0


class Forgetful(Pigeons):
    def land(self, effect: OutboundEffect) -> None:
        self.roof.append(effect.id)


class Lazy(Pigeons):
    def land(self, effect: OutboundEffect) -> None:
        pass


class Blurry(Pigeons):
    def land(self, effect: OutboundEffect) -> None:
        self.roof[:] = ["e_1"]


class Late(Pigeons):
    def refused(self, effect: OutboundEffect) -> Delivery | None:
        return None if isinstance(effect.effect, SendMessage) else super().refused(effect)


class Omnivorous(Pigeons):
    def refused(self, effect: OutboundEffect) -> Delivery | None:
        found = super().refused(effect)
        return None if found is not None and found.code == "wrong_effect" else found


class Raising(Pigeons):
    def deliver(self, effect: OutboundEffect) -> Delivery:
        if self.trouble == "garbled":
            raise ValueError("no pigeon")
        return super().deliver(effect)


class Stuck(Pigeons):
    def deliver(self, effect: OutboundEffect) -> Delivery:
        if self.trouble == "silent":
            threading.Event().wait()
        return super().deliver(effect)


class Patient(Pigeons):
    """Waits as long as something comes."""

    def deliver(self, effect: OutboundEffect) -> Delivery:
        if self.trouble == "dripping":
            threading.Event().wait()
        return super().deliver(effect)


class Shouting(Pigeons):
    def deliver(self, effect: OutboundEffect) -> Delivery:
        return super().deliver(effect)._replace(code="LANDED")


class Telling(Pigeons):
    def deliver(self, effect: OutboundEffect) -> Delivery:
        sent = effect.effect
        body = sent.content.body if isinstance(sent, SendMessage) else ""
        return super().deliver(effect)._replace(reference=body)


class Impatient(Pigeons):
    def deliver(self, effect: OutboundEffect) -> Delivery:
        return super().deliver(effect)._replace(retry_after_s=-1.0)


class Inventive(Pigeons):
    def deliver(self, effect: OutboundEffect) -> Delivery:
        return super().deliver(effect)._replace(status="flown")  # type: ignore[arg-type]


class Mute(Pigeons):
    def deliver(self, effect: OutboundEffect) -> Delivery:
        super().deliver(effect)
        return None  # type: ignore[return-value]


class Splitting(Pigeons):
    """Takes a line end in a text for the end of a message."""

    def land(self, effect: OutboundEffect) -> None:
        super().land(effect)
        sent = effect.effect
        if isinstance(sent, SendMessage) and "Bcc:" in sent.content.body:
            self.roof.append("another")


class Fussy(Pigeons):
    """Asks to come again with a text that will never do."""

    def deliver(self, effect: OutboundEffect) -> Delivery:
        sent = effect.effect
        if isinstance(sent, SendMessage) and "\x00" in sent.content.body:
            return Delivery("retry", "bad_text")
        return super().deliver(effect)


class Choking(Pigeons):
    """Leaves half of what is too much."""

    def deliver(self, effect: OutboundEffect) -> Delivery:
        delivery = super().deliver(effect)
        if delivery.code == "content_too_large":
            self.land(effect)
        return delivery


class Single(Pigeons):
    """Cannot do two things at once."""

    is_flying = False

    def deliver(self, effect: OutboundEffect) -> Delivery:
        if self.is_flying:
            return Delivery("retry", "flying")
        self.is_flying = True
        threading.Event().wait(0.2)  # a while in which the others come
        self.is_flying = False
        return super().deliver(effect)


class Broken(Pigeons):
    is_closed = False

    def close(self) -> None:
        if self.is_closed:
            raise RuntimeError
        self.is_closed = True


class Stubborn(Pigeons):
    """Takes no for later."""

    def deliver(self, effect: OutboundEffect) -> Delivery:
        delivery = super().deliver(effect)
        return delivery._replace(status="retry") if delivery.code == "refused" else delivery


class Resigned(Pigeons):
    """Takes later for no."""

    def deliver(self, effect: OutboundEffect) -> Delivery:
        delivery = super().deliver(effect)
        return delivery._replace(status="failed") if delivery.code == "busy" else delivery


class Hopeful(Pigeons):
    """Takes silence for yes."""

    def deliver(self, effect: OutboundEffect) -> Delivery:
        delivery = super().deliver(effect)
        is_silent = delivery.code == "answer_timeout"
        return Delivery("delivered", "landed") if is_silent else delivery


class Doubling(Pigeons):
    """Forgets what it sent when the answer was lost."""

    def land(self, effect: OutboundEffect) -> None:
        if effect.id not in self.roof or (self.trouble is None and self.was_lost):
            self.roof.append(effect.id)
        self.was_lost = self.trouble == "lost_answer"

    was_lost = False


class Hurt(Pigeons):
    """Never flies again after it met nobody."""

    was_hurt = False

    def deliver(self, effect: OutboundEffect) -> Delivery:
        self.was_hurt |= self.trouble == "unreachable"
        return Delivery("retry", "hurt") if self.was_hurt else super().deliver(effect)


VIOLATIONS: list[tuple[type[Pigeons], str]] = [
    (Nameless, "declares_itself"),
    (Aimless, "declares_itself"),
    (Timeless, "declares_itself"),
    (Lazy, "carries_an_effect"),
    (Shouting, "carries_an_effect"),
    (Telling, "carries_an_effect"),
    (Impatient, "carries_an_effect"),
    (Inventive, "carries_an_effect"),
    (Mute, "carries_an_effect"),
    (Blurry, "tells_effects_apart"),
    (Forgetful, "leaves_one_thing_when_repeated"),
    (Late, "leaves_what_is_expired"),
    (Omnivorous, "refuses_another_kind"),
    (Splitting, "survives_any_text"),
    (Fussy, "survives_any_text"),
    (Choking, "survives_huge_content"),
    (Single, "works_on_many_threads"),
    (Broken, "closes_twice"),
    (Hurt, "survives_unreachable"),
    (Resigned, "survives_busy"),
    (Stubborn, "survives_refusing"),
    (Stuck, "survives_silent"),
    (Hopeful, "survives_silent"),
    (Patient, "survives_dripping"),
    (Doubling, "survives_lost_answer"),
    (Raising, "survives_garbled"),
]


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    # What hangs here hangs for ever: there is nothing to wait for.
    monkeypatch.setattr(contract, "GRACE_S", 0.3)


def test_pigeons_keep_the_contract() -> None:
    contract.require_contract(rig_of(Pigeons))


@pytest.mark.parametrize(("kind", "check"), VIOLATIONS, ids=lambda v: getattr(v, "__name__", v))
def test_a_violation_is_found(kind: type[Pigeons], check: str) -> None:
    finding = contract.run_check(check, rig_of(kind))
    assert finding.result == "broken"
    assert finding.why


def test_every_check_finds_somebody() -> None:
    assert {check for _, check in VIOLATIONS} == set(CHECKS)


class NoSilence(PigeonRig):
    """A rig that leaves something out."""

    def stage(self, trouble: Trouble | None) -> bool:
        return trouble != "silent" and super().stage(trouble)


@contextmanager
def no_silence() -> Iterator[Rig]:
    yield NoSilence(Pigeons())


def test_what_a_rig_leaves_out_is_said() -> None:
    with pytest.raises(ContractBroken, match="survives_silent: the rig does not stage silent"):
        contract.require_contract(no_silence)
    contract.require_contract(no_silence, not_staged=["survives_silent"])


def test_what_is_kept_is_not_left_out() -> None:
    with pytest.raises(ContractBroken, match="survives_busy: was staged after all"):
        contract.require_contract(rig_of(Pigeons), not_staged=["survives_busy"])
