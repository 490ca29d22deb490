"""A Kafka that hangs, comes back, and dies: every call ends in time and says what happened."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from converters.config.kafka_settings import KafkaSettings
from stream.log.contract import LogUnavailableError, poll
from stream.log_kafka import client, writers
from stream.log_kafka import reader as kafka_reader
from stream.log_kafka.client import open_producer
from stream.log_kafka.connection import Connection
from stream.log_kafka.log import KafkaLog
from stream.log_kafka.reader import KafkaReader
from tests.support.streams.broker import BrokerUnavailableError, private_broker
from tests.support.streams.logs import make_topic, outgoing, read, read_all, values, without_kafka

pytestmark = pytest.mark.kafka
IN_TIME = 25.0
HASTY = KafkaSettings(bootstrap_timeout_ms=1500, request_timeout_ms=1500)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter times than anyone would want in earnest."""
    for module in (writers, client, kafka_reader):
        for name in ("CLOSE_SECONDS", "QUIET_SECONDS"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, 1.5)
        if hasattr(module, "DELIVERY_SECONDS"):
            monkeypatch.setattr(module, "DELIVERY_SECONDS", 2.5)
    monkeypatch.setattr(client, "LINGER_MS", 100)


@pytest.fixture
def broker() -> Iterator[tuple[int, str]]:
    """The process and address of a broker of one's own."""
    try:
        with private_broker() as (process, address):
            yield process.pid, address
    except BrokerUnavailableError as error:
        without_kafka(error)


@contextmanager
def hanging(pid: int) -> Iterator[None]:
    """The broker answers nothing while the block lasts, though its port is open."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def all_unavailable(*calls: Callable[[], object]) -> None:
    """Each call, made at the same time as the others, says in time that the log does not answer."""

    def unavailable(call: Callable[[], object]) -> None:
        with pytest.raises(LogUnavailableError, match="no answer"):
            call()

    begun = time.monotonic()
    with ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(unavailable, calls))
    assert time.monotonic() - begun < IN_TIME


def poll_on(reader: KafkaReader) -> None:
    """Poll as one does who waits for news."""
    deadline = time.monotonic() + IN_TIME
    while time.monotonic() < deadline:
        poll(reader, 0.1)


def test_a_broker_that_hangs_is_reported_and_used_again(
    broker: tuple[int, str], impatient: None
) -> None:
    """While it hangs every call fails in time; when it is back, the same log works."""
    pid, address = broker
    before = set(threading.enumerate())
    with closing(KafkaLog(Connection(address, HASTY))) as log:
        place = make_topic(log, "t")
        log.append("t", outgoing(b"1"))
        with (
            closing(log.read({place: 0})) as reader,
            closing(log.read({place: 0})) as quiet,
            closing(log.writer("w")) as writer,
        ):
            assert values(read(reader, 1)) == values(read(quiet, 1)) == [b"1"]
            with hanging(pid):
                all_unavailable(
                    lambda: log.append("t", outgoing(b"2")),
                    lambda: log.describe(["t"]),
                    reader.ends,
                    lambda: poll_on(quiet),
                    lambda: writer.write({"t": outgoing(b"3")}),
                    lambda: log.writer("another"),
                )
        assert log.append("t", outgoing(b"4"))[0] > (0, 0)
        with closing(log.writer("w")) as successor:
            successor.write({"t": outgoing(b"5")})
        found = values(read_all(log, {place: 0}))
        assert (found[0], found[-2:]) == (b"1", [b"4", b"5"])
        assert max(found.count(each) for each in found) == 1
    assert set(threading.enumerate()) <= before


def test_a_broker_that_dies_is_reported(broker: tuple[int, str], impatient: None) -> None:
    """Once it is gone for good every call fails in time, and closing leaves no thread."""
    pid, address = broker
    before = set(threading.enumerate())
    with closing(KafkaLog(Connection(address, HASTY))) as log:
        place = make_topic(log, "t")
        log.append("t", outgoing(b"1"))
        with (
            closing(open_producer(Connection(address, HASTY))) as unsent,
            closing(log.read({place: 0})) as reader,
            closing(log.writer("w")) as writer,
        ):
            read(reader, 1)
            unsent.send("t", value=b"sent before the end")
            unsent.deliver()
            os.kill(pid, signal.SIGKILL)
            all_unavailable(
                lambda: log.append("t", outgoing(b"2")),
                lambda: writer.write({"t": outgoing(b"3")}),
                lambda: poll_on(reader),
                lambda: KafkaLog(Connection(address, HASTY)),
            )
            unsent.send("t", value=b"never acknowledged")
    assert set(threading.enumerate()) <= before
