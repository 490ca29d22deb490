"""Where a learner starts: from nothing, from its last checkpoint, or from a promoted backfill.

Gives a pipeline, the positions to read from, and the batches that the journal lists after the
checkpoint.
"""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from converters.cells.kind import older_readings
from converters.errors import FreshetError
from converters.logger import log
from converters.show.tables import counted
from learners.learner import WrongLearnerError
from learners.registry import Registry
from learners.registry.actor import this_learner
from learners.registry.errors import AdoptionWithdrawnError
from learners.registry.row_types import Adoption, Checkpoint, Lineage, Start, Version
from learners.snapshots.errors import CorruptSnapshotError, MissingSnapshotError
from learners.snapshots.store import SnapshotStore
from stream.checkpoints import checkpoint
from stream.checkpoints.lineage_start import pipeline_at_start, pipeline_taken
from stream.checkpoints.same_model import check_adoptable, check_same, check_topics
from stream.checkpoints.written_schemas import schemas_before
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.log import journal
from stream.log.contract import EventLog, Place
from stream.log.journal import JournalLine
from stream.log.limits import check_position
from stream.log.topics import Topics, begins_of, described
from stream.resolved_config import (
    ResolvedConfig,
    WrittenUntil,
    context_of,
    fixed,
    schemas_in_force,
    with_writers,
    writers_of,
)

# What says that a snapshot will never load, whoever tries.
DAMAGED = (CorruptSnapshotError, WrongLearnerError)


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
    """

    context: ResolvedConfig
    pipeline: Pipeline
    positions: dict[Place, int]
    journal_position: int
    topic_ids: dict[str, str]
    parent: int | None = None
    replay: list[JournalLine] = field(default_factory=list)
    opening: JournalLine | None = None


class Starting(NamedTuple):
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
            ChangedModelError: schema, learner or joins are not the lineage's, or not those of the
                version that is to be adopted.
            PositionError: a topic was recreated since it was read.
        """
        live = self.registry.versions.live_lineage()
        if live is None and (known := journal.highest_lineage(self.event_log, self.topics.journal)):
            self.registry.ledger.note_lost(known, this_learner())
        while (adoption := self.registry.adoptions.pending()) and self._may_adopt(adoption):
            with suppress(AdoptionWithdrawnError):  # meanwhile: look again
                begin = self._adopt(adoption)
                if begin is not None:
                    return begin
        lineage = self.registry.versions.live_lineage()
        if lineage is None:
            return self._from_nothing()
        return self._resume(lineage)

    def _may_adopt(self, adoption: Adoption) -> bool:
        """Whether nothing that waits would be left behind; if so, the adoption is given up."""
        version = self.registry.versions.find(adoption.version)
        live = self.registry.versions.live_lineage()
        if version.start.positions or live is None or adoption.leave_waiting:
            return True
        waiting = self.registry.versions.waiting()
        if version.schema_hash == live.schema_hash or not waiting:
            return True
        reason = (
            f"{counted(waiting, 'event waits for a label', 'events wait for their labels')} under "
            f"another schema than that of version {version.version}, which could not learn from "
            "that: the learner goes on as before. "
            "Make a version from the log ('freshet backfill log --fresh --promote --follow'), or "
            "promote this one with --leave-waiting."
        )
        log.warning("a promoted version is not taken", version=version.version, reason=reason)
        self.registry.serving.give_up(adoption, reason, this_learner())
        return False

    def _adopt(self, adoption: Adoption) -> Beginning | None:
        """Resume from a promoted backfill, under a new lineage.

        A backfill of the log has its own position in the log. One of a file has none: under the
        same schema the learner's weights are replaced by its own, and all else stays; under
        another one, or without a learner, it resumes at the learner's position. None if something
        is damaged, which is refused then: look again.
        """
        version = self.registry.versions.find(adoption.version)
        made = self.registry.versions.lineage(version.lineage)
        assert made is not None, "each version has its lineage"
        check_adoptable(self.context, version, made)
        live = self.registry.versions.live_lineage()
        # Once the lineage has begun there is no way back to what the learner had.
        if not self._is_whole(version):
            return None
        sound = self._with_sound_state(self._with_kind(adoption, version, live), version)
        if sound is None:
            return None
        adoption = sound
        places = self._places(adoption, version, live)
        topic_ids = check_topics(self.event_log, self.topics, places)
        end = journal.end(self.event_log, self.topics.journal)
        writers = self._writers(live, version.start, made)
        lineage = self.registry.writer.begin_lineage(
            self.epoch,
            parent_version=version.version,
            origin="promote",
            fixed=fixed(with_writers(self.context.read_by(made.converter), writers)),
            start=Start(places.positions, topic_ids, end),
            after=journal.highest_lineage(self.event_log, self.topics.journal),
            adoption=adoption,
        )
        log.info("resuming from promoted version", version=version.version, takes=adoption.kind)
        return self._open_lineage(lineage)

    def _is_whole(self, version: Version) -> bool:
        """Whether a promoted version can be loaded; if it is damaged, it is refused.

        Raises:
            MissingSnapshotError: its files are not there.
        """
        try:
            self._try(None, version)
        except MissingSnapshotError as error:
            raise MissingSnapshotError(
                f"Version {version.version} was promoted, and the learner is to take it: {error} "
                "If it is lost, go back to the version before it, which 'freshet history' names, "
                "with 'freshet rollback VERSION --reason TEXT', or promote another; then start the "
                "learner again, which goes on with what it had."
            ) from None
        except DAMAGED as error:
            log.warning(
                "a promoted version is damaged and not taken; the learner goes on as before",
                version=version.version,
                error=str(error),
            )
            self.registry.serving.refuse(version, str(error), this_learner())
            return False
        return True

    def _with_sound_state(self, adoption: Adoption, version: Version) -> Adoption | None:
        """The adoption, if the checkpoint that is taken with the version can be loaded.

        A backfill can be taken at its end too. A damaged one of the learner is refused: None.

        Raises:
            MissingSnapshotError: the learner's own is not there.
        """
        point = adoption.checkpoint and self.registry.versions.checkpoint(adoption.checkpoint)
        if not point:
            return adoption
        try:
            self._try(adoption, version)
        except (MissingSnapshotError, *DAMAGED) as error:
            if adoption.kind == "whole":
                log.warning(
                    "the state of the promoted backfill at the last output is gone, so the learner "
                    "goes on at the backfill's end: rows between have no outputs",
                    version=version.version,
                    error=str(error),
                )
                return adoption._replace(checkpoint=None)
            self._refuse(point, error)
            return None
        return adoption

    def _try(self, adoption: Adoption | None, version: Version) -> None:
        """Load what would be taken; raises what that raises."""
        parts = (self.context, self.registry, self.snapshots)
        pipeline_taken(*parts, version, adoption, version.lineage).close()

    def _writers(
        self, live: Lineage | None, places: Start, made: Lineage
    ) -> tuple[WrittenUntil, ...]:
        """The schemas in force before the new lineage's: the live one's holds until here."""
        if live is None:
            return writers_of(made)
        until = dict(journal.reached(self.event_log, self.topics, self.registry.versions.lineage))
        journal.furthest(until, journal.to_cut(places.positions))
        return schemas_before(self.context, self.registry, live, journal.to_positions(until))

    def _places(self, adoption: Adoption, version: Version, live: Lineage | None) -> Start:
        """Where to read on: where the state that is taken ends, or where the learner is."""
        if not version.start.positions:
            return self._where(live)
        if adoption.checkpoint is None:
            return version.start
        point = self.registry.versions.checkpoint(adoption.checkpoint)
        assert point is not None, "it was just looked up"
        return point.start

    def _with_kind(self, adoption: Adoption, version: Version, live: Lineage | None) -> Adoption:
        """How the version is taken: its weights alone, where the live joins can go on with them."""
        before = self.registry.versions.beginning(version)
        whole = adoption._replace(
            kind="whole", checkpoint=None if before is None else before.serial
        )
        if live is None or version.start.positions or live.schema_hash != version.schema_hash:
            return whole
        point = self.registry.versions.resume_point()
        if point is None:
            if live.config is None:  # nothing was saved since an older release began it
                return whole
            point = self._save_beginning(live, context_of(self.context.settings, live))
        return adoption._replace(kind="weights", checkpoint=point.serial)

    def _save_beginning(self, live: Lineage, context: ResolvedConfig) -> Checkpoint:
        """A first checkpoint of a lineage that has none, where it began."""
        check_topics(self.event_log, self.topics, live.start)
        parts, parent = (context, self.registry, self.snapshots), live.parent_version
        with (
            closing(pipeline_at_start(*parts, live, live.serial)) as pipeline,
            checkpoint.saved(
                self.snapshots, context, pipeline, live.start, parent, learned_something=False
            ) as commit,
        ):
            self.registry.writer.commit(self.epoch, commit)
        point = self.registry.versions.resume_point()
        assert point is not None, "it was just committed"
        return point

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
        lineage = self.registry.writer.begin_lineage(
            self.epoch,
            parent_version=None,
            origin="learn",
            fixed=fixed(self.context),
            start=self._where(None),
        )
        pipeline = new_pipeline(self.context, lineage.serial)
        return self._beginning(self.context, pipeline, lineage.start, None, [])

    def _resume(self, lineage: Lineage) -> Beginning:
        check_same(self.context, lineage)
        if older := older_readings(lineage.converter):
            log.info("the model keeps older readings", words=older)
        if lineage.config is None:
            kept = fixed(self.context.read_by(lineage.converter))
            lineage = self.registry.writer.keep_config(self.epoch, lineage.serial, kept)
        context = context_of(self.context.settings, lineage)
        while (point := self.registry.versions.resume_point()) is not None:
            check_topics(self.event_log, self.topics, point.start)
            pipeline = self._loaded(context, point, lineage)
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
                return self._beginning(context, pipeline, start, parent, tail)
        check_topics(self.event_log, self.topics, lineage.start)
        return self._open_lineage(lineage)

    def _loaded(
        self, context: ResolvedConfig, point: Checkpoint, lineage: Lineage
    ) -> Pipeline | None:
        """The pipeline of a checkpoint; None, and an entry in the ledger, if it is damaged.

        A missing one stops the learner: the cause may be a folder that is not mounted, which is
        not the version's fault.
        """
        try:
            with self.snapshots.open(point.snapshot) as snapshot:
                return checkpoint.load(context, snapshot, lineage.serial)
        except (MissingSnapshotError, *DAMAGED) as error:
            self._refuse(point, error)
            return None

    def _refuse(self, point: Checkpoint, error: FreshetError) -> None:
        """Refuse a damaged checkpoint of the learner; a missing one stops it."""
        if isinstance(error, MissingSnapshotError):
            raise MissingSnapshotError(
                f"{error} If it is lost: 'freshet backfill log' rebuilds the model from the "
                "journal; promote that version and start the learner again."
            ) from None
        log.warning("checkpoint is damaged; using the one before it", error=str(error))
        self.registry.serving.refuse(point, str(error), this_learner())

    def _open_lineage(self, lineage: Lineage) -> Beginning:
        """A lineage at its start: empty, or a promoted version's state."""
        context, parent = context_of(self.context.settings, lineage), lineage.parent_version
        parts = context, self.registry, self.snapshots
        pipeline = pipeline_at_start(*parts, lineage, lineage.serial)
        opening, written = None, True
        if parent is not None:
            schemas, known = schemas_in_force(context), self.registry.versions.lineage
            opening, written = journal.opening(self.event_log, self.topics, lineage, schemas, known)
            pipeline.output_before = opening.cut
        tail = self._tail(pipeline, lineage.start)
        begin = self._beginning(context, pipeline, lineage.start, parent, tail)
        begin.opening = None if written else opening
        return begin

    def _beginning(
        self,
        context: ResolvedConfig,
        pipeline: Pipeline,
        start: Start,
        parent: int | None,
        batches: list[JournalLine],
    ) -> Beginning:
        begins = begins_of(described(self.event_log, self.topics.inputs))
        known = journal.to_cut(start.positions)
        for place, begin in begins.items():
            if known and place not in known:  # it was added since, so it began at 0
                check_position(place, 0, begin, begin)
        return Beginning(
            context,
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
