"""Whether the reader process gains anything, and how far it may be ahead of the learner."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

from stream.reading import reader_main, reader_process
from stream.reading.batch_messages import LENGTH
from stream.reading.merge import BATCH_ROWS
from stream.reading.reader_main import _Outbox
from stream.reading.reader_process import JUDGED_SECONDS, Gain
from tests.support.serving.project import Project, flights

# Clock, and processor time of the learner and of the reader.
Times = tuple[float, float, float]


@pytest.fixture
def saw(monkeypatch: pytest.MonkeyPatch) -> Callable[[Gain, Times, int], str]:
    """Lets a batch come at given times; gives the trouble after it."""

    def come(gain: Gain, times: Times, rows: int = BATCH_ROWS) -> str:
        monkeypatch.setattr(reader_process, "monotonic", lambda: times[0])
        monkeypatch.setattr(reader_process, "process_time", lambda: times[1])
        gain.saw(rows, times[2])
        return gain.trouble

    return come


def test_two_processes_with_little_more_than_one_processor_are_told(
    saw: Callable[[Gain, Times, int], str],
) -> None:
    """After a while of full batches, with how much they had; logged once, gone when it is over."""
    gain = Gain()
    with capture_logs() as logged:
        assert saw(gain, (100.0, 5.0, 1.0), BATCH_ROWS) == ""
        assert saw(gain, (99.0 + JUDGED_SECONDS, 20.0, 15.0), BATCH_ROWS) == ""
        told = saw(gain, (100.0 + JUDGED_SECONDS, 20.0, 15.5), BATCH_ROWS)
        assert "had 0.98 processors in all" in told
        assert saw(gain, (101.0 + 2 * JUDGED_SECONDS, 35.0, 30.0), BATCH_ROWS) != ""
        assert saw(gain, (102.0 + 3 * JUDGED_SECONDS, 62.0, 50.0), BATCH_ROWS) == ""
    assert [line["event"] for line in logged] == ["the reader process gains nothing"]
    assert "learn.processes = 1" in logged[0]["advice"]


def test_without_a_backlog_nothing_is_told(saw: Callable[[Gain, Times, int], str]) -> None:
    """A reader that waits for records needs no processor."""
    gain = Gain()
    for number in range(20):
        rows = BATCH_ROWS if number % 3 else BATCH_ROWS - 1
        assert saw(gain, (number * JUDGED_SECONDS * 0.6, 1.0, 1.0), rows) == ""


def test_what_was_told_of_a_backlog_ends_with_it(saw: Callable[[Gain, Times, int], str]) -> None:
    """A status of today does not tell of last week's."""
    gain = Gain()
    saw(gain, (0.0, 0.0, 0.0), BATCH_ROWS)
    assert saw(gain, (JUDGED_SECONDS, 1.0, 1.0), BATCH_ROWS) != ""
    assert saw(gain, (JUDGED_SECONDS + 1.0, 1.0, 1.0), BATCH_ROWS - 1) == ""


def test_another_reader_is_judged_by_its_own_time(saw: Callable[[Gain, Times, int], str]) -> None:
    """Its processor time begins at nothing, however much the one before had taken."""
    gain = Gain()
    saw(gain, (0.0, 0.0, 500.0), BATCH_ROWS)
    gain.begin()
    assert saw(gain, (JUDGED_SECONDS, 20.0, 1.0), BATCH_ROWS) == ""
    assert saw(gain, (2 * JUDGED_SECONDS, 45.0, 26.0), BATCH_ROWS) == ""


def test_a_learner_tells_it_in_its_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where 'freshet status' finds it."""
    monkeypatch.setattr(reader_process, "JUDGED_SECONDS", 0.0)
    monkeypatch.setattr(reader_process, "WORTH_PROCESSORS", 1e9)
    monkeypatch.setattr(reader_process, "BATCH_ROWS", 1)
    project = Project(tmp_path, processes=2)
    project.produce(project.write_csv(flights(20_000)))
    project.learn()
    with project.registry() as registry:
        status: Any = registry.writer.status()
    assert "the second process gains nothing" in status.status["processes_trouble"]


@pytest.mark.parametrize(("most", "size"), [(100, 1_000_000), (3, 10**9)])
def test_the_reader_is_ahead_by_so_many_messages_and_bytes(
    monkeypatch: pytest.MonkeyPatch, most: int, size: int
) -> None:
    """It waits for the learner then, and all messages come, in order, each behind its length."""
    monkeypatch.setattr(reader_main, "AHEAD", most)
    monkeypatch.setattr(reader_main, "AHEAD_BYTES", size)
    reading, writing = os.pipe()
    pipe = os.fdopen(writing, "wb", buffering=0)
    outbox = _Outbox(pipe)
    sent = [bytes([number]) * 300_000 for number in range(20)]
    done: list[int] = []

    def send() -> None:
        for message in sent:
            outbox.put([message[:7], message[7:]])
            done.append(message[0])
        outbox.close()

    sender = Thread(target=send)
    sender.start()
    sender.join(0.5)
    assert sender.is_alive()
    assert 3 <= len(done) <= 5
    received = b""
    while len(received) < 20 * 300_008:
        received += os.read(reading, 2**20)
    sender.join(10)
    assert received == b"".join([LENGTH.pack(len(each)) + each for each in sent])
    pipe.close()
    os.close(reading)
