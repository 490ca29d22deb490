"""The state that a lineage began with, built again whenever it is needed.

The learner needs it until the lineage's first checkpoint, and a backfill of the journal each time:
both fold the same batches from the same beginning, and so come to the same model.
"""

from __future__ import annotations

from learners.registry import Registry
from learners.registry.row_types import Adoption, Lineage
from learners.snapshots.errors import MissingSnapshotError
from learners.snapshots.store import SnapshotStore
from stream.checkpoints import checkpoint
from stream.checkpoints.checkpoint import Weights
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.resolved_config import ResolvedConfig


def pipeline_at_start(
    context: ResolvedConfig,
    registry: Registry,
    snapshots: SnapshotStore,
    lineage: Lineage,
    serial: int,
) -> Pipeline:
    """The state that a lineage began with.

    Args:
        context: the lineage's own config.
        registry: knows the version it began with, and how that was taken.
        snapshots: hold both.
        lineage: whose beginning.
        serial: the lineage that goes on from it; another one for a backfill.

    Raises:
        SnapshotError: what it began with is gone, or damaged.
    """
    if lineage.parent_version is None:
        return new_pipeline(context, serial)
    version = registry.versions.find(lineage.parent_version)
    adoption = registry.adoptions.of_lineage(lineage.serial)
    with snapshots.open(version.snapshot) as snapshot:
        if adoption is None or adoption.kind == "whole":
            pipeline = checkpoint.load(context, snapshot, serial)
        else:
            weights = Weights(snapshot, lineage.serial)
            pipeline = _with_weights(context, registry, snapshots, adoption, serial, weights)
    pipeline.batches, pipeline.output_before = 0, {}
    return pipeline


def _with_weights(
    context: ResolvedConfig,
    registry: Registry,
    snapshots: SnapshotStore,
    adoption: Adoption,
    serial: int,
    weights: Weights,
) -> Pipeline:
    """A file's candidate in the joins, positions and counts of the learner's checkpoint."""
    assert adoption.checkpoint is not None, "the learner names the checkpoint whose joins it keeps"
    point = registry.versions.checkpoint(adoption.checkpoint)
    if point is None:
        raise MissingSnapshotError(
            f"Checkpoint {adoption.checkpoint}, whose waiting events the learner kept when it took "
            f"version {adoption.version}, is not in the registry. Restore the registry."
        )
    with snapshots.open(point.snapshot) as live:
        return checkpoint.load(context, live, serial, weights)
