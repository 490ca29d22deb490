"""What a version knows: its largest weights by name, and how much its columns matter, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from converters.schema.schema import Schema
from converters.show.tables import counted, listed
from learners import choose
from learners.calibration.adjustment import adjusted
from learners.control_column import control_cells, control_text
from learners.explain.feature_names import names_file, read_names
from learners.explain.kept_rows import KEPT_ROWS, numbered_lines
from learners.explain.model_weights import FeatureColumns, ModelWeights, Totals
from learners.explain.row_pieces import RowPieces
from learners.knowledge.importances import Importances, importances
from learners.learner import MODEL_FILE, Learner, LearnerSpec, shadow_file
from learners.registry.errors import UnservableVersionError
from learners.registry.row_types import Version
from learners.snapshots.store import SnapshotStore
from learners.versions.served_learner import spec_of

# How many weights are told, and at most.
TOP, MOST_TOP = 20, 10_000


@dataclass
class Control:
    """A shadow that learns as the learner does, and a random column more.

    Attributes:
        name: its name.
        learner: opened to predict.
        lines: the kept rows as it was given them.
    """

    name: str
    learner: Learner
    lines: list[str]


@dataclass
class KnownVersion:
    """A version opened to be told about.

    Attributes:
        schema: its own.
        spec: what it was learned with.
        learner: opened to predict; its scores are the served ones.
        weights: its own, by name.
        lines: its kept rows, unlabelled.
        control: the shadow that has a random column more, if there is one.
    """

    version: Version
    schema: Schema
    spec: LearnerSpec
    learner: Learner
    weights: ModelWeights
    lines: list[str]
    control: Control | None = None

    @cached_property
    def cuts(self) -> RowPieces:
        """Cuts its lines into columns."""
        return RowPieces(self.schema)

    @cached_property
    def columns(self) -> FeatureColumns:
        """Whose features its weights are of."""
        return FeatureColumns(self.schema)


@contextmanager
def known_version(
    snapshots: SnapshotStore, version: Version, schema: Schema
) -> Iterator[KnownVersion]:
    """A version opened, until the ``with`` ends.

    Args:
        snapshots: has it.
        version: any that was not thinned.
        schema: its own.

    Raises:
        SnapshotError: its files are damaged or gone.
        UnservableVersionError: retention has deleted them.
    """
    check_not_thinned(version)
    with ExitStack() as opened:
        yield _opened(snapshots, version, schema, opened)


def _opened(
    snapshots: SnapshotStore, version: Version, schema: Schema, opened: ExitStack
) -> KnownVersion:
    spec = spec_of(version.learner)
    shadows = snapshots.manifest(version.snapshot).get("shadows", {})
    name = next((name for name, said in shadows.items() if said.get("control")), "")
    more = {KEPT_ROWS, shadow_file(name)}
    with snapshots.open(version.snapshot, only={MODEL_FILE}, if_there=more) as snapshot:
        kept, model = numbered_lines(snapshot.path), snapshot.path / MODEL_FILE
        lines = list(kept.values())
        names = read_names(names_file(snapshots.folder, version.schema_hash))
        weights = ModelWeights(spec, model, schema, names, lines)
        learner = choose.load(spec, model)
        opened.callback(learner.close)
        control = None
        if name and (path := snapshot.path / shadow_file(name)).exists():
            beside = choose.load(spec_of(shadows[name]), path)
            opened.callback(beside.close)
            cells = control_cells(np.array(list(kept), np.int64)).tolist()
            texts = [line + control_text(cell) for line, cell in zip(lines, cells, strict=True)]
            control = Control(name, beside, texts)
    served = adjusted(learner, snapshot.manifest)
    return KnownVersion(version, schema, spec, served, weights, lines, control)


def check_not_thinned(version: Version) -> None:
    """Refuse a version whose files retention has deleted.

    Raises:
        UnservableVersionError: it was thinned.
    """
    if version.state == "thinned":
        raise UnservableVersionError(
            f"Version {version.version} was thinned: its files were deleted by retention "
            "(checkpoint.keep). 'freshet models' lists those that have theirs."
        )


def weights_json(known: KnownVersion, top: int) -> dict[str, Any]:
    """What ``show --weights --json`` prints.

    Args:
        known: the version.
        top: how many weights.
    """
    totals = known.weights.totals()
    found = importances(known.learner, known.cuts, known.lines)
    control = _control_json(known)
    return {
        "version": known.version.version,
        "learner": known.spec.to_json(),
        "weights": totals._asdict(),
        "kept_rows": len(known.lines),
        "largest": [known.columns.to_json(each) for each in known.weights.largest(top)],
        "importances": importances_json(found),
        "control": control,
        "remarks": [*remarks_on(totals), *_on_rows(known.lines), *_on_control(found, control)],
    }


def _control_json(known: KnownVersion) -> dict[str, Any] | None:
    """How much a random column matters, to a shadow that learned it like the others."""
    control = known.control
    if control is None or not known.lines:
        return None
    found = importances(control.learner, known.cuts, control.lines)
    return {
        "shadow": control.name,
        "importance": found.other,
        "pairs": [{"column": name, "importance": value} for name, value in found.other_pairs],
    }


def _on_control(found: Importances, control: dict[str, Any] | None) -> Iterator[str]:
    if control is None:
        yield (
            "To see how much a random column would matter, add a [[shadow]] with name = "
            '"chance" and kind = "control", and start the learner again.'
        )
        return
    less = [name for name, value in found.columns if value <= control["importance"]]
    if less:
        yield f"These columns matter no more than a random one: {listed(less)}."


def importances_json(found: Importances) -> dict[str, Any]:
    """Importances as JSON."""
    return {
        "rows": found.rows,
        "others": found.others,
        "columns": [{"column": name, "importance": value} for name, value in found.columns],
        "pairs": [{"columns": list(names), "importance": value} for names, value in found.pairs],
    }


def remarks_on(totals: Totals) -> Iterator[str]:
    """What to know about weights that have no name, or several."""
    if nameless := totals.weights - totals.undone:
        why = (
            "their features were met before names were kept (by an older release, or while "
            "explain.feature_names was 0 or smaller), or have names of more than 256 characters"
        )
        if totals.untried:
            crosses = counted(totals.untried, "pair of columns", "pairs of columns")
            why = f"crosses of {crosses} are too many to be looked up, or {why}"
        yield f"{counted(nameless, 'weight has', 'weights have')} no known name: {why}."
    if totals.shared:
        yield (
            f"{counted(totals.shared, 'weight', 'weights')} may be of several features, for "
            "weights are kept by hash: those that the kept rows have come first. A larger -b in "
            "learner.args makes that rarer."
        )


def _on_rows(lines: list[str]) -> Iterator[str]:
    if not lines:
        yield (
            "The version keeps no rows, so shares and importances are not known: "
            "explain.kept_rows is 0, or an older release made it."
        )


def write_readable(snapshots: SnapshotStore, version: Version, file: Path) -> None:
    """Write a version's model for people: Vowpal Wabbit's readable model, or river's JSON.

    Raises:
        SnapshotError: its files are damaged or gone.
        OSError: the file cannot be written.
    """
    check_not_thinned(version)
    with snapshots.open(version.snapshot, only={MODEL_FILE}) as snapshot:
        content = choose.readable_model(spec_of(version.learner), snapshot.path / MODEL_FILE)
    file.write_bytes(content)
