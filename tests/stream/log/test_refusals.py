"""What every log refuses, over SQLite and a real Kafka, and that nothing of it stays."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from stream.log.contract import (
    MAX_RECORD_BYTES,
    EventLog,
    LogError,
    Outgoing,
    Place,
    RecordTooLargeError,
    StampError,
    TopicSpec,
    UnknownTopicError,
    poll,
)
from stream.open_log import open_log
from tests.support.streams.logs import make_topic, outgoing, read_all, values

HOUR = 3_600_000


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


@pytest.mark.parametrize("ahead", [HOUR + 60_000, 10**16])
def test_stamps_far_ahead_are_refused(event_log: EventLog, unique_name: str, ahead: int) -> None:
    """A record over an hour ahead of the clock is refused, and those beside it with it."""
    place = make_topic(event_log, unique_name)
    with pytest.raises(StampError, match=f"{unique_name} is stamped"):
        event_log.append(unique_name, [Outgoing(b"a"), Outgoing(b"b", now() + ahead)])
    assert read_all(event_log, {place: 0}) == []


def test_stamps_a_little_ahead_and_very_old_are_taken(
    event_log: EventLog, unique_name: str
) -> None:
    """Half an hour ahead, 2013 and 1970 are times like any other."""
    place = make_topic(event_log, unique_name)
    times = [now() + HOUR // 2, 1_357_020_000_000, 0]
    event_log.append(unique_name, [Outgoing(b"a", time) for time in times])
    assert [record.time for record in read_all(event_log, {place: 0})] == times


def test_a_stamp_before_1970_is_refused(event_log: EventLog, unique_name: str) -> None:
    """Kafka has no such times, so no log takes them."""
    make_topic(event_log, unique_name)
    with pytest.raises(StampError, match="1969-12-31"):
        event_log.append(unique_name, [Outgoing(b"a", -1)])


def test_a_record_that_is_too_large_is_refused(event_log: EventLog, unique_name: str) -> None:
    """The error names both sizes, and nothing was appended."""
    place = make_topic(event_log, unique_name)
    large = b"x" * (MAX_RECORD_BYTES + 1)
    with pytest.raises(RecordTooLargeError, match=r"16,777,217 bytes, .* at most 16,777,216"):
        event_log.append(unique_name, outgoing(b"a", large))
    assert read_all(event_log, {place: 0}) == []


def test_topics_and_partitions_that_are_not_there_are_refused(
    event_log: EventLog, unique_name: str
) -> None:
    """Appending to or reading from what is missing says so at once, and creates nothing."""
    begun = time.monotonic()
    for records in (outgoing(b"a"), []):
        with pytest.raises(UnknownTopicError, match=f"no topic {unique_name}"):
            event_log.append(unique_name, records)
    with pytest.raises(UnknownTopicError, match=f"no topic {unique_name}"):
        event_log.read({Place(unique_name, 0): 0})
    assert event_log.describe([unique_name]) == {}
    place = make_topic(event_log, unique_name)
    assert event_log.append(unique_name, []) == []
    for number in (1, -1):
        with pytest.raises(UnknownTopicError, match=f"no partition {number}"):
            event_log.append(
                unique_name, outgoing(b"a", b"b")[:1] + outgoing(b"c", partition=number)
            )
    with pytest.raises(UnknownTopicError, match="no partition 1"):
        event_log.read({place: 0, Place(unique_name, 1): 0})
    assert read_all(event_log, {place: 0}) == []
    assert time.monotonic() - begun < 25  # a client by itself looks for it for longer


@pytest.mark.parametrize("name", ["", ".", "a b", "ä", "x" * 250])
def test_names_that_cannot_be_topics_are_refused(event_log: EventLog, name: str) -> None:
    """What Kafka would not take, no log takes."""
    with pytest.raises(LogError, match="cannot be a topic's name"):
        event_log.create_topics([TopicSpec(name)], accept_retention=False)


def test_topics_created_by_two_at_once_are_one(log_url: str, unique_name: str) -> None:
    """Of several that create the same topics at the same time, all succeed and see one topic."""
    with closing(open_log(log_url)) as one, closing(open_log(log_url)) as other:
        threads = [
            threading.Thread(target=make_topic, args=(log, unique_name, 3))
            for log in (one, other, one, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        state = one.describe([unique_name])
        assert state == other.describe([unique_name])
        assert len(state[unique_name].ends) == 3


def test_threads_may_append_through_one_log(event_log: EventLog, unique_name: str) -> None:
    """Appends of several threads all arrive, each thread's in its order, offsets used once."""
    place = make_topic(event_log, unique_name)
    given: list[tuple[int, int]] = []

    def append(name: int) -> None:
        for i in range(25):
            given.extend(event_log.append(unique_name, outgoing(b"%d %d" % (name, i))))

    threads = [threading.Thread(target=append, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = values(read_all(event_log, {place: 0}))
    for name in range(4):
        mine = [value for value in found if value.startswith(b"%d " % name)]
        assert mine == [b"%d %d" % (name, i) for i in range(25)]
    assert len(set(given)) == 100


def test_closing_leaves_no_thread(log_url: str, unique_name: str) -> None:
    """A log, a reader and a writer that were closed have left no thread behind."""
    before = set(threading.enumerate())
    with closing(open_log(log_url)) as log:
        place = make_topic(log, unique_name)
        log.append(unique_name, outgoing(b"a"))
        with closing(log.read({place: 0})) as reader:
            poll(reader, 0.1)
        with closing(log.writer(unique_name)) as writer:
            writer.write({unique_name: outgoing(b"b")})
    assert set(threading.enumerate()) <= before
