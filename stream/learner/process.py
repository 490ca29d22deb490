"""``freshet learn`` as one process: takes the lock and the epoch, starts, learns, stops cleanly.

One learner of a model writes: on this machine a file lock decides, across machines the registry's
epoch and the log's fencing. When log or registry are unavailable it waits, and then resumes from
the last checkpoint, as a restarted process would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from converters.cells.kind import UnknownConverterError
from converters.changes.changes import stored
from converters.config.settings import Settings
from converters.errors import FreshetError, StartAgainError, UsageError
from converters.files.private import FILE, make_home
from learners.learner import ModelNotSavedError
from learners.registry import Registry
from learners.registry.actor import this_learner
from learners.registry.errors import RegistryError, RegistryUnavailableError
from learners.snapshots.errors import SnapshotDiskError
from learners.snapshots.store import SnapshotStore
from stream.checkpoints.pinned_version import PinnedVersions
from stream.checkpoints.same_model import UnlikeConfigError
from stream.checkpoints.saver import Saver
from stream.fold import run_report
from stream.fold.pipeline import Pipeline
from stream.fold.run_report import Rows, ThisRun, report, rows_of
from stream.fold.shadows import tell_slow
from stream.learner.beginning import Beginning, Starting
from stream.learner.heartbeat import Outage
from stream.learner.loop import Learning, Upkeep
from stream.learner.model_parts import ModelParts
from stream.learner.pin_watch import PinWatch
from stream.log.batch import Batch
from stream.log.contract import (
    EventLog,
    FencedError,
    LogError,
    LogUnavailableError,
    OutputWriter,
    Place,
    StampError,
)
from stream.log.topics import Topics, create_topics, described, ends_of
from stream.open_log import opened
from stream.process_control import collected_by_hand
from stream.reading import merge
from stream.reading.assignment import Assignment
from stream.reading.batch_source import Readers
from stream.resolved_config import ResolvedConfig
from stream.stages import MEASURE, StageThread
from stream.stopping import LOG, REGISTRY, waiting_for


class Connection(NamedTuple):
    """An open log and the writer of the learner's outputs."""

    event_log: EventLog
    writer: OutputWriter

    def close(self) -> None:
        """Close both, even if the log is unavailable."""
        for each in (self.writer, self.event_log):
            with suppress(LogError):
                each.close()


def take_hold(
    event_log: EventLog, settings: Settings, registry: Registry, epoch: int
) -> Connection:
    """Become the writer of the outputs, which fences off every other.

    The epoch is checked once the writer is open: a learner that was paused may have just fenced
    off its successor. It then ends here, and the successor, which has the epoch, reconnects.

    Raises:
        SupersededError: another learner has taken over.
    """
    writer = event_log.writer(f"{settings.model}.learner")
    try:
        registry.writer.check_epoch(epoch)
    except BaseException:
        writer.close()
        raise
    return Connection(event_log, writer)


def connect(settings: Settings, registry: Registry, epoch: int) -> Connection:
    """Open the log again and become its writer; nothing stays open when that fails.

    Raises:
        LogUnavailableError: the log does not answer.
        SupersededError: another learner has taken over; the log was not touched.
    """
    registry.writer.check_epoch(epoch)
    event_log = opened(settings, registry=registry)
    try:
        return take_hold(event_log, settings, registry, epoch)
    except BaseException:
        with suppress(LogError):
            event_log.close()
        raise


Seen = Callable[[Batch, Learning], None]

# Transient: the log or the registry is unavailable, a disk is full, the brokers' clock is behind,
# or a transaction took too long (the registry shows that no other learner has taken over).
PASSING = (
    LogUnavailableError,
    RegistryUnavailableError,
    SnapshotDiskError,
    ModelNotSavedError,
    StampError,
    FencedError,
)


class EditedConfigError(StartAgainError):
    """A version was promoted that was made by a config which this process has not read yet."""


class LearnerRunningError(FreshetError):
    """Another learner of the model runs on this machine."""


@dataclass
class LearnerProcess:
    """An assembled learner: it holds the lock and the epoch, older writers are fenced off."""

    context: ResolvedConfig
    topics: Topics
    registry: Registry
    snapshots: SnapshotStore
    epoch: int
    connection: Connection | None
    readers: Readers
    stopping: bool = False
    learning: Learning | None = None
    outage: Outage = field(init=False)
    _limit: dict[Place, int] | None = None
    _before: Rows = field(default_factory=Rows)
    _lineage: int | None = None

    def __post_init__(self) -> None:
        """Waiting ends when this process is asked to stop."""
        folders = self.context.settings.written_folders
        self.outage = Outage(self.registry, self.epoch, folders, lambda: self.stopping)

    def stop(self) -> None:
        """Finish the current batch, save, and end; safe to call from a signal handler."""
        self.stopping = True
        if self.learning is not None:
            self.learning.stopping = True

    def run(self, seen: Seen, *, until_end: bool) -> dict[str, Any]:
        """Learn until stopped, or until the log's current end.

        Args:
            seen: called after each batch.
            until_end: stop at the end of the log as of now.

        Returns:
            The report that ``freshet learn --json`` prints.

        Raises:
            SupersededError: another learner has taken over.
            FreshetError: a failure that is not transient; see the message.
        """
        began = monotonic()
        if until_end:
            self._limit = self._ends()
        while True:
            try:
                finished = self._learn_until_disconnected(seen)
            except UsageError as error:  # whoever asks for the status sees why nobody learns
                with suppress(RegistryError):
                    self.registry.writer.refused(str(error))
                raise
            except PASSING as error:
                if self.learning is None:
                    raise
                finished = False
                self._wait(error)
            if finished or self.stopping:
                return self._report(monotonic() - began)

    def saved_report(self) -> dict[str, Any]:
        """The report of the last checkpoint, of a learner that is given up; on any thread."""
        return self._report(0.0, saved=True)

    def disconnect(self) -> None:
        """Close the log."""
        if self.connection is not None:
            with waiting_for(LOG):
                self.connection.close()
            self.connection = None

    def _learn_until_disconnected(self, seen: Seen) -> bool:
        """Resume from the last checkpoint, and learn; whether everything is done."""
        with waiting_for(LOG):
            self.readers.get_ready()
            if self.connection is None:
                self.connection = connect(self.context.settings, self.registry, self.epoch)
            log, keep = self.connection.event_log, self.context.settings.checkpoint.keep
            begin = self._begin(log)
        model = (self.registry, self.epoch, self.snapshots)
        self._count_from(begin.pipeline)
        schema_hash = begin.context.schema.hash
        pins = PinWatch(PinnedVersions(self.registry, self.snapshots, schema_hash))
        begin.pipeline.scoring.loaded = pins.loaded
        saver = Saver(begin.context, *model, begin.pipeline, begin.topic_ids, begin.parent)
        with (
            closing(begin.pipeline),
            StageThread("measures", MEASURE) as thread,
            begin.pipeline.evaluator.beside(thread, measures=self.readers.may_compute_beside),
            closing(pins),
            closing(saver),
        ):
            pins.look()
            parts = self.outage.folders, pins, self.readers
            upkeep = Upkeep(*model, log, self.topics, begin.topic_ids, keep, *parts)
            writer = self.connection.writer
            self.learning = Learning(begin, saver, writer, self.topics, upkeep)
            self.learning.stopping = self.stopping
            self._take_batches(self.connection, begin, self.learning, seen)
        # A backfill was promoted, or the learner is rolled back: go on from there, in this process.
        return not self.learning.asked

    def _begin(self, log: EventLog) -> Beginning:
        """Where to start, or to go on once a backfill was promoted."""
        parts = self.registry, self.snapshots, self.epoch
        try:
            begin = Starting(ModelParts(self.context, self.topics, log, *parts)).begin()
        except UnknownConverterError as error:
            if self.learning is None:
                raise
            raise EditedConfigError(  # started again, it may be of the release installed meanwhile
                f"A version was promoted that another release of Freshet made. {error}"
            ) from error
        except UnlikeConfigError as error:
            if self.learning is None:
                raise
            raise EditedConfigError(
                f"{error.what}. This learner has the config as it was when it started, and ends; "
                "started again, as 'freshet up' does by itself, it reads the config of today and "
                "takes the version. Nothing is lost: events that wait for their labels and all "
                "that was output are saved."
            ) from error
        self.registry.writer.keep_settings(self.epoch, stored(self.context.settings))
        if self.learning is None:
            tell_slow(begin.pipeline.scoring.shadows)
        return begin

    def _count_from(self, pipeline: Pipeline) -> None:
        """Count this run's rows from here, on a new lineage on top of those of the last one."""
        if pipeline.lineage == self._lineage:
            return
        done = Rows() if self.learning is None else rows_of(self.learning.pipeline)
        done.subtract(self._before)
        self._before = rows_of(pipeline)
        self._before.subtract(done)
        self._lineage = pipeline.lineage

    def _take_batches(
        self, connection: Connection, begin: Beginning, learning: Learning, seen: Seen
    ) -> None:
        assignment = Assignment(
            begin.context,
            begin.positions,
            begin.pipeline.marks,
            begin.replay,
            self._limit,
            merge.BATCH_ROWS,
            begin.again,
        )
        with collected_by_hand(), ExitStack() as reading:
            with waiting_for(LOG):
                batches = reading.enter_context(
                    self.readers.batches(connection.event_log, assignment)
                )
            learning.run(batches, lambda batch, running: self._saw(batch, running, seen))

    def _saw(self, batch: Batch, learning: Learning, seen: Seen) -> None:
        if learning.status:
            self.outage.last_status = learning.status
            self.outage.over()
        seen(batch, learning)

    def _wait(self, error: Exception) -> None:
        """Close everything and wait; not when another learner has taken over."""
        self.disconnect()
        if isinstance(error, FencedError):
            try:
                with waiting_for(REGISTRY):
                    self.registry.writer.check_epoch(self.epoch)
            except RegistryUnavailableError as unknown:
                error = unknown
        self.outage.wait(error)

    def _ends(self) -> dict[Place, int]:
        assert self.connection is not None
        with waiting_for(LOG):
            return ends_of(described(self.connection.event_log, self.topics.inputs))

    def _report(self, seconds: float, *, saved: bool = False) -> dict[str, Any]:
        """The report; after an outage that did not end, that of the last checkpoint."""
        point = self.registry.versions.resume_point()
        counts, metrics = ({}, {}) if point is None else (point.events, point.metrics)
        if self.connection is not None and self.learning is not None and not saved:
            counts = run_report.counts(self.learning.pipeline)
            metrics = self.learning.metrics()
        latest = self.registry.serving.pointers().latest
        if point is None and latest is not None:  # a promoted backfill, and nothing learned since
            point = self.registry.versions.find(latest)
        examples = {} if self.learning is None else run_report.examples(self.learning.pipeline)
        return report(
            counts,
            metrics,
            latest,
            None if point is None else point.model_sha256,
            ThisRun(self._before, seconds, examples),
        )


@contextmanager
def assembled(context: ResolvedConfig, readers: Readers | None = None) -> Iterator[LearnerProcess]:
    """A learner process with everything open; closes it all.

    Args:
        context: the model's config.
        readers: the source of its batches, if it is already prepared; not closed.

    Raises:
        LearnerRunningError: another learner of the model holds this machine's lock.
    """
    settings = context.settings
    with ExitStack() as stack:
        stack.enter_context(_locked(settings.home))
        if readers is None:
            readers = stack.enter_context(closing(Readers(settings)))
        readers.get_ready()
        registry = stack.enter_context(closing(Registry(settings.registry, settings.model)))
        event_log = opened(settings, registry=registry)
        closing_log = stack.enter_context(ExitStack())
        closing_log.callback(event_log.close)
        topics = create_topics(event_log, settings)
        epoch = registry.writer.begin_epoch(this_learner().name)
        connection = take_hold(event_log, settings, registry, epoch)
        closing_log.pop_all()
        snapshots = SnapshotStore(Path(settings.snapshots))
        process = LearnerProcess(context, topics, registry, snapshots, epoch, connection, readers)
        stack.callback(process.disconnect)
        yield process


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    try:
        make_home(home)
        lock = FileLock(home / "learner.lock", timeout=0, mode=FILE)
        with lock:
            yield
    except Timeout:
        raise LearnerRunningError(
            f"Another learner of this model runs on this machine: it holds {home / 'learner.lock'}."
            " Only one learner may write a model. Stop that one first, even if it seems to hang."
        ) from None
    except OSError as error:
        raise FreshetError(
            f"The home folder {home} cannot be written: {error.strerror or error}. Make it "
            "writable, or name another with 'home' in the config."
        ) from None
