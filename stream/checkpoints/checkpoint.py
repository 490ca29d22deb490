"""A checkpoint: the whole state of a lineage as a snapshot folder, and back again.

:func:`saved` writes the model, the joins, the measures, the frozen copy and the shadows; the
manifest describes each file and lists everything that must be equal before a learner resumes from
it. The snapshot is an orphan until a registry row names it. :func:`load` restores the pipeline.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from converters.convert.cell_watch import CellCounts
from converters.errors import FreshetError
from converters.files.compressed import zstd
from converters.logger import log
from learners import choose
from learners.calibration.adjustment import Adjuster, Adjustment
from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import PINNED
from learners.learner import MODEL_FILE, LearnerSpec
from learners.metrics.arrays import AnyArray
from learners.registry.row_types import Commit, Start
from learners.snapshots.errors import CorruptSnapshotError, SnapshotError
from learners.snapshots.store import Draft, Snapshot, SnapshotStore
from learners.versions.gate import judge, packages
from stream.fold.expiry import Jump
from stream.fold.pinned import Pinned
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.fold.row_planner import Counts
from stream.fold.run_report import CELLS, DUPLICATE_LABELS, JUMP, counts, metrics
from stream.fold.scoring import RAW, STATIC, Scoring, Static
from stream.fold.shadows import Shadow
from stream.log import fingerprint
from stream.log.journal import to_cut, to_positions
from stream.resolved_config import ResolvedConfig, learner_json


class Weights(NamedTuple):
    """What another model has learned, taken by a lineage into the joins that it has.

    Attributes:
        snapshot: of that model: its learner, adjuster and shadows are taken.
        lineage: the one that takes it.
    """

    snapshot: Snapshot
    lineage: int


STATIC_FILE = "static-model"
METRICS = "metrics.npz"
ADJUSTING = "adjusting"
SHADOW = "shadow"
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
    with store.draft() as draft:
        model = draft.path / MODEL_FILE
        model_sha256, contents = _write_files(draft, pipeline)
        sample, scratch = list(pipeline.sample), draft.path / "scratch"
        verdict, expected = judge(context.spec, model, sample, scratch)
        origin = {"model_sha256": model_sha256, "parent": parent, "start": asdict(start)}
        manifest = {
            **_identity(context, pipeline),
            **origin,
            **contents,
            "metrics": metrics(pipeline),
            "expected": [e.to_json() for e in expected],
        }
        yield Commit(
            lineage=pipeline.lineage,
            parent_version=parent,
            snapshot=draft.finish(manifest),
            model_sha256=model_sha256,
            start=start,
            learned_something=learned_something,
            verdict=verdict,
            events=counts(pipeline),
            metrics=manifest["metrics"],
            learner=learner_json(context),
            schema_hash=context.schema.hash,
        )
        pipeline.saved_joins.accept(draft.path, draft.marks)


def _write_files(draft: Draft, pipeline: Pipeline) -> tuple[str, dict[str, Any]]:
    """Write all but the manifest; returns the model's hash and the manifest's entries."""
    model = draft.path / MODEL_FILE
    pipeline.learner.save(model)
    write_arrays(draft.path / METRICS, pipeline.evaluator.state())
    joins = pipeline.saved_joins.write(draft)
    contents = {"joins": joins, **write_scoring(draft, pipeline.scoring)}
    return sha256(model.read_bytes()).hexdigest(), contents


def _identity(context: ResolvedConfig, pipeline: Pipeline) -> dict[str, Any]:
    """The manifest's entries on the model and its pipeline's progress."""
    return {
        "model": context.settings.model,
        "learner": learner_json(context),
        "schema_hash": context.schema.hash,
        "converter": context.schema.converter,
        "packages": packages(),
        "lineage": pipeline.lineage,
        "counts": asdict(pipeline.counts),
        "batches": pipeline.batches,
        "output_before": to_positions(pipeline.output_before),
        "marks": fingerprint.to_json(pipeline.marks),
        "sample": list(pipeline.sample),
        "measured_by": _measured_by(context),
    }


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
    read_scoring(scoring, snapshot, weights)
    joiner.change_layout(scoring.layout())
    pipeline.saved_joins.restore(snapshot)
    arrays = read_arrays(snapshot.path / METRICS)
    pipeline.evaluator = Evaluator.from_state(pipeline.evaluator.measuring, arrays)
    restarted = restarted_shadows(scoring, state)
    gone = restarted | ({STATIC} if scoring.static is None else set())
    gone |= set() if scoring.adjuster.changes else {RAW}
    for name in gone & set(pipeline.evaluator.contenders):
        pipeline.evaluator.drop(name)
    log_changes(context, state, restarted)
    pipeline.planner.counts = Counts(**state["counts"])
    for kind, reasons in state["metrics"].get("rejected_reasons", {}).items():
        pipeline.planner.refused[kind].reasons.update(reasons)
    pipeline.cells = CellCounts.from_json(state["metrics"].get(CELLS, {}))
    pipeline.planner.duplicate_labels = state["metrics"].get(DUPLICATE_LABELS, 0)
    if JUMP in state["metrics"]:
        pipeline.planner.jump = Jump(**state["metrics"][JUMP])
    pipeline.batches = state["batches"]
    pipeline.output_before = to_cut(state["output_before"])
    pipeline.sample.extend(state["sample"])
    pipeline.marks = fingerprint.from_json(state.get("marks", []))


def _measured_by(context: ResolvedConfig) -> dict[str, Any]:
    """The settings that affect what is measured, but not what is learned."""
    settings = context.settings
    value = settings.value
    return {
        **settings.evaluation.model_dump(mode="json"),
        "threshold": settings.threshold,
        "value": None if value is None else value.model_dump(mode="json"),
    }


def log_changes(
    context: ResolvedConfig, state: Mapping[str, Any], restarted: Collection[str]
) -> None:
    """Log which measures differ from the checkpoint's; the model is not affected."""
    now, then = _measured_by(context), state.get("measured_by", {})
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


def write_scoring(draft: Draft, scoring: Scoring) -> dict[str, Any]:
    """Write everything that scores except the learner; returns the manifest's entries."""
    said: dict[str, Any] = {
        "slices": scoring.slices.values,
        "sliced": scoring.slices.to_json(),
        "raw_since": scoring.raw_since,
    }
    _write_adjuster(draft.path, ADJUSTING, scoring.adjuster)
    if scoring.adjuster.changes:
        said["adjustment"] = scoring.adjuster.frozen().to_json()
    if scoring.static is not None:
        scoring.static.learner.save(draft.path / STATIC_FILE)
        adjustment = scoring.static.adjustment.to_json()
        # An adopted model may have other arguments than the one that was copied.
        spec = scoring.static.learner.spec.to_json()
        since = scoring.static.since
        said["static"] = {"adjustment": adjustment, "learner": spec, "since": since}
    if scoring.pinned is not None:  # its model is in a snapshot of its own
        said[PINNED] = scoring.pinned.to_json()
    for shadow in scoring.shadows:
        _write_shadow(draft.path, shadow)
    said["shadows"] = {shadow.name: shadow.to_json() for shadow in scoring.shadows}
    return said


def read_scoring(scoring: Scoring, snapshot: Snapshot, weights: Weights | None = None) -> None:
    """Read what :func:`write_scoring` wrote, and the learner itself; or another model's weights."""
    manifest, folder = snapshot.manifest, snapshot.path
    learned = manifest["counts"]["learned"]
    scoring.slices.restore(manifest["sliced"], learned)
    scoring.raw_since = manifest.get("raw_since", 0)
    _read_static(scoring, manifest, folder, needed=weights is None)
    if PINNED in manifest:
        scoring.pinned = Pinned.from_json(manifest[PINNED])
    for shadow in scoring.shadows:
        said = manifest["shadows"].get(shadow.name)
        if said is not None and _same(shadow, said):
            _read_shadow(shadow, said, folder)
        else:
            shadow.begun = learned
    if weights is None:
        _read_learner(scoring, folder)
        return
    taken, scoring.raw_since = weights.snapshot, weights.lineage
    _read_learner(scoring, taken.path)
    for shadow in scoring.shadows:
        said = taken.manifest["shadows"].get(shadow.name)
        if said is not None and _same(shadow, said):
            _read_shadow(shadow, {**said, "begun": shadow.begun}, taken.path)


def _read_learner(scoring: Scoring, folder: Path) -> None:
    spec = scoring.learner.spec
    scoring.learner.close()
    scoring.learner = choose.load(spec, folder / MODEL_FILE)
    _read_adjuster(folder, ADJUSTING, scoring.adjuster)


def _read_static(
    scoring: Scoring, manifest: Mapping[str, Any], folder: Path, *, needed: bool
) -> None:
    """Read the frozen copy; one that is not needed may be unreadable."""
    said = manifest.get("static")
    if said is None:
        return
    learner = said.get("learner", manifest["learner"])
    spec = LearnerSpec(learner["kind"], tuple(learner["args"]))
    try:
        copy = choose.load(spec, folder / STATIC_FILE)
    except FreshetError as error:
        if needed:
            raise
        log.warning("the frozen copy cannot be loaded; another one is taken now", cause=str(error))
        return
    adjustment = Adjustment.from_json(said["adjustment"])
    scoring.static = Static(copy, adjustment, said.get("since"))


def restarted_shadows(scoring: Scoring, manifest: Mapping[str, Any]) -> set[str]:
    """The names of the snapshot's shadows that no longer exist or have other arguments."""
    here = {shadow.name: shadow for shadow in scoring.shadows}
    return {
        name
        for name, said in manifest["shadows"].items()
        if name not in here or not _same(here[name], said)
    }


def write_arrays(path: Path, arrays: Mapping[str, AnyArray]) -> None:
    """Write named arrays."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, AnyArray]:
    """Read what :func:`write_arrays` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _write_shadow(folder: Path, shadow: Shadow) -> None:
    path = folder / f"{SHADOW}-{shadow.name}"
    if shadow.save(path):
        _write_adjuster(folder, f"{ADJUSTING}-{shadow.name}", shadow.adjuster)
    else:
        path.unlink(missing_ok=True)


def _read_shadow(shadow: Shadow, said: Mapping[str, Any], folder: Path) -> None:
    shadow.close()
    shadow.begun, shadow.trouble = said["begun"], said["trouble"]
    if shadow.trouble:
        return
    try:
        shadow.learner = choose.load(shadow.spec, folder / f"{SHADOW}-{shadow.name}")
        _read_adjuster(folder, f"{ADJUSTING}-{shadow.name}", shadow.adjuster)
    except Exception as error:  # any failure affects only the shadow
        shadow.fail(f"{type(error).__name__}: {error}")


def _same(shadow: Shadow, said: Mapping[str, Any]) -> bool:
    spec = shadow.spec.to_json()
    return {name: said.get(name) for name in spec} == spec


def _write_adjuster(folder: Path, name: str, adjuster: Adjuster) -> None:
    arrays = adjuster.state()
    if arrays:
        write_arrays(folder / f"{name}.npz", arrays)


def _read_adjuster(folder: Path, name: str, adjuster: Adjuster) -> None:
    if adjuster.state():
        adjuster.restore(read_arrays(folder / f"{name}.npz"))
