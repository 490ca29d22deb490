"""The learner's loop: fold a batch, write its outputs, save now and then, report.

Each batch's outputs and journal line are one transaction. Batches that the journal lists after the
last checkpoint are folded again at the next start, without writing outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, time
from typing import Any

from converters.logger import log
from learners.evaluation.evaluator import Told
from learners.evaluation.labelled_examples import PINNED
from learners.registry import Registry
from learners.registry.errors import RegistryUnavailableError
from learners.registry.row_types import Start
from learners.snapshots.disk import unwritable
from learners.snapshots.errors import SnapshotError
from learners.snapshots.store import SnapshotStore
from stream import process_control
from stream.checkpoints.same_model import check_topics
from stream.checkpoints.saver import Saver
from stream.checkpoints.thinning import THIN_SECONDS, thin, thin_at_end
from stream.fold import run_report
from stream.fold.pipeline import Written
from stream.learner.beginning import Beginning
from stream.learner.catching_up import CatchingUp
from stream.learner.heartbeat import (
    CellTrouble,
    ExpiredShare,
    Heartbeat,
    RefusedShare,
    RepeatedShare,
    WaitingLabels,
)
from stream.learner.pin_watch import PinWatch
from stream.log.batch import Batch
from stream.log.contract import EventLog, Outgoing, OutputWriter, Place
from stream.log.journal import JournalLine, record_of
from stream.log.topics import Topics
from stream.reading.batch_source import Readers
from stream.resolved_config import schemas_in_force
from stream.stages import WRITE, StageThread, stage
from stream.stopping import LOG, REGISTRY, waiting_for


class OutputThread:
    """Transactions in order, at most one under way.

    Attributes:
        reached: the next offset of each partition written to, of what has settled.
    """

    def __init__(self, writer: OutputWriter) -> None:
        self._writer = writer
        self._thread = StageThread("outputs", WRITE)
        self._under_way: Future[dict[Place, int]] | None = None
        self.reached: dict[Place, int] = {}

    def write(self, outputs: Mapping[str, Sequence[Outgoing]]) -> None:
        """Begin a transaction once the previous one has settled; raises the error of that one."""
        self.settle()
        self._under_way = self._thread.submit(self._writer.write, outputs)

    def settle(self) -> None:
        """Return when everything is on disk.

        Raises:
            LogError: the transaction failed; see :meth:`stream.log.contract.OutputWriter.write`.
        """
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            with waiting_for(LOG):
                self.reached |= under_way.result()

    def close(self) -> None:
        """Wait for what is under way, however it ends."""
        with waiting_for(LOG):
            self._thread.shutdown()


# How often old versions are looked for; each look is a query and some deletions.
THIN_EVERY_SECONDS = 30.0
# How often a failed heartbeat is logged.
QUIET_SECONDS = 30.0
# Computing the metrics takes tens of milliseconds with long windows and several learners: the
# pause until the next time is this many times as long.
METRICS_SPACING = 50.0
# The number of no batch.
NEVER = -1
# How long a run that is asked to end waits for old versions to be deleted.
THIN_STOPPING_SECONDS = 1.0


@dataclass
class Upkeep:
    """Heartbeats and housekeeping of a running learner.

    Attributes:
        epoch: the learner's.
        topic_ids: the ids of the topics that are read, as at the start.
        keep: how many versions keep their folders.
        folders: what has to be written to.
        pins: what is pinned.
        readers: where batches come from.
    """

    registry: Registry
    epoch: int
    snapshots: SnapshotStore
    event_log: EventLog
    topics: Topics
    topic_ids: dict[str, str]
    keep: int
    folders: tuple[Path, ...]
    pins: PinWatch
    readers: Readers
    _tidied_at: float = float("-inf")

    def beat(self, status: dict[str, Any]) -> None:
        """Write the heartbeat."""
        with waiting_for(REGISTRY):
            self.registry.writer.heartbeat(self.epoch, status)

    def asked(self) -> bool:
        """Whether the learner is to take a promoted backfill, or to go back to a version."""
        with waiting_for(REGISTRY):
            registry = self.registry
            if registry.rollbacks.asked() is not None:
                return True
            return registry.adoptions.pending() is not None and registry.rollbacks.begun() is None

    def tidy(self) -> None:
        """At first, and now and then: delete the folders of old versions, and orphans.

        At first too, since a learner that is killed every few seconds leaves versions and never
        comes to its end.

        Raises:
            PositionError: a topic that is read or written was recreated meanwhile.
        """
        if monotonic() - self._tidied_at < THIN_EVERY_SECONDS:
            return
        self._tidied_at = monotonic()
        # The reader checks events and labels all the time; nothing reads the journal.
        with waiting_for(LOG):
            check_topics(self.event_log, self.topics, Start({}, self.topic_ids, 0))
        with waiting_for(REGISTRY):
            thin(self.registry, self.snapshots, self.keep)

    def tidy_at_end(self, *, stopping: bool) -> None:
        """Delete the folders of old versions at the end of a run, which does not fail by it."""
        seconds = THIN_STOPPING_SECONDS if stopping else THIN_SECONDS
        thin_at_end(self.registry, self.snapshots, self.keep, seconds)


class Learning:
    """A running learner: owns the outputs and the checkpoints of its pipeline.

    Attributes:
        pipeline: the state of the lineage.
        stopping: set to end after the current batch.
        asked: set when the learner is to go on from another state: a backfill was promoted, or the
            learner is rolled back.
        status: the last heartbeat's; empty before the first.
    """

    def __init__(
        self, begin: Beginning, saver: Saver, writer: OutputWriter, topics: Topics, upkeep: Upkeep
    ) -> None:
        self._outputs = OutputThread(writer)
        self._saver = saver
        self._topics = topics
        self._upkeep = upkeep
        self.pipeline = begin.pipeline
        self.stopping = False
        self.asked = False
        self._left = len(begin.replay)
        self.status: dict[str, object] = {}
        self._opening = begin.opening
        self._schemas = schemas_in_force(begin.context)
        self._journal = Place(topics.journal, 0)
        self._journal_position = begin.journal_position
        self._cut: Mapping[Place, int] = begin.positions
        rollback, parts = begin.rollback, (upkeep.registry, begin.pipeline)
        self._catching_up = None if rollback is None else CatchingUp(rollback, *parts)
        self._heartbeat = Heartbeat()
        joiner = begin.pipeline.joiner
        self._labels = WaitingLabels(joiner.most_labels, joiner.crowded_out_labels)
        self._refused = RefusedShare(begin.pipeline)
        self._repeated = RepeatedShare(begin.pipeline)
        self._cells = CellTrouble(begin.pipeline)
        self._expired = ExpiredShare(begin.pipeline)
        self._silent_until = 0.0
        self._metrics_due = self._metrics_pause = 0.0
        self._last_metrics: dict[str, Any] = {}
        # After how many batches measures were asked for, if they are still to come.
        self._asked: tuple[int, Future[Told]] | None = None
        self._measured_batches = NEVER

    def run(self, batches: Iterable[Batch], seen: Callable[[Batch, Learning], None]) -> None:
        """Take batches until stopped or until they end; then write a checkpoint.

        Args:
            batches: an iterator of batches, the journal's tail first.
            seen: called after each batch, for progress.
        """
        with closing(self._outputs):
            if self._opening is not None:
                self._outputs.write({self._journal.topic: [record_of(self._opening, None)]})
            self._end_rollback()
            self._save_if_due()
            for batch in batches:
                self.take(batch)
                seen(batch, self)
                if self.stopping or self.asked:
                    break
            self._saver.save_last(self._cut, self._settled())
        with suppress(RegistryUnavailableError):
            # One that goes on from another state, in this process, has not stopped.
            self._beat(alive=self.asked and not self.stopping)
        self._upkeep.tidy_at_end(stopping=self.stopping)

    def take(self, batch: Batch) -> None:
        """One step: fold, write, and save when it is due."""
        if not batch.is_empty:
            if not (batch.replayed or batch.guided):  # to catch up quickly, nothing else is scored
                batch = replace(batch, pinned=self._upkeep.pins.version)
            written = self.pipeline.take(batch, write=not batch.replayed)
            self._cut = batch.cut
            if not batch.replayed:
                with stage(WRITE):
                    self._write(batch, written)
            self._end_rollback()
        self._heartbeat.saw(batch, self.pipeline.counts.events)
        self._saver.look()
        self._save_if_due()
        self._left -= batch.replayed
        if self._heartbeat.due() or (batch.replayed and not self._left):
            self._outputs.settle()
            self._look_around()

    def _end_rollback(self) -> None:
        """Have a version made once the learner has gone back; a replay has to catch up first."""
        if self._catching_up is not None and self._catching_up.is_over(self._cut):
            self._saver.make_version()
            self._catching_up = None

    def _save_if_due(self) -> None:
        if self._saver.due():
            self._saver.try_save(self._cut, self._settled())

    def _write(self, batch: Batch, written: Written) -> None:
        """Outputs and journal line as one transaction."""
        topics = self._topics
        line = JournalLine(
            self.pipeline.lineage,
            self.pipeline.batches,
            batch.cut,
            batch.own,
            batch.crc32,
            batch.pinned,
            self._schemas if self.pipeline.batches == 1 else None,
        )
        self._outputs.write(
            {
                topics.scores: _not_ahead(written.scores),
                topics.dead_letters: _not_ahead(written.dead_letters),
                topics.journal: _not_ahead([record_of(line, time_of(batch))]),
            }
        )

    def _settled(self) -> int:
        """The journal's next offset, once everything that was taken is output."""
        self._outputs.settle()
        self._journal_position = self._outputs.reached.get(self._journal, self._journal_position)
        return self._journal_position

    def _look_around(self) -> None:
        """Each second: see what is pinned or asked for, send a heartbeat, and tidy up."""
        process_control.collect_new()
        try:
            self._upkeep.pins.look()
            self._beat(alive=True)
            self._upkeep.tidy()
            # What was output is taken first: the learner goes back from where it was.
            self.asked = not self._left and self._upkeep.asked()
        except (RegistryUnavailableError, SnapshotError) as error:
            if monotonic() >= self._silent_until:
                log.warning("heartbeat not written, or old versions not thinned", error=str(error))
                self._silent_until = monotonic() + QUIET_SECONDS

    def _beat(self, *, alive: bool) -> None:
        joiner, pinned = self.pipeline.joiner, self.pipeline.scoring.pinned
        self.status = self._heartbeat.status() | {
            "alive": alive,
            **run_report.counts(self.pipeline),
            "metrics": self._metrics(fresh=not alive),
            PINNED: self._upkeep.pins.status(None if pinned is None else pinned.to_json()),
            "catching_up": self._replay_status() if alive else None,
            "checkpoint_trouble": self._saver.trouble,
            "rejected_trouble": self._refused.look(),
            **self._cells.look(),
            **self._expired.look(),
            "repeated_trouble": self._repeated.look(),
            "processes_trouble": self._upkeep.readers.trouble,
            "disk_trouble": unwritable(*self._upkeep.folders),
            "labels_trouble": self._labels.look(len(joiner.labels), joiner.crowded_out_labels),
        }
        self._upkeep.beat(self.status)

    def _replay_status(self) -> dict[str, Any] | None:
        with waiting_for(REGISTRY):
            found = self._catching_up
            return None if found is None else found.status(self.pipeline)

    def metrics(self) -> dict[str, Any]:
        """The metrics as of now, computed if anything was taken since they last were."""
        if self._measured_batches != self.pipeline.batches:
            saved = None if self._saver.changed() else self._saver.metrics
            self._last_metrics = run_report.metrics(self.pipeline) if saved is None else saved
            self._measured_batches = self.pipeline.batches
        # What is beside the measures costs nothing, and a shadow may fail without a batch.
        return self._last_metrics | run_report.beside_measures(self.pipeline)

    def _metrics(self, *, fresh: bool) -> dict[str, Any]:
        """The metrics as of now; or a checkpoint's, or what an earlier heartbeat has asked for."""
        if fresh:
            return self.metrics()
        if self._asked is None and monotonic() >= self._metrics_due:
            self._take_or_ask()
        # The first heartbeat has nothing older to show, and little to wait for.
        if self._asked is not None and (self._asked[1].done() or not self._last_metrics):
            (self._measured_batches, asked), self._asked = self._asked, None
            told = asked.result()
            self._last_metrics = told.summary | run_report.beside_measures(self.pipeline)
            self._metrics_pause = METRICS_SPACING * told.seconds
            self._metrics_due = monotonic() + self._metrics_pause
        return self._last_metrics

    def _take_or_ask(self) -> None:
        """Take the metrics of the last checkpoint; without one, ask for those of now."""
        saved, self._saver.metrics = self._saver.metrics, None
        if saved is not None:
            self._last_metrics = saved
            self._measured_batches = NEVER if self._saver.changed() else self.pipeline.batches
            self._metrics_due = monotonic() + self._metrics_pause
        elif self._measured_batches != self.pipeline.batches:
            self._asked = self.pipeline.batches, self.pipeline.evaluator.told()


def time_of(batch: Batch) -> int | None:
    """The time of a batch's last record; None, which is now, if all is left out."""
    return batch.records[-1].time if batch.records else None


def _not_ahead(records: Sequence[Outgoing]) -> list[Outgoing]:
    """Outputs with a timestamp that the log accepts, in case the clock was set back."""
    now = int(time() * 1000)
    return [r if r.time is None or r.time <= now else r._replace(time=now) for r in records]
