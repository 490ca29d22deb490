"""Queues of remembered keys and their segments, against plain lists and dictionaries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.joins import queue as queue_module
from stream.joins import segments as segment_module
from stream.joins.column_store import Block, Layout
from stream.joins.queue import KeyedQueue
from stream.joins.segments import SLOT, Frozen, Segments

LAYOUT = Layout(("score",), (SLOT, "behind"))

# One after another: add so many keys, take some by their place, take the oldest, save; or begin to
# save, and finish later; or stop and start.
actions = st.lists(
    st.tuples(st.just("add"), st.integers(1, 6))
    | st.tuples(st.just("take"), st.integers(0, 40))
    | st.tuples(st.just("oldest"), st.integers(1, 5))
    | st.tuples(st.sampled_from(["save", "begin", "finish", "restart"]), st.just(0)),
    max_size=60,
)


class Plain:
    """The same as lists: key, time, code, text, score."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, int, str, float]] = []
        self.made = 0


class Kept:
    """A queue with its segments, saved into a dictionary of files."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.files: dict[str, bytes] = {}
        self.said: list[dict[str, Any]] = []
        self.left: dict[str, Any] = {}
        self.start()

    def start(self) -> None:
        """From what was saved last."""
        self.queue = KeyedQueue(LAYOUT, texts=True)
        self.segments = Segments(self.queue, "waiting", self.memory)
        self.segments.restore(self.said, self.left, lambda name: self.files[name])
        self.frozen: Frozen | None = None

    def begin(self) -> None:
        """As a checkpoint begins."""
        self.frozen = self.segments.freeze()

    def save(self) -> int:
        """A checkpoint at once; how many files were written."""
        self.begin()
        return self.finish()

    def finish(self) -> int:
        """Write what was begun, whatever came since; how many files were written."""
        frozen, self.frozen = self.frozen, None
        assert frozen is not None
        change = frozen.change()
        kept = {name: self.files[name] for name in frozen.reused}
        assert not kept.keys() & change.files.keys()
        self.files = kept | change.files
        self.said, self.left = change.to_json(), dict(change.left)
        assert self.files.keys() == {each["file"] for each in self.said} == self.left.keys()
        self.segments.accept(change)
        return len(change.files)

    def contents(self) -> list[tuple[str, int, int, str, float]]:
        """All that the queue says."""
        numbers = self.queue.live(self.queue.base, self.queue.end)
        keys, codes, _ = self.queue.rows(numbers)
        texts = [self.queue.text(number) for number in numbers.tolist()]
        scores = self.queue.columns.get(numbers - self.queue.base).floats[0]
        times = self.queue.times(numbers)
        return list(zip(keys, times.tolist(), codes, texts, scores.tolist(), strict=True))


def add(plain: Plain, kept: Kept, count: int) -> None:
    """As many new keys to both."""
    queue = kept.queue
    first = queue.end
    rows = []
    for _ in range(count):
        n = plain.made
        plain.made += 1
        row = (f"k{n}é", n // 3, n % 3, f"| a={n} b=ü", n / 7)
        queue.add(*row[:4])
        rows.append(row)
    block = Block.empty(LAYOUT, count)
    block.floats[0] = [row[4] for row in rows]
    queue.columns.put(first - queue.base, block)
    plain.rows += rows


@settings(max_examples=300, deadline=None)
@given(actions, st.sampled_from([0, 60, 10**6]))
def test_a_queue_is_a_list_whatever_is_swept_saved_and_restored(
    drawn: list[tuple[str, int]], memory: int
) -> None:
    """Keys, times, codes, texts and numbers are those of a plain list after every step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue_module, "FEWEST_SWEPT", 3)
        patch.setattr(segment_module, "FAN", 3)
        patch.setattr("stream.joins.row_files.IN_FRAME", 2)
        plain, kept = Plain(), Kept(memory)
        saved: list[tuple[str, int, int, str, float]] = []
        begun = saved
        for action, amount in drawn:
            if action == "add":
                add(plain, kept, amount)
            elif action == "take":
                _take(plain, kept, amount)
            elif action == "oldest":
                for _ in range(min(amount, len(plain.rows))):
                    assert kept.queue.oldest_time() == plain.rows[0][1]
                    key, number, code = kept.queue.take_oldest()
                    assert (key, code) == (plain.rows[0][0], plain.rows[0][2])
                    assert kept.queue.release(number) == plain.rows.pop(0)[3]
            elif action in ("save", "begin"):
                kept.begin()
                begun = list(plain.rows)
            if action == "save" or (action == "finish" and kept.frozen is not None):
                kept.finish()
                saved = begun
            elif action == "restart":
                kept.start()
                plain.rows = list(saved)
            kept.queue.tidy()
            assert kept.contents() == plain.rows
            assert list(kept.queue) == [row[0] for row in plain.rows]
            assert len(kept.queue) == len(plain.rows)


def _take(plain: Plain, kept: Kept, place: int) -> None:
    if place >= len(plain.rows):
        assert kept.queue.take("nobody") is None
        return
    key, _, code, text, _ = plain.rows.pop(place)
    assert kept.queue.code(key) == code
    found = kept.queue.take(key)
    assert found is not None
    assert found[1] == code
    assert kept.queue.release(found[0]) == text


def test_a_checkpoint_writes_what_is_new() -> None:
    """Nothing new, no file; some new rows, one file with them; what is taken away, no file."""
    plain, kept = Plain(), Kept(10**6)
    add(plain, kept, 100)
    assert kept.save() == 1
    assert kept.save() == 0
    first = dict(kept.files)
    for _ in range(20):
        kept.queue.take_oldest()
    add(plain, kept, 5)
    assert kept.save() == 1
    assert first.items() <= kept.files.items()


def test_files_stay_few_and_empty_ones_go() -> None:
    """A thousand checkpoints leave a few dozen files, and none once all keys are gone."""
    plain, kept = Plain(), Kept(10**6)
    written = 0
    for _ in range(1000):
        add(plain, kept, 2)
        written += kept.save()
    assert len(kept.files) <= 7 * 4
    assert written < 1000 * 1.2
    assert kept.contents() == plain.rows
    while len(kept.queue):
        kept.queue.take_oldest()
    kept.save()
    assert not kept.files


def test_a_segment_with_little_left_is_written_again(tmp_path: Path) -> None:
    """What is gone takes no room for ever because a few rows stay."""
    del tmp_path
    plain, kept = Plain(), Kept(10**6)
    add(plain, kept, 1000)
    kept.save()
    (size,) = [len(content) for content in kept.files.values()]
    for _ in range(990):
        kept.queue.take_oldest()
    assert kept.save() == 1
    assert sum(map(len, kept.files.values())) < size / 5
    kept.start()
    assert kept.contents() == plain.rows[990:]


def test_texts_beyond_the_memory_are_read_from_packed_frames() -> None:
    """The oldest texts are not held, and are what they were."""
    plain, kept = Plain(), Kept(memory=2_000)
    for _ in range(10):
        add(plain, kept, 50)
        kept.save()
    held = [text for text in kept.queue._texts or () if text is not None]
    assert sum(map(len, held)) <= 2_000
    assert kept.contents() == plain.rows


def test_a_column_that_came_later_is_unknown_or_like_another() -> None:
    """Rows of older files hold nan in a new column, or what the column was copied from."""
    plain, kept = Plain(), Kept(10**6)
    add(plain, kept, 3)
    kept.save()
    queue = KeyedQueue(Layout(("late", "score"), (SLOT, "behind")), texts=True)
    queue.columns.change(Layout(("late", "score", "static"), (SLOT, "behind"), {"static": "score"}))
    segments = Segments(queue, "waiting", 10**6)
    segments.restore(kept.said, kept.left, lambda name: kept.files[name])
    late, score, static = queue.columns.get(np.arange(3)).floats
    assert np.isnan(late).all()
    assert score.tolist() == static.tolist() == [row[4] for row in plain.rows]


def test_a_segment_that_was_swept_out_claims_no_row() -> None:
    """What stands before the first row that is held has nothing left."""
    plain, kept = Plain(), Kept(10**6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue_module, "FEWEST_SWEPT", 3)
        add(plain, kept, 20)
        kept.save()
        while plain.rows:
            kept.queue.release(kept.queue.take_oldest()[1])
            plain.rows.pop(0)
        add(plain, kept, 3)
        kept.queue.tidy()
        assert kept.queue.base == 20
        add(plain, kept, 40)
        assert kept.queue.live(0, 19).tolist() == []
        assert kept.queue.live(0, 22).tolist() == [20, 21]
        kept.save()
        kept.start()
    assert kept.contents() == plain.rows
    assert len(kept.files) == 1


def test_rows_that_move_while_a_checkpoint_is_written_keep_their_places_in_its_file() -> None:
    """They get other numbers before it is on disk; what goes later is told of the right row."""
    plain, kept = Plain(), Kept(memory=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue_module, "FEWEST_SWEPT", 3)
        add(plain, kept, 4)
        kept.save()
        add(plain, kept, 6)
        kept.begin()
        for _ in range(6):
            _take(plain, kept, 2)
        end = kept.queue.end
        kept.queue.tidy()
        assert kept.queue.end < end
        add(plain, kept, 1)
        kept.finish()
        assert kept.contents() == plain.rows
        _take(plain, kept, 2)
        kept.save()
        kept.start()
    assert kept.contents() == plain.rows
