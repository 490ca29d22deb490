"""What a lineage comes to when its batches are folded plainly: no kill, no restart, no guide."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from converters.config import load
from converters.schema import schema
from learners.registry import Registry
from learners.registry.row_types import Lineage
from learners.snapshots.store import SnapshotStore
from stream.checkpoints.lineage_start import pipeline_at_start
from stream.fold import run_report
from stream.fold.pipeline import Pipeline
from stream.log import journal
from stream.log.contract import EventLog, Place
from stream.log.journal import JournalLine, to_cut
from stream.log.topics import topics_of
from stream.reading.conversion import record_reader
from stream.reading.merge import MergedReader
from stream.resolved_config import context_of, resolve
from tests.replay.night import Night


class Folded(NamedTuple):
    """The model's hash, its measures, and the counts of rows."""

    model: str
    measures: dict[str, Any]
    counts: dict[str, int]


def folded(
    made: Night,
    log: EventLog,
    registry: Registry,
    lineage: Lineage,
    until: Mapping[Place, int] | None = None,
) -> Folded:
    """The fold of a lineage's cuts in the journal, without what it leaves out.

    It is told record by record whether it is left out, by its offset alone.

    Args:
        made: the model.
        log: its log.
        registry: knows what the lineage began with.
        lineage: which one.
        until: where to end, if not with its last batch.
    """
    settings = load.load(made.folder / "freshet.toml")
    context = context_of(resolve(settings, schema.from_settings(settings)).settings, lineage)
    topics = topics_of(settings)
    left_out = _left_out(lineage)
    store, reader = SnapshotStore(Path(settings.snapshots)), record_reader(context)
    positions = to_cut(lineage.start.positions)
    with (
        closing(pipeline_at_start(context, registry, store, lineage, lineage.serial)) as pipeline,
        closing(MergedReader(log.read(positions), positions, topics.labels)) as merged,
    ):
        for line in batches_of(log, topics.journal, lineage, until):
            records = merged.take_until(line.cut)
            kept = [r for r in records if (*r.place, r.offset) not in left_out]
            if kept:
                pipeline.take(reader.batch(kept, line.cut), write=False)
        counts = run_report.counts(pipeline)
        return Folded(_model(pipeline), pipeline.evaluator.summary(), counts)


def _left_out(lineage: Lineage) -> set[tuple[str, int, int]]:
    return {
        (topic, int(partition), offset)
        for topic, partitions in (lineage.quarantined or {}).items()
        for partition, spans in partitions.items()
        for first, last in spans
        for offset in range(first, last + 1)
    }


def batches_of(
    log: EventLog, topic: str, lineage: Lineage, until: Mapping[Place, int] | None
) -> list[JournalLine]:
    """A lineage's batches in order, each named once; up to some positions."""
    every = map(journal.line_of, journal.records(log, topic))
    lines = [line for line in every if line.lineage == lineage.serial and line.batch]
    assert [line.batch for line in lines] == list(range(1, len(lines) + 1)), "a batch twice"
    if until is None:
        return lines
    return [
        line for line in lines if all(at <= until.get(place, 0) for place, at in line.cut.items())
    ]


def _model(pipeline: Pipeline) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        pipeline.learner.save(path)
        return sha256(path.read_bytes()).hexdigest()
