"""The learner of a version, opened to predict what the version serves."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from converters.config.settings import Settings
from learners import choose
from learners.calibration.adjustment import adjusted
from learners.learner import MODEL_FILE, Learner, LearnerSpec
from learners.registry.row_types import Checkpoint, Version
from learners.snapshots.store import SnapshotStore


def spec_of(learner: dict[str, Any]) -> LearnerSpec:
    """What a version was learned with, from its registry row or manifest."""
    return LearnerSpec(learner["kind"], tuple(learner["args"]))


def served_learner(snapshots: SnapshotStore, version: Checkpoint) -> Learner:
    """A learner opened from a version, only to predict; its scores are the served ones."""
    with snapshots.open(version.snapshot, only={MODEL_FILE}) as snapshot:
        learner = choose.load(spec_of(version.learner), snapshot.path / MODEL_FILE)
        manifest = snapshot.manifest
    try:
        return adjusted(learner, manifest)
    except BaseException:
        learner.close()
        raise


def loaded(settings: Settings, version: Version) -> closing[Learner]:
    """The same, closed at the end of a ``with``."""
    return closing(served_learner(SnapshotStore(Path(settings.snapshots)), version))
