"""Reading what is written: conditions, spans, money, patterns, words; faults with their place."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from heedful.decide.definitions import SilenceEffect
from heedful.decide.fill import Gap, Template, parts_of
from heedful.decide.limits import MONEY_MAX
from heedful.decide.readings import Condition, names_of
from heedful.decide.touch import EventMatch
from heedful.effects import MessageClass
from heedful.expr import Type, compile_expression
from heedful.kernel import InputError, expected, parse_span, to_micros
from heedful.kernel.names import nearest
from heedful.sense import SignalSet
from heedful.sense.definitions import On, read_patterns

T = TypeVar("T")


class Writing:
    """Reads the parts of one strategy and collects what is wrong with them.

    Notes
    -----
    Every method gives something usable where it found a fault, so that one run finds all of them.
    """

    def __init__(self, signals: SignalSet) -> None:
        self.faults: list[InputError] = []
        self.conditions: list[Condition] = []
        self.has_intent = signals.moment is not None
        """Whether the intent of the moment is sensed."""
        self._names = names_of(signals)
        self._known: dict[tuple[str, Type | None], Condition] = {}

    def fault(self, code: str, what: str, got: str, path: str, remedy: str = "") -> None:
        """Note what is wrong at a path."""
        message = expected(what, got, path, remedy)
        self.faults.append(InputError(code, message, {"path": path}))

    def unknown(self, what: str, name: str, path: str, known: Collection[str]) -> None:
        """Note a name that stands nowhere."""
        found = nearest(name, known)
        remedy = f"Did you mean {found}?" if found else ""
        self.fault("unknown_name", what, repr(name), path, remedy)

    def expression(self, text: str, path: str, expects: Type | None) -> Condition | None:
        """Compile an expression; the same text gives the same one."""
        known = self._known.get((text, expects))
        if known is not None:
            return known
        try:
            compiled = compile_expression(text, self._names, path=path, expects=expects)
        except InputError as error:
            self.faults.append(error)
            return None
        made = Condition(compiled, len(self.conditions))
        self.conditions.append(made)
        self._known[text, expects] = made
        return made

    def condition(self, text: str | None, path: str) -> Condition | None:
        """Compile a condition, where there is one."""
        return None if text is None else self.expression(text, path, Type.BOOL)

    def span(self, text: str, path: str, *, is_zero_allowed: bool = False) -> int:
        """Read a span in ms."""
        try:
            span = parse_span(text, path)
        except InputError as error:
            error.detail.setdefault("path", path)
            self.faults.append(error)
            return 1
        if span <= 0 and not is_zero_allowed:
            self.fault("bad_span", "a span longer than 0", repr(text), path)
            return 1
        return span

    def money(self, amount: float, path: str) -> int:
        """Read an amount as micros."""
        micros = to_micros(amount)
        if micros is None or abs(amount) > MONEY_MAX:
            what = f"an amount of money up to {MONEY_MAX:,.0f}"
            self.fault("bad_money", what, repr(amount), path)
            return 0
        return micros

    def share(
        self, value: float, path: str, least: float, most: float, what: str = "a number"
    ) -> float:
        """Check a number between bounds."""
        if not least <= value <= most:
            self.fault("bad_number", f"{what} from {least:g} to {most:g}", repr(value), path)
            return least
        return value

    def patterns(self, on: On | None, path: str) -> tuple[EventMatch, ...]:
        """Read patterns of events, with the conditions that narrow them."""
        if on is None:
            return ()
        try:
            found = read_patterns(on, path)
        except InputError as error:
            self.faults.append(error)
            return ()
        matches = []
        for pattern in found:
            where = self.condition(pattern.where, f"{path}.where")
            matches.append(
                EventMatch(pattern.type, pattern.name, () if where is None else (where,))
            )
        return tuple(matches)

    def template(self, text: str, path: str) -> Template:
        """Read words with gaps."""
        try:
            parts = parts_of(text, path)
        except InputError as error:
            self.faults.append(error)
            return ()
        template: list[str | Gap] = []
        for part, fallback in parts:
            if fallback is None:
                template.append(part)
                continue
            condition = self.expression(part, path, None)
            if condition is not None:
                template.append(Gap(condition, fallback))
        return tuple(template)

    def templates(self, value: Any, path: str) -> Any:
        """Read every text of a webhook's body as words with gaps."""
        if isinstance(value, str):
            return self.template(value, path)
        if isinstance(value, dict):
            return {str(k): self.templates(v, f"{path}.{k}") for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.templates(v, f"{path}[{i}]") for i, v in enumerate(value)]
        return value

    def silence(self, effect: SilenceEffect | None, path: str) -> tuple[MessageClass, int] | None:
        """Read what is muted, and for how long."""
        if effect is None:
            return None
        if effect.of in ("transactional", "mandatory"):
            what = "`promotional` or `service`"
            self.fault("bad_silence", what, f"`{effect.of}`", f"{path}.of", "Nothing mutes these.")
        return effect.of, self.span(effect.span, f"{path}.for")

    def named(self, names: list[str], paths: list[str], what: str) -> None:
        """Find names that are empty or were taken before."""
        seen: set[str] = set()
        for name, path in zip(names, paths, strict=True):
            if not name:
                self.fault("bad_name", "a name", "an empty text", path)
            if name in seen:
                self.fault("repeated_name", what, repr(name), path)
            seen.add(name)

    def at_most(self, entries: tuple[T, ...], most: int, path: str, what: str) -> tuple[T, ...]:
        """Find too many of something."""
        if len(entries) > most:
            self.fault("too_many", f"at most {most} {what}", str(len(entries)), path)
        return entries[:most]
