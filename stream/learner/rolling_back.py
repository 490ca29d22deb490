"""A rollback of the learner, at its place in the fold: what all goes on from, or why it cannot.

The learner has taken all that it has output. The lineage that begins goes on from there with what
another version had learned; its first line in the journal names the rollback.
"""

from __future__ import annotations

from typing import NamedTuple

from converters.logger import log
from learners.registry.actor import this_learner
from learners.registry.requests.rollback import adoption_by
from learners.registry.row_types import Adoption, Checkpoint, Fixed, Lineage, Rollback, Start
from learners.snapshots.errors import MissingSnapshotError
from stream.checkpoints.lineage_start import pipeline_taken
from stream.checkpoints.same_model import check_topics
from stream.fold.pipeline import Pipeline
from stream.learner.model_parts import DAMAGED, ModelParts
from stream.log import journal
from stream.resolved_config import context_of


class RollingBack(NamedTuple):
    """Does the rollbacks that are asked of the learner."""

    parts: ModelParts

    def resume(self, rollback: Rollback, live: Lineage, point: Checkpoint) -> None:
        """Begin a lineage with what a version had learned, or note why that cannot be.

        Args:
            rollback: names the version.
            live: the lineage that ends.
            point: its newest checkpoint: joins, positions, counts and measures go on from there.

        Raises:
            AdoptionWithdrawnError: it was cancelled meanwhile.
        """
        adoption = adoption_by(rollback, point.serial)
        if not self._can_be_loaded(adoption, rollback, live):
            return
        ids = check_topics(self.parts.event_log, self.parts.topics, point.start)
        end = journal.end(self.parts.event_log, self.parts.topics.journal)
        lineage = self.parts.registry.writer.begin_lineage(
            self.parts.epoch,
            parent_version=rollback.version,
            origin="rollback",
            fixed=Fixed(live.learner, live.schema_hash, live.config, live.writers),
            start=Start(point.start.positions, ids, end),
            after=journal.highest_lineage(self.parts.event_log, self.parts.topics.journal),
            adoption=adoption,
        )
        log.info(
            "rolling back the learner",
            rollback=rollback.number,
            version=rollback.version,
            lineage=lineage.serial,
        )

    def _can_be_loaded(self, adoption: Adoption, rollback: Rollback, live: Lineage) -> bool:
        """Whether there is a whole version to go back to; once a lineage has begun none is left."""
        registry, snapshots = self.parts.registry, self.parts.snapshots
        version = registry.versions.find(rollback.version)
        context = context_of(self.parts.context.settings, live)
        state = context, registry, snapshots, version, adoption, live.serial
        try:
            pipeline_taken(*state).close()
        except (MissingSnapshotError, *DAMAGED) as error:
            words = (
                f"Version {version.version} cannot be loaded: {error} The learner goes on as "
                "before; have it go back to another version, which 'freshet models' lists."
            )
            log.error("the learner cannot be rolled back and goes on as before", cause=str(error))
            registry.rollbacks.fail(rollback, words, this_learner())
            if isinstance(error, DAMAGED):
                registry.serving.refuse(version, str(error), this_learner())
            return False
        return True


def tell_younger(pipeline: Pipeline, rollback: Rollback) -> None:
    """Log which shadows begin anew, since the version gone back to had none of them."""
    learned = pipeline.counts.learned
    names = [each.name for each in pipeline.scoring.shadows if each.begun == learned]
    if names:
        log.warning(
            "shadows begin anew: the version that the learner goes back to had none of them",
            shadows=", ".join(names),
            version=rollback.version,
        )
