"""What a version knows: its largest weights by name, and how much its columns matter, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from converters.schema.schema import Schema
from converters.show.tables import counted
from learners import choose
from learners.calibration.adjustment import adjusted
from learners.explain.feature_names import names_file, read_names
from learners.explain.kept_rows import KEPT_ROWS, kept_lines
from learners.explain.model_weights import FeatureColumns, ModelWeights, Totals
from learners.explain.row_pieces import RowPieces
from learners.knowledge.importances import Importances, importances
from learners.learner import MODEL_FILE, Learner, LearnerSpec
from learners.registry.errors import UnservableVersionError
from learners.registry.row_types import Version
from learners.snapshots.store import SnapshotStore
from learners.versions.served_learner import spec_of

# How many weights are told, and at most.
TOP, MOST_TOP = 20, 10_000


@dataclass
class KnownVersion:
    """A version opened to be told about.

    Attributes:
        schema: its own.
        spec: what it was learned with.
        learner: opened to predict; its scores are the served ones.
        weights: its own, by name.
        lines: its kept rows, unlabelled.
    """

    version: Version
    schema: Schema
    spec: LearnerSpec
    learner: Learner
    weights: ModelWeights
    lines: list[str]

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
    spec = spec_of(version.learner)
    with snapshots.open(version.snapshot, only={MODEL_FILE}, if_there={KEPT_ROWS}) as snapshot:
        lines, model = kept_lines(snapshot.path), snapshot.path / MODEL_FILE
        names = read_names(names_file(snapshots.folder, version.schema_hash))
        weights = ModelWeights(spec, model, schema, names, lines)
        learner = choose.load(spec, model)
        manifest = snapshot.manifest
    try:
        served = adjusted(learner, manifest)
        yield KnownVersion(version, schema, spec, served, weights, lines)
    finally:
        learner.close()


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
    return {
        "version": known.version.version,
        "learner": known.spec.to_json(),
        "weights": totals._asdict(),
        "kept_rows": len(known.lines),
        "largest": [known.columns.to_json(each) for each in known.weights.largest(top)],
        "importances": importances_json(found),
        "remarks": [*remarks_on(totals), *_on_rows(known.lines)],
    }


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
