"""Keys entered and taken at the first look: as if told once completed, as before once undone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.joins.claims import Claims
from stream.joins.queue import KeyedQueue

names = st.lists(st.integers(0, 20).map(str), max_size=8)


def queue_of(keys: list[str]) -> KeyedQueue:
    """A queue that holds these."""
    queue = KeyedQueue(texts=True)
    for at, key in enumerate(keys):
        queue.add(key, at, at % 3, f"| {key}")
    return queue


@given(names.map(lambda keys: list(dict.fromkeys(keys))), names, names)
def test_undone_claims_leave_no_trace(held: list[str], new: list[str], taken: list[str]) -> None:
    """Whatever was known, occurred twice or was entered just before it was taken."""
    queue = queue_of(held)
    before = dict(queue.numbers)
    claims = Claims()
    entered = claims.enter(queue, new, np.zeros(len(new), np.int64))
    assert entered == (len({*held, *new}) == len(held) + len(new))
    assert (dict(queue.numbers) == before) == (not new or not entered)
    packed = claims.take(queue, taken)
    there = {*held, *(new if entered else [])}
    assert {key for key, at in zip(taken, packed.tolist(), strict=True) if at >= 0} == (
        there & set(taken)
    )
    claims.give_back(np.flatnonzero(packed >= 0)[:1])
    claims.undo()
    assert dict(queue.numbers) == before


def test_completed_claims_are_the_queues_own_changes() -> None:
    """The rows, and what is looked up of them."""
    one, other = queue_of(["a", "b", "c"]), queue_of(["a", "b", "c"])
    codes, times = np.array([1, 2]), np.array([7, 8])
    claims = Claims()
    assert claims.enter(one, ["d", "e"], codes)
    one.add_many(["d", "e"], times, codes, ["| d", "| e"], entered=True)
    packed = claims.take(one, ["e", "b"])
    one.remove(packed >> 2)
    other.add_many(["d", "e"], times, codes, ["| d", "| e"])
    assert other.take_many(["e", "b"]).tolist() == (packed >> 2).tolist()
    assert one.numbers == other.numbers
    assert list(one) == list(other) == ["a", "c", "d"]
    assert one.release_many(packed >> 2) == other.release_many(packed >> 2) == ["| e", "| b"]
