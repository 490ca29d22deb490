"""A checkpoint: the whole state of a lineage as a snapshot folder, and back again.

Holds the model, the joins, the measures and the frozen copy; the manifest says what each file is
and everything that must be equal before a learner goes on from it. The snapshot is an orphan
until a registry row names it; :mod:`stream.learner.loop` writes that row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any
from zipfile import BadZipFile

import structlog

from converters.files.compressed import zstd
from converters.schema.schema import CONVERTER_VERSION
from learners.evaluation import Evaluator
from learners.learner import MODEL_FILE
from learners.registry import Start, Verdict
from learners.snapshots import (
    CorruptSnapshotError,
    Snapshot,
    SnapshotError,
    SnapshotRef,
    SnapshotStore,
)
from learners.versions.gate import judge, packages
from stream.checkpoints.files import (
    METRICS,
    read_arrays,
    read_scoring,
    shadows_begun_anew,
    write_arrays,
    write_scoring,
)
from stream.context import Context, learner_json
from stream.fold.new_pipeline import measuring, new_pipeline
from stream.fold.pipeline import Pipeline
from stream.fold.planner import Counts
from stream.fold.tally import metrics
from stream.log import fingerprint
from stream.log.journal import to_cut, to_positions

log = structlog.get_logger()


def measured_by(context: Context) -> dict[str, Any]:
    """The settings that decide what is measured, and nothing that is learned."""
    settings = context.settings
    value = settings.value
    return {
        **settings.evaluation.model_dump(mode="json"),
        "threshold": settings.threshold,
        "value": None if value is None else value.model_dump(mode="json"),
    }


def tell_changes(context: Context, state: Mapping[str, Any], anew: Collection[str]) -> None:
    """Say what is measured otherwise than the checkpoint did; it is not the model's business."""
    now, then = measured_by(context), state.get("measured_by", {})
    changed = sorted(name for name in now if then and now[name] != then.get(name))
    if changed:
        log.info("what is measured has changed since the checkpoint", settings=", ".join(changed))
    if "static_after" in changed and "static" in state:
        log.warning(
            "evaluation.static_after has changed, but the copy was taken before; it stays",
            taken_at=then["static_after"],
        )
    if anew:
        names = ", ".join(sorted(anew))
        log.info("shadows that are gone, or begin anew with other arguments", shadows=names)


# What parsers say to files that hold something else; none of them runs what it reads.
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


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot on disk, what the gate says of it, and what was measured until then."""

    snapshot: SnapshotRef
    model_sha256: str
    verdict: Verdict
    metrics: dict[str, Any]


@contextmanager
def saved(
    store: SnapshotStore, context: Context, pipeline: Pipeline, start: Start, parent: int | None
) -> Iterator[Saved]:
    """Write the whole state; on disk, and judged, when the ``with`` begins.

    Name the snapshot in the registry before the ``with`` ends: until then no collector takes it.
    """
    with store.draft() as draft:
        model = draft.path / MODEL_FILE
        pipeline.learner.save(model)
        model_sha256 = sha256(model.read_bytes()).hexdigest()
        write_arrays(draft.path / METRICS, pipeline.evaluator.state())
        joins = pipeline.saved_joins.write(draft)
        scoring = write_scoring(draft, pipeline.scoring)
        verdict, expected = judge(
            context.spec, model, list(pipeline.sample), draft.path / "scratch"
        )
        manifest = {
            **_identity(context, pipeline),
            "model_sha256": model_sha256,
            "parent": parent,
            "start": asdict(start),
            "joins": joins,
            **scoring,
            "metrics": (measured := metrics(pipeline)),
            "expected": [e.to_json() for e in expected],
        }
        snapshot = draft.finish(manifest)
        yield Saved(snapshot, model_sha256, verdict, measured)
        pipeline.saved_joins.accept(draft.path, draft.marks)


def _identity(context: Context, pipeline: Pipeline) -> dict[str, Any]:
    """What a manifest says of the model and where its pipeline stands."""
    return {
        "model": context.settings.model,
        "learner": learner_json(context),
        "schema_hash": context.schema.hash,
        "converter": CONVERTER_VERSION,
        "packages": packages(),
        "lineage": pipeline.lineage,
        "counts": asdict(pipeline.counts),
        "batches": pipeline.batches,
        "output_before": to_positions(pipeline.output_before),
        "marks": fingerprint.to_json(pipeline.marks),
        "sample": list(pipeline.sample),
        "measured_by": measured_by(context),
    }


def load(context: Context, snapshot: Snapshot, lineage: int) -> Pipeline:
    """The pipeline that was saved, to go on under a lineage.

    Raises:
        CorruptSnapshotError: the files are as they were written, and no checkpoint's.
        SnapshotError: an older release wrote it, whose joins this one cannot read.
    """
    if "batches" in snapshot.manifest and "joins" not in snapshot.manifest:
        raise SnapshotError(
            "The checkpoint was written by a Freshet before 0.2, which kept waiting events in "
            "another way. Go on with that one; or make the model again with 'freshet backfill "
            "log --fresh', and promote it."
        )
    pipeline = new_pipeline(context, lineage)
    try:
        _restore(pipeline, context, snapshot)
    except UNREADABLE as error:
        pipeline.close()
        raise CorruptSnapshotError(
            f"The snapshot holds something else than a checkpoint ({error!r}). It is not loaded."
        ) from error
    except BaseException:
        pipeline.close()
        raise
    return pipeline


def _restore(pipeline: Pipeline, context: Context, snapshot: Snapshot) -> None:
    state, joiner, scoring = snapshot.manifest, pipeline.joiner, pipeline.scoring
    read_scoring(scoring, context, snapshot)
    joiner.change_layout(scoring.layout())
    pipeline.saved_joins.restore(snapshot)
    arrays = read_arrays(snapshot.path / METRICS)
    pipeline.evaluator = Evaluator.from_state(measuring(context), arrays)
    anew = shadows_begun_anew(scoring, state)
    for name in anew & set(pipeline.evaluator.contenders):
        pipeline.evaluator.drop(name)
    tell_changes(context, state, anew)
    pipeline.planner.counts = Counts(**state["counts"])
    pipeline.batches = state["batches"]
    pipeline.output_before = to_cut(state["output_before"])
    pipeline.sample.extend(state["sample"])
    pipeline.marks = fingerprint.from_json(state.get("marks", []))
