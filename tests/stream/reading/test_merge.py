"""The one order in which records of several partitions are taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from hypothesis import given
from hypothesis import strategies as st

from stream.log.contract import PartitionBuffer, Place, Record
from stream.reading import merge
from stream.reading.merge import MergedReader

PLACES = (Place("events", 0), Place("events", 1), Place("labels", 0))


class Delivery:
    """A log reader that reads records in portions that the test chooses.

    A buffer of ``full`` records gets no more until it is shorter.
    """

    def __init__(
        self, records: Mapping[Place, list[Record]], portions: Iterable[int], full: int = 100
    ) -> None:
        self._records = {place: list(held) for place, held in records.items()}
        self._ends = {p: len(held) for p, held in records.items()}
        self.buffers = {place: PartitionBuffer(0) for place in records}
        self._full = full
        self._portions = iter(portions)

    def fill(self, timeout: float) -> bool:
        """One partition's next records, as many as the next portion says; each gets its turn."""
        for place in sorted(self._records, key=lambda p: self.buffers[p].end):
            held, buffer = self._records[place], self.buffers[place]
            if held and len(buffer.records) < self._full:
                count = next(self._portions, 3)
                self._records[place] = held[count:]
                buffer.add(held[:count])
                return True
        return False

    def ends(self) -> dict[Place, int]:
        """Everything is there from the start."""
        return dict(self._ends)

    def close(self) -> None:
        """Nothing to free."""


def logs(times: Mapping[Place, list[int]]) -> dict[Place, list[Record]]:
    """Records of these times, each partition in its order."""
    return {
        place: [Record(place, offset, time, b"x") for offset, time in enumerate(held)]
        for place, held in times.items()
    }


def plain_merge(records: Mapping[Place, list[Record]]) -> list[Record]:
    """The order by its definition: always the smallest head."""
    left = {place: list(held) for place, held in records.items()}
    merged = []
    while any(left.values()):
        heads = [held[0] for held in left.values() if held]
        first = min(heads, key=lambda r: (r.time, r.place.topic != "labels", r.place, r.offset))
        merged.append(left[first.place].pop(0))
    return merged


@contextmanager
def sizes(batch: int, portion: int) -> Iterator[None]:
    """So many rows a batch, and so many records put in order at once."""
    before = merge.BATCH_ROWS, merge.PORTION
    merge.BATCH_ROWS, merge.PORTION = batch, portion
    try:
        yield
    finally:
        merge.BATCH_ROWS, merge.PORTION = before


times_of_places = st.fixed_dictionaries(
    {place: st.lists(st.integers(0, 12), max_size=12) for place in PLACES}
)


@given(times_of_places, st.lists(st.integers(1, 5)), st.integers(1, 7), st.integers(1, 15))
def test_a_backlog_is_taken_in_the_one_order(
    times: dict[Place, list[int]], portions: list[int], batch: int, portion: int
) -> None:
    """Whatever the log delivers first and however it is cut, the order is the definition's."""
    records = logs(times)
    merged = MergedReader(Delivery(records, portions), dict.fromkeys(PLACES, 0), "labels")
    taken: list[Record] = []
    with sizes(batch, portion):
        while more := merged.take(0.0):
            assert len(more) <= batch
            taken += more
    assert taken == plain_merge(records)


@given(times_of_places, st.lists(st.integers(1, 5)), st.integers(1, 7), st.integers(1, 15))
def test_cuts_give_the_same_batches_again(
    times: dict[Place, list[int]], portions: list[int], batch: int, portion: int
) -> None:
    """Taking up to each batch's cut gives exactly that batch, in its order."""
    records = logs(times)
    first = MergedReader(Delivery(records, portions), dict.fromkeys(PLACES, 0), "labels")
    again = MergedReader(Delivery(records, [2]), dict.fromkeys(PLACES, 0), "labels")
    with sizes(batch, portion):
        while taken := first.take(0.0):
            assert again.take_until(first.positions()) == taken


class Growing(Delivery):
    """A log that grows while it is read, by the next records of the one order at a time."""

    def __init__(
        self, records: Mapping[Place, list[Record]], portions: list[int], growth: list[int]
    ) -> None:
        super().__init__({place: [] for place in records}, portions)
        self._coming = plain_merge(records)
        self._growth = iter(growth)

    def fill(self, timeout: float) -> bool:
        """As ever, but something was written in the meantime."""
        self._grow()
        return super().fill(timeout)

    def ends(self) -> dict[Place, int]:
        """What has been written so far, and by now even more."""
        self._grow()
        return super().ends()

    def exhausted(self) -> bool:
        """Whether everything was written and handed out."""
        return not self._coming and not any(self._records.values())

    def _grow(self) -> None:
        count = next(self._growth, 1)
        for record in self._coming[:count]:
            self._records[record.place] = [*self._records[record.place], record]
            self._ends[record.place] += 1
        del self._coming[:count]


@given(
    times_of_places, st.lists(st.integers(1, 5)), st.lists(st.integers(0, 5)), st.integers(1, 15)
)
def test_a_log_that_grows_in_order_is_taken_in_order(
    times: dict[Place, list[int]], portions: list[int], growth: list[int], portion: int
) -> None:
    """A label is never taken ahead of an earlier event, however far each partition was read."""
    records = {place: sorted(held) for place, held in times.items()}
    growing = Growing(logs(records), portions, growth)
    merged = MergedReader(growing, dict.fromkeys(PLACES, 0), "labels")
    taken: list[Record] = []
    with sizes(merge.BATCH_ROWS, portion):
        while not growing.exhausted() or len(taken) < sum(map(len, records.values())):
            taken += merged.take(0.0)
    assert taken == plain_merge(logs(records))


def test_nothing_past_the_limit_is_taken() -> None:
    """A run until the end leaves what came after its start, and knows that it is there."""
    records = logs({PLACES[0]: [1, 2, 3, 4], PLACES[1]: [1, 9], PLACES[2]: []})
    limit = {PLACES[0]: 2, PLACES[1]: 1, PLACES[2]: 0}
    merged = MergedReader(Delivery(records, [4]), dict.fromkeys(PLACES, 0), "labels")
    taken = merged.take(0.0, limit)
    assert [(r.place.partition, r.offset) for r in taken] == [(0, 0), (1, 0), (0, 1)]
    assert merged.reached(limit)


def test_a_batch_of_before_a_partition_was_added_has_none_of_it() -> None:
    """Its cut in the journal does not name that partition; the next batch takes what is there."""
    records = logs({PLACES[0]: [1, 2], PLACES[1]: [1], PLACES[2]: [3]})
    merged = MergedReader(Delivery(records, [4] * 3), dict.fromkeys(PLACES, 0), "labels")
    assert merged.take(0.0, {}) == []
    assert merged.take_until({PLACES[0]: 2, PLACES[2]: 0}) == records[PLACES[0]]
    assert merged.take(0.0) == [*records[PLACES[1]], *records[PLACES[2]]]


def test_a_full_buffer_is_paused_until_the_others_catch_up() -> None:
    """One partition that delivers everything at once does not fill the memory."""
    records = logs({PLACES[0]: list(range(50)), PLACES[1]: list(range(50)), PLACES[2]: []})
    delivery = Delivery(records, [10] * 10, full=10)
    merged = MergedReader(delivery, dict.fromkeys(PLACES, 0), "labels", batch_rows=3)
    taken: list[Record] = []
    while more := merged.take(0.0):
        assert all(len(buffer.records) < 20 for buffer in delivery.buffers.values())
        taken += more
    assert taken == plain_merge(records)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 40), st.integers(1, 9))
def test_a_batch_ends_with_the_record_that_fills_it(
    rows: list[int], most: int, portion: int
) -> None:
    """By rows and by bytes, as if records were taken one after the other."""
    place = PLACES[0]
    records = {place: [Record(place, n, n, b"\n" * of) for n, of in enumerate(rows)]}
    merged = MergedReader(Delivery(records, []), {place: 0}, "labels")
    left = list(records[place])
    with sizes(most, portion):
        while taken := merged.take(0.0):
            filled = 0
            expected = []
            while left and filled < most:
                expected.append(left.pop(0))
                filled += len(expected[-1].value) + 1
            assert taken == expected
            assert merged.positions() == {place: taken[-1].offset + 1}
    assert not left
    assert merged._reader.buffers[place].bytes == 0
