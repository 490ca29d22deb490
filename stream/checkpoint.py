"""A checkpoint: the whole state of a lineage as a snapshot folder, and back again.

Holds the model, the joins, the measures and the frozen copy; the manifest says what each file is
and everything that must be equal before a learner goes on from it. The snapshot is an orphan
until a registry row names it; :mod:`stream.learning` writes that row.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile

import numpy as np
import orjson

from converters.schema import CONVERTER_VERSION
from converters.settings import Settings
from converters.times import time_ms
from learners import choose
from learners.base import MODEL_FILE, Learner
from learners.progressive import Progressive
from learners.registry import Start, Verdict
from learners.snapshot import CorruptSnapshotError, Snapshot, SnapshotRef, SnapshotStore
from stream import fingerprint
from stream.context import Context, learner_json
from stream.gate import judge
from stream.joiner import Joiner
from stream.journal import to_cut, to_positions
from stream.pipeline import Pipeline, Static
from stream.planning import Counts, Planner

STATIC = "static-model"
METRICS, STATIC_METRICS = "metrics.npz", "static-metrics.npz"
JOINS = "joins.json"

# What parsers say to files that hold something else; none of them runs what it reads.
UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, BadZipFile)

# Packages whose version may change what a snapshot means.
RECORDED_PACKAGES = ("freshet", "vowpalwabbit", "river", "numpy")


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot on disk and what the gate says of it."""

    snapshot: SnapshotRef
    model_sha256: str
    verdict: Verdict


def new_pipeline(context: Context, lineage: int) -> Pipeline:
    """A pipeline that has seen nothing."""
    settings = context.settings
    return Pipeline(
        choose.create(context.spec),
        Planner(
            Joiner(settings.late_labels, settings.duplicates),
            settings.late_labels.expired == "negative",
        ),
        Progressive(settings.evaluation.window),
        lineage,
        copy_of,
        static_after=_static_after(settings),
    )


def copy_of(learner: Learner) -> Learner:
    """A learner with the same state that goes its own way from here."""
    with TemporaryDirectory() as folder:
        saved = Path(folder) / MODEL_FILE
        learner.save(saved)
        return choose.load(learner.spec, saved)


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
        _write_measures(draft.path / METRICS, pipeline.progressive)
        if pipeline.static is not None:
            pipeline.static.learner.save(draft.path / STATIC)
            _write_measures(draft.path / STATIC_METRICS, pipeline.static.progressive)
        (draft.path / JOINS).write_bytes(orjson.dumps(pipeline.joiner.to_json()))
        verdict, expected = judge(
            context.spec, model, list(pipeline.sample), draft.path / "scratch"
        )
        manifest = {
            "model": context.settings.model,
            "model_sha256": model_sha256,
            "learner": learner_json(context),
            "schema_hash": context.schema.hash,
            "converter": CONVERTER_VERSION,
            "packages": packages(),
            "lineage": pipeline.lineage,
            "parent": parent,
            "start": asdict(start),
            "counts": asdict(pipeline.counts),
            "batches": pipeline.batches,
            "output_before": to_positions(pipeline.output_before),
            "marks": fingerprint.to_json(pipeline.marks),
            "sample": list(pipeline.sample),
            "metrics": metrics(pipeline),
            "expected": [e.to_json() for e in expected],
        }
        yield Saved(draft.finish(manifest), model_sha256, verdict)


def load(context: Context, snapshot: Snapshot, lineage: int) -> Pipeline:
    """The pipeline that was saved, to go on under a lineage.

    Raises:
        CorruptSnapshotError: the files are as they were written, and no checkpoint's.
    """
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
    state = snapshot.manifest
    pipeline.learner.close()
    pipeline.learner = choose.load(context.spec, snapshot.path / MODEL_FILE)
    pipeline.joiner.restore(orjson.loads((snapshot.path / JOINS).read_bytes()))
    window = context.settings.evaluation.window
    pipeline.progressive = _read_measures(snapshot.path / METRICS, window)
    if (snapshot.path / STATIC).exists():
        pipeline.static = Static(
            choose.load(context.spec, snapshot.path / STATIC),
            _read_measures(snapshot.path / STATIC_METRICS, window),
        )
    pipeline.planner.counts = Counts(**state["counts"])
    pipeline.batches = state["batches"]
    pipeline.output_before = to_cut(state["output_before"])
    pipeline.sample.extend(state["sample"])
    pipeline.marks = fingerprint.from_json(state.get("marks", []))


def counts(pipeline: Pipeline) -> dict[str, int]:
    """All counts of events and labels, as reports and the registry hold them."""
    joiner = pipeline.joiner
    return {
        **asdict(pipeline.counts),
        "waiting": len(joiner.waiting),
        **asdict(joiner.counts),
        "labels_waiting": len(joiner.labels),
    }


def metrics(pipeline: Pipeline) -> dict[str, Any]:
    """What progressive validation says, of the learner and of the copy that stopped learning."""
    report: dict[str, Any] = pipeline.progressive.report()
    if pipeline.static is not None:
        report["static"] = pipeline.static.progressive.report()
    report["stream_time"] = pipeline.joiner.stream_time
    return report


def packages() -> dict[str, str]:
    """Versions of what decides the bytes of a model."""
    found = {"python": platform.python_version()}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def _static_after(settings: Settings) -> int | None:
    moment = settings.evaluation.static_after
    return None if moment is None else time_ms(moment)


def _write_measures(path: Path, progressive: Progressive) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **progressive.state())


def _read_measures(path: Path, window: int) -> Progressive:
    with np.load(path, allow_pickle=False) as arrays:
        return Progressive.from_state(window, dict(arrays))
