"""Looks through the log: bounded in time, one at a time, and beside what the event loop does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from time import monotonic

import pytest

from serve.http.problems import BusyError, LogTooLongError
from serve.live.log_looks import LOOKS, PAUSE_SECONDS, WAITING_LOOKS, LogLooks, Pace
from stream.log.contract import EventLog
from tests.support.serving.project import Project, flights


@pytest.fixture
def looks(tmp_path: Path) -> Iterator[LogLooks]:
    """Of a model with a log."""
    project = Project(tmp_path / "p")
    project.produce(project.write_csv(flights(3)))
    with closing(LogLooks(project.settings)) as made:
        yield made


def test_a_look_that_never_ends_is_ended(looks: LogLooks) -> None:
    """Its thread is free for the next one, and what it would have found is told to nobody."""
    ended: list[int] = []

    def endless(_: EventLog, pace: Pace) -> int:
        for records in count():
            try:
                pace(records)
            except TimeoutError:
                ended.append(records)
                raise
        raise AssertionError

    async def run() -> None:
        with pytest.raises(LogTooLongError, match="'freshet quarantine add'"):
            await looks.run(0.2, "quarantine add", endless)
        assert await looks.run(10.0, "quarantine add", lambda log, _: len(log.describe([]))) == 0
        assert len(ended) == 1

    asyncio.run(run())


def test_others_go_on_beside_a_look(looks: LogLooks) -> None:
    """It pauses now and then, as often as it computes for a while."""

    def looking(_: EventLog, pace: Pace) -> float:
        began, pauses = monotonic(), 0
        while monotonic() - began < 0.3:
            before = monotonic()
            pace(1)
            pauses += monotonic() - before >= PAUSE_SECONDS
        return pauses

    assert asyncio.run(looks.run(10.0, "", looking)) >= 20


def test_a_log_that_hangs_keeps_nobody_waiting(looks: LogLooks) -> None:
    """Each is answered in its own time; more than may wait are refused at once."""
    free = threading.Event()

    async def run() -> None:
        asked = [
            asyncio.create_task(looks.run(0.5, "", lambda *_: free.wait(30)))
            for _ in range(LOOKS + WAITING_LOOKS)
        ]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await looks.run(0.5, "", lambda *_: None)
        found = await asyncio.gather(*asked, return_exceptions=True)
        free.set()
        assert {type(each) for each in found} <= {LogTooLongError, BusyError}

    asyncio.run(run())
