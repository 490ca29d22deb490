"""The numbers in the newest rows of the events topic, on a log of each kind."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from converters.cells.feature import Feature
from learners.registry.requests.offset_ranges import OffsetRanges
from stream.log.contract import EventLog, Outgoing
from stream.reading.conversion import record_reader
from stream.reading.record_reader import RecordReader
from stream.renewal.newest_numbers import Newest, NoRowsError, newest_numbers
from tests.support.serving.project import Project
from tests.support.streams.logs import make_topic

HOUR = 3_600_000
NOTHING = OffsetRanges()


@pytest.fixture
def read(tmp_path: Path) -> tuple[RecordReader, list[Feature]]:
    """The conversion of flights, and their distance as it is."""
    project = Project(tmp_path / "p")
    (distance,) = (f for f in project.schema.features if f.column == "distance")
    settings = distance.settings.model_copy(
        update={"features": (), "edges": (), "min": None, "missing_values": ("-1",)}
    )
    return record_reader(project.context), [replace(distance, settings=settings)]


def rows(*distances: object) -> bytes:
    """A record of a row for each distance."""
    return "\n".join(f"f,1,0,AX,JFK,3,{each},9" for each in distances).encode()


def newest(
    log: EventLog,
    topic: str,
    read: tuple[RecordReader, list[Feature]],
    most: int,
    left_out: OffsetRanges = NOTHING,
) -> Newest:
    """With the numbers sorted."""
    found = newest_numbers(log, topic, read, most, left_out)
    return replace(found, numbers={name: sorted(v) for name, v in found.numbers.items()})


def test_the_newest_of_all_partitions(
    event_log: EventLog, unique_name: str, read: tuple[RecordReader, list[Feature]]
) -> None:
    """By record time, whatever partition they are in; missing and refused cells are no numbers."""
    make_topic(event_log, unique_name, 2)
    old = [Outgoing(rows(n), HOUR * n) for n in range(1, 6)]
    new = [Outgoing(rows(n), HOUR * n, partition=1) for n in (3, 4, 6)]
    event_log.append(unique_name, [*old, *new])
    assert newest(event_log, unique_name, read, 3) == Newest(
        {"distance": [4, 5, 6]}, 3, 4 * HOUR, 6 * HOUR
    )
    assert newest(event_log, unique_name, read, 4).numbers == {"distance": [4, 4, 5, 6]}
    event_log.append(
        unique_name, [Outgoing(rows("", "x", "-1", "-1.0", 7), HOUR * 9), Outgoing(b"bad")]
    )
    found = newest(event_log, unique_name, read, 6)
    assert found == Newest({"distance": [6, 7]}, 6, 6 * HOUR, 9 * HOUR)
    assert not any(map(math.isnan, found.numbers["distance"]))


def test_what_is_in_quarantine_is_left_out(
    event_log: EventLog, unique_name: str, read: tuple[RecordReader, list[Feature]]
) -> None:
    """Nobody is to learn from it, neither weights nor edges."""
    place = make_topic(event_log, unique_name)
    event_log.append(unique_name, [Outgoing(rows(n), HOUR) for n in (1, 2, 3)])
    held = OffsetRanges.of([(place, (1, 2))])
    assert newest(event_log, unique_name, read, 9, held).numbers == {"distance": [1, 3]}


def test_only_the_end_of_a_topic_is_read(
    event_log: EventLog,
    unique_name: str,
    read: tuple[RecordReader, list[Feature]],
) -> None:
    """As many records as rows are wanted."""
    make_topic(event_log, unique_name)
    event_log.append(unique_name, [Outgoing(rows(n), HOUR) for n in range(50)])
    count = 0

    def shown(rows_read: int) -> None:
        nonlocal count
        count = rows_read

    found = newest_numbers(event_log, unique_name, read, 5, NOTHING, shown)
    assert sorted(found.numbers["distance"]) == [45, 46, 47, 48, 49]
    assert count == 5


def test_without_rows(
    event_log: EventLog, unique_name: str, read: tuple[RecordReader, list[Feature]]
) -> None:
    """No topic, an empty one, and one without a row that can be read."""
    with pytest.raises(NoRowsError, match=f"The topic {unique_name} has no rows"):
        newest(event_log, unique_name, read, 5)
    make_topic(event_log, unique_name)
    with pytest.raises(NoRowsError, match="freshet produce"):
        newest(event_log, unique_name, read, 5)
    event_log.append(unique_name, [Outgoing(b"bad")])
    with pytest.raises(NoRowsError, match="freshet dead-letters"):
        newest(event_log, unique_name, read, 5)
