"""Where a learner's batches come from: this process, or one that only reads and converts.

Owned by :mod:`stream.learner.process`, which is given the same batches and the same errors either
way. Whether there are two processes depends on the config and the processors, never on the data,
and changes nothing that is learned.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import structlog

from converters.config.settings import Settings
from stream.log.contract import EventLog
from stream.reading.assignment import Assignment
from stream.reading.batches import Batch
from stream.reading.local import local_batches
from stream.reading.remote import RemoteReader

log = structlog.get_logger()

# With two processors a second process makes learning half as fast again; with one, slower.
FOR_TWO_PROCESSES = 2
# Linux: what a container may use of the processors, in microseconds out of so many.
QUOTA = Path("/sys/fs/cgroup/cpu.max")


class Readers:
    """Gives batches; keeps a process ready where reading has one of its own."""

    def __init__(self, settings: Settings) -> None:
        self._apart = apart(settings)
        self._log = settings.log
        self._ready: RemoteReader | None = None

    def get_ready(self) -> None:
        """Start a process, if one is wanted: it takes a while until it can be told what to read.

        Raises:
            ReaderLostError: it cannot be started.
        """
        if self._apart and self._ready is None:
            self._ready = RemoteReader(self._log)

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
            log.info("reading in a process of its own", process=reader.pid)
            yield reader

    def close(self) -> None:
        """End the process that is ready, if there is one."""
        if self._ready is not None:
            self._ready.close()
            self._ready = None


def apart(settings: Settings) -> bool:
    """Whether reading has a process of its own."""
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
