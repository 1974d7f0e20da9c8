"""One definition read: its roles, its rule, and every fault at its field.

Law: a signal reads the event and nothing else (`EVENT_NAMES`). What read the profile or the clock
would depend on when the event was folded.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from heedful.events import Event
from heedful.expr import UNKNOWN, Expression, Names, Open, Record, Type, compile_expression
from heedful.kernel import InputError
from heedful.sense.buying import BuyingRule
from heedful.sense.categories import CategoryRule
from heedful.sense.definitions import On, Pattern, SignalDefinition, read_patterns, read_span
from heedful.sense.limits import DWELL_CAP_MS, HOLDS_DEFAULT_MS, RATE_PER_DEFAULT_MS
from heedful.sense.moments import ROLES, IntentRule
from heedful.sense.rule import ON, Rule
from heedful.sense.tallies import RESET, MeanGapRule, TallyRule, TotalRule
from heedful.sense.timelines import AFTER, NOT_AFTER, AbsenceRule, DwellRule, SequenceRule
from heedful.sense.types import Reader, Scope
from heedful.sense.values import DistinctRule, MomentRule
from heedful.sense.views import MOMENT

EVENT_NAMES: Final = Names(
    roots={
        "event": Record(
            fields={
                "name": Type.TEXT,
                "type": Type.TEXT,
                "at": Type.NUMBER,
                "source": Type.TEXT,
                "properties": Open(),
                "traits": Open(),
                "context": Open(),
            }
        )
    }
)
"""What `where`, `of` and `by` may read."""

_PLAIN_PATH: Final = re.compile(r"event\.(properties|traits|context)\.(\w+)", re.ASCII)
_ZEROED: Final = frozenset({"count", "sum", "rate", "distinct"})


class Role(NamedTuple):
    """What events of one pattern are to a signal."""

    bit: int
    pattern: Pattern
    conditions: tuple[Expression, ...]


_MOMENT_FIELDS: Final = {"of": "item", "by": "category", "window": "lasts"}
"""How the fields of a moment's definition are written under `sequences`."""


class Reading:
    """Reads one definition whose fields are right into a rule and its canonical form."""

    def __init__(self, definition: SignalDefinition, path: str, faults: list[InputError]) -> None:
        self._definition = definition
        self._path = path
        self._faults = faults
        self.roles: list[Role] = []
        self._form: list[Any] = []
        self._written = _MOMENT_FIELDS if definition.kind == MOMENT else {}
        self.type = Type.NUMBER

    def rule(self) -> tuple[Rule | None, list[Any]]:
        d = self._definition
        window = self._span("window")
        of, by = self._value("of"), self._value("by")
        if d.kind == MOMENT:
            return self._moment(of, by, window)
        where = self._condition(d.where, f"{self._path}.where")
        if d.kind == "absence":
            self._cast(d.after, AFTER, "after", where)
            self._cast(d.not_, NOT_AFTER, "not", None)
        elif d.kind == "sequence":
            for i, step in enumerate(d.steps or []):
                self._cast(step, 1 << i, f"steps[{i}]", where)
            self._cast(d.not_, 1 << len(d.steps or []), "not", None)
        else:
            self._cast(d.on, ON, "on", where)
            self._cast(d.reset_on, RESET, "reset_on", None)
        rule = self._made(window, of)
        # `default` and `per` change how a slot is shown, never what it holds.
        spans = [window, self._span("within"), self._span("holds"), self._span("cap")]
        form = [d.kind, sorted(self._form), d.of, d.by, spans, len(d.steps or ())]
        if rule is not None and by is not None:
            self.type = Type.MAP
            rule = CategoryRule(by, rule, hides_zero=d.kind in _ZEROED)
        return rule, form

    def _moment(
        self, of: Reader | None, by: Reader | None, window: int | None
    ) -> tuple[Rule | None, list[Any]]:
        d = self._definition
        for bit, (role, on) in enumerate(zip(ROLES, d.steps or [], strict=True)):
            self._cast(on, 1 << bit, role, None)
        form = [d.kind, sorted(self._form), d.of, d.by, window]
        if of is None or by is None or window is None:
            return None, form
        return IntentRule(of, by, window), form

    def _made(self, window: int | None, of: Reader | None) -> Rule | None:
        d = self._definition
        within, holds = self._span("within") or 0, self._span("holds") or HOLDS_DEFAULT_MS
        match d.kind:
            case "count" | "sum" if window is None and d.reset_on is None:
                return TotalRule(of)
            case "count" | "sum":
                return TallyRule("count" if d.kind == "count" else "sum", window, of)
            case "rate":
                return TallyRule("rate", window, per=self._span("per") or RATE_PER_DEFAULT_MS)
            case "gap":
                return MeanGapRule() if window is None else TallyRule("gap", window)
            case "buying" if of is not None:
                self.type = Type.MAP
                return BuyingRule(of)
            case "distinct" if of is not None:
                return DistinctRule(of, window)
            case "last" | "first" if of is not None:
                self.type = Type.ANY
                return MomentRule(of, window, is_first=d.kind == "first")
            case "recency":
                return MomentRule(None)
            case "dwell":
                return DwellRule(window, self._span("cap") or DWELL_CAP_MS)
            case "sequence":
                self.type = Type.BOOL
                return SequenceRule(len(d.steps or []), within, holds)
            case "absence":
                self.type = Type.BOOL
                return AbsenceRule(within, holds)
        return None

    def _span(self, field: str) -> int | None:
        text = getattr(self._definition, field)
        if text is None:
            return None
        try:
            return read_span(text, self._place(field), 0)
        except InputError as error:
            if all(f.message != error.message for f in self._faults):
                error.detail.setdefault("path", self._place(field))
                self._faults.append(error)
            return 1

    def _place(self, field: str) -> str:
        return f"{self._path}.{self._written.get(field, field)}"

    def _condition(self, text: str | None, path: str) -> Expression | None:
        return None if text is None else self._compiled(text, path, Type.BOOL)

    def _compiled(self, text: str, path: str, expects: Type | None) -> Expression | None:
        try:
            return compile_expression(text, EVENT_NAMES, path=path, expects=expects)
        except InputError as error:
            self._faults.append(error)
            return None

    def _value(self, field: str) -> Reader | None:
        text = getattr(self._definition, field)
        expression = None if text is None else self._compiled(text, self._place(field), None)
        return None if expression is None else reader_of(expression)

    def _cast(self, on: On | None, bit: int, field: str, where: Expression | None) -> None:
        if on is None:
            return
        try:
            patterns = read_patterns(on, f"{self._path}.{field}")
        except InputError as error:
            self._faults.append(error)
            return
        for pattern in patterns:
            own = self._condition(pattern.where, f"{self._path}.{field}.where")
            conditions = tuple(c for c in (where, own) if c is not None)
            self.roles.append(Role(bit, pattern, conditions))
            texts = sorted(c.text for c in conditions)
            self._form.append([bit, pattern.type, pattern.name, texts])


def reader_of(expression: Expression) -> Reader:
    """Make the reader of one value; a plain path skips the scope."""
    plain = _PLAIN_PATH.fullmatch(expression.text.strip())
    if plain is not None:
        part, field = plain.groups()
        if part == "properties":
            return lambda event, scope: event.properties.get(field)
        if part == "traits":
            return lambda event, scope: event.traits.get(field)
        return lambda event, scope: event.context.get(field)
    evaluate = expression.evaluate

    def read(event: Event, scope: Scope) -> Any:
        value = evaluate(scope.values())
        return None if value is UNKNOWN else value

    return read
