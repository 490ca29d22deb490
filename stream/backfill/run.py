"""``freshet backfill`` at work: opens the source, shows progress, writes the scores if asked."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO

from converters.files.csv_file import open_csv
from converters.show.command_line import progress, say
from learners.registry import Registry
from learners.snapshots import SnapshotStore
from stream.backfill.backfill import Backfill, Folded
from stream.context import Context
from stream.fold.outputs import Score, read_dead_letters, read_scores
from stream.fold.pipeline import Pipeline, Written
from stream.log.contract import Outgoing, Place, Record
from stream.open_log import opened
from stream.produce.file_records import History, HistoryOptions, warn_of_waits


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
    with closing(Registry(settings.registry, settings.model)) as registry:
        maker = Backfill(context, registry, SnapshotStore(Path(settings.snapshots)))
        if source != "log":
            return _from_file(maker, source, options, scores)
        with closing(opened(settings, create=False)) as log, progress("events") as shown:
            fold = maker.fresh if fresh else maker.from_journal
            return fold(log, _folded(shown, scores))


def _from_file(
    maker: Backfill, source: str, options: HistoryOptions, scores: TextIO | None
) -> dict[str, Any]:
    refused: Counter[str] = Counter()
    with open_csv(source, maker.context.settings.csv) as file:
        history = History(file, maker.context.schema, options)
        with progress("events", file.size, file.tell) as shown:
            report = maker.from_file(history, _folded(shown, scores, refused))
    warn_of_waits(history, maker.context.settings)
    if refused:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in refused.most_common())
        say(f"Refused: {reasons}. List them with: freshet convert {source} --rejects FILE")
    if maker.registry.versions.live_lineage() is not None:
        say(
            "A learner of this model has learned from the log. Promoted, this candidate takes its "
            "place: what it has learned or keeps waiting beyond this file is left behind. A "
            "'backfill log' keeps it."
        )
    return report


def _folded(
    shown: Callable[[int], None], scores: TextIO | None, refused: Counter[str] | None = None
) -> Folded:
    """After each batch: progress, the scores if they are wanted, and the refusals' reasons."""
    writer = None if scores is None else csv.writer(scores, lineterminator="\n")
    if writer is not None:
        writer.writerow(Score._fields)

    def folded(pipeline: Pipeline, written: Written) -> None:
        shown(pipeline.counts.events)
        if writer is not None:
            writer.writerows(read_scores(map(_as_read, written.scores)))
        if refused is not None:
            letters = read_dead_letters(map(_as_read, written.dead_letters))
            refused.update(letter.reason for letter in letters)

    return folded


def _as_read(sent: Outgoing) -> Record:
    """An output as a reader of its topic would get it; the backfill's own stand on none."""
    return Record(Place("", 0), 0, sent.time or 0, sent.value, sent.headers, sent.key)
