"""Keys entered and taken at the first look: as if told once completed, as before once undone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.joins.claims import Claims
from stream.joins.column_store import Layout
from stream.joins.id_window import IdWindow
from stream.joins.queue import KeyedQueue

names = st.lists(st.integers(0, 20).map(str), max_size=8)


def queue_of(keys: list[str]) -> KeyedQueue:
    """A queue that holds these."""
    queue = KeyedQueue(texts=True)
    for at, key in enumerate(keys):
        queue.add(key, at, at % 3, f"| {key}")
    return queue


def window_of(keys: list[str], waiting: KeyedQueue) -> IdWindow:
    """A window that holds these, and knows those that wait."""
    window = IdWindow(Layout(), waiting)
    for at, key in enumerate(keys):
        window.add(key, 0, at % 3)
    window.known.update(waiting)
    return window


@given(st.sets(st.integers(0, 20).map(str)), st.sets(st.integers(0, 20).map(str)), names, names)
def test_undone_claims_leave_no_trace(
    held: set[str], resolved: set[str], new: list[str], taken: list[str]
) -> None:
    """Whatever was known, occurred twice or was entered just before it was taken."""
    waiting = queue_of(sorted(held))
    window = window_of(sorted(resolved - held), waiting)
    numbers, known = dict(waiting.numbers), set(window.known)
    claims = Claims()
    entered = claims.enter(window, new)
    assert entered == (len({*known, *new}) == len(known) + len(new))
    assert window.known == ({*known, *new} if entered else known)
    if entered:
        claims.number(waiting, new)
    packed = claims.take(waiting, taken)
    there = {*held, *(new if entered else [])}
    assert {key for key, at in zip(taken, packed.tolist(), strict=True) if at >= 0} == (
        there & set(taken)
    )
    claims.give_back(np.flatnonzero(packed >= 0)[:1])
    claims.undo()
    assert (dict(waiting.numbers), window.known) == (numbers, known)


def test_completed_claims_are_the_queues_own_changes() -> None:
    """The rows, and what is looked up of them."""
    one, other = queue_of(["a", "b", "c"]), queue_of(["a", "b", "c"])
    window, codes, times = window_of([], one), np.zeros(2, np.int64), np.array([7, 8])
    claims = Claims()
    assert claims.enter(window, ["d", "e"])
    claims.number(one, ["d", "e"])
    one.add_many(["d", "e"], times, codes, ["| d", "| e"], entered=True)
    packed = claims.take(one, ["e", "b"])
    one.remove(packed >> 2)
    other.add_many(["d", "e"], times, codes, ["| d", "| e"])
    assert other.take_many(["e", "b"]).tolist() == (packed >> 2).tolist()
    assert one.numbers == other.numbers
    assert list(one) == list(other) == ["a", "c", "d"]
    assert one.release_many(packed >> 2) == other.release_many(packed >> 2) == ["| e", "| b"]
