"""The battery that every estimator passes: the same twice, pickled whole, bounded, documented."""

from __future__ import annotations

import importlib
import inspect
import pickle  # noqa: TID251 - only to show that estimators travel between processes
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from heedful import learn, measure
from heedful.kernel import InputError
from tests.contract.estimators import ANSWERS, LEARNERS, Answer, Learner, plain

ROWS = 60
ARRAY = re.compile(r"Floats|Indices|Hashes|Ints|NDArray|ArrayLike")
YEAR = re.compile(r"\b(17|18|19|20)\d\d\b")
EACH_LEARNER = pytest.mark.parametrize("case", LEARNERS, ids=lambda case: case.estimator.__name__)
EACH_ANSWER = pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.estimator.__name__)
EACH = pytest.mark.parametrize(
    "estimator",
    [case.estimator for case in (*LEARNERS, *ANSWERS)],
    ids=lambda estimator: estimator.__name__,
)


def taught(case: Learner, seed: int, rows: int = ROWS) -> Any:
    model, draws = case.make(), np.random.default_rng(seed)
    for number in range(rows):
        case.learn(model, draws, number)
    return model


@EACH_LEARNER
def test_the_same_stream_gives_the_same_bytes(case: Learner) -> None:
    assert taught(case, 1).encode() == taught(case, 1).encode()
    assert taught(case, 1).encode() != taught(case, 2).encode()


@EACH_LEARNER
def test_a_learner_goes_on_where_it_was_written(case: Learner) -> None:
    whole = taught(case, 1, 2 * ROWS).encode()
    draws, half = np.random.default_rng(1), case.make()
    for number in range(ROWS):
        case.learn(half, draws, number)
    pickled = pickle.loads(pickle.dumps(half))
    stored = type(half).decode(half.encode())
    assert pickled.encode() == stored.encode() == half.encode()
    state = draws.bit_generator.state
    for model in (pickled, stored):
        draws.bit_generator.state = state
        for number in range(ROWS, 2 * ROWS):
            case.learn(model, draws, number)
        assert model.encode() == whole


@EACH_LEARNER
def test_a_stream_of_ever_new_things_fills_no_memory(
    case: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, limit in case.limits.items():
        module, constant = name.rsplit(".", 1)
        monkeypatch.setattr(importlib.import_module(module), constant, limit)
    model = case.make()
    empty = len(model.encode())
    most = most_bytes(case, model, 0, 60)
    assert most > empty
    assert most_bytes(case, model, 60, 400) <= most * 1.1


def most_bytes(case: Learner, model: Any, first: int, end: int) -> int:
    """Teach what is new, taken in or refused in words; give the most bytes that it ever took."""
    sizes = []
    for number in range(first, end):
        with suppress(InputError):
            case.learn_new(model, number)
        sizes.append(len(model.encode()))
    return max(sizes)


@EACH_ANSWER
def test_the_same_data_give_the_same_answer(case: Answer) -> None:
    first, again, other = (plain(case.work_out(np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@EACH_ANSWER
def test_an_answer_travels_whole(case: Answer) -> None:
    answer = case.work_out(np.random.default_rng(1))
    assert plain(pickle.loads(pickle.dumps(answer))) == plain(answer)


@EACH
def test_a_paper_is_cited(estimator: Any) -> None:
    _, found, cited = (inspect.getdoc(estimator) or "").partition("References\n")
    assert found, f"{estimator.__name__} cites nothing"
    assert YEAR.search(cited) or re.search(r"`\w+`", cited)  # or names the parts that cite


@EACH
def test_shapes_are_documented(estimator: Any) -> None:
    about = inspect.getdoc(estimator) or ""
    for name, function in callables(estimator):
        if any(ARRAY.search(str(kind)) for kind in function.__annotations__.values()):
            said = f"{about} {inspect.getdoc(function) or ''}".lower()
            assert "shape" in said, f"{name} takes or gives arrays and states no shape"


def callables(estimator: Any) -> Iterator[tuple[str, Any]]:
    if inspect.isfunction(estimator):
        yield estimator.__name__, estimator
        return
    for name, member in vars(estimator).items():
        function = getattr(member, "__func__", member)
        if inspect.isfunction(function) and not name.startswith("_"):
            yield f"{estimator.__name__}.{name}", function


@pytest.mark.parametrize("room", [learn, measure], ids=lambda room: room.__name__)
def test_whatever_learns_fits_or_cites_is_in_the_battery(room: Any) -> None:
    known = {case.estimator for case in (*LEARNERS, *ANSWERS)}
    for name in room.__all__:
        one = getattr(room, name)
        if getattr(one, "_is_protocol", False) or not (
            inspect.isclass(one) or inspect.isfunction(one)
        ):
            continue
        is_estimator = (
            "References\n" in (inspect.getdoc(one) or "")
            or hasattr(one, "learn_one")
            or name.startswith("fit_")
        )
        assert one in known or not is_estimator, f"{name} is not in tests/contract/estimators.py"
