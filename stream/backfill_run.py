"""``freshet backfill`` at work: opens the source, shows progress, writes the scores if asked."""

from __future__ import annotations

import csv
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO

from converters.csv_file import open_csv
from converters.progress import progress
from learners.registry import Registry
from learners.snapshot import SnapshotStore
from stream.backfill import Backfill, Folded
from stream.context import Context
from stream.history import History, HistoryOptions
from stream.learner_process import opened
from stream.log import Place, Record
from stream.outputs import Score, read_scores
from stream.pipeline import Pipeline, Written
from stream.waits import warn_of_waits


def run(
    context: Context, source: str, options: HistoryOptions, *, fresh: bool, scores: TextIO | None
) -> dict[str, Any]:
    """Make the candidate.

    Args:
        context: the model's config.
        source: a file's path, or ``log``.
        options: how a file becomes records.
        fresh: read the log in its plain order.
        scores: where each row's score goes, if anywhere.

    Returns:
        The report that ``freshet backfill --json`` prints.
    """
    settings = context.settings
    with Registry(settings.registry, settings.model) as registry:
        maker = Backfill(context, registry, SnapshotStore(Path(settings.snapshots)))
        if source != "log":
            return _from_file(maker, source, options, scores)
        with closing(opened(settings)) as log, progress("events") as shown:
            fold = maker.fresh if fresh else maker.from_journal
            return fold(log, _folded(shown, scores))


def _from_file(
    maker: Backfill, source: str, options: HistoryOptions, scores: TextIO | None
) -> dict[str, Any]:
    with open_csv(source) as file:
        history = History(file, maker.context.schema, options)
        with progress("events", file.size, file.tell) as shown:
            report = maker.from_file(history, _folded(shown, scores))
    warn_of_waits(history, maker.context.settings)
    return report


def _folded(shown: Any, scores: TextIO | None) -> Folded:  # noqa: ANN401
    writer = None if scores is None else csv.writer(scores, lineterminator="\n")
    if writer is not None:
        writer.writerow(Score._fields)

    def folded(pipeline: Pipeline, written: Written) -> None:
        shown(pipeline.counts.events)
        if writer is not None:
            place = Place("", 0)
            writer.writerows(
                read_scores(
                    Record(place, 0, out.time or 0, out.value, out.headers, out.key)
                    for out in written.scores
                )
            )

    return folded
