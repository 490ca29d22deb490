"""Where a learner starts: from nothing, from its last checkpoint, or from a promoted backfill.

Gives a pipeline, the positions to read from, and the batches that the journal lists after the
checkpoint.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from converters.cells.kind import older_readings
from converters.logger import log
from learners.registry.actor import this_learner
from learners.registry.errors import AdoptionWithdrawnError
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Checkpoint, Lineage, Rollback, Start
from learners.snapshots.errors import MissingSnapshotError
from stream.checkpoints import checkpoint
from stream.checkpoints.lineage_start import pipeline_at_start
from stream.checkpoints.same_model import check_same, check_topics
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.learner.adopting import Adopting
from stream.learner.guide import steps_beyond
from stream.learner.model_parts import DAMAGED, ModelParts
from stream.learner.rolling_back import RollingBack, tell_younger
from stream.log import journal
from stream.log.contract import Place
from stream.log.journal import JournalLine
from stream.log.limits import check_position
from stream.log.topics import begins_of, described
from stream.reading.assignment import PLAINLY, Again, again_of
from stream.resolved_config import (
    ResolvedConfig,
    context_of,
    fixed,
    schemas_in_force,
)


@dataclass
class Beginning:
    """Where to resume.

    Attributes:
        context: the lineage's own config.
        positions: the next offset of every partition.
        journal_position: an offset of the journal that is not after the first of ``replay``.
        topic_ids: the ids of the topics that are read.
        parent: the newest version that the pipeline comes from, if any.
        replay: batches that were output but are not in the checkpoint.
        opening: the first line of a new lineage, still to be written.
        again: what is left out, and what of an earlier lineage is taken again.
        rollback: what began the lineage, if a version of it has still to be made.
    """

    context: ResolvedConfig
    pipeline: Pipeline
    positions: dict[Place, int]
    journal_position: int
    topic_ids: dict[str, str]
    parent: int | None = None
    replay: list[JournalLine] = field(default_factory=list)
    opening: JournalLine | None = None
    again: Again = PLAINLY
    rollback: Rollback | None = None


class Starting(NamedTuple):
    """Finds the beginning."""

    parts: ModelParts

    def begin(self) -> Beginning:
        """Where to start.

        Raises:
            ChangedModelError: schema, learner or joins are not the lineage's, or not those of the
                version that is to be adopted.
            PositionError: a topic was recreated since it was read.
        """
        registry = self.parts.registry
        if registry.versions.live_lineage() is None and (known := self._highest_lineage()):
            registry.ledger.note_lost(known, this_learner())
        if registry.rollbacks.asked() is not None:  # it comes first, once all is taken again
            return self._rolled_back()
        # Taken before a rollback is done that has begun, it would never be done.
        lineage = self._adopted() if registry.rollbacks.begun() is None else None
        if lineage is not None:
            return self._open_lineage(lineage)
        lineage = registry.versions.live_lineage()
        if lineage is None:
            return self._from_nothing()
        return self._resume(lineage)

    def _adopted(self) -> Lineage | None:
        """The lineage that has begun with a promoted backfill, if one is to be taken."""
        adopting, adoptions = Adopting(self.parts), self.parts.registry.adoptions
        while (adoption := adoptions.pending()) and adopting.may_take(adoption):
            with suppress(AdoptionWithdrawnError):  # meanwhile: look again
                lineage = adopting.take(adoption)
                if lineage is not None:
                    return lineage
        return None

    def _rolled_back(self) -> Beginning:
        """Where to go on after a rollback; before it where batches have to be replayed first."""
        live = self.parts.registry.versions.live_lineage()
        assert live is not None, "only what was learned can be rolled back"
        begin = self._resume(live)
        rollback = self.parts.registry.rollbacks.asked()
        if begin.replay or rollback is None:
            return begin
        begin.pipeline.close()
        live = self.parts.registry.versions.live_lineage()  # which has its config by now
        assert live is not None
        with suppress(AdoptionWithdrawnError):  # cancelled meanwhile
            RollingBack(self.parts).begin(rollback, live, self.parts.resume_point(live))
        return self.begin()

    def _from_nothing(self) -> Beginning:
        """A first lineage; refused where the journal has others.

        Raises:
            LostRegistryError: the journal has batches that are not in the registry.
        """
        known = self._highest_lineage()
        if known:
            raise journal.LostRegistryError(
                f"The journal {self.parts.topics.journal} has {known} lineage(s) of this model, "
                "but the registry has none: it was lost or swapped, or `registry` or `home` point "
                "elsewhere; or another model of this name uses this log, and this one needs "
                f"another `model`. {journal.RESTORE_REGISTRY}"
            )
        lineage = self.parts.registry.writer.begin_lineage(
            self.parts.epoch,
            parent_version=None,
            origin="learn",
            fixed=fixed(self.parts.context),
            start=self.parts.where(None),
        )
        pipeline = new_pipeline(self.parts.context, lineage.serial)
        return self._beginning(self.parts.context, pipeline, lineage.start, None, lineage)

    def _resume(self, lineage: Lineage) -> Beginning:
        check_same(self.parts.context, lineage)
        if older := older_readings(lineage.converter):
            log.info("the model keeps older readings", words=older)
        if lineage.config is None:
            kept = fixed(self.parts.context.read_by(lineage.converter))
            lineage = self.parts.registry.writer.keep_config(self.parts.epoch, lineage.serial, kept)
        context = context_of(self.parts.context.settings, lineage)
        while (point := self.parts.registry.versions.resume_point()) is not None:
            check_topics(self.parts.event_log, self.parts.topics, point.start)
            pipeline = self._loaded(context, point, lineage)
            if pipeline is not None:
                start, parent = point.start, point.version or point.parent_version
                begin = self._beginning(context, pipeline, start, parent, lineage)
                log.info(
                    "resuming",
                    lineage=lineage.serial,
                    version=parent,
                    events=pipeline.counts.events,
                    journalled_batches=len(begin.replay),
                )
                return begin
        check_topics(self.parts.event_log, self.parts.topics, lineage.start)
        return self._open_lineage(lineage)

    def _loaded(
        self, context: ResolvedConfig, point: Checkpoint, lineage: Lineage
    ) -> Pipeline | None:
        """The pipeline of a checkpoint; None, and an entry in the ledger, if it is damaged.

        A missing one stops the learner: the cause may be a folder that is not mounted, which is
        not the version's fault.
        """
        try:
            with self.parts.snapshots.open(point.snapshot) as snapshot:
                return checkpoint.load(context, snapshot, lineage.serial)
        except (MissingSnapshotError, *DAMAGED) as error:
            self.parts.refuse(point, error)
            return None

    def _open_lineage(self, lineage: Lineage) -> Beginning:
        """A lineage at its start: empty, or the state of the version that it takes."""
        context, parent = context_of(self.parts.context.settings, lineage), lineage.parent_version
        parts = context, self.parts.registry, self.parts.snapshots
        pipeline = pipeline_at_start(*parts, lineage, lineage.serial)
        opening, written = None, True
        rollback = self.parts.registry.rollbacks.of_lineage(lineage.serial)
        if rollback is not None:
            tell_younger(pipeline, rollback)
        if parent is not None:
            schemas, known = schemas_in_force(context), self.parts.registry.versions.lineage
            number = None if rollback is None else rollback.number
            opening, written = journal.opening(
                self.parts.event_log, self.parts.topics, lineage, schemas, known
            )
            opening = opening._replace(rollback=number)
            pipeline.output_before = opening.cut
            pipeline.gaps = OffsetRanges.from_json(opening.gaps)
        begin = self._beginning(context, pipeline, lineage.start, parent, lineage)
        begin.opening = None if written else opening
        return begin

    def _beginning(
        self,
        context: ResolvedConfig,
        pipeline: Pipeline,
        start: Start,
        parent: int | None,
        lineage: Lineage,
    ) -> Beginning:
        begins = begins_of(described(self.parts.event_log, self.parts.topics.inputs))
        known = journal.to_cut(start.positions)
        for place, first in begins.items():
            if known and place not in known:  # it was added since, so it began at 0
                check_position(place, 0, first, first)
        ids = check_topics(self.parts.event_log, self.parts.topics, start)
        batches, positions = self._tail(pipeline, start), begins | known
        begin = Beginning(
            context, pipeline, positions, start.journal_position, ids, parent, batches
        )
        begin.again = again_of(lineage)
        rollback = self.parts.registry.rollbacks.of_lineage(lineage.serial)
        if rollback is not None and rollback.under_way:
            begin.rollback = rollback
            at = batches[-1].cut if batches else positions
            steps = steps_beyond(self.parts, lineage, rollback, at)
            begin.again = replace(begin.again, guide=steps)
        return begin

    def _tail(self, pipeline: Pipeline, start: Start) -> list[JournalLine]:
        """The journal's batches of this lineage that the pipeline has not taken."""
        done = (pipeline.lineage, pipeline.batches, start.journal_position)
        return journal.tail(self.parts.event_log, self.parts.topics.journal, *done)

    def _highest_lineage(self) -> int:
        return journal.highest_lineage(self.parts.event_log, self.parts.topics.journal)
