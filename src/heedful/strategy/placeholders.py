"""Placeholders in words: `{traits.firstName|there}` is filled in, `|` gives the fallback.

`{{` and `}}` are the braces themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from heedful.decide.definitions import Action
from heedful.expr import Type
from heedful.strategy.conditions import compiled, condition_names
from heedful.strategy.parts import Part, Parts
from heedful.strategy.yaml import StrategyProblem

_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([^{}|]*)(?:\|[^{}]*)?\}|[{}]")
_PATH: Final = re.compile(r"[A-Za-z_]\w*(?:\.\w+|\[(?:'[^']*'|\"[^\"]*\"|-?\d+)\])*", re.ASCII)


def texts_of(action: Action) -> Iterator[tuple[str, str]]:
    """List what an action says, with its paths: titles, bodies, links and webhook data."""
    for i, treatment in enumerate(action.treatments):
        for field in ("title", "body", "url"):
            yield f"$.treatments[{i}].{field}", getattr(treatment, field)
    for i, webhook in enumerate(action.effects.webhooks):
        yield from _texts(f"$.effects.webhooks[{i}].data", webhook.data)


def _texts(path: str, data: Any) -> Iterator[tuple[str, str]]:
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(f"{path}.{key}", value)
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from _texts(f"{path}[{i}]", value)


def placeholder_problems(
    part: Part[Any], path: str, text: str, parts: Parts
) -> Iterator[StrategyProblem]:
    """Find placeholders that name nothing, and braces that do not pair."""
    names = parts.once(condition_names)
    problems: list[StrategyProblem] = []
    for found in _PLACEHOLDER.finditer(text):
        name = found.group(1)
        if name is not None and _PATH.fullmatch(name):
            offset = found.start(1)
            compiled(part, path, name, names, problems, expects=Type.ANY, offset=offset)
        elif name is not None or len(found.group()) == 1:
            remedy = "Braces themselves are written {{ and }}."
            what = "a name such as {traits.firstName|there}"
            said = part.problem(path, what, repr(found.group()), remedy)
            problems.append(part.problem_saying(path, said.text, offset=found.start()))
    yield from problems
