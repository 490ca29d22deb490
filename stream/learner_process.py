"""``freshet learn`` as one process: takes the lock and the epoch, begins, learns, stops cleanly.

Puts the parts together: :mod:`stream.starting` says where to begin, :mod:`stream.reading` gives
batches, :mod:`stream.learning` takes them. One learner of a model writes: on this machine a file
lock decides, across machines the registry's epoch and the log's fencing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from filelock import FileLock, Timeout

from converters.errors import FreshetError
from converters.settings import Settings
from learners.registry import Registry
from learners.snapshot import SnapshotStore
from stream import checkpoint
from stream.context import Context, record_reader
from stream.garbage import collected_by_hand
from stream.learning import Learning
from stream.log import EventLog, OutputWriter, Place
from stream.merge import MergedReader
from stream.open_log import open_log
from stream.reading import Batch, BatchReader
from stream.starting import Beginning, Starting
from stream.topics import create_topics, described

Seen = Callable[[Batch, Learning], None]


class LearnerRunningError(FreshetError):
    """Another learner of the model runs on this machine."""


@dataclass
class LearnerProcess:
    """An assembled learner: the lock and the epoch are its own, older writers are fenced off."""

    starting: Starting
    writer: OutputWriter
    stopping: bool = False
    learning: Learning | None = None

    def stop(self) -> None:
        """Finish the batch at hand, save, and end; safe to call from a signal handler."""
        self.stopping = True
        if self.learning is not None:
            self.learning.stopping = True

    def run(self, seen: Seen, *, until_end: bool) -> dict[str, Any]:
        """Learn until stopped, or until the log's end as it is now.

        Args:
            seen: called after each batch.
            until_end: stop at the log's head as it was when this began.

        Returns:
            The report that ``freshet learn --json`` prints.
        """
        began = monotonic()
        limit = self._ends() if until_end else None
        before: int | None = None
        while True:
            begin = self.starting.begin()
            if before is None:
                before = begin.pipeline.counts.events
            with closing(begin.pipeline):
                learning = self._learn(begin, limit, seen)
            # A backfill was promoted meanwhile: begin again from it, in the same process.
            if self.stopping or not learning.promoted:
                break
        return report(learning, self.starting.registry, before, monotonic() - began)

    def _learn(self, begin: Beginning, limit: dict[Place, int] | None, seen: Seen) -> Learning:
        starting = self.starting
        learning = Learning(starting, self.writer, begin)
        self.learning = learning
        learning.stopping = self.stopping
        labels = starting.topics.labels
        merged = MergedReader(starting.event_log.read(begin.positions), begin.positions, labels)
        with closing(merged), collected_by_hand():
            records = record_reader(starting.context)
            learning.run(BatchReader(merged, records, begin.replay, limit), seen)
        return learning

    def _ends(self) -> dict[Place, int]:
        states = described(self.starting.event_log, self.starting.topics.inputs)
        return {place: at for state in states.values() for place, at in state.ends.items()}


@contextmanager
def assembled(context: Context) -> Iterator[LearnerProcess]:
    """A learner process with everything open; closes it all.

    Raises:
        LearnerRunningError: another learner of the model holds this machine's lock.
    """
    settings = context.settings
    with ExitStack() as stack:
        stack.enter_context(_locked(settings.home))
        registry = stack.enter_context(Registry(settings.registry, settings.model))
        event_log: EventLog = stack.enter_context(closing(opened(settings)))
        topics = create_topics(event_log, settings)
        epoch = registry.begin_epoch(f"{socket.gethostname()}, process {os.getpid()}")
        writer = stack.enter_context(closing(event_log.writer(f"{settings.model}.learner")))
        snapshots = SnapshotStore(Path(settings.snapshots))
        starting = Starting(context, topics, event_log, registry, snapshots, epoch)
        yield LearnerProcess(starting, writer)


def opened(settings: Settings) -> EventLog:
    """The log that the config names."""
    return open_log(settings.log, replication_factor=settings.topics.replication_factor)


def report(
    learning: Learning, registry: Registry, events_before: int, seconds: float
) -> dict[str, Any]:
    """What ``learn``, ``backfill`` and ``demo`` print: cumulative counts, measures, this run's."""
    pipeline = learning.pipeline
    point = registry.resume_point()
    this_run = pipeline.counts.events - events_before
    return {
        **summary(checkpoint.counts(pipeline), checkpoint.metrics(pipeline)),
        "version": registry.pointers().latest,
        "model_sha256": None if point is None else point.model_sha256,
        "events_this_run": this_run,
        "events_per_second": round(this_run / max(seconds, 1e-9), 1),
    }


def summary(counts: dict[str, int], metrics: dict[str, Any]) -> dict[str, Any]:
    """The counts, then ``log_loss`` and ``auc`` over all learned events beside the others."""
    first = ("events", "learned", "waiting", "expired", "scored_only", "rejected", "duplicates")
    measures = {name: value for name, value in metrics.items() if name not in counts}
    ordered = {name: counts[name] for name in (*first, "labels_waiting")}
    return ordered | counts | measures


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(home / "learner.lock", timeout=0)
        with lock:
            yield
    except Timeout:
        raise LearnerRunningError(
            f"Another learner of this model runs on this machine: it holds {home / 'learner.lock'}."
            " One learner writes a model. Stop that one first, even if it seems to hang."
        ) from None
    except OSError as error:
        raise FreshetError(
            f"The home folder {home} cannot be written: {error.strerror or error}. Make it "
            "writable, or name another with 'home' in the config."
        ) from None
