"""The contract that every connector keeps, as checks that any test runner can run.

An implementer writes a `Rig`, the connector beside a stand-in for the other side, and runs
`require_contract(make_rig)`, or each name of `CHECKS` as a test of its own with `run_check`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, Literal, NamedTuple, Protocol

from heedful.connectors.acceptance import wall_clock
from heedful.connectors.standin import TROUBLES, HttpStandIn, Trouble
from heedful.effects import OutboundEffect, Silence
from heedful.kernel import HOUR_MS
from heedful.ports import Connector, Delivery

__all__ = [
    "CHECKS",
    "TROUBLES",
    "ContractBroken",
    "Finding",
    "HttpStandIn",
    "Rig",
    "Trouble",
    "require_contract",
    "run_check",
    "run_contract",
]

GRACE_S: Final = 5.0
"""Seconds beyond `timeout_s` that a check waits before it says that a call does not end."""

HUGE_CHARS: Final = 8 * 1024 * 1024
"""Characters of the text that no connector has to carry, but must survive."""

AT_ONCE: Final = 8
"""Calls that run at the same time."""

HOSTILE_TEXTS: Final = (
    "Grüße, 你好, مرحبا, \U0001f469\u200d\U0001f4bb",
    "first\r\nBcc: victim@example.com\r\nX-Injected: yes",
    "body\r\n.\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n",
    "<script>alert(1)</script> & \"quotes\" 'and' more",
    "{0} {name} %s %(name)s ${HOME} {{template}}",
    "nul \x00 bell \x07 escape \x1b[31m delete \x7f",
    "half a pair: \ud83d",
    "line\u2028separator\u2029paragraph\x85next",
    "x" * 100_000,
    "",
)
"""Texts that somebody has broken a program with."""

_CODE: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_MARK: Final = "zebra-4711"  # stands in the text, and must not come back in a code


class ContractBroken(AssertionError):
    """The connector does not keep the contract."""


class NotStaged(Exception):
    """The rig cannot bring this about."""


class Rig(Protocol):
    """A connector beside a stand-in for the other side.

    Obligations: every `Rig` starts with nothing on the other side; the connector's `timeout_s` is
    short, since some checks wait for it.
    """

    @property
    def connector(self) -> Connector:
        """The connector, open."""

    def effect(self, effect_id: str, text: str, expires_at: int) -> OutboundEffect:
        """Make an effect that it carries, with `text` wherever a person's words may stand."""

    def things(self) -> Sequence[str]:
        """List what stands on the other side, one entry a thing."""

    def stage(self, trouble: Trouble | None) -> bool:
        """Let the other side behave so from now on, None being well; False where it never does."""


MakeRig = Callable[[], AbstractContextManager[Rig]]
Check = Callable[[Rig], None]


class Finding(NamedTuple):
    """What one check found."""

    check: str
    result: Literal["kept", "broken", "not_staged"]
    why: str = ""


def _effect(rig: Rig, effect_id: str, text: str = _MARK) -> OutboundEffect:
    return rig.effect(effect_id, text, wall_clock() + HOUR_MS)


def _require(is_kept: bool, why: str) -> None:
    if not is_kept:
        raise ContractBroken(why)


def _deliver(rig: Rig, effect: OutboundEffect) -> Delivery:
    """Deliver on a thread of its own, as the engine does, and look at what comes back."""
    ended: list[Delivery | BaseException] = []

    def call() -> None:
        try:
            ended.append(rig.connector.deliver(effect))
        except BaseException as error:  # whatever it raises is what is looked for
            ended.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(rig.connector.timeout_s + GRACE_S)
    _require(bool(ended), f"deliver did not end within {rig.connector.timeout_s} s")
    delivery = ended[0]
    if isinstance(delivery, BaseException):
        raise ContractBroken(f"deliver raised {type(delivery).__name__}") from delivery
    _require(isinstance(delivery, Delivery), f"deliver gave a {type(delivery).__name__}")
    known = ("delivered", "retry", "failed", "unknown")
    _require(delivery.status in known, f"unknown status {delivery.status!r}")
    _require(bool(_CODE.fullmatch(delivery.code)), f"code {delivery.code!r} is not snake_case")
    _require(_MARK not in delivery.code + delivery.reference, "a code quotes the message")
    wait_s = delivery.retry_after_s
    _require(wait_s is None or wait_s >= 0, f"retry_after_s is {wait_s}")
    return delivery


def _require_status(delivery: Delivery, *statuses: str) -> None:
    said = f"{delivery.status} ({delivery.code})"
    _require(delivery.status in statuses, f"expected {' or '.join(statuses)}, got {said}")


def _require_things(rig: Rig, count: int) -> None:
    found = len(rig.things())
    _require(found == count, f"expected {count} on the other side, got {found}")


def _declares_itself(rig: Rig) -> None:
    connector = rig.connector
    _require(bool(connector.name), "it has no name")
    _require(connector.timeout_s > 0, "timeout_s is not above 0")
    carried = (*connector.channels, *connector.destinations)
    _require(bool(carried), "it carries neither a channel nor a destination")
    _require(all(isinstance(one, str) and one for one in carried), "one has no name")


def _carries_an_effect(rig: Rig) -> None:
    _require_status(_deliver(rig, _effect(rig, "e_1")), "delivered")
    _require_things(rig, 1)


def _tells_effects_apart(rig: Rig) -> None:
    for effect_id in ("e_1", "e_2"):
        _require_status(_deliver(rig, _effect(rig, effect_id)), "delivered")
    _require_things(rig, 2)


def _leaves_one_thing_when_repeated(rig: Rig) -> None:
    effect = _effect(rig, "e_1")
    if rig.connector.is_at_most_once(effect):
        raise NotStaged("it goes out at most once, so it is never repeated")
    for _ in range(3):
        _require_status(_deliver(rig, effect), "delivered")
    _require_things(rig, 1)


def _leaves_what_is_expired(rig: Rig) -> None:
    late = rig.effect("e_1", _MARK, wall_clock() - 1)
    _require_status(_deliver(rig, late), "failed")
    _require_things(rig, 0)


def _refuses_another_kind(rig: Rig) -> None:
    effect = _effect(rig, "e_1")
    silence = Silence("promotional", effect.expires_at, "a test")
    other = OutboundEffect(
        effect.id,
        effect.decision_id,
        effect.customer_id,
        silence,
        effect.due,
        effect.expires_at,
        effect.destination,
    )
    _require_status(_deliver(rig, other), "failed")
    _require_things(rig, 0)


def _survives_any_text(rig: Rig) -> None:
    carried = 0
    for index, text in enumerate(HOSTILE_TEXTS):
        delivery = _deliver(rig, _effect(rig, f"e_{index}", text))
        _require_status(delivery, "delivered", "failed")
        carried += delivery.status == "delivered"
        found = len(rig.things())
        _require(found == carried, f"{found - carried} too many after {text[:40]!r}")
    _require(carried > 0, "it carried none of them")


def _survives_huge_content(rig: Rig) -> None:
    delivery = _deliver(rig, _effect(rig, "e_1", "huge " * (HUGE_CHARS // 5)))
    _require(len(rig.things()) == (delivery.status == "delivered"), "it left a part of it")
    _require_status(_deliver(rig, _effect(rig, "e_2")), "delivered")


def _works_on_many_threads(rig: Rig) -> None:
    effects = [_effect(rig, f"e_{index}") for index in range(AT_ONCE)]
    statuses: list[str] = []
    threads = [
        threading.Thread(target=lambda e=e: statuses.append(_deliver(rig, e).status), daemon=True)
        for e in effects
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(rig.connector.timeout_s + 2 * GRACE_S)
    _require(statuses == ["delivered"] * AT_ONCE, f"{AT_ONCE} at once ended as {statuses}")
    _require_things(rig, AT_ONCE)


def _closes_twice(rig: Rig) -> None:
    _deliver(rig, _effect(rig, "e_1"))
    try:
        rig.connector.close()
        rig.connector.close()
    except Exception as error:
        raise ContractBroken(f"close raised {type(error).__name__}") from error


_EXPECTED: Final[dict[Trouble, tuple[str, ...]]] = {
    "unreachable": ("retry",),
    "busy": ("retry",),
    "refusing": ("failed",),
    "silent": ("retry", "unknown"),
    "dripping": ("retry", "unknown"),
    "lost_answer": ("unknown", "delivered"),
    "garbled": ("retry", "unknown", "failed"),
}


def _survives(trouble: Trouble) -> Check:
    def check(rig: Rig) -> None:
        if not rig.stage(trouble):
            raise NotStaged(f"the rig does not stage {trouble}")
        effect = _effect(rig, "e_1")
        delivery = _deliver(rig, effect)
        _require_status(delivery, *_EXPECTED[trouble])
        _require(bool(rig.stage(None)), "stage(None) must be possible")
        if delivery.status == "unknown" and rig.connector.is_at_most_once(effect):
            return
        if delivery.status != "failed":
            # What the engine does next: the same effect again. It leaves one thing, no more.
            _require_status(_deliver(rig, effect), "delivered")
            _require_things(rig, 1)
        before = len(rig.things())
        _require_status(_deliver(rig, _effect(rig, "e_2")), "delivered")
        _require_things(rig, before + 1)

    return check


CHECKS: Final[dict[str, Check]] = {
    "declares_itself": _declares_itself,
    "carries_an_effect": _carries_an_effect,
    "tells_effects_apart": _tells_effects_apart,
    "leaves_one_thing_when_repeated": _leaves_one_thing_when_repeated,
    "leaves_what_is_expired": _leaves_what_is_expired,
    "refuses_another_kind": _refuses_another_kind,
    "survives_any_text": _survives_any_text,
    "survives_huge_content": _survives_huge_content,
    "works_on_many_threads": _works_on_many_threads,
    "closes_twice": _closes_twice,
    **{f"survives_{trouble}": _survives(trouble) for trouble in TROUBLES},
}
"""Every check by name; each needs a rig of its own."""


def run_check(name: str, make_rig: MakeRig) -> Finding:
    """Run one check on a new rig."""
    with make_rig() as rig:
        try:
            CHECKS[name](rig)
        except NotStaged as error:
            return Finding(name, "not_staged", str(error))
        except ContractBroken as error:
            return Finding(name, "broken", str(error))
    return Finding(name, "kept")


def run_contract(make_rig: MakeRig) -> list[Finding]:
    """Run every check, each on a new rig."""
    return [run_check(name, make_rig) for name in CHECKS]


def require_contract(make_rig: MakeRig, *, not_staged: Sequence[str] = ()) -> None:
    """Run every check and raise for those that are broken.

    Parameters
    ----------
    not_staged
        Checks that the rig cannot bring about. Any other that it leaves out counts as broken, so
        that nothing is left out by mistake.

    Raises
    ------
    ContractBroken
        With every finding.
    """
    faults = []
    for check, result, why in run_contract(make_rig):
        if result == "broken" or (result == "not_staged" and check not in not_staged):
            faults.append(f"{check}: {why}")
        if result == "kept" and check in not_staged:
            faults.append(f"{check}: was staged after all")
    if faults:
        raise ContractBroken("\n".join(faults))
