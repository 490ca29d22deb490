"""Promoted backfills: a lineage begins with their state, or with their weights in live joins."""

from __future__ import annotations

from typing import NamedTuple

from converters.logger import log
from converters.show.tables import counted
from learners.registry.actor import this_learner
from learners.registry.row_types import Adoption, Lineage, Start, Version
from learners.snapshots.errors import MissingSnapshotError
from stream.checkpoints.lineage_start import pipeline_taken
from stream.checkpoints.same_model import check_adoptable, check_topics
from stream.checkpoints.written_schemas import schemas_before
from stream.learner.model_parts import DAMAGED, ModelParts
from stream.log import journal
from stream.reading.assignment import Again, again_of
from stream.resolved_config import WrittenUntil, fixed, with_writers, writers_of


class Adopting(NamedTuple):
    """Takes what promotions ask the learner to take."""

    parts: ModelParts

    def may_take(self, adoption: Adoption) -> bool:
        """Whether nothing that waits would be left behind; if so, the adoption is given up."""
        version = self.parts.registry.versions.find(adoption.version)
        live = self.parts.registry.versions.live_lineage()
        if version.start.positions or live is None or adoption.leave_waiting:
            return True
        waiting = self.parts.registry.versions.waiting()
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
        self.parts.registry.serving.give_up(adoption, reason, this_learner())
        return False

    def take(self, adoption: Adoption) -> Lineage | None:
        """Begin a lineage with the state of a promoted backfill.

        A backfill of the log has its own position in the log. One of a file has none: under the
        same schema the learner's weights are replaced by its own, and all else stays; under
        another one, or without a learner, it resumes at the learner's position. None if something
        is damaged, which is refused then: look again.

        Raises:
            AdoptionWithdrawnError: it was withdrawn meanwhile.
            ChangedModelError: the version was made by another config.
        """
        version = self.parts.registry.versions.find(adoption.version)
        made = self.parts.registry.versions.lineage(version.lineage)
        assert made is not None, "each version has its lineage"
        check_adoptable(self.parts.context, version, made)
        live = self.parts.registry.versions.live_lineage()
        # Once the lineage has begun there is no way back to what the learner had.
        if not self._is_whole(version):
            return None
        sound = self._with_sound_state(self._with_kind(adoption, version, live), version)
        if sound is None:
            return None
        adoption = sound
        places = self._places(adoption, version, live)
        topic_ids = check_topics(self.parts.event_log, self.parts.topics, places)
        end = journal.end(self.parts.event_log, self.parts.topics.journal)
        writers = self._writers(live, version.start, made)
        context = with_writers(self.parts.context.read_by(made.converter), writers)
        lineage = self.parts.registry.writer.begin_lineage(
            self.parts.epoch,
            parent_version=version.version,
            origin="promote",
            fixed=_left_out(adoption, made, live).within(fixed(context)),
            start=Start(places.positions, topic_ids, end),
            after=journal.highest_lineage(self.parts.event_log, self.parts.topics.journal),
            adoption=adoption,
        )
        log.info("resuming from promoted version", version=version.version, takes=adoption.kind)
        return lineage

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
            self.parts.registry.serving.refuse(version, str(error), this_learner())
            return False
        return True

    def _with_sound_state(self, adoption: Adoption, version: Version) -> Adoption | None:
        """The adoption, if the checkpoint that is taken with the version can be loaded.

        A backfill can be taken at its end too. A damaged one of the learner is refused: None.

        Raises:
            MissingSnapshotError: the learner's own is not there.
        """
        point = adoption.checkpoint and self.parts.registry.versions.checkpoint(adoption.checkpoint)
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
            self.parts.refuse(point, error)
            return None
        return adoption

    def _try(self, adoption: Adoption | None, version: Version) -> None:
        """Load what would be taken; raises what that raises."""
        parts = (self.parts.context, self.parts.registry, self.parts.snapshots)
        pipeline_taken(*parts, version, adoption, version.lineage).close()

    def _writers(
        self, live: Lineage | None, places: Start, made: Lineage
    ) -> tuple[WrittenUntil, ...]:
        """The schemas in force before the new lineage's: the live one's holds until here."""
        if live is None:
            return writers_of(made)
        parts = self.parts
        reached = journal.reached(parts.event_log, parts.topics, parts.registry.versions.lineage)
        until = dict(reached.cut)
        journal.furthest(until, journal.to_cut(places.positions))
        before = journal.to_positions(until)
        return schemas_before(parts.context, parts.registry, live, before)

    def _places(self, adoption: Adoption, version: Version, live: Lineage | None) -> Start:
        """Where to read on: where the state that is taken ends, or where the learner is."""
        if not version.start.positions:
            return self.parts.where(live)
        if adoption.checkpoint is None:
            return version.start
        point = self.parts.registry.versions.checkpoint(adoption.checkpoint)
        assert point is not None, "it was just looked up"
        return point.start

    def _with_kind(self, adoption: Adoption, version: Version, live: Lineage | None) -> Adoption:
        """How the version is taken: its weights alone, where the live joins can go on with them."""
        before = self.parts.registry.versions.beginning(version)
        whole = adoption._replace(
            kind="whole", checkpoint=None if before is None else before.serial
        )
        if live is None or version.start.positions or live.schema_hash != version.schema_hash:
            return whole
        if live.config is None and self.parts.registry.versions.resume_point() is None:
            return whole  # nothing was saved since an older release began it
        point = self.parts.resume_point(live)
        return adoption._replace(kind="weights", checkpoint=point.serial)


def _left_out(adoption: Adoption, made: Lineage, live: Lineage | None) -> Again:
    """What the new lineage leaves out: as the state does from which it reads on."""
    return again_of(made if adoption.kind == "whole" or live is None else live)
