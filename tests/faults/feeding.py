"""A producer that outlives any outage: sends rows at a rate while a test breaks the brokers.

After a failure it asks the topic what it has and continues from there, so that each row is sent
once. (``freshet produce`` gives up after thirty seconds without an answer, and says how far it is.)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager

from converters.files.framing import csv_line
from stream.log import journal
from stream.log.contract import EventLog, LogError, Outgoing
from tests.support.serving.project import Project

ROWS_A_RECORD = 50
# How long all outages of a test may last together.
PATIENCE_SECONDS = 240.0


@contextmanager
def fed(project: Project, rows: Sequence[Sequence[str]], a_second: int) -> Iterator[None]:
    """Send the rows that the topic lacks while the block lasts; they are all there after it."""
    with ThreadPoolExecutor(1) as pool:
        feeding: Future[None] = pool.submit(_feed, project, rows, a_second)
        yield
        feeding.result(PATIENCE_SECONDS)


def _feed(project: Project, rows: Sequence[Sequence[str]], a_second: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            _feed_until_it_fails(project, rows, a_second)
        except LogError:
            assert time.monotonic() < deadline, "the brokers do not come back"
            time.sleep(0.5)
        else:
            return


def _feed_until_it_fails(project: Project, rows: Sequence[Sequence[str]], a_second: int) -> None:
    with (
        project.open_log() as log,
        closing(log.writer(f"{project.settings.model}.feeder")) as writer,
    ):
        topic = project.topics().events
        sent = _held(log, topic)
        while sent < len(rows):
            part = rows[sent : sent + ROWS_A_RECORD]
            value = "\n".join(csv_line(row) for row in part).encode()
            writer.write({topic: [Outgoing(value, int(part[0][1]) * 1000)]})
            sent += len(part)
            time.sleep(len(part) / a_second)


def _held(log: EventLog, topic: str) -> int:
    """How many rows a topic holds; the writer's own open transactions have been settled."""
    return sum(record.value.count(b"\n") + 1 for record in journal.records(log, topic))
