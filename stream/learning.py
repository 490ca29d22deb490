"""The learner process: read, score, measure, learn, write, save; go on where it stopped.

The top of the stream floor's main path. Each batch's outputs and journal line are one
transaction; now and then the whole state becomes a snapshot, and the registry row that names it,
conditional on this learner's epoch, is the commit point. What the journal holds beyond the
checkpoint is folded again at the next start, with outputs off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import monotonic

import structlog

from learners.registry import Commit, Committed, Registry, Start
from learners.snapshot import SnapshotStore
from stream import checkpoint, garbage
from stream.checkpoint import Saved
from stream.context import learner_json
from stream.journal import JournalLine, record_of, to_positions
from stream.log import OutputWriter, Place
from stream.pacing import Heartbeat, Pacing
from stream.pipeline import Written
from stream.reading import Batch
from stream.starting import Beginning, Starting

log = structlog.get_logger()

# How often old versions are looked for; each look is a query and some deletions.
THIN_EVERY_SECONDS = 30.0
# An orphan younger than this may be a draft that another process is writing.
ORPHAN_SECONDS = 3600.0


class Learning:
    """One learner at work: owns the outputs and the checkpoints of the pipeline it is given.

    Attributes:
        pipeline: the state of the lineage.
        stopping: set to end after the batch at hand.
        promoted: set when a backfill was promoted that the learner has to go on from.
    """

    def __init__(self, starting: Starting, writer: OutputWriter, begin: Beginning) -> None:
        self._starting = starting
        self._context = starting.context
        self._writer = writer
        self.pipeline = begin.pipeline
        self.stopping = False
        self.promoted = False
        self._topic_ids = begin.topic_ids
        self._parent = begin.parent
        self._opening = begin.opening
        self._journal_position = begin.journal_position
        self._cut: Mapping[Place, int] = begin.positions
        self._saved_batches = self.pipeline.batches
        self._learned_at_version = self.pipeline.counts.learned
        self._pacing = Pacing(self._context.settings.checkpoint, self.pipeline.counts.learned)
        self._heartbeat = Heartbeat()
        self._thinned_at = monotonic()

    def run(self, batches: Iterable[Batch], seen: Callable[[Batch, Learning], None]) -> None:
        """Take batches until told to stop or until they end; leaves a checkpoint of everything.

        Args:
            batches: an iterator of batches, the journal's tail first.
            seen: called after each batch, for progress.
        """
        if self._opening is not None:
            self._writer.write({self._starting.topics.journal: [record_of(self._opening, None)]})
        for batch in batches:
            self.take(batch)
            seen(batch, self)
            if self.stopping or self.promoted:
                break
        self.save()
        self._beat(alive=False)

    def take(self, batch: Batch) -> None:
        """One step: fold, write, and save when it is due."""
        if batch.records:
            written = self.pipeline.take(batch, write=not batch.replayed)
            self._cut = batch.cut
            if batch.replayed:
                return
            self._write(batch, written)
        self._heartbeat.saw(batch, self.pipeline.counts.events)
        if self._pacing.due(self.pipeline.counts.learned, changed=self._changed()):
            self.save()
        if self._heartbeat.due():
            garbage.collect_new()
            self._beat(alive=True)
            self._thin()
            self.promoted = self._starting.promoted_meanwhile()

    def save(self) -> None:
        """Make a checkpoint of what is new; a version, if anything was learned."""
        if not self._changed():
            return
        began = monotonic()
        start = Start(to_positions(self._cut), self._topic_ids, self._journal_position)
        with checkpoint.saved(
            self._starting.snapshots, self._context, self.pipeline, start, self._parent
        ) as saved:
            committed = self._commit(saved, start)
        learned = self.pipeline.counts.learned
        self._parent = committed.version or self._parent
        self._learned_at_version = learned
        self._saved_batches = self.pipeline.batches
        garbage.collect_recent()
        self._pacing.saved(learned, monotonic() - began)
        log.info(
            "checkpoint",
            version=committed.version,
            verdict="good" if saved.verdict.good else saved.verdict.reason,
            learned=learned,
            seconds=round(monotonic() - began, 3),
        )

    def _commit(self, saved: Saved, start: Start) -> Committed:
        """The commit point: the registry names the snapshot, if the epoch is still mine."""
        pipeline = self.pipeline
        return self._starting.registry.commit(
            self._starting.epoch,
            Commit(
                lineage=pipeline.lineage,
                parent_version=self._parent,
                snapshot=saved.snapshot,
                model_sha256=saved.model_sha256,
                start=start,
                learned_something=pipeline.counts.learned > self._learned_at_version,
                verdict=saved.verdict,
                events=checkpoint.counts(pipeline),
                metrics=checkpoint.metrics(pipeline),
                learner=learner_json(self._context),
                schema_hash=self._context.schema.hash,
            ),
        )

    def _write(self, batch: Batch, written: Written) -> None:
        """Outputs and journal line as one transaction."""
        line = record_of(
            JournalLine(self.pipeline.lineage, self.pipeline.batches, batch.cut),
            batch.records[-1].time,
        )
        self._writer.write(
            {
                self._starting.topics.scores: written.scores,
                self._starting.topics.dead_letters: written.dead_letters,
                self._starting.topics.journal: [line],
            }
        )
        self._journal_position += 1

    def _changed(self) -> bool:
        return self.pipeline.batches != self._saved_batches

    def _beat(self, *, alive: bool) -> None:
        status = self._heartbeat.status() | {
            "alive": alive,
            **checkpoint.counts(self.pipeline),
            "metrics": checkpoint.metrics(self.pipeline),
        }
        self._starting.registry.heartbeat(self._starting.epoch, status)

    def _thin(self) -> None:
        """Give up the folders of old versions, and orphans of learners that were killed."""
        if monotonic() - self._thinned_at < THIN_EVERY_SECONDS:
            return
        self._thinned_at = monotonic()
        thin(
            self._starting.registry,
            self._starting.snapshots,
            self._context.settings.checkpoint.keep,
        )


def thin(registry: Registry, snapshots: SnapshotStore, keep: int) -> None:
    """Mark old checkpoints as thinned, then delete their folders, then orphans."""
    for gone in registry.mark_thinned(registry.thinnable(keep)):
        snapshots.delete(gone.snapshot.folder)
    snapshots.collect_orphans(registry.named_folders, ORPHAN_SECONDS)
