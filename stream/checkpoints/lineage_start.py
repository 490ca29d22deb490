"""The state that a lineage began with, built again whenever it is needed.

The learner needs it until the lineage's first checkpoint, and a backfill of the journal each time:
both fold the same batches from the same beginning, and so come to the same model.
"""

from __future__ import annotations

from contextlib import ExitStack

from learners.registry import Registry
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Adoption, Checkpoint, Lineage, Version
from learners.snapshots.errors import MissingSnapshotError
from learners.snapshots.store import SnapshotStore
from stream.checkpoints import checkpoint
from stream.checkpoints.saved_scoring import Weights
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
    return pipeline_taken(context, registry, snapshots, version, adoption, serial)


def pipeline_taken(
    context: ResolvedConfig,
    registry: Registry,
    snapshots: SnapshotStore,
    version: Version,
    adoption: Adoption | None,
    serial: int,
) -> Pipeline:
    """The state with which a lineage begins that takes a version; the lineage may not exist yet.

    Raises:
        SnapshotError: what it begins with is gone, or damaged.
    """
    state = version.snapshot
    point = _checkpoint_of(registry, adoption)
    if point is not None:
        state = point.snapshot
    with ExitStack() as opened:
        weights = None
        if adoption is not None and adoption.kind != "whole":
            taken = opened.enter_context(snapshots.open(version.snapshot))
            back = adoption.kind == "resume"
            weights = Weights(taken, adoption.lineage or serial, back=back)
        snapshot = opened.enter_context(snapshots.open(state))
        pipeline = checkpoint.load(context, snapshot, serial, weights)
    pipeline.batches, pipeline.output_before, pipeline.gaps = 0, {}, OffsetRanges()
    return pipeline


def _checkpoint_of(registry: Registry, adoption: Adoption | None) -> Checkpoint | None:
    """The checkpoint whose state is taken in place of the version's own.

    Under ``whole`` it is that of the backfill where the outputs of earlier lineages end; else the
    learner's, whose joins, positions and counts stay.

    Raises:
        MissingSnapshotError: it is not in the registry any more.
    """
    if adoption is None or adoption.checkpoint is None:
        return None
    point = registry.versions.checkpoint(adoption.checkpoint)
    if point is None:
        raise MissingSnapshotError(
            f"Checkpoint {adoption.checkpoint}, whose waiting events the learner kept when it took "
            f"version {adoption.version}, is not in the registry. Restore the registry."
        )
    return point
