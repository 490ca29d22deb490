"""Records of ranges are read where they are, and no others, however far they are apart."""

from __future__ import annotations

from contextlib import closing

import pytest

from learners.registry.requests.offset_ranges import OffsetRanges
from stream.log.contract import EventLog, Outgoing, Place
from stream.quarantine import held_records as module
from stream.quarantine.held_records import held_records
from tests.support.streams.logs import make_topic, trim


def numbers(log: EventLog, *texts: str) -> list[tuple[int, bytes]]:
    """The records of these ranges: partition and content."""
    held = OffsetRanges.of(each for text in texts for each in OffsetRanges.parse(text))
    return [(record.place.partition, record.value) for record in held_records(log, held)]


def contents(*numbers: int, partition: int = 0) -> list[tuple[int, bytes]]:
    """The same as they should be."""
    return [(partition, b"%d" % number) for number in numbers]


@pytest.mark.parametrize("far", [1, 20_000])
def test_each_range_is_read_and_nothing_else(
    event_log: EventLog, unique_name: str, far: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one reader or with one for each; of several partitions; the last record too."""
    monkeypatch.setattr(module, "FAR", far)
    make_topic(event_log, unique_name, partitions=2)
    for partition in range(2):
        event_log.append(unique_name, [Outgoing(b"%d" % n, partition=partition) for n in range(50)])
    ranges = [f"{unique_name}:{which}" for which in ("0:3-4", "0:10-10", "0:48-49", "1:0-1")]
    expected = [*contents(3, 4, 10, 48, 49), *contents(0, 1, partition=1)]
    assert numbers(event_log, *ranges) == expected


def test_what_was_deleted_is_left_out(event_log: EventLog, log_url: str, unique_name: str) -> None:
    """And so is what is beyond the end."""
    place = make_topic(event_log, unique_name)
    event_log.append(unique_name, [Outgoing(b"%d" % n) for n in range(10)])
    trim(log_url, place, 4)
    found = [f"{unique_name}:0:{which}" for which in ("0-2", "3-5", "9-12")]
    assert numbers(event_log, *found) == contents(4, 5, 9)


def test_a_range_may_end_in_marks_of_transactions(event_log: EventLog, unique_name: str) -> None:
    """It ends all the same, and has the records before them."""
    make_topic(event_log, unique_name)
    with closing(event_log.writer(unique_name)) as writer:
        for number in range(3):
            writer.write({unique_name: [Outgoing(b"%d" % number)]})
    end = event_log.describe([unique_name])[unique_name].ends[Place(unique_name, 0)]
    assert numbers(event_log, f"{unique_name}:0:0-{end - 1}") == contents(0, 1, 2)
