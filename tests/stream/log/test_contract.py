"""The contract of every log, over SQLite and a real Kafka: topics, appending, reading."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from stream.log.contract import (
    MAX_RECORD_BYTES,
    EventLog,
    Outgoing,
    Place,
    PositionError,
    Record,
    poll,
)
from tests.support.streams.logs import (
    make_topic,
    outgoing,
    read,
    read_all,
    read_to_ends,
    remove_topic,
    trim,
    values,
)

JANUARY_2013 = 1_357_020_000_000


def test_records_come_back_in_the_order_they_were_appended(
    event_log: EventLog, unique_name: str
) -> None:
    """Records come back whole and in order, over several appends."""
    place = make_topic(event_log, unique_name)
    event_log.append(unique_name, outgoing(b"a", b"b"))
    event_log.append(unique_name, outgoing(b"c"))
    assert values(read_all(event_log, {place: 0})) == [b"a", b"b", b"c"]


def test_everything_about_a_record_is_kept(event_log: EventLog, unique_name: str) -> None:
    """Time, headers in their order (repeated and empty ones too), key and value come back."""
    place = make_topic(event_log, unique_name)
    headers = (("content-type", b"text/csv"), ("x", b""), ("x", b"\x00\xff"), ("ü", b"1"))
    given = Outgoing(b'{"a": 1}\x00\xff', JANUARY_2013, headers, b"key")
    ((partition, offset),) = event_log.append(unique_name, [given])
    (record,) = read_all(event_log, {place: 0})
    assert record == Record(place, offset, JANUARY_2013, given.value, headers, b"key")
    assert partition == 0


@pytest.mark.parametrize("value", [b"", b"x" * 2**20, b"y" * (MAX_RECORD_BYTES - 100)])
def test_empty_and_large_values_survive(
    event_log: EventLog, unique_name: str, value: bytes
) -> None:
    """An empty value, a mebibyte and nearly the largest value come back as they were."""
    place = make_topic(event_log, unique_name)
    event_log.append(unique_name, outgoing(b"before", value, b"after"))
    assert values(read_all(event_log, {place: 0})) == [b"before", value, b"after"]


def test_an_absent_key_and_an_empty_one_differ(event_log: EventLog, unique_name: str) -> None:
    """A record without a key has none when read, one with an empty key has that."""
    place = make_topic(event_log, unique_name)
    event_log.append(unique_name, [Outgoing(b"a"), Outgoing(b"b", key=b"")])
    assert [r.key for r in read_all(event_log, {place: 0})] == [None, b""]


def test_a_record_without_a_time_is_stamped_now(event_log: EventLog, unique_name: str) -> None:
    """The time of a record that has none is the clock's."""
    place = make_topic(event_log, unique_name)
    before = int(time.time() * 1000)
    event_log.append(unique_name, outgoing(b"a"))
    (record,) = read_all(event_log, {place: 0})
    assert before <= record.time <= time.time() * 1000


def test_reading_begins_where_it_is_told(event_log: EventLog, unique_name: str) -> None:
    """A reader in the middle gives the record at that position first, and no earlier one."""
    place = make_topic(event_log, unique_name)
    given = event_log.append(unique_name, outgoing(*(b"%d" % i for i in range(100))))
    records = read_all(event_log, {place: given[60][1]})
    assert values(records) == [b"%d" % i for i in range(60, 100)]
    assert [(0, r.offset) for r in records] == given[60:]


def test_a_position_moves_with_what_was_handed_out(event_log: EventLog, unique_name: str) -> None:
    """The position stands before the next record to come, and at last at the end."""
    place = make_topic(event_log, unique_name)
    event_log.append(unique_name, outgoing(*(b"%d" % i for i in range(5_000))))
    with closing(event_log.read({place: 0})) as reader:
        assert reader.buffers[place].position == 0
        records = read(reader, 1)
        assert len(records) < 5_000
        assert reader.buffers[place].position == records[-1].offset + 1
        begun = time.monotonic()
        records += poll(reader, 60.0)
        assert time.monotonic() - begun < 30
        records += read_to_ends(reader)
        assert reader.buffers[place].position == reader.ends()[place] == 5_000
        assert values(records) == [b"%d" % i for i in range(5_000)]


def test_a_poll_is_bounded_in_bytes(event_log: EventLog, unique_name: str) -> None:
    """Large records come a few at a time, and all of them."""
    place = make_topic(event_log, unique_name)
    for _ in range(5):
        event_log.append(unique_name, outgoing(*[b"x" * 2**20] * 8))
    with closing(event_log.read({place: 0})) as reader:
        first = read(reader, 1)
        assert len(first) <= 12
        assert len(first) + len(read_to_ends(reader)) == 40


def test_polling_waits_for_what_comes(event_log: EventLog, unique_name: str) -> None:
    """With nothing there a poll waits as long as it was told; with something it returns at once."""
    place = make_topic(event_log, unique_name)
    with closing(event_log.read({place: 0})) as reader:
        begun = time.monotonic()
        assert poll(reader, 0.3) == []
        assert 0.25 < time.monotonic() - begun < 20
        event_log.append(unique_name, outgoing(b"a"))
        begun = time.monotonic()
        assert values(poll(reader, 60.0)) == [b"a"]
        assert time.monotonic() - begun < 30


def test_ends_grow_with_what_is_appended(event_log: EventLog, unique_name: str) -> None:
    """The ends that a reader sees are the log's at that moment."""
    place = make_topic(event_log, unique_name)
    with closing(event_log.read({place: 0})) as reader:
        assert reader.ends() == {place: 0}
        event_log.append(unique_name, outgoing(b"a", b"b"))
        assert reader.ends() == {place: 2}
        assert event_log.describe([unique_name])[unique_name].ends == {place: 2}


def test_each_partition_has_its_own_order_and_offsets(
    event_log: EventLog, unique_name: str
) -> None:
    """Records go to the partition they name, and each partition is read in its order."""
    make_topic(event_log, unique_name, partitions=3)
    given = event_log.append(
        unique_name, [Outgoing(b"%d" % i, partition=i % 3) for i in range(300)]
    )
    assert given == [(i % 3, i // 3) for i in range(300)]
    records = read_all(event_log, {Place(unique_name, number): 0 for number in range(3)})
    for number in range(3):
        mine = [r.value for r in records if r.place.partition == number]
        assert mine == [b"%d" % i for i in range(number, 300, 3)]


def test_a_partition_with_a_full_buffer_waits_and_loses_nothing(
    event_log: EventLog, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full, a buffer grows no further while others are read; then comes all that is left."""
    monkeypatch.setattr("stream.log_sqlite.reader.BUFFER_BYTES", 2**20)
    monkeypatch.setattr("stream.log_kafka.reader.BUFFER_BYTES", 2**20)
    make_topic(event_log, unique_name, partitions=2)
    first, second = Place(unique_name, 0), Place(unique_name, 1)
    for number in (0, 1):
        event_log.append(unique_name, outgoing(*[b"x" * 1_000] * 6_000, partition=number))
    with closing(event_log.read({first: 0, second: 0})) as reader:
        full, other = reader.buffers[first], reader.buffers[second]
        while other.position < 6_000:
            reader.fill(1.0)
            assert full.bytes < 2**22
            assert other.bytes < 2**22
            while other.records:
                other.take()
        assert full.position == 0
        assert full.bytes >= 2**20
        assert [r.offset for r in read_to_ends(reader)] == list(range(6_000))


def test_many_partitions_are_read_side_by_side(event_log: EventLog, unique_name: str) -> None:
    """No partition is drained before another has given its share."""
    make_topic(event_log, unique_name, partitions=2)
    for number in (0, 1):
        event_log.append(unique_name, outgoing(*[b"x" * 500] * 5_000, partition=number))
    positions = {Place(unique_name, number): 0 for number in (0, 1)}
    with closing(event_log.read(positions)) as reader:
        seen: set[Place] = set()
        while len(seen) < 2:
            seen |= {record.place for record in poll(reader, 5.0)}
        assert all(reader.buffers[place].position < 5_000 for place in positions)


def test_positions_outside_the_log_are_refused(
    event_log: EventLog, log_url: str, unique_name: str
) -> None:
    """Before the first record that is still there, or beyond the end: both offsets are named."""
    place = make_topic(event_log, unique_name)
    event_log.append(unique_name, outgoing(*[b"x"] * 10))
    trim(log_url, place, 4)
    assert len(read_all(event_log, {place: 4})) == 6
    with pytest.raises(PositionError, match=r"offset 3, .* at 4"):
        event_log.read({place: 3})
    with pytest.raises(PositionError, match=r"offset 11, .* ends at 10"):
        event_log.read({place: 11})


def test_history_deleted_below_a_reader_stops_it(
    event_log: EventLog, log_url: str, unique_name: str
) -> None:
    """Records deleted before they were read are missed, not skipped."""
    place = make_topic(event_log, unique_name)
    with closing(event_log.read({place: 0})) as reader:
        event_log.append(unique_name, outgoing(*[b"x"] * 10))
        trim(log_url, place, 8)
        with pytest.raises(PositionError, match=unique_name):
            read(reader, 10)


def test_a_topic_made_anew_has_another_identity(
    event_log: EventLog, log_url: str, unique_name: str
) -> None:
    """Under the old name a new topic has a new id, and its reader of before stops."""
    place = make_topic(event_log, unique_name)
    event_log.append(unique_name, outgoing(b"a"))
    before = event_log.describe([unique_name])[unique_name].topic_id
    with closing(event_log.read({place: 0})) as reader:
        read(reader, 1)
        remove_topic(log_url, unique_name)
        make_topic(event_log, unique_name)
        assert event_log.describe([unique_name])[unique_name].topic_id != before
        event_log.append(unique_name, outgoing(b"b", b"c"))
        with pytest.raises(PositionError, match=unique_name):
            reader.ends()


def test_creating_topics_again_changes_nothing(event_log: EventLog, unique_name: str) -> None:
    """Created twice, a topic keeps its identity, its partitions and its records."""
    place = make_topic(event_log, unique_name, partitions=5)
    event_log.append(unique_name, outgoing(b"a"))
    before = event_log.describe([unique_name])
    for partitions in (5, 2):
        make_topic(event_log, unique_name, partitions=partitions)
        assert event_log.describe([unique_name]) == before
    assert values(read_all(event_log, {place: 0})) == [b"a"]


def test_topics_that_are_not_there_are_left_out(event_log: EventLog, unique_name: str) -> None:
    """Describing names the topics that exist, and makes none."""
    make_topic(event_log, unique_name)
    for _ in range(2):
        assert set(event_log.describe([unique_name, f"{unique_name}-no"])) == {unique_name}
    assert event_log.describe([]) == {}
