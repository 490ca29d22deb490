"""A lineage's state as it is at one moment, to be written while the fold goes on.

:func:`freeze` saves the learners' files and copies the rest, on the thread that learns;
:meth:`Frozen.written`, on any thread, writes and judges it all; :meth:`Frozen.accept`, on the
learning thread again, once the registry names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from learners.evaluation.evaluator import Told
from learners.explain.feature_names import MetFeatures, names_file
from learners.explain.kept_rows import KEPT_ROWS, file_of
from learners.learner import MODEL_FILE
from learners.registry.row_types import Commit, Start, Verdict
from learners.snapshots.store import Draft, SnapshotStore
from learners.versions.gate import Expected, judge, packages
from stream.checkpoints.saved_scoring import Arrays, arrays_file, freeze_scoring
from stream.fold.pipeline import Pipeline
from stream.fold.run_report import beside_measures, counts
from stream.joins.persistence import FrozenJoins, SavedJoins
from stream.joins.segments import Change
from stream.log import fingerprint
from stream.log.journal import to_positions
from stream.resolved_config import ResolvedConfig, learner_json

METRICS = "metrics.npz"


@dataclass
class Frozen:
    """What a checkpoint is made of.

    Attributes:
        draft: has the learners' files, and the joins' that are reused.
        start: where a learner resumes from it.
        learned_something: whether it is a version.
        said: the manifest's entries that are known already.
        events: the counts of events and labels.
        beside: what the metrics tell besides the measures.
        arrays: to be written, by the file's name.
        features: the names that were met, written before it is committed.
        kept: the lines of typical rows, to be written if there are any.
    """

    context: ResolvedConfig
    draft: Draft
    start: Start
    parent: int | None
    learned_something: bool
    said: dict[str, Any]
    events: dict[str, int]
    beside: dict[str, Any]
    measures: Future[Told]
    arrays: dict[str, Arrays]
    kept: dict[int, str]
    features: MetFeatures
    joins: FrozenJoins
    _saved_joins: SavedJoins
    _drafting: ExitStack
    _changes: dict[str, Change] = field(default_factory=dict)

    @contextmanager
    def written(self) -> Iterator[Commit]:
        """Write the rest; on disk, and judged, when the ``with`` begins.

        Commit what this gives before the ``with`` ends: until then no collector takes it.

        Raises:
            DamagedSegmentError: tell the joins to rewrite everything, and freeze again.
            SnapshotError: it cannot be written.
        """
        with self._drafting:
            digest = self._write()
            verdict, expected = self._judge(digest)
            metrics = self.measures.result().summary | self.beside
            snapshot = self.draft.finish(
                {
                    **self.said,
                    "model_sha256": digest,
                    "parent": self.parent,
                    "start": self.start._asdict(),
                    "joins": self.joins.to_json(self._changes),
                    "metrics": metrics,
                    "expected": [e.to_json() for e in expected],
                }
            )
            yield Commit(
                lineage=self.said["lineage"],
                parent_version=self.parent,
                snapshot=snapshot,
                model_sha256=digest,
                start=self.start,
                learned_something=self.learned_something,
                verdict=verdict,
                events=self.events,
                metrics=metrics,
                learner=self.said["learner"],
                schema_hash=self.said["schema_hash"],
            )

    def _write(self) -> str:
        """Put every file but the manifest on disk; the model's hash."""
        for name, arrays in {METRICS: self.measures.result().state, **self.arrays}.items():
            self.draft.write(name, arrays_file(arrays))
        self.features.save(names_file(self.draft.path.parent, self.context.schema.hash))
        if self.kept:
            self.draft.write(KEPT_ROWS, file_of(self.kept))
        self._changes = self.joins.write(self.draft)
        return self.draft.seal(MODEL_FILE).sha256

    def _judge(self, digest: str) -> tuple[Verdict, list[Expected]]:
        folder = self.draft.path
        parts = self.context.spec, folder / MODEL_FILE, digest, self.said["sample"]
        return judge(*parts, folder / "scratch")

    def accept(self) -> None:
        """It is committed: the next checkpoint continues from its files."""
        self._saved_joins.accept(self._changes, self.draft)


def freeze(
    store: SnapshotStore,
    context: ResolvedConfig,
    pipeline: Pipeline,
    start: Start,
    parent: int | None,
    *,
    learned_something: bool,
) -> Frozen:
    """The state now; costs the learning thread what cannot be done beside it.

    Raises:
        ModelNotSavedError: a learner's file cannot be written.
        SnapshotError: nor can the folder.
    """
    with ExitStack() as drafting:
        draft = drafting.enter_context(store.draft())
        pipeline.learner.save(draft.path / MODEL_FILE)
        scoring, arrays = freeze_scoring(draft.path, pipeline.scoring)
        return Frozen(
            context,
            draft,
            start,
            parent,
            learned_something,
            {**_identity(context, pipeline), **scoring},
            counts(pipeline),
            beside_measures(pipeline),
            pipeline.evaluator.told(whole=True),
            {f"{name}.npz": held for name, held in arrays.items()},
            pipeline.kept.lines,
            pipeline.features,
            pipeline.saved_joins.freeze(draft),
            pipeline.saved_joins,
            drafting.pop_all(),
        )


def _identity(context: ResolvedConfig, pipeline: Pipeline) -> dict[str, Any]:
    """The manifest's entries on the model and its pipeline's progress."""
    return {
        "model": context.settings.model,
        "learner": learner_json(context),
        "schema_hash": context.schema.hash,
        "converter": context.schema.converter,
        "packages": dict(packages()),
        "lineage": pipeline.lineage,
        "counts": asdict(pipeline.counts),
        "batches": pipeline.batches,
        "output_before": to_positions(pipeline.output_before),
        "gaps": pipeline.gaps.to_json(),
        "marks": fingerprint.to_json(pipeline.marks),
        "sample": list(pipeline.sample),
        "measured_by": measured_by(context),
    }


def measured_by(context: ResolvedConfig) -> dict[str, Any]:
    """The settings that affect what is measured, but not what is learned."""
    settings = context.settings
    value = settings.value
    return {
        **settings.evaluation.model_dump(mode="json"),
        "threshold": settings.threshold,
        "value": None if value is None else value.model_dump(mode="json"),
    }
