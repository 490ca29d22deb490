"""Where a learner's batches come from: a reader in this process, or a reader process.

Batches and errors are the same either way. Whether there are two processes depends on the config
and the processors, never on the data, and changes nothing that is learned.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from converters.config.settings import Settings
from converters.logger import log
from stream.log.batch import Batch
from stream.log.contract import EventLog, LogReader, PartitionBuffer, Place, PositionError
from stream.log.fingerprint import Mark, checksum
from stream.log.limits import WAYS_OUT
from stream.log.topics import begins_of, topics_of
from stream.reading.assignment import Assignment
from stream.reading.conversion import BatchReader, record_reader
from stream.reading.corrections import corrected_rows
from stream.reading.merge import MergedReader
from stream.reading.reader_process import Gain, RemoteReader
from stream.reading.watchdog import STARTED_AGAIN, Watchdog


class CheckedReader:
    """A reader under a watchdog that verifies the last record read before, for some partitions.

    See :class:`stream.log.contract.LogReader`. If that record is gone, as after compaction, that
    is not an error: it had been read.

    Args:
        reader: the log's.
        watchdog: ends the process when a call hangs.
        seen: the last record read of some partitions, which ``reader`` gives first.
    """

    def __init__(
        self, reader: LogReader, watchdog: Watchdog, seen: Mapping[Place, Mark] | None = None
    ) -> None:
        self._reader = reader
        self._watchdog = watchdog
        self._seen = dict(seen or {})
        self.buffers = reader.buffers

    def fill(self, timeout: float) -> bool:
        """Read the records after those that were read before."""
        with self._watchdog.watching():
            found = self._reader.fill(timeout)
        for place in [place for place in self._seen if self.buffers[place].records]:
            self._drop_old(self.buffers[place], self._seen.pop(place))
        return found

    def ends(self) -> dict[Place, int]:
        """Where each partition ends."""
        with self._watchdog.watching():
            return self._reader.ends()

    def close(self) -> None:
        """Close the reader."""
        with self._watchdog.watching():
            self._reader.close()

    def _drop_old(self, buffer: PartitionBuffer, mark: Mark) -> None:
        record = buffer.records[0]
        if record.offset != mark.offset:
            return
        if checksum([record]) != mark.crc32:
            raise PositionError(
                f"Topic {record.place.topic}, partition {record.place.partition}: the record at "
                f"offset {record.offset}, the last one that was learned, has changed, so "
                f"the log was truncated and rewritten. {WAYS_OUT}"
            )
        buffer.take()


def _read_on(event_log: EventLog, assignment: Assignment, watchdog: Watchdog) -> CheckedReader:
    """A reader from the assignment's positions; what precedes them must be as marked."""
    positions = assignment.positions
    begins = begins_of(event_log.describe(sorted({place.topic for place in positions})))
    seen = {
        place: mark
        for place, mark in assignment.marks.items()
        if mark.offset + 1 == positions.get(place) and mark.offset >= begins.get(place, 0)
    }
    first = {place: mark.offset for place, mark in seen.items()}
    return CheckedReader(event_log.read({**positions, **first}), watchdog, seen)


@contextmanager
def local_batches(
    event_log: EventLog, assignment: Assignment, hung: str = STARTED_AGAIN
) -> Iterator[Iterable[Batch]]:
    """The batches of an assignment, read here.

    Args:
        event_log: where they are read from.
        assignment: what to read.
        hung: what happens next if this process ends because a call hangs, for the log.

    Raises:
        LogError: the log cannot be opened at that position; also while it is read.
    """
    settings, again = assignment.context.settings, assignment.again
    topics = topics_of(settings)
    stall_seconds = settings.learn.stall_seconds
    watchdog = Watchdog(stall_seconds + settings.kafka.longer_calls, hung)
    corrected = corrected_rows(event_log, topics.corrections, again.corrected)
    reader = _read_on(event_log, assignment, watchdog)
    with watchdog.running():
        merged = MergedReader(
            reader,
            assignment.positions,
            topics.labels,
            stall_seconds,
            assignment.batch_rows,
        )
        with closing(merged):
            records = record_reader(assignment.context)
            yield BatchReader(
                merged, records, assignment.journal, assignment.limit, again, corrected
            )


# With two processors a second process makes learning 50 % faster; with one, slower.
FOR_TWO_PROCESSES = 2
# Linux: a container's processor quota, as microseconds per period.
QUOTA = Path("/sys/fs/cgroup/cpu.max")


class Readers:
    """Gives batches; keeps a reader process ready if reading has a separate process."""

    def __init__(self, settings: Settings) -> None:
        self._apart = apart(settings)
        self._log = settings.log
        self._ready: RemoteReader | None = None
        self._gain = Gain()

    @property
    def may_compute_beside(self) -> bool:
        """Whether another thread may compute in arrays while the learner's thread goes on.

        Conversion here drops Python's lock at each array, a hundred times a batch, and then waits
        for the other thread: with two processors that took 15 % more time than it gave.
        """
        return self._apart or processors() < FOR_TWO_PROCESSES

    @property
    def trouble(self) -> str:
        """That the reader process gains nothing, if that is so."""
        return self._gain.trouble

    def get_ready(self) -> None:
        """Start the reader process, if there is to be one: it takes a while to be ready.

        Raises:
            ReaderLostError: it cannot be started.
        """
        if self._apart and self._ready is None:
            self._ready = RemoteReader(self._log, self._gain)

    @contextmanager
    def batches(self, event_log: EventLog, assignment: Assignment) -> Iterator[Iterable[Batch]]:
        """The batches of an assignment.

        Args:
            event_log: where they are read from, if that happens here.
            assignment: what to read.

        Raises:
            LogError: the log cannot be read; also while the batches are taken.
        """
        if not self._apart:
            with local_batches(event_log, assignment) as batches:
                yield batches
            return
        self.get_ready()
        assert self._ready is not None
        reader, self._ready = self._ready, None
        with closing(reader):
            reader.open(assignment)
            log.info("started reader process", process=reader.pid)
            yield reader

    def close(self) -> None:
        """End the process that is ready, if there is one."""
        if self._ready is not None:
            self._ready.close()
            self._ready = None


def apart(settings: Settings) -> bool:
    """Whether reading has a separate process."""
    asked = settings.learn.processes
    return (asked or processors()) >= FOR_TWO_PROCESSES


def processors() -> float:
    """How many processors this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    count = len(usable(0)) if usable else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = QUOTA.read_text(encoding="ascii").split()
        return min(count, int(quota) / int(period))
    return count
