"""Where a learner starts: from nothing, from its last checkpoint, or from a promoted backfill.

Gives a pipeline, the positions to read from, and the batches that the journal lists after the
checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from learners.learner import WrongLearnerError
from learners.registry import Registry
from learners.registry.actor import this_learner
from learners.registry.row_types import Adoption, Checkpoint, Lineage, Start
from learners.snapshots.errors import CorruptSnapshotError, MissingSnapshotError
from learners.snapshots.store import SnapshotStore
from stream.checkpoints import checkpoint
from stream.checkpoints.same_model import check_same, check_topics
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.log import journal
from stream.log.contract import EventLog, Place
from stream.log.journal import JournalLine
from stream.log.limits import check_position
from stream.log.topics import Topics, begins_of, described
from stream.resolved_config import ResolvedConfig, fixed

log = structlog.get_logger()


@dataclass
class Beginning:
    """Where to resume.

    Attributes:
        positions: the next offset of every partition.
        journal_position: an offset of the journal that is not after the first of ``replay``.
        topic_ids: the ids of the topics that are read.
        parent: the newest version that the pipeline comes from, if any.
        replay: batches that were output but are not in the checkpoint.
        opening: the first line of a new lineage, still to be written.
    """

    pipeline: Pipeline
    positions: dict[Place, int]
    journal_position: int
    topic_ids: dict[str, str]
    parent: int | None = None
    replay: list[JournalLine] = field(default_factory=list)
    opening: JournalLine | None = None


@dataclass(frozen=True)
class Starting:
    """Finds the beginning; ``epoch`` is the one this learner has taken."""

    context: ResolvedConfig
    topics: Topics
    event_log: EventLog
    registry: Registry
    snapshots: SnapshotStore
    epoch: int

    def begin(self) -> Beginning:
        """Where to start.

        Raises:
            ChangedModelError: schema, learner or joins are not the lineage's.
            PositionError: a topic was recreated since it was read.
        """
        lineage = self.registry.versions.live_lineage()
        adoption = self.registry.adoptions.pending()
        if adoption is not None:
            return self.adopt(adoption)
        if lineage is None:
            return self._from_nothing()
        return self._resume(lineage)

    def adopt(self, adoption: Adoption) -> Beginning:
        """Resume from a promoted backfill, under a new lineage.

        A backfill of the log has its own position in the log. One of a file has none: it resumes
        at the learner's position, or at the beginning of the log.
        """
        version = self.registry.versions.find(adoption.version)
        here = self._where(self.registry.versions.live_lineage())
        places = version.start if version.start.positions else here
        topic_ids = check_topics(self.event_log, self.topics, places)
        end = journal.end(self.event_log, self.topics.journal)
        start = Start(places.positions, topic_ids, end)
        check_same(self.context, version.learner, version.schema_hash)
        point = self.registry.versions.resume_point()
        waiting = 0 if point is None else point.events.get("waiting", 0)
        if waiting and not version.start.positions:
            # A file does not have them, and they were scored by a model that is replaced.
            log.warning("events that wait for their labels are dropped", waiting=waiting)
        lineage = self._new_lineage("promote", start, version.version, adoption)
        log.info("resuming from promoted version", version=version.version)
        return self._open_lineage(lineage)

    def _from_nothing(self) -> Beginning:
        """A first lineage; refused where the journal has others.

        Raises:
            LostRegistryError: the journal has batches that are not in the registry.
        """
        known = journal.highest_lineage(self.event_log, self.topics.journal)
        if known:
            raise journal.LostRegistryError(
                f"The journal {self.topics.journal} has {known} lineage(s) of this model, but the "
                "registry has none: it was lost or swapped, or `registry` or `home` point "
                "elsewhere; or another model of this name uses this log, and this one needs "
                f"another `model`. {journal.RESTORE_REGISTRY}"
            )
        lineage = self._new_lineage("learn", self._where(None), None)
        pipeline = new_pipeline(self.context, lineage.serial)
        return self._beginning(pipeline, lineage.start, None, [])

    def _resume(self, lineage: Lineage) -> Beginning:
        check_same(self.context, lineage.learner, lineage.schema_hash)
        while (point := self.registry.versions.resume_point()) is not None:
            check_topics(self.event_log, self.topics, point.start)
            pipeline = self._loaded(point, lineage)
            if pipeline is not None:
                start, parent = point.start, point.version or point.parent_version
                tail = self._tail(pipeline, start)
                log.info(
                    "resuming",
                    lineage=lineage.serial,
                    version=parent,
                    events=pipeline.counts.events,
                    journalled_batches=len(tail),
                )
                return self._beginning(pipeline, start, parent, tail)
        check_topics(self.event_log, self.topics, lineage.start)
        return self._open_lineage(lineage)

    def _loaded(self, point: Checkpoint, lineage: Lineage) -> Pipeline | None:
        """The pipeline of a checkpoint; None, and an entry in the ledger, if it is damaged.

        A missing one stops the learner: the cause may be a folder that is not mounted, which is
        not the version's fault.
        """
        try:
            with self.snapshots.open(point.snapshot) as snapshot:
                return checkpoint.load(self.context, snapshot, lineage.serial)
        except MissingSnapshotError as error:
            raise MissingSnapshotError(
                f"{error} If it is lost: 'freshet backfill log' rebuilds the model from the "
                "journal; promote that version and start the learner again."
            ) from None
        except (CorruptSnapshotError, WrongLearnerError) as error:
            log.warning("checkpoint is damaged; using the one before it", error=str(error))
            self.registry.serving.refuse(point, str(error), this_learner())
            return None

    def _open_lineage(self, lineage: Lineage) -> Beginning:
        """A lineage at its start: empty, or a promoted version's state."""
        parent = lineage.parent_version
        if parent is None:
            pipeline = new_pipeline(self.context, lineage.serial)
            tail = self._tail(pipeline, lineage.start)
            return self._beginning(pipeline, lineage.start, None, tail)
        with self.snapshots.open(self.registry.versions.find(parent).snapshot) as snapshot:
            pipeline = checkpoint.load(self.context, snapshot, lineage.serial)
        pipeline.batches = 0
        opening, written = journal.opening(
            self.event_log, self.topics, lineage.serial, self.registry.versions.lineage
        )
        pipeline.output_before = opening.cut
        tail = self._tail(pipeline, lineage.start)
        begin = self._beginning(pipeline, lineage.start, parent, tail)
        begin.opening = None if written else opening
        return begin

    def _beginning(
        self, pipeline: Pipeline, start: Start, parent: int | None, batches: list[JournalLine]
    ) -> Beginning:
        begins = begins_of(described(self.event_log, self.topics.inputs))
        known = journal.to_cut(start.positions)
        for place, begin in begins.items():
            if known and place not in known:  # it was added since, so it began at 0
                check_position(place, 0, begin, begin)
        return Beginning(
            pipeline,
            begins | known,
            start.journal_position,
            check_topics(self.event_log, self.topics, start),
            parent,
            batches,
        )

    def _tail(self, pipeline: Pipeline, start: Start) -> list[JournalLine]:
        """The journal's batches of this lineage that the pipeline has not taken."""
        done = (pipeline.lineage, pipeline.batches, start.journal_position)
        return journal.tail(self.event_log, self.topics.journal, *done)

    def _where(self, lineage: Lineage | None) -> Start:
        """The learner's current position; without a lineage, the beginning of the log."""
        if lineage is not None:
            point = self.registry.versions.resume_point()
            return lineage.start if point is None else point.start
        begins = begins_of(described(self.event_log, self.topics.inputs))
        ids = check_topics(self.event_log, self.topics, Start({}, {}, 0))
        end = journal.end(self.event_log, self.topics.journal)
        return Start(journal.to_positions(begins), ids, end)

    def _new_lineage(
        self, origin: str, start: Start, parent: int | None, adoption: Adoption | None = None
    ) -> Lineage:
        return self.registry.writer.begin_lineage(
            self.epoch,
            parent_version=parent,
            origin=origin,
            fixed=fixed(self.context),
            start=start,
            after=journal.highest_lineage(self.event_log, self.topics.journal),
            adoption=adoption,
        )
