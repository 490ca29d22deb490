"""A window of ids answers as the queue does that keeps a number for each of them all the time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.joins import id_window as window_module
from stream.joins import queue as queue_module
from stream.joins.column_store import Layout
from stream.joins.id_window import IdWindow
from stream.joins.queue import KeyedQueue

names = st.integers(0, 12).map(str)
actions = st.lists(
    st.tuples(
        st.deferred(lambda: st.sampled_from(sorted(DONE))),
        st.lists(names, max_size=4),
    ),
    max_size=40,
)


def _enter(queue: KeyedQueue, keys: list[str], *, undone: bool) -> bool:
    """Enter keys, and add or undo them; whether none was there or came twice."""
    codes = np.array([int(key) % 3 for key in keys], dtype=np.int64)
    if isinstance(queue, IdWindow):
        entered = queue.enter(keys)
        if undone and entered:
            queue.known.difference_update(keys)
    else:
        entered = len({*keys, *queue}) == len(keys) + len(queue)
    if entered and not undone:
        inside = isinstance(queue, IdWindow)
        queue.add_many(keys, np.zeros_like(codes), codes, entered=inside)
    return entered


def _add(queue: KeyedQueue, keys: list[str]) -> None:
    for key in dict.fromkeys(keys):
        if queue.find(key) is None:
            queue.add(key, 0, int(key) % 3)


def _drop(queue: KeyedQueue, count: int) -> None:
    if isinstance(queue, IdWindow):
        queue.drop_oldest(count)
    else:
        for _ in range(min(count, len(queue))):
            queue.take_oldest()


DONE: dict[str, Callable[[KeyedQueue, list[str]], object]] = {
    "enter": lambda queue, keys: _enter(queue, keys, undone=False),
    "enter and undo": lambda queue, keys: _enter(queue, keys, undone=True),
    "add": _add,
    "find": lambda queue, keys: [queue.find(key) for key in keys],
    "take": lambda queue, keys: [queue.take(key) for key in keys],
    "oldest": lambda queue, _: queue.take_oldest() if len(queue) else None,
    "drop": lambda queue, keys: _drop(queue, min(len(keys), len(queue))),
    "tidy": lambda queue, _: queue.tidy(),
}


REMOVED = [("add", ["1", "2"]), ("find", ["1"]), ("drop", ["1"]), ("enter", ["1", "2"])]
MOVED = [("add", ["0", "1", "2", "3"]), ("find", ["0"]), ("take", ["1", "2", "3"]), ("tidy", [])]


@given(actions)
@example(REMOVED)
@example(MOVED)
def test_it_is_told_and_asked_as_a_queue(told: list[tuple[str, list[str]]]) -> None:
    """In any order, ids that come again, were dropped, or have other numbers since."""
    window, queue = IdWindow(Layout(), KeyedQueue()), KeyedQueue()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(queue_module, "FEWEST_SWEPT", 3)
        patched.setattr(window_module, "LEAST_KEPT", 2)
        for action, keys in told:
            assert DONE[action](window, keys) == DONE[action](queue, keys)
            assert list(window) == list(queue)
            assert (len(window), window.base, window.end) == (len(queue), queue.base, queue.end)
            live = window.live(window.base, window.end).tolist()
            assert live == queue.live(queue.base, queue.end).tolist()
            assert window.known == set(queue)
    assert [window.code(key) for key in window] == [queue.code(key) for key in queue]
