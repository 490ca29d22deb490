"""What a learner has of its model, and what it finds there whichever way it begins."""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

from converters.errors import FreshetError
from converters.logger import log
from learners.learner import WrongLearnerError
from learners.registry import Registry
from learners.registry.actor import this_learner
from learners.registry.row_types import Checkpoint, Lineage, Start
from learners.snapshots.errors import CorruptSnapshotError, MissingSnapshotError
from learners.snapshots.store import SnapshotStore
from stream.checkpoints import checkpoint
from stream.checkpoints.lineage_start import pipeline_at_start
from stream.checkpoints.same_model import check_topics
from stream.log import journal
from stream.log.contract import EventLog
from stream.log.topics import Topics, begins_of, described
from stream.resolved_config import ResolvedConfig, context_of

# What says that a snapshot will never load, whoever tries.
DAMAGED = (CorruptSnapshotError, WrongLearnerError)


class ModelParts(NamedTuple):
    """A model's config, log, registry and snapshots; ``epoch`` is what this learner took."""

    context: ResolvedConfig
    topics: Topics
    event_log: EventLog
    registry: Registry
    snapshots: SnapshotStore
    epoch: int

    def where(self, lineage: Lineage | None) -> Start:
        """The learner's current position; without a lineage, the beginning of the log."""
        if lineage is not None:
            point = self.registry.versions.resume_point()
            return lineage.start if point is None else point.start
        begins = begins_of(described(self.event_log, self.topics.inputs))
        ids = check_topics(self.event_log, self.topics, Start({}, {}, 0))
        end = journal.end(self.event_log, self.topics.journal)
        return Start(journal.to_positions(begins), ids, end)

    def resume_point(self, live: Lineage) -> Checkpoint:
        """The newest checkpoint of the live lineage; made where it began, if there is none."""
        if self.registry.versions.resume_point() is None:
            self._save_beginning(live)
        point = self.registry.versions.resume_point()
        assert point is not None, "it was just committed"
        return point

    def refuse(self, point: Checkpoint, error: FreshetError) -> None:
        """Refuse a damaged checkpoint of the learner; a missing one stops it."""
        if isinstance(error, MissingSnapshotError):
            raise MissingSnapshotError(
                f"{error} If it is lost: 'freshet backfill log' rebuilds the model from the "
                "journal; promote that version and start the learner again."
            ) from None
        log.warning("checkpoint is damaged; using the one before it", error=str(error))
        self.registry.serving.refuse(point, str(error), this_learner())

    def _save_beginning(self, live: Lineage) -> None:
        """A first checkpoint of a lineage that has none, where it began."""
        context = context_of(self.context.settings, live)
        check_topics(self.event_log, self.topics, live.start)
        parts, parent = (context, self.registry, self.snapshots), live.parent_version
        with (
            closing(pipeline_at_start(*parts, live, live.serial)) as pipeline,
            checkpoint.saved(
                self.snapshots, context, pipeline, live.start, parent, learned_something=False
            ) as commit,
        ):
            self.registry.writer.commit(self.epoch, commit)
