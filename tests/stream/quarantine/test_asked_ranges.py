"""What a quarantine is asked for by becomes ranges of the log, by offset and by record time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.errors import UsageError
from learners.registry.requests.offset_ranges import OffsetRanges
from stream.log.contract import EventLog, Outgoing, Place, Record, UnknownTopicError
from stream.log.topics import Topics
from stream.quarantine.asked_ranges import Asked, Interval, Runs, parsed_interval, resolved
from tests.support.streams.logs import make_topic, trim

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
JULY_2013 = 1_372_636_800_000
HOUR = 3_600_000


def topics(name: str) -> Topics:
    """The topics of a model of this name."""
    return Topics(*(f"{name}.{what}" for what in Topics._fields))


def made(log: EventLog, name: str, *, partitions: int = 2) -> Topics:
    """The same with events and labels created."""
    found = topics(name)
    for topic in found.inputs:
        make_topic(log, topic, partitions)
    return found


def at(*hours: int, partition: int = 0) -> list[Outgoing]:
    """A record at each of these hours of July."""
    return [Outgoing(b"x", JULY_2013 + hour * HOUR, partition=partition) for hour in hours]


def found(log: EventLog, names: Topics, *skip: str, time: Sequence[str] = ()) -> str:
    """What is meant, as people write it."""
    return str(resolved(log, names, Asked(skip, time), NOW))


def test_offsets_are_taken_as_they_are_named(event_log: EventLog, unique_name: str) -> None:
    """Those of several options together, of events and of labels."""
    names = made(event_log, unique_name)
    event_log.append(names.events, at(*range(9), partition=1))
    event_log.append(names.labels, at(1))
    asked = [f"{names.events}:1:2-4", f"{names.labels}:0:0", f"{names.events}:1:5-6"]
    assert found(event_log, names, *asked) == f"{names.events}:1:2-6, {names.labels}:0:0-0"


def test_times_are_looked_up_record_by_record(event_log: EventLog, unique_name: str) -> None:
    """FROM is in it and TO is not; a run of records makes one range, whatever comes between."""
    names = made(event_log, unique_name)
    event_log.append(names.events, [*at(1, 5, 6, 2, 7, 8), *at(5, 9, partition=1)])
    event_log.append(names.labels, at(5))
    day = "2013-07-01T05:00Z..2013-07-01T08:00Z"
    events = f"{names.events}:0:1-2, {names.events}:0:4-4, {names.events}:1:0-0"
    assert found(event_log, names, time=[f"events {day}"]) == events
    assert found(event_log, names, time=[f"labels {day}"]) == f"{names.labels}:0:0-0"
    both = [f"events {day}", "events ..2013-07-01T02:00", "events 2013-07-01T09:00Z.."]
    assert found(event_log, names, time=both) == (
        f"{names.events}:0:0-2, {names.events}:0:4-4, {names.events}:1:0-1"
    )


def test_marks_of_transactions_do_not_part_a_range(event_log: EventLog, unique_name: str) -> None:
    """Kafka gives each transaction an offset; what is appended later is not in it."""
    names = made(event_log, unique_name, partitions=1)
    with closing(event_log.writer(unique_name)) as writer:
        for hour in range(5):
            writer.write({names.events: at(hour)})
    asked = ["events 2013-07-01T01:00Z..2013-07-01T04:00Z"]
    state = event_log.describe([names.events])[names.events]
    gap = (state.ends[Place(names.events, 0)] - 1) // 4  # 1 in SQLite, 2 in Kafka
    assert found(event_log, names, time=asked) == f"{names.events}:0:{gap}-{3 * gap}"
    (later,) = event_log.append(names.events, at(2))
    assert found(event_log, names, time=asked) == (
        f"{names.events}:0:{gap}-{3 * gap}, {names.events}:0:{later[1]}-{later[1]}"
    )


@pytest.mark.parametrize(
    ("skip", "why"),
    [
        ("other:0:1-2", r"not a topic that this model learns from: its events are in .*events"),
        ("{0.scores}:0:1-2", "not a topic"),
        ("{0.events}:2:1-2", "no partition 2; it has 0 to 1"),
        ("{0.events}:1:0-0", "partition 1 of .*events has no record"),
        ("{0.events}:0:1-3", r"not all in the log: .* offsets 2 to 5 now"),
        ("{0.events}:0:3-6", r"not all in the log: .* offsets 2 to 5 now"),
        ("{0.events}:0:5-3", "ends before it begins"),
        ("{0.events}:0", "no range of records"),
    ],
)
def test_offsets_that_the_log_has_not_are_refused(
    event_log: EventLog, log_url: str, unique_name: str, skip: str, why: str
) -> None:
    """With the bounds that it has."""
    names = made(event_log, unique_name)
    event_log.append(names.events, at(*range(6)))
    trim(log_url, Place(names.events, 0), 2)
    with pytest.raises(UsageError, match=why):
        found(event_log, names, skip.format(names))


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("events", "'' is no interval"),
        ("events 2013-07-01", "is no interval. Write FROM..TO"),
        ("events ..", "is no interval"),
        ("events yesterday..soon", "In the interval 'yesterday..soon': 'soon' is not a time"),
        ("events 2013-07-02..2013-07-01", "ends before it begins: FROM is 2013-07-02T00:00:00"),
        ("events 2013-07-01..2013-07-01", "begins where it ends"),
        ("flights 2013-07-01..", "does not say whose time is meant: write events or labels"),
        ("2013-07-01..2013-07-02", "does not say whose time is meant"),
        ("labels 2013-07-01..", "labels has no record, so there is none in '2013-07-01..'"),
        (
            "events 2014-01-01..2015-01-01",
            r"no record in '2014-01-01..2015-01-01': .* 2013-07-01T03:.* 2013-07-01T07:.*UTC",
        ),
    ],
)
def test_times_that_name_nothing_are_refused(
    event_log: EventLog, unique_name: str, time: str, why: str
) -> None:
    """With what the topic has."""
    names = made(event_log, unique_name)
    event_log.append(names.events, at(4, 7, 3))
    with pytest.raises(UsageError, match=why):
        found(event_log, names, time=[time])


def test_a_model_without_topics_has_nothing_to_leave_out(
    event_log: EventLog, unique_name: str
) -> None:
    """The topic is named."""
    with pytest.raises(UnknownTopicError, match=f"no topic {unique_name}.events"):
        found(event_log, topics(unique_name), time=["events 2013-07-01.."])


def test_a_time_may_be_how_long_ago() -> None:
    """As everywhere else; from the clock's time when it was asked."""
    hours = parsed_interval("2 hours ago..now", NOW)
    assert (hours.start, hours.end) == (NOW.timestamp() * 1000 - 2 * HOUR, NOW.timestamp() * 1000)
    assert parsed_interval("2013-07-01T00:00:00.5Z..", NOW).start == JULY_2013 + 500


TIMES = st.integers(-1, 12)
BOUND = st.none() | TIMES
DRAWN = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), TIMES), max_size=60)
BOUNDS = st.lists(st.tuples(BOUND, BOUND), min_size=1, max_size=3)


@given(DRAWN, BOUNDS)
def test_ranges_are_those_of_a_plain_loop(
    drawn: list[tuple[int, int, int]], bounds: list[tuple[int | None, int | None]]
) -> None:
    """They hold the records in the interval and no other, and are as few as can be."""
    records, offsets = list[Record](), [0, 0, 0]
    for partition, step, time in drawn:
        offsets[partition] += step
        records.append(Record(Place("t", partition), offsets[partition], time, b""))
    runs = Runs([Interval("", *each) for each in bounds])
    for record in records:
        runs.take(record)
    held = OffsetRanges.of((p, span) for p, spans in runs.spans.items() for span in spans)

    def meant(record: Record) -> bool:
        time = 0 if record.time == -1 else record.time
        return any((a is None or a <= time) and (b is None or time < b) for a, b in bounds)

    assert [held.holds(r.place, r.offset) for r in records] == [meant(r) for r in records]
    fewest = 0
    for partition in range(3):
        each = [meant(r) for r in records if r.place.partition == partition]
        fewest += sum(now and not before for before, now in zip([False, *each], each, strict=False))
    assert len(list(held)) == fewest
    ends = {(r.place, r.offset) for r in records if meant(r)}
    assert all({(p, first), (p, end - 1)} <= ends for p, (first, end) in held)
