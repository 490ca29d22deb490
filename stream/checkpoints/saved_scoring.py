"""Everything that scores, in a snapshot's folder: the learner, the frozen copy, the shadows."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from converters.errors import FreshetError
from converters.logger import log
from learners import choose
from learners.calibration.adjustment import Adjuster, Adjustment
from learners.evaluation.labelled_examples import PINNED
from learners.learner import MODEL_FILE, LearnerSpec, shadow_file
from learners.metrics.arrays import AnyArray
from learners.snapshots.store import Snapshot
from stream.fold.pinned import Pinned
from stream.fold.scoring import Scoring, Static
from stream.fold.shadows import Shadow

STATIC_FILE = "static-model"
ADJUSTING = "adjusting"
REMEMBERS = "remembers"

Arrays = dict[str, AnyArray]


class Weights(NamedTuple):
    """What another model has learned, taken by a lineage into the joins that it has.

    Attributes:
        snapshot: of that model: its learner, adjuster and shadows are taken.
        lineage: the one that takes it.
        back: whether the learner goes back to it: what is younger begins anew.
    """

    snapshot: Snapshot
    lineage: int
    back: bool = False


def freeze_scoring(folder: Path, scoring: Scoring) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """Write everything that scores except the learner, as it is now.

    Returns:
        The manifest's entries; and arrays, by name, that are still to be written.
    """
    slices = {name: list(values) for name, values in scoring.slices.values.items()}
    said: dict[str, Any] = {
        "slices": slices,
        "sliced": scoring.slices.to_json(),
        "raw_since": scoring.raw_since,
    }
    arrays = {ADJUSTING: scoring.adjuster.state()}
    if scoring.adjuster.changes:
        said["adjustment"] = scoring.adjuster.frozen().to_json()
    if scoring.static is not None:
        scoring.static.learner.save(folder / STATIC_FILE)
        adjustment = scoring.static.adjustment.to_json()
        # An adopted model may have other arguments than the one that was copied.
        spec = scoring.static.learner.spec.to_json()
        since = scoring.static.since
        said["static"] = {"adjustment": adjustment, "learner": spec, "since": since}
    if scoring.pinned is not None:  # its model is in a snapshot of its own
        said[PINNED] = scoring.pinned.to_json()
    if scoring.remembers:
        said[REMEMBERS] = True
    for shadow in scoring.shadows:
        path = folder / shadow_file(shadow.name)
        if shadow.save(path):
            arrays[f"{ADJUSTING}-{shadow.name}"] = shadow.adjuster.state()
        else:
            path.unlink(missing_ok=True)
    said["shadows"] = {shadow.name: shadow.to_json() for shadow in scoring.shadows}
    return said, {name: held for name, held in arrays.items() if held}


def read_scoring(scoring: Scoring, snapshot: Snapshot, weights: Weights | None = None) -> set[str]:
    """Read what :func:`freeze_scoring` froze, and the learner; or another model's weights.

    Returns:
        The names of the shadows that begin anew since the model gone back to has none of them.
    """
    manifest, folder = snapshot.manifest, snapshot.path
    learned = manifest["counts"]["learned"]
    scoring.slices.restore(manifest["sliced"], learned)
    scoring.raw_since = manifest.get("raw_since", 0)
    _read_static(scoring, manifest, folder, needed=weights is None)
    scoring.remembers = manifest.get(REMEMBERS, False)
    if PINNED in manifest:
        scoring.pinned = Pinned.from_json(manifest[PINNED])
    younger = _younger(scoring, manifest, weights)
    for shadow in scoring.shadows:
        said = manifest["shadows"].get(shadow.name)
        if said is not None and _same(shadow, said) and shadow.name not in younger:
            _read_shadow(shadow, said, folder)
        else:
            shadow.begun = learned
    if weights is None:
        _read_learner(scoring, folder)
        return younger
    taken, scoring.raw_since = weights.snapshot, weights.lineage
    _read_learner(scoring, taken.path)
    for shadow in scoring.shadows:
        said = taken.manifest["shadows"].get(shadow.name)
        if said is not None and _same(shadow, said):
            _read_shadow(shadow, {**said, "begun": shadow.begun}, taken.path)
    return younger


def _younger(scoring: Scoring, manifest: Mapping[str, Any], weights: Weights | None) -> set[str]:
    """The names of the snapshot's shadows that the model gone back to did not have yet."""
    if weights is None or not weights.back:
        return set()
    then = restarted_shadows(scoring, manifest)
    here, taken = scoring.shadows, weights.snapshot.manifest["shadows"]
    had = {shadow.name for shadow in here if shadow.name in manifest["shadows"]} - then
    return {s.name for s in here if s.name in had and not _same(s, taken.get(s.name, {}))}


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


def arrays_file(arrays: Mapping[str, AnyArray]) -> memoryview:
    """The content of a file with named arrays."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getbuffer()


def read_arrays(path: Path) -> dict[str, AnyArray]:
    """Read what :func:`arrays_file` gave."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _read_shadow(shadow: Shadow, said: Mapping[str, Any], folder: Path) -> None:
    shadow.close()
    shadow.begun, shadow.trouble = said["begun"], said["trouble"]
    if shadow.trouble:
        return
    try:
        shadow.learner = choose.load(shadow.spec, folder / shadow_file(shadow.name))
        _read_adjuster(folder, f"{ADJUSTING}-{shadow.name}", shadow.adjuster)
    except Exception as error:  # any failure affects only the shadow
        shadow.fail(f"{type(error).__name__}: {error}")


def _same(shadow: Shadow, said: Mapping[str, Any]) -> bool:
    spec = shadow.spec.to_json()
    alike = {name: said.get(name) for name in spec} == spec
    return alike and said.get("control", False) == shadow.is_control


def _read_adjuster(folder: Path, name: str, adjuster: Adjuster) -> None:
    if adjuster.state():
        adjuster.restore(read_arrays(folder / f"{name}.npz"))
