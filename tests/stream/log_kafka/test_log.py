"""The Kafka log's own: what other producers leave, transactions that hang, brokers that do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from stream.log.contract import FencedError, LogError, LogUnavailableError, Outgoing, Place, poll
from stream.log_kafka import errors, writers
from stream.log_kafka import reader as kafka_reader
from stream.log_kafka.client import kafka, open_producer
from stream.log_kafka.connection import Connection
from stream.log_kafka.log import KafkaLog
from tests.support.serving.processes import until
from tests.support.streams.logs import make_topic, outgoing, read, read_all, read_to_ends, values

pytestmark = pytest.mark.kafka


@pytest.fixture
def log(kafka_bootstrap: str) -> Iterator[KafkaLog]:
    """A log in the shared broker."""
    with closing(KafkaLog(Connection(kafka_bootstrap))) as log:
        yield log


class Pausing(tuple[tuple[str, bytes], ...]):
    """Headers that take their time to be written: until the brokers look for late transactions."""

    __slots__ = ()
    seconds = 13.0 if "KAFKA_BOOTSTRAP_SERVERS" in os.environ else 2.5

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        time.sleep(self.seconds)
        return iter(())


def test_records_of_other_producers_are_read(
    log: KafkaLog, kafka_bootstrap: str, unique_name: str
) -> None:
    """Those without a value come as any other."""
    place = make_topic(log, unique_name)
    with closing(open_producer(Connection(kafka_bootstrap))) as producer:
        producer.send(unique_name, value=b"x" * 10_000)
        producer.send(unique_name, key=b"k")
        producer.flush()
    assert [(r.key, r.value) for r in read_all(log, {place: 0})] == [
        (None, b"x" * 10_000),
        (b"k", b""),
    ]


def test_an_open_transaction_holds_readers_before_it(
    log: KafkaLog, kafka_bootstrap: str, unique_name: str
) -> None:
    """While it is open a reader stays before it; aborted, the reader moves past and on."""
    place = make_topic(log, unique_name)
    log.append(unique_name, outgoing(b"1"))
    with (
        closing(
            open_producer(Connection(kafka_bootstrap), transactional_id=unique_name)
        ) as producer,
        closing(log.read({place: 0})) as reader,
    ):
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(unique_name, value=b"never")
        producer.flush()
        log.append(unique_name, outgoing(b"2"))
        assert values(read_to_ends(reader)) == [b"1"]
        assert poll(reader, 0.3) == []
        assert reader.ends() == {place: 1}
        assert log.describe([unique_name])[unique_name].ends == {place: 1}
        producer.abort_transaction()
        assert values(read(reader, 1)) == [b"2"]
        assert read_to_ends(reader) == []
        assert reader.buffers[place].position == reader.ends()[place] > 3


def test_a_transaction_that_took_too_long_says_so(
    log: KafkaLog, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The brokers abort it; the error tells it from a successor, and a new writer can go on."""
    monkeypatch.setattr(writers, "TRANSACTION_SECONDS", 1.0)
    place = make_topic(log, unique_name)
    with closing(log.writer(unique_name)) as slow:
        late = Outgoing(b"late", headers=Pausing((("h", b""),)))
        with pytest.raises(FencedError, match="longer than the brokers allow") as refused:
            slow.write({unique_name: [Outgoing(b"x" * 2**20), Outgoing(b"y" * 2**20), late]})
    assert refused.value.timed_out
    with closing(log.writer(unique_name)) as writer:
        writer.write({unique_name: outgoing(b"new")})
    assert values(read_all(log, {place: 0})) == [b"new"]


@pytest.mark.parametrize("size", [2**19, 400])
def test_a_paused_partition_is_fetched_no_further_than_its_buffer(
    log: KafkaLog, unique_name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits in memory for a paused partition is bounded, and none of it is lost.

    Small records are where kafka-python forgets the partition: it has more of them from one fetch
    than one poll hands out.
    """
    monkeypatch.setattr(kafka_reader, "BUFFER_BYTES", 2**20)
    make_topic(log, unique_name, partitions=2)
    first, second = Place(unique_name, 0), Place(unique_name, 1)
    for _ in range(2):
        log.append(unique_name, outgoing(*[b"x" * size] * (2**21 // size)))
    with closing(log.read({first: 0, second: 0})) as reader:
        for _ in range(20):
            reader.fill(0.02)
        assert 2**20 <= reader.buffers[first].bytes < 2**22
        log.append(unique_name, outgoing(b"other", partition=1))
        until(lambda: reader.fill(0.1))
        assert reader.buffers[second].take().value == b"other"
        assert len(read_to_ends(reader)) == 2 * (2**21 // size)


@pytest.mark.parametrize(
    ("error", "expected", "says"),
    [
        (kafka.errors.KafkaTimeoutError("t"), LogUnavailableError, "no answer"),
        (kafka.errors.TopicAuthorizationFailedError(), LogError, "do not allow"),
        (kafka.errors.CorruptRecordError(), LogError, "gave up"),
        (kafka.errors.InvalidProducerIdMappingError(), FencedError, "taken over"),
        (
            kafka.errors.KafkaError("in an error state", kafka.errors.ProducerFencedError()),
            FencedError,
            "taken over",
        ),
    ],
)
def test_errors_keep_their_cause_and_name_the_brokers(
    error: Exception, expected: type[LogError], says: str
) -> None:
    """Whatever kafka-python raises becomes an error of the log, with what was done where."""
    meant = errors.meaning(error, Connection("host:1"), errors.Doing("append to topic t"))
    assert type(meant) is expected
    assert str(meant).startswith("Kafka at host:1, append to topic t: ")
    assert says in str(meant)
