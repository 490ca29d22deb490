"""A rollback of the learner, at its place in the fold: what all goes on from, or why it cannot.

The learner has taken all that it has output. The lineage that begins goes on from there with what
another version had learned; its first line in the journal names the rollback.
"""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

from converters.logger import log
from learners.registry.actor import this_learner
from learners.registry.requests.offset_ranges import OffsetRanges, of_positions
from learners.registry.requests.rollback import adoption_by
from learners.registry.requests.states import has_caught_up
from learners.registry.row_types import (
    Adoption,
    Checkpoint,
    Fixed,
    Lineage,
    Rollback,
    Start,
)
from learners.snapshots.errors import MissingSnapshotError
from stream.checkpoints import checkpoint
from stream.checkpoints.lineage_start import pipeline_taken
from stream.checkpoints.same_model import check_topics
from stream.fold.pipeline import Pipeline
from stream.learner.model_parts import DAMAGED, ModelParts
from stream.log import journal
from stream.log.contract import PositionError
from stream.log.limits import check_position
from stream.log.topics import begins_of, described, ends_of
from stream.reading.assignment import Again, again_of
from stream.reading.corrections import fixed_now, incomplete
from stream.resolved_config import context_of


class RollingBack(NamedTuple):
    """Does the rollbacks that are asked of the learner."""

    parts: ModelParts

    def begin(self, rollback: Rollback, live: Lineage, point: Checkpoint) -> None:
        """Begin a lineage with what a version had learned, or note why that cannot be.

        Args:
            rollback: names the version; a replay goes back to its place as well.
            live: the lineage that ends.
            point: its newest checkpoint: under a resume joins, positions, counts and measures go on
                from there, and a replay is done once it has read as far.

        Raises:
            AdoptionWithdrawnError: it was cancelled meanwhile.
        """
        registry, event_log, topics = self.parts.registry, self.parts.event_log, self.parts.topics
        replays = rollback.learner == "replay"
        version = registry.versions.find(rollback.version)
        start = version.start if replays else point.start
        adoption = adoption_by(rollback, None if replays else point.serial)
        if not (self._can_be_loaded(adoption, live) and self._can_be_read(rollback, start)):
            return
        if replays:
            tip = self._tip(live, point)
            ready = rollback._replace(tip=tip.version, until=tip.start.positions)
            adoption = adoption_by(ready, None)
        ids = check_topics(event_log, topics, start)
        kept = self._left_out(rollback) if replays else again_of(live)
        lineage = registry.writer.begin_lineage(
            self.parts.epoch,
            parent_version=rollback.version,
            origin="rollback",
            fixed=kept.within(Fixed(live.learner, live.schema_hash, live.config, live.writers)),
            start=Start(start.positions, ids, journal.end(event_log, topics.journal)),
            after=journal.highest_lineage(event_log, topics.journal),
            adoption=adoption,
        )
        self._tell(rollback, lineage)

    def _tell(self, rollback: Rollback, lineage: Lineage) -> None:
        """Log that it has begun; and of how many records it does not learn the corrected rows."""
        names = {"version": rollback.version, "lineage": lineage.serial}
        log.info("rolling back the learner", rollback=rollback.number, **names)
        corrected = again_of(lineage).corrected
        if rollback.learner != "replay" or corrected is None:
            return
        half = incomplete(
            self.parts.event_log, self.parts.topics.corrections, corrected.quarantines
        )
        if half:
            log.warning(
                "corrected rows are learned of which more may be on their way: a resubmit has not "
                "ended, and only another replay takes what it sends from now on",
                quarantines=", ".join(map(str, half)),
            )
        version = self.parts.registry.versions.find(rollback.version)
        made = self.parts.registry.versions.lineage(version.lineage)
        passed = corrected.ranges.before(of_positions(version.start.positions))
        if passed and (made is None or made.corrected != lineage.corrected):
            log.warning(
                "corrected rows of records before the version's place are not learned, unless the "
                "version had learned them",
                records=passed.count(),
                version=version.version,
            )

    def _left_out(self, rollback: Rollback) -> Again:
        """What a replay leaves out, and the rows that were corrected since in its place."""
        left_out = OffsetRanges.from_json(rollback.quarantined)
        numbers = [each.number for each in self.parts.registry.quarantines.in_force()]
        topic = self.parts.topics.corrections
        return Again(left_out, corrected=fixed_now(self.parts.event_log, topic, numbers, left_out))

    def _tip(self, live: Lineage, point: Checkpoint) -> Checkpoint:
        """What the learner has come to, as a version: a wrong replay is undone by going back to it.

        One that is no version holds nothing that was learned since the last, but what waits. Where
        a replay was put an end to before it had caught up, it is what there was before that.
        """
        ended = self.parts.registry.rollbacks.of_lineage(live.serial)
        if ended is not None and ended.tip and not has_caught_up(ended, point.start):
            return self.parts.registry.versions.find(ended.tip)
        if point.version is not None:
            return point
        context = context_of(self.parts.context.settings, live)
        with (
            self.parts.snapshots.open(point.snapshot) as snapshot,
            closing(checkpoint.load(context, snapshot, live.serial)) as pipeline,
            checkpoint.saved(
                *(self.parts.snapshots, context, pipeline, point.start, point.parent_version),
                learned_something=True,
            ) as commit,
        ):
            self.parts.registry.writer.commit(self.parts.epoch, commit)
        return self.parts.resume_point(live)

    def _can_be_read(self, rollback: Rollback, start: Start) -> bool:
        """Whether the log still has what comes after a version's place."""
        event_log, topics = self.parts.event_log, self.parts.topics
        try:
            check_topics(event_log, topics, start)
            states, at = described(event_log, topics.inputs), journal.to_cut(start.positions)
            begins, ends = begins_of(states), ends_of(states)
            for place, offset in at.items():
                check_position(place, offset, begins.get(place, 0), ends.get(place, 0))
        except PositionError as error:
            self._fail(rollback, f"Its place in the log cannot be read on from: {error}")
            return False
        return True

    def _fail(self, rollback: Rollback, why: str) -> None:
        words = (
            f"{why} The learner goes on as before; have it go back to another version, which "
            "'freshet models' lists."
        )
        log.error("the learner cannot be rolled back and goes on as before", cause=why)
        self.parts.registry.rollbacks.fail(rollback, words, this_learner())

    def _can_be_loaded(self, adoption: Adoption, live: Lineage) -> bool:
        """Whether there is a whole version to go back to; once a lineage has begun none is left."""
        registry, snapshots = self.parts.registry, self.parts.snapshots
        version, rollback = registry.versions.find(adoption.version), adoption.rollback
        assert rollback is not None, "it comes from one"
        context = context_of(self.parts.context.settings, live)
        state = context, registry, snapshots, version, adoption, live.serial
        try:
            pipeline_taken(*state).close()
        except (MissingSnapshotError, *DAMAGED) as error:
            self._fail(rollback, f"Version {version.version} cannot be loaded: {error}")
            if isinstance(error, DAMAGED):
                registry.serving.refuse(version, str(error), this_learner())
            return False
        return True


def tell_younger(pipeline: Pipeline, rollback: Rollback) -> None:
    """Log which shadows begin anew, since the version gone back to had none of them."""
    if rollback.learner == "replay":
        return
    learned = pipeline.counts.learned
    names = [each.name for each in pipeline.scoring.shadows if each.begun == learned]
    if names:
        log.warning(
            "shadows begin anew: the version that the learner goes back to had none of them",
            shadows=", ".join(names),
            version=rollback.version,
        )
