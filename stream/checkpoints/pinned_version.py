"""Loads the version that is pinned, for the learner to score with beside its own model."""

from __future__ import annotations

from typing import NamedTuple

from learners.learner import Learner
from learners.registry import Registry
from learners.report.served_version import OTHER_SCHEMA
from learners.snapshots.store import SnapshotStore
from learners.versions.served_learner import served_learner
from stream.fold.pinned import NotMeasuredError


class PinnedVersions(NamedTuple):
    """Versions of one model, for a lineage under one schema.

    Attributes:
        schema_hash: the lineage's; rows that were converted by it mean nothing to others.
    """

    registry: Registry
    snapshots: SnapshotStore
    schema_hash: str

    def load(self, number: int) -> Learner:
        """The learner of a version, with its scores adjusted as they are served.

        Raises:
            NotMeasuredError: it was learned under another schema.
            FreshetError: it is not in the registry, or cannot be opened.
        """
        version = self.registry.versions.find(number)
        if version.schema_hash != self.schema_hash:
            raise NotMeasuredError(OTHER_SCHEMA)
        return served_learner(self.snapshots, version)
