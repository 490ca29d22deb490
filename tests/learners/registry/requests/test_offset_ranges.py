"""Ranges of offsets are sets of records: what is done with them is what is done with the sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.errors import UsageError
from learners.registry.requests.offset_ranges import OffsetRanges, Partition

PARTITIONS: list[Partition] = [("events", 0), ("events", 1), ("labels", 0)]
SPANS = st.tuples(st.integers(0, 20), st.integers(0, 6)).map(lambda s: (s[0], s[0] + s[1]))
RANGES = st.lists(st.tuples(st.sampled_from(PARTITIONS), SPANS), max_size=6).map(OffsetRanges.of)


def records(ranges: OffsetRanges) -> set[tuple[Partition, int]]:
    """Each record by itself."""
    return {(partition, at) for partition, span in ranges for at in range(*span)}


@given(RANGES, RANGES)
def test_they_are_joined_cut_and_subtracted_as_sets(a: OffsetRanges, b: OffsetRanges) -> None:
    """Whatever overlaps or touches."""
    assert records(a | b) == records(a) | records(b)
    assert records(a & b) == records(a) & records(b)
    assert records(a - b) == records(a) - records(b)
    assert bool(a) == bool(records(a))
    assert a.count() == len(records(a))


@given(RANGES)
def test_they_are_written_in_one_way_only(ranges: OffsetRanges) -> None:
    """The same records are the same ranges, the same JSON and the same text."""
    each = OffsetRanges.of((partition, (at, at + 1)) for partition, at in records(ranges))
    assert each == ranges == OffsetRanges.from_json(ranges.to_json())
    texts = str(ranges).split(", ") if ranges else []
    assert OffsetRanges.of(span for text in texts for span in OffsetRanges.parse(text)) == ranges


@given(RANGES, st.sampled_from(PARTITIONS), st.integers(0, 27))
def test_a_record_is_held_or_not(ranges: OffsetRanges, partition: Partition, at: int) -> None:
    """Each by its offset; and what was passed is what is before a position."""
    assert ranges.holds(partition, at) == ((partition, at) in records(ranges))
    passed = {record for record in records(ranges) if record[0] == partition and record[1] < at}
    assert records(ranges.before({partition: at})) == passed


@pytest.mark.parametrize("text", ["events:0", "events:0:", "0:1-2", "events:x:1-2", "events:0:1-x"])
def test_other_texts_are_refused_with_how_to_write_one(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError, match="TOPIC:PARTITION:FIRST-LAST"):
        OffsetRanges.parse(text)


def test_a_range_may_be_one_record_and_cannot_be_backwards() -> None:
    """Both its ends are in it."""
    assert records(OffsetRanges.parse("a:b:2:7")) == {(("a:b", 2), 7)}
    with pytest.raises(UsageError, match="before it begins"):
        OffsetRanges.parse("events:0:7-6")
