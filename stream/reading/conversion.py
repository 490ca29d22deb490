"""Merged records to batches of checked rows, ready for the learner.

A :class:`BatchReader` gives the journal's batches again, then new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import call

from converters.cells.refusal import Refusal
from converters.convert.cell_watch import CellCounts, Census
from converters.convert.label_rows import LabelRow
from converters.convert.records import RowReader
from converters.convert.to_vw_text import Row
from converters.schema.passthrough import Passthrough, passthrough_of, readings
from learners.line_bounds import UNLEARNABLE, LineBounds, bounds_for
from stream.log import fingerprint
from stream.log.batch import Batch, EventRows, LabelRows, Taken, batch_of
from stream.log.contract import Place, PositionError, Record
from stream.log.journal import JournalLine, to_cut
from stream.log.limits import WAYS_OUT
from stream.log.topics import topics_of
from stream.reading.merge import MergedReader
from stream.resolved_config import ResolvedConfig
from stream.stages import CONVERT, READ, stage


def record_reader(context: ResolvedConfig) -> RecordReader:
    """The conversion of the model's records."""
    labels = topics_of(context.settings).labels
    passthrough = passthrough_of(context.settings, context.schema)
    census = Census(context.schema)
    rows = RowReader(context.schema, None, census.conversion)
    earlier = tuple((to_cut(each.until), rows.of_writer(each.schema)) for each in context.writers)
    kept = readings(context.schema, passthrough)
    bounds = bounds_for(context.spec)
    return RecordReader(rows, bounds, labels, passthrough, earlier, census, kept)


# A record without a value is one row.
TOMBSTONE = Refusal("tombstone", "", "")

# How long an idle reader waits before it gives an empty batch, so that the learner can handle
# checkpoints, heartbeats and signals.
IDLE_SECONDS = 0.2


@dataclass(frozen=True)
class RecordReader:
    """Turns records into checked rows that the learner can take.

    Attributes:
        rows: the converter.
        line_bounds: of the learner: finite numbers that would corrupt its weights are
            refused here, where a row can still become a dead letter.
        labels_topic: the topic that holds labels.
        passthrough: which cells of a row are kept for measuring.
        earlier: the converters of rows written under earlier schemas, the oldest first, each with
            the offsets before which records without names are its.
        census: counts what is absent or unseen in the rows.
        kept_as: what each of these cells is kept as; None if all are as they are.
    """

    rows: RowReader
    line_bounds: LineBounds
    labels_topic: str
    passthrough: Passthrough = field(default_factory=Passthrough)
    earlier: tuple[tuple[Mapping[Place, int], RowReader], ...] = ()
    census: Census | None = None
    kept_as: tuple[Callable[[str], str], ...] | None = None

    def rows_of(self, record: Record) -> RowReader:
        """The converter of a record: that of the schema in force where it is."""
        for until, rows in self.earlier:
            if record.offset < until.get(record.place, 0):
                return rows
        return self.rows

    def read(self, records: Iterable[Record]) -> list[Taken]:
        """Convert each record of a batch; one without a time, which Kafka gives as -1, is of 1970.

        What is written for it could not be stamped before.
        """
        events, labels, topic = self._events, self._labels, self.labels_topic
        return [
            LabelRows(r.place, r.offset, max(0, r.time), labels(r))
            if r.place.topic == topic
            else EventRows(r.place, r.offset, max(0, r.time), *events(r))
            for r in records
        ]

    def batch(self, records: Sequence[Record], cut: Mapping[Place, int]) -> Batch:
        """The same for all records of a batch at once, column by column."""
        return replace(batch_of(self.read(records), cut), cells=self.cells())

    def cells(self) -> CellCounts:
        """What was absent or unseen in the rows read since the last time."""
        return CellCounts() if self.census is None else self.census.taken()

    def _labels(self, record: Record) -> list[LabelRow | Refusal]:
        if record.is_null:
            return [TOMBSTONE]
        return self.rows_of(record).labels(record.value, record.headers)

    def _events(self, record: Record) -> tuple[list[Row | Refusal], list[tuple[str, ...]] | None]:
        passthrough = None
        if self.passthrough.places:
            rows, passthrough = self._with_passthrough(record)
        else:
            rows = self.rows_of(record).events(record.value, record.headers)
        if record.is_null:
            rows = [TOMBSTONE]
        texts = [row[2] for row in rows]  # a refusal has its offending text there; ignored below
        for place, reason in self.line_bounds.refused(texts).items():
            if not isinstance(rows[place], Refusal):
                rows[place] = Refusal(UNLEARNABLE, "", reason)
        return rows, passthrough

    def _with_passthrough(
        self, record: Record
    ) -> tuple[list[Row | Refusal], list[tuple[str, ...]]]:
        reader = self.rows_of(record)
        cells = list(reader.event_rows(record.value, record.headers)[0])
        rows = reader.convert_rows(cells)
        places, kept_as = self.passthrough.places, self.kept_as
        picked = [
            () if isinstance(row, Refusal) else tuple([of[place] for place in places])
            for row, of in zip(rows, cells, strict=True)
        ]
        if kept_as is not None:  # of a refused row nothing is kept
            picked = [tuple(map(call, kept_as, kept)) if kept else kept for kept in picked]
        return rows, picked


class BatchReader:
    """An iterator of batches: first the journal's tail again, then new ones.

    Args:
        merged: where records come from.
        records: the conversion.
        journal: the batches taken before and not in the checkpoint.
        limit: where to end; None for never.
    """

    def __init__(
        self,
        merged: MergedReader,
        records: RecordReader,
        journal: Iterable[JournalLine] = (),
        limit: Mapping[Place, int] | None = None,
    ) -> None:
        self._merged = merged
        self._records = records
        self._journal = iter(journal)
        self._limit = limit

    def __iter__(self) -> Iterator[Batch]:
        """Batches in order; an empty one whenever nothing came for a while.

        Raises:
            PositionError: the log no longer has the records that the journal lists.
        """
        for line in self._journal:
            with stage(READ):
                records = self._merged.take_until(line.cut)
            batch = self._batch(records, replayed=True, pinned=line.pinned)
            _check_same(line, batch)
            yield batch
        while self._limit is None or not self._merged.reached(self._limit):
            with stage(READ):
                records = self._merged.take(IDLE_SECONDS, self._limit)
            yield self._batch(records, replayed=False)

    def _batch(self, records: list[Record], *, replayed: bool, pinned: int | None = None) -> Batch:
        with stage(CONVERT):
            batch = self._records.batch(records, self._merged.positions())
        return replace(
            batch,
            ends=self._merged.ends(),
            replayed=replayed,
            crc32=fingerprint.checksum(records),
            marks=fingerprint.marks(records),
            pinned=pinned,
        )


def _check_same(line: JournalLine, batch: Batch) -> None:
    """Refuse to replay records that differ from those that were learned."""
    found = (len(batch.records), batch.crc32)
    if line.records and found != (line.records, line.crc32):
        places = ", ".join(f"{p.topic}:{p.partition}:{at}" for p, at in sorted(line.cut.items()))
        raise PositionError(
            f"The log no longer has the records that were learned: batch {line.batch} of lineage "
            f"{line.lineage}, up to {places}, had {line.records} records (checksum "
            f"{line.crc32:08x}), and there are {found[0]} ({found[1]:08x}) now. Records were "
            f"deleted, compacted or replaced. {WAYS_OUT}"
        )
