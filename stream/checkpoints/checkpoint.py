"""A checkpoint: the whole state of a lineage as a snapshot folder, and back again.

:func:`saved` writes it at once, :func:`stream.checkpoints.frozen.freeze` while the fold goes on.
The snapshot is an orphan until a registry row names it. :func:`load` restores the pipeline.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from zipfile import BadZipFile

from converters.convert.cell_watch import CellCounts
from converters.files.compressed import zstd
from converters.logger import log
from learners.evaluation.evaluator import Evaluator
from learners.evaluation.served_lag import REMEMBERED, ServedLag
from learners.explain.kept_rows import numbered_lines
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Commit, Start
from learners.snapshots.errors import CorruptSnapshotError, SnapshotError
from learners.snapshots.store import Snapshot, SnapshotStore
from stream.checkpoints.frozen import METRICS, freeze, measured_by
from stream.checkpoints.saved_scoring import (
    Weights,
    read_arrays,
    read_scoring,
    restarted_shadows,
)
from stream.fold.expiry import Jump
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.fold.row_planner import Counts
from stream.fold.run_report import CELLS, DUPLICATE_LABELS, JUMP
from stream.fold.scoring import RAW, STATIC
from stream.joins.persistence import DamagedSegmentError
from stream.log import fingerprint
from stream.log.journal import to_cut
from stream.resolved_config import ResolvedConfig

# What parsers raise for files with other content; none of them executes what it reads.
UNREADABLE = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    EOFError,
    BadZipFile,
    zstd.ZstdError,
)


@contextmanager
def saved(
    store: SnapshotStore,
    context: ResolvedConfig,
    pipeline: Pipeline,
    start: Start,
    parent: int | None,
    *,
    learned_something: bool,
) -> Iterator[Commit]:
    """Write the whole state; on disk, and judged, when the ``with`` begins.

    Commit what this gives before the ``with`` ends: until then no collector takes the snapshot.
    """
    parts = store, context, pipeline, start, parent
    with ExitStack() as writing:
        frozen = freeze(*parts, learned_something=learned_something)
        try:
            commit = writing.enter_context(frozen.written())
        except DamagedSegmentError:
            pipeline.saved_joins.rewrite()
            frozen = freeze(*parts, learned_something=learned_something)
            commit = writing.enter_context(frozen.written())
        yield commit
    frozen.accept()


def load(
    context: ResolvedConfig, snapshot: Snapshot, lineage: int, weights: Weights | None = None
) -> Pipeline:
    """The saved pipeline, to continue under a lineage.

    Args:
        context: the config that it continues under.
        snapshot: what was saved.
        lineage: the number of the lineage.
        weights: those of another model, to be taken instead of the snapshot's.

    Raises:
        CorruptSnapshotError: the files are intact, but they are not a checkpoint.
        SnapshotError: it is from an older release whose joins this one cannot read.
    """
    if "batches" in snapshot.manifest and "joins" not in snapshot.manifest:
        raise SnapshotError(
            "The checkpoint was written by an older Freshet, which stored waiting events in "
            "another format. Continue with that release; or rebuild the model with 'freshet "
            "backfill log --fresh', and promote it."
        )
    pipeline = new_pipeline(context, lineage)
    try:
        _restore(pipeline, context, snapshot, weights)
    except UNREADABLE as error:
        pipeline.close()
        raise CorruptSnapshotError(
            f"The snapshot is not a readable checkpoint ({error!r}). It is not loaded."
        ) from error
    except BaseException:
        pipeline.close()
        raise
    return pipeline


def _restore(
    pipeline: Pipeline, context: ResolvedConfig, snapshot: Snapshot, weights: Weights | None
) -> None:
    state, joiner, scoring = snapshot.manifest, pipeline.joiner, pipeline.scoring
    younger = read_scoring(scoring, snapshot, weights)
    joiner.change_layout(scoring.layout())
    pipeline.saved_joins.restore(snapshot)
    arrays = read_arrays(snapshot.path / METRICS)
    pipeline.evaluator = Evaluator.from_state(pipeline.evaluator.measuring, arrays)
    restarted = restarted_shadows(scoring, state)
    gone = restarted | ({STATIC} if scoring.static is None else set())
    gone |= younger | (set() if scoring.adjuster.changes else {RAW})
    for name in gone & set(pipeline.evaluator.contenders):
        pipeline.evaluator.drop(name)
    log_changes(context, state, restarted)
    pipeline.planner.counts = Counts(**state["counts"])
    for kind, reasons in state["metrics"].get("rejected_reasons", {}).items():
        pipeline.planner.refused[kind].reasons.update(reasons)
    pipeline.cells = CellCounts.from_json(state["metrics"].get(CELLS, {}))
    if REMEMBERED in state["metrics"]:
        said = state["metrics"][REMEMBERED]
        pipeline.served_lag = ServedLag.from_json(said["lag"])
        pipeline.ignored.update(said["ignored"])
    pipeline.planner.duplicate_labels = state["metrics"].get(DUPLICATE_LABELS, 0)
    if JUMP in state["metrics"]:
        pipeline.planner.jump = Jump(**state["metrics"][JUMP])
    pipeline.batches = state["batches"]
    pipeline.output_before = to_cut(state["output_before"])
    pipeline.gaps = OffsetRanges.from_json(state.get("gaps"))
    pipeline.sample.extend(state["sample"])
    pipeline.kept.add(numbered_lines(snapshot.path))
    pipeline.marks = fingerprint.from_json(state.get("marks", []))


def log_changes(
    context: ResolvedConfig, state: Mapping[str, Any], restarted: Collection[str]
) -> None:
    """Log which measures differ from the checkpoint's; the model is not affected."""
    now, then = measured_by(context), state.get("measured_by", {})
    changed = sorted(name for name in now if then and now[name] != then.get(name))
    if changed:
        log.info("evaluation settings changed since the checkpoint", settings=", ".join(changed))
    if "static_after" in changed and "static" in state:
        log.warning(
            "evaluation.static_after has changed, but the frozen copy already exists and is kept",
            taken_at=then["static_after"],
        )
    if restarted:
        names = ", ".join(sorted(restarted))
        log.info("shadows removed, or restarted with other arguments", shadows=names)
