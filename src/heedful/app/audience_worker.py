"""A process that decides for parts of an audience: parts in, blocks of answers out, over pipes.

Law: it reads the store and nothing else, writes nothing, and ends when whoever started it does.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from typing import IO, Any, Final

import msgspec

from heedful.app.audience_rows import RowFormat, shown, written
from heedful.app.audience_state import read_state
from heedful.decide.columns import Answer
from heedful.engine.audience import AudienceDecider, Page
from heedful.kernel import HeedfulError
from heedful.ports import Transaction
from heedful.store import SqliteReader

_LENGTH: Final = 8  # bytes before each message that say how long it is


class Task(msgspec.Struct, frozen=True, array_like=True):
    """Some people of an audience: those between two keys, or those listed."""

    after: int = -1
    up_to: int = -1
    keys: tuple[int, ...] | None = None


class Order(msgspec.Struct, frozen=True, array_like=True):
    """What a worker is told first."""

    path: str
    """Of the store."""
    state: bytes
    form: RowFormat | None
    """How answers are written; None where nobody wants them written."""
    keeps_answers: bool
    """Whether the answers themselves are wanted, too."""


class Block(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """What came of one task."""

    looked: int
    """Customers that were looked at."""
    alone: int
    """How many of the answers took their person one by one."""
    actions: dict[str, int]
    """People by what is to be done for them."""
    text: str
    answers: tuple[Answer, ...]
    traits: tuple[str, ...]
    """Names of traits that were met, where the condition of the audience reads any."""


class Failure(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Why a task could not be done."""

    code: str
    message: str


def block_of(
    decider: AudienceDecider, tx: Transaction, task: Task, form: RowFormat | None, keeps: bool
) -> Block:
    """Decide for the people of a task."""
    page = _page(decider, tx, task)
    answers = page.answers
    return Block(
        looked=page.looked,
        alone=sum(not answer.is_columnar for answer in answers),
        actions=dict(Counter(answer.action for answer in answers)),
        text="" if form is None else written([shown(answer) for answer in answers], form),
        answers=tuple(answers) if keeps else (),
        traits=tuple(sorted(decider.traits)),
    )


def _page(decider: AudienceDecider, tx: Transaction, task: Task) -> Page:
    if task.keys is not None:
        return decider.keyed(tx, task.keys)
    return decider.between(tx, task.after, task.up_to)


def write_message(sink: IO[bytes], body: bytes) -> None:
    """Write one message."""
    sink.write(len(body).to_bytes(_LENGTH, "big"))
    sink.write(body)
    sink.flush()


def read_message(source: IO[bytes]) -> bytes | None:
    """Read one message; None where the other side has gone."""
    head = source.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    length = int.from_bytes(head, "big")
    body = source.read(length)
    return body if len(body) == length else None


def work(source: IO[bytes], sink: IO[bytes]) -> None:
    """Do tasks until there are none."""
    first = read_message(source)
    if first is None:
        return
    order = msgspec.msgpack.decode(first, type=Order)
    decider = read_state(order.state).decider()
    store = SqliteReader(order.path)
    tasks = msgspec.msgpack.Decoder(Task)
    while (body := read_message(source)) is not None:
        task = tasks.decode(body)
        found: Block | Failure
        try:
            found = store.read(
                lambda tx: block_of(decider, tx, task, order.form, order.keeps_answers)  # noqa: B023
            )
        except HeedfulError as error:
            found = Failure(error.code, error.message)
        write_message(sink, msgspec.msgpack.encode(found))


def main() -> None:
    """Serve whoever started this process."""
    # Ctrl-C is for whoever started it, and its end is the end of the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    said: Any = sys.stderr
    sys.stdout = said  # nothing else may come between two messages
    try:
        work(source, sink)
    except BrokenPipeError:
        sys.stderr.close()


if __name__ == "__main__":
    main()
