"""A reader in this process: log -> watched, verified, merged, converted, as an iterator of batches.

Assembles what :mod:`stream.reading.batches` and the modules below it offer. The learner uses it
where one process does everything; where reading has a process of its own, it runs there
(:mod:`stream.reading.remote_process`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

from stream.log.contract import EventLog
from stream.log.topics import topics_of
from stream.reading.assignment import Assignment
from stream.reading.batches import Batch, BatchReader, record_reader
from stream.reading.log_unchanged import read_on
from stream.reading.merge import MergedReader
from stream.reading.watchdog import STARTED_AGAIN, Watchdog, WatchedReader


@contextmanager
def local_batches(
    event_log: EventLog, assignment: Assignment, hung: str = STARTED_AGAIN
) -> Iterator[Iterable[Batch]]:
    """The batches of an assignment, read here.

    Args:
        event_log: where they are read from.
        assignment: what to read.
        hung: what to say of how it goes on when this process ends, for a call hangs.

    Raises:
        LogError: the log cannot be opened, or not from there; also while it is read.
    """
    settings = assignment.context.settings
    stall_seconds = settings.learn.stall_seconds
    reader = read_on(event_log, assignment.positions, assignment.marks)
    with Watchdog(stall_seconds, hung) as watchdog:
        merged = MergedReader(
            WatchedReader(reader, watchdog),
            assignment.positions,
            topics_of(settings).labels,
            stall_seconds,
            assignment.batch_rows,
        )
        with closing(merged):
            records = record_reader(assignment.context)
            yield BatchReader(merged, records, assignment.journal, assignment.limit)
