"""``freshet backfill``: history into a candidate version, by the same fold that runs live.

A file becomes the records that producing it would make. The log is read again either in the order
of the current lineage's journal, which gives the live model byte for byte, or in the plain
order. The result is a candidate version; nothing serves it until it is promoted.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count, repeat
from pathlib import Path
from time import monotonic, time
from typing import Any, TextIO

from converters.errors import FreshetError
from converters.files.csv_file import open_csv
from converters.show.command_line import progress, say
from converters.show.tables import counted
from learners.registry import Registry
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Lineage, Start
from learners.snapshots.store import SnapshotStore
from learners.versions.own_schema import as_learned
from stream.backfill.log_reading import OutputsEnd, Reading
from stream.checkpoints import checkpoint
from stream.checkpoints.lineage_start import pipeline_at_start
from stream.checkpoints.pinned_version import PinnedVersions
from stream.checkpoints.same_model import check_same, different_keys
from stream.checkpoints.thinning import THIN_SECONDS, thin_at_end
from stream.checkpoints.written_schemas import (
    schemas_before,
    schemas_of_journal,
    with_columns_before,
)
from stream.dead_letters.exactly_once import once_reader
from stream.fold.outputs import Score, read_scores
from stream.fold.pipeline import Pipeline, Written, new_pipeline
from stream.fold.run_report import Rows, ThisRun, examples, report, rows_of
from stream.log import journal
from stream.log.batch import Batch
from stream.log.contract import EventLog, Outgoing, Place, Record, StampError
from stream.log.journal import JournalLine, to_cut, to_positions
from stream.log.limits import checked_times
from stream.log.topics import Topics, begins_of, described, ends_of, topics_of
from stream.open_log import opened
from stream.produce.file_records import Formed, History, HistoryOptions, warn_of_times
from stream.reading.assignment import PLAINLY, Again, again_of
from stream.reading.conversion import BatchReader, record_reader
from stream.reading.corrections import (
    Corrections,
    corrected_rows,
    fixed_now,
    incomplete,
    incomplete_words,
)
from stream.reading.merge import BATCH_ROWS, MergedReader
from stream.resolved_config import ResolvedConfig, context_of, fixed, with_writers

# Called after each batch: rows so far, and what it would have written.
Folded = Callable[[Pipeline, Written], None]


@dataclass(frozen=True)
class Backfill:
    """Makes candidates; nothing the live learner owns is touched."""

    context: ResolvedConfig
    registry: Registry
    snapshots: SnapshotStore

    def from_file(self, history: History, folded: Folded) -> dict[str, Any]:
        """A candidate of the rows of a file, as if they had been produced and learned.

        It has no position in the log: once it is promoted, the learner continues from its own.

        Raises:
            StampError: a row's time is one that no log takes, and would expire all that follow.
        """
        began, nowhere = monotonic(), Start({}, {}, 0)
        serial = self._lineage(self.context, nowhere, None).serial
        with closing(new_pipeline(self.context, serial)) as pipeline:
            for batch in self._file_batches(history):
                folded(pipeline, pipeline.take(batch))
            return self._candidate(self.context, pipeline, nowhere, None, began)

    def from_journal(self, log: EventLog, folded: Folded) -> dict[str, Any]:
        """A candidate of the log in the journal's order: the live model again.

        It is made by the live lineage's own config, whatever the config file says.
        """
        began, live = monotonic(), self.registry.versions.live_lineage()
        if live is None:
            raise FreshetError(
                "No learner in the registry has read this log, so it is unknown which lines of the "
                "journal to follow. Use --fresh to read the log from its start."
            )
        context = self._own_of(live)
        topics = topics_of(context.settings)
        lines = journal.tail(log, topics.journal, live.serial, 0, live.start.journal_position)
        again = again_of(live)
        self._tell_newer(again.quarantined, live, lines)
        serial = self._lineage(context, live.start, live.parent_version, again).serial
        parts = context, self.registry, self.snapshots
        with closing(pipeline_at_start(*parts, live, serial)) as pipeline:
            loader = PinnedVersions(self.registry, self.snapshots, context.schema.hash)
            pipeline.scoring.loaded = loader.load
            before = rows_of(pipeline)
            begins = begins_of(described(log, topics.inputs))
            positions = begins | to_cut(live.start.positions)
            records = record_reader(context)
            rows = corrected_rows(log, topics.corrections, again.corrected)
            reading = Reading(records, positions, lines, again=again, corrected=rows)
            start = self._fold_log(log, topics, reading, pipeline, folded)
            return self._candidate(context, pipeline, start, live.parent_version, began, before)

    def _own_of(self, live: Lineage) -> ResolvedConfig:
        """The config of the live lineage.

        Raises:
            ChangedModelError: an older release began it, under another config than this one.
        """
        if live.config is None:
            check_same(self.context, live)
            return self.context.read_by(live.converter)
        changed = different_keys(self.context, live)
        if changed:
            say(
                "The journal is replayed by the config that the learner's model was created with, "
                f"not by the config file, where it differs: {changed}. To learn by the "
                "file's: freshet backfill log --fresh"
            )
        return context_of(self.context.settings, live)

    def fresh(self, log: EventLog, folded: Folded) -> dict[str, Any]:
        """A candidate of the whole log in its plain order; the journal is ignored.

        Rows that were written before a schema was changed are read by the schema of their time.
        """
        began, topics = monotonic(), topics_of(self.context.settings)
        states, live = described(log, topics.inputs), self.registry.versions.live_lineage()
        begins, ends = begins_of(states), ends_of(states)
        context, until = self.context, to_positions(ends)
        if live is not None:
            before = schemas_before(context, self.registry, live, until)
        else:
            said = journal.last_schemas(log, topics.journal)
            before = schemas_of_journal(context, said, until)
        context = with_writers(context, before)
        start = Start(to_positions(begins), {}, 0)
        again = self._left_out_now(log, topics)
        serial = self._lineage(context, start, None, again).serial
        with closing(new_pipeline(context, serial)) as pipeline:
            rows = corrected_rows(log, topics.corrections, again.corrected)
            records = once_reader(record_reader(context), log, topics, rows)
            outputs_end = self._outputs_end(context, log, topics, pipeline, again.quarantined)
            reading = Reading(records, begins, (), ends, again, rows, outputs_end)
            end = self._fold_log(log, topics, reading, pipeline, folded)
            return self._candidate(context, pipeline, end, None, began)

    def _fold_log(
        self, log: EventLog, topics: Topics, reading: Reading, pipeline: Pipeline, folded: Folded
    ) -> Start:
        """Fold the journalled batches, or all of the log as it is now; returns where that ends."""
        positions = reading.positions
        with closing(MergedReader(log.read(positions), positions, topics.labels)) as merged:
            how = reading.lines, reading.limit, reading.again, reading.corrected
            for batch in BatchReader(merged, reading.records, *how):
                if not batch.is_empty:
                    if reading.outputs_end is not None:
                        reading.outputs_end.before(batch, positions)
                    folded(pipeline, pipeline.take(batch))
                    positions = batch.cut
        return _start_at(log, topics, positions)

    def _left_out_now(self, log: EventLog, topics: Topics) -> Again:
        """What is in quarantine now, and the corrected rows in its place; told."""
        known = self.registry.quarantines
        left_out, numbers = known.held(), [each.number for each in known.in_force()]
        corrected = fixed_now(log, topics.corrections, numbers, left_out)
        if self.registry.versions.live_lineage() is None:  # it may be lost, with its quarantines
            said, rows = journal.last_left_out(log, topics.journal)
            left_out, corrected = left_out | said, corrected or Corrections.from_json(rows)
        if left_out:
            say(f"Left out, since it is in quarantine: {left_out}.")
        if corrected is not None:
            say(
                f"Taken in its place: {counted(corrected.rows, 'corrected row', 'corrected rows')}."
            )
            half = incomplete(log, topics.corrections, numbers)
            if half:
                say(incomplete_words(half))
        return Again(left_out, corrected=corrected)

    def _tell_newer(
        self, left_out: OffsetRanges, live: Lineage, lines: Sequence[JournalLine]
    ) -> None:
        """Say which quarantines the journal does not know: its model has learned what they hold."""
        at = lines[-1].cut if lines else to_cut(live.start.positions)
        newer = (self.registry.quarantines.held() - left_out).before(at)
        if newer:
            say(
                f"In quarantine now, and learned by the journal all the same: {newer}. "
                "'freshet rollback VERSION --learner replay' or 'freshet backfill log --fresh' "
                "leave that out."
            )

    def _outputs_end(
        self,
        context: ResolvedConfig,
        log: EventLog,
        topics: Topics,
        pipeline: Pipeline,
        left_out: OffsetRanges,
    ) -> OutputsEnd | None:
        """Saves the state where the outputs of earlier lineages end.

        None if there are none, or if a topic was recreated since: what was output of its rows
        cannot be told from what was not.
        """
        output, gaps = journal.reached(log, topics, self.registry.versions.lineage)
        if {place.topic for place in output} != set(topics.inputs):
            return None

        def save(positions: Mapping[Place, int]) -> None:
            start = _start_at(log, topics, positions)
            parts = self.snapshots, context, pipeline, start, None
            with checkpoint.saved(*parts, learned_something=False) as saved:
                self.registry.writer.add_beginning(saved)

        # What others have left out is output now, if it is not left out again.
        firsts = {Place(*place): spans[0][0] for place, spans in (gaps - left_out).spans.items()}
        return OutputsEnd({p: min(at, firsts.get(p, at)) for p, at in output.items()}, save)

    def _file_batches(self, history: History) -> Iterator[Batch]:
        """The file's records as the log would hold them, one partition a topic."""
        topics = topics_of(self.context.settings)
        reader = record_reader(self.context)
        now = round(time() * 1000)
        places = Place(topics.events, 0), Place(topics.labels, 0)
        offsets = count(), count()
        ends = dict.fromkeys(places, 0)
        for formed in _batches(history):
            kinds, _, sent, _ = zip(*formed, strict=True)
            try:
                checked_times(topics.events, sent)
            except StampError as error:
                raise history.blaming(error, formed) from None
            times = [now if record.time is None else record.time for record in sent]
            values, _, headers, *_ = zip(*sent, strict=True)
            placed = list(map(places.__getitem__, kinds))
            at = list(map(next, map(offsets.__getitem__, kinds)))
            ends |= {place: last + 1 for place, last in zip(placed, at, strict=True)}
            # Made in C: a file has a record for each moment.
            columns = zip(placed, at, times, values, headers, repeat(None), repeat(False))
            yield reader.batch(list(map(tuple.__new__, repeat(Record), columns)), dict(ends))

    def _lineage(
        self,
        context: ResolvedConfig,
        start: Start,
        parent: int | None,
        again: Again = PLAINLY,
    ) -> Lineage:
        return self.registry.writer.begin_lineage(
            None,
            parent_version=parent,
            origin="backfill",
            fixed=again.within(fixed(context)),
            start=start,
        )

    def _candidate(
        self,
        context: ResolvedConfig,
        pipeline: Pipeline,
        start: Start,
        parent: int | None,
        began: float,
        before: Rows | None = None,
    ) -> dict[str, Any]:
        """Save what was folded as a candidate, and report."""
        with checkpoint.saved(
            self.snapshots, context, pipeline, start, parent, learned_something=True
        ) as saved:
            version = self.registry.writer.add_candidate(saved)
        keep = self.context.settings.checkpoint.keep
        thin_at_end(self.registry, self.snapshots, keep, THIN_SECONDS)
        this_run = ThisRun(before or Rows(), monotonic() - began, examples(pipeline))
        return report(saved.events, saved.metrics, version, saved.model_sha256, this_run)


def _batches(history: History) -> Iterator[list[Formed]]:
    """The records of a file, so many at a time as a batch has."""
    formed: list[Formed] = []
    rows = 0
    for each in history.records():
        formed.append(each)
        rows += each.rows
        if rows >= BATCH_ROWS:
            yield formed
            formed, rows = [], 0
    if formed:
        yield formed


def _start_at(log: EventLog, topics: Topics, positions: Mapping[Place, int]) -> Start:
    """Where a learner goes on that has read so far."""
    states = described(log, (*topics.inputs, topics.journal))
    ids = {topic: state.topic_id for topic, state in states.items()}
    return Start(to_positions(positions), ids, journal.end(log, topics.journal))


def run(
    context: ResolvedConfig,
    source: str,
    options: HistoryOptions,
    *,
    fresh: bool,
    scores: TextIO | None,
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
            known = with_columns_before(context, registry)
            return _from_file(replace(maker, context=known), source, options, scores)
        with closing(opened(settings, create=False)) as log, progress("events") as shown:
            fold = maker.fresh if fresh else maker.from_journal
            return fold(log, _folded(shown, scores))


def _from_file(
    maker: Backfill, source: str, options: HistoryOptions, scores: TextIO | None
) -> dict[str, Any]:
    with open_csv(source, maker.context.settings.csv) as file:
        history = History(file, maker.context.schema, options)
        with progress("events", file.size, file.tell) as shown:
            report = maker.from_file(history, _folded(shown, scores))
    warn_of_times(history, maker.context.settings)
    live = maker.registry.versions.live_lineage()
    if live is not None:
        say(_of_promoting(live, maker.context))
    return report


def _of_promoting(live: Lineage, context: ResolvedConfig) -> str:
    """What promoting a file's candidate does to the learner that there is."""
    learned = "what the learner has learned and is not in this file is not in it"
    if live.schema_hash == context.schema.hash:
        return (
            "A learner of this model has learned from the log. Promoting this candidate replaces "
            f"its weights: {learned}. Its position in the log, its counts and the events that wait "
            "for their labels stay. 'freshet backfill log' makes a candidate of the log."
        )
    why = "under another schema"
    if as_learned(context.schema, live).hash == live.schema_hash:
        why = "with an earlier release's readings of cells"
    return (
        f"A learner of this model has learned from the log {why}. Promoting this "
        f"candidate replaces its model: {learned}. It is refused while events wait for their "
        "labels, unless --leave-waiting gives them up; 'freshet backfill log --fresh' takes them "
        "along."
    )


def _folded(shown: Callable[[int], None], scores: TextIO | None) -> Folded:
    """After each batch: progress, and the scores if they are wanted."""
    writer = None if scores is None else csv.writer(scores, lineterminator="\n")
    if writer is not None:
        writer.writerow(Score._fields)

    def folded(pipeline: Pipeline, written: Written) -> None:
        shown(pipeline.counts.events)
        if writer is not None:
            writer.writerows(read_scores(map(_as_read, written.scores)))

    return folded


def _as_read(sent: Outgoing) -> Record:
    """An output as a reader of its topic would get it; a backfill writes to no topic."""
    return Record(Place("", 0), 0, sent.time or 0, sent.value, sent.headers, sent.key)
