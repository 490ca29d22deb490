"""The files of a checkpoint besides the joins: learners, what their scores go through, measures.

Part of :mod:`stream.checkpoints.checkpoint`. Arrays are numpy's, without pickles; models are
whatever their learner writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from learners import choose
from learners.calibration import Adjuster, Adjustment
from learners.learner import MODEL_FILE
from learners.metrics.arrays import AnyArray
from learners.snapshots import Draft, Snapshot
from stream.context import Context
from stream.fold.scoring import Scoring, Static
from stream.fold.shadows import Shadow, new_shadow

STATIC_FILE = "static-model"
METRICS = "metrics.npz"
ADJUSTING = "adjusting"
SHADOW = "shadow"


def write_scoring(draft: Draft, scoring: Scoring) -> dict[str, Any]:
    """Write everyone who scores, the learner itself excepted; says what the manifest needs."""
    said: dict[str, Any] = {
        "slices": scoring.slices.values,
        "sliced": scoring.slices.to_json(),
    }
    _write_adjuster(draft.path, ADJUSTING, scoring.adjuster)
    if scoring.adjuster.changes:
        said["adjustment"] = scoring.adjuster.frozen().to_json()
    if scoring.static is not None:
        scoring.static.learner.save(draft.path / STATIC_FILE)
        said["static"] = {"adjustment": scoring.static.adjustment.to_json()}
    for shadow in scoring.shadows:
        _write_shadow(draft.path, shadow)
    said["shadows"] = {shadow.name: shadow.to_json() for shadow in scoring.shadows}
    return said


def read_scoring(scoring: Scoring, context: Context, snapshot: Snapshot) -> None:
    """Take over what :func:`write_scoring` wrote, and the learner itself."""
    manifest, folder = snapshot.manifest, snapshot.path
    scoring.learner.close()
    scoring.learner = choose.load(context.spec, folder / MODEL_FILE)
    _read_adjuster(folder, ADJUSTING, scoring.adjuster)
    learned = manifest["counts"]["learned"]
    scoring.slices.restore(manifest["sliced"], learned)
    if "static" in manifest:
        adjustment = Adjustment.from_json(manifest["static"]["adjustment"])
        scoring.static = Static(choose.load(context.spec, folder / STATIC_FILE), adjustment)
    known = manifest["shadows"]
    for at, shadow in enumerate(scoring.shadows):
        said = known.get(shadow.name)
        if said is not None and _same(shadow, said):
            shadow.close()
            scoring.shadows[at] = _read_shadow(shadow, said, context, folder)
        else:
            shadow.begun = learned


def shadows_begun_anew(scoring: Scoring, manifest: Mapping[str, Any]) -> set[str]:
    """The names of shadows that the snapshot knows and that are no longer, or something else."""
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


def _read_shadow(shadow: Shadow, said: Mapping[str, Any], context: Context, folder: Path) -> Shadow:
    trouble, begun = said["trouble"], said["begun"]
    if trouble:
        return Shadow(shadow.name, shadow.spec, None, shadow.adjuster, trouble, begun)
    fresh = new_shadow(shadow.name, shadow.spec, context.settings)
    fresh.begun = begun
    try:
        if fresh.learner is not None:
            fresh.learner.close()
        fresh.learner = choose.load(shadow.spec, folder / f"{SHADOW}-{shadow.name}")
        _read_adjuster(folder, f"{ADJUSTING}-{shadow.name}", fresh.adjuster)
    except Exception as error:  # whatever it is, it is the shadow's own
        fresh.learner = None
        fresh.fail(f"{type(error).__name__}: {error}")
    return fresh


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
