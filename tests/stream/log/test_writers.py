"""The contract of writers, over SQLite and a real Kafka: outputs whole, once, and by one alone."""

from __future__ import annotations

from contextlib import closing

import pytest

from stream.log.contract import (
    MAX_RECORD_BYTES,
    EventLog,
    FencedError,
    Outgoing,
    Place,
    RecordTooLargeError,
    StampError,
    UnknownTopicError,
    poll,
)
from stream.open_log import open_log
from tests.support.streams.log_processes import next_line, running
from tests.support.streams.logs import (
    has_open_transaction,
    make_topic,
    outgoing,
    read,
    read_all,
    values,
)


def test_outputs_of_one_transaction_reach_all_topics(event_log: EventLog, unique_name: str) -> None:
    """All records of all topics and partitions are there, in order, when the call returns."""
    scores = make_topic(event_log, f"{unique_name}.scores", partitions=2)
    journal = make_topic(event_log, f"{unique_name}.journal")
    with closing(event_log.writer(unique_name)) as writer:
        for i in range(3):
            lines = [Outgoing(b"%d" % i, 1_357_020_000_000, (("h", b"v"),), b"k")]
            lines += outgoing(b"%d'" % i, partition=1)
            writer.write({scores.topic: lines, journal.topic: outgoing(b"cut %d" % i)})
        assert values(read_all(event_log, {scores: 0})) == [b"0", b"1", b"2"]
        assert values(read_all(event_log, {Place(scores.topic, 1): 0})) == [b"0'", b"1'", b"2'"]
        assert values(read_all(event_log, {journal: 0})) == [b"cut 0", b"cut 1", b"cut 2"]
        record = read_all(event_log, {scores: 0})[0]
    assert record[2:6] == (1_357_020_000_000, b"0", (("h", b"v"),), b"k")


def test_a_reader_goes_on_over_transactions(event_log: EventLog, unique_name: str) -> None:
    """A position moves past the marks that transactions leave, and stands at the end again."""
    place = make_topic(event_log, unique_name)
    with (
        closing(event_log.writer(unique_name)) as writer,
        closing(event_log.read({place: 0})) as reader,
    ):
        for i in range(3):
            writer.write({unique_name: outgoing(b"%d" % i)})
            assert values(read(reader, 1)) == [b"%d" % i]
        while reader.buffers[place].position < reader.ends()[place]:
            assert poll(reader, 0.2) == []
    again = read_all(event_log, {place: reader.buffers[place].position})
    assert again == []


def test_an_empty_transaction_writes_nothing(event_log: EventLog, unique_name: str) -> None:
    """No records, or topics without any, are no error and no record."""
    place = make_topic(event_log, unique_name)
    with closing(event_log.writer(unique_name)) as writer:
        writer.write({})
        writer.write({unique_name: []})
        writer.write({unique_name: outgoing(b"a")})
    assert values(read_all(event_log, {place: 0})) == [b"a"]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (Outgoing(b"", 10**15), StampError),
        (Outgoing(b"x" * (MAX_RECORD_BYTES + 1)), RecordTooLargeError),
        (Outgoing(b"", partition=3), UnknownTopicError),
    ],
)
def test_one_wrong_record_keeps_all_outputs_out(
    event_log: EventLog, unique_name: str, wrong: Outgoing, error: type[Exception]
) -> None:
    """Nothing of a refused transaction is seen, and another writer can go on."""
    first = make_topic(event_log, f"{unique_name}.a")
    second = make_topic(event_log, f"{unique_name}.b")
    with closing(event_log.writer(unique_name)) as writer:
        with pytest.raises(error):
            writer.write({first.topic: outgoing(b"1"), second.topic: [Outgoing(b"2"), wrong]})
        with pytest.raises(UnknownTopicError):
            writer.write({first.topic: outgoing(b"1"), f"{unique_name}.no": outgoing(b"2")})
    with closing(event_log.writer(unique_name)) as writer:
        writer.write({first.topic: outgoing(b"3"), second.topic: outgoing(b"4")})
    assert values(read_all(event_log, {first: 0})) == [b"3"]
    assert values(read_all(event_log, {second: 0})) == [b"4"]


def test_a_new_writer_fences_the_old_one_off(
    event_log: EventLog, log_url: str, unique_name: str
) -> None:
    """The older writer of a name is refused for ever, and what it wanted to write is not there."""
    place = make_topic(event_log, unique_name)
    with (
        closing(event_log.writer(unique_name)) as old,
        closing(open_log(log_url)) as elsewhere,
    ):
        old.write({unique_name: outgoing(b"old")})
        with closing(elsewhere.writer(unique_name)) as new:
            for _ in range(2):
                with pytest.raises(FencedError, match=unique_name) as refused:
                    old.write({unique_name: outgoing(b"zombie")})
                assert not refused.value.timed_out
            new.write({unique_name: outgoing(b"new")})
    assert values(read_all(event_log, {place: 0})) == [b"old", b"new"]


def test_writers_of_different_names_do_not_meet(event_log: EventLog, unique_name: str) -> None:
    """Two models write into one log side by side."""
    place = make_topic(event_log, unique_name)
    with (
        closing(event_log.writer(f"{unique_name}-a")) as one,
        closing(event_log.writer(f"{unique_name}-b")) as other,
    ):
        for i in range(2):
            one.write({unique_name: outgoing(b"a%d" % i)})
            other.write({unique_name: outgoing(b"b%d" % i)})
    assert values(read_all(event_log, {place: 0})) == [b"a0", b"b0", b"a1", b"b1"]


def test_a_writer_killed_in_the_middle_leaves_nothing(
    event_log: EventLog, log_url: str, unique_name: str
) -> None:
    """SIGKILL within a transaction: none of it is ever seen, and its successor can write."""
    first = make_topic(event_log, f"{unique_name}.a")
    second = make_topic(event_log, f"{unique_name}.b")
    with running("stall", log_url, unique_name, first.topic, second.topic) as process:
        assert next_line(process) == "in the middle"
        assert has_open_transaction(log_url, first)
        assert read_all(event_log, {first: 0, second: 0}) == []
        process.kill()
        process.wait()
    with closing(event_log.writer(unique_name)) as successor:
        assert read_all(event_log, {first: 0, second: 0}) == []
        successor.write({first.topic: outgoing(b"1"), second.topic: outgoing(b"2")})
    assert values(read_all(event_log, {first: 0})) == [b"1"]
    assert values(read_all(event_log, {second: 0})) == [b"2"]


def test_processes_append_side_by_side(event_log: EventLog, log_url: str, unique_name: str) -> None:
    """What two processes append at the same time is all there, each one's in its order."""
    place = make_topic(event_log, unique_name)
    with (
        running("append", log_url, unique_name, "a", "20") as one,
        running("append", log_url, unique_name, "b", "20") as other,
    ):
        assert (one.wait(), other.wait()) == (0, 0)
    found = values(read_all(event_log, {place: 0}))
    for name in "ab":
        mine = [value for value in found if value.startswith(name.encode())]
        assert mine == [f"{name} {i}".encode() for i in range(20)]


def test_what_was_acknowledged_survives_a_kill(
    event_log: EventLog, log_url: str, unique_name: str
) -> None:
    """After SIGKILL every acknowledged record is there, once and in order, and at most one more."""
    place = make_topic(event_log, unique_name)
    acknowledged = 0
    with running("append", log_url, unique_name, "a", "100000") as process:
        while acknowledged < 40:
            acknowledged = int(next_line(process))
        process.kill()
        while line := next_line(process):
            acknowledged = int(line)
        process.wait()
    with closing(event_log.writer(unique_name)):
        found = values(read_all(event_log, {place: 0}))
    assert found == [f"a {i}".encode() for i in range(len(found))]
    assert acknowledged <= len(found) <= acknowledged + 1
    given = event_log.append(unique_name, outgoing(b"next"))
    assert given == [(0, len(found))]
