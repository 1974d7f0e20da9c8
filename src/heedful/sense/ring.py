"""A bounded, newest-first list of instants, written as differences.

Law: what a ring keeps is a function of the *set* of its entries, the N greatest by
(instant, item). Entries that are equal in both are interchangeable, so nothing else (a message's
key) needs to be kept to break a tie.

`deltas[0]` is the newest instant, `deltas[i]` the distance from entry i - 1 to entry i. Most
distances take 3 to 5 bytes where an instant takes 9, and appending in order touches two numbers.
Items, where there are any, stand in a list beside it.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from operator import sub
from typing import Any


def instants(deltas: list[int]) -> list[int]:
    """Write the instants out, newest first."""
    return list(accumulate(deltas, sub))


def deltas_of(ordered: list[int]) -> list[int]:
    """Write instants that are ordered newest first as a ring."""
    return ordered[:1] + [a - b for a, b in pairwise(ordered)]


def oldest(deltas: list[int]) -> int:
    """Find the oldest instant of a ring that is not empty."""
    return 2 * deltas[0] - sum(deltas)


def push(deltas: list[int], at: int) -> None:
    """Put one instant in its place."""
    if not deltas:
        deltas.append(at)
        return
    newest = deltas[0]
    if at >= newest:
        deltas[0] = at - newest
        deltas.insert(0, at)
        return
    index, here = 1, newest
    for index in range(1, len(deltas)):
        earlier = here - deltas[index]
        if at >= earlier:
            deltas[index] = at - earlier
            deltas.insert(index, here - at)
            return
        here = earlier
    deltas.append(here - at)


def push_item(deltas: list[int], items: list[Any], at: int, item: Any) -> None:
    """Put one instant and its item in their place; items of one ring compare with each other."""
    if not deltas:
        deltas.append(at)
        items.append(item)
        return
    newest = deltas[0]
    if at > newest or (at == newest and item >= items[0]):
        deltas[0] = at - newest
        deltas.insert(0, at)
        items.insert(0, item)
        return
    here = newest
    for index in range(1, len(deltas)):
        earlier = here - deltas[index]
        if at > earlier or (at == earlier and item >= items[index]):
            deltas[index] = at - earlier
            deltas.insert(index, here - at)
            items.insert(index, item)
            return
        here = earlier
    deltas.append(here - at)
    items.append(item)


def remove(deltas: list[int], items: list[Any], index: int) -> None:
    """Take one entry out."""
    if index == 0:
        if len(deltas) > 1:
            deltas[1] = deltas[0] - deltas[1]
    elif index + 1 < len(deltas):
        deltas[index + 1] += deltas[index]
    del deltas[index]
    del items[index]


def cut_before(deltas: list[int], items: list[Any] | None, floor: int) -> None:
    """Drop the entries older than `floor`; `floor` itself stays."""
    if not deltas:
        return
    last = oldest(deltas)
    while last < floor:
        last += deltas.pop()
        if items is not None:
            items.pop()
        if not deltas:
            return


def unite(a: list[int], b: list[int]) -> list[int]:
    """Write the instants of two rings out, newest first."""
    return sorted(instants(a) + instants(b), reverse=True)


def unite_items(
    a: list[int], a_items: list[Any], b: list[int], b_items: list[Any]
) -> list[tuple[int, Any]]:
    """Write the entries of two rings out, newest first."""
    entries = [*zip(instants(a), a_items, strict=True), *zip(instants(b), b_items, strict=True)]
    entries.sort(reverse=True)
    return entries
