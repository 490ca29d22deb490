"""Records to checked rows, one by one: the plain twin of :mod:`stream.reading.gathering`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import call

from converters.cells.refusal import Refusal
from converters.convert.cell_watch import Census
from converters.convert.label_rows import Cells, LabelRow
from converters.convert.records import RowReader
from converters.convert.to_vw_text import Row
from converters.schema.passthrough import Passthrough
from learners.line_bounds import UNLEARNABLE, LineBounds
from stream.log.batch import Batch, EventRows, LabelRows, Taken, batch_of
from stream.log.contract import Place, Record
from stream.log.signed_scores import OTHER_ROWS, Served, SignedScores

# A record without a value is one row.
TOMBSTONE = Refusal("tombstone", "", "")


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
        signed: reads the scores that callers were given; None where nobody asks for them.
    """

    rows: RowReader
    line_bounds: LineBounds
    labels_topic: str
    passthrough: Passthrough = field(default_factory=Passthrough)
    earlier: tuple[tuple[Mapping[Place, int], RowReader], ...] = ()
    census: Census | None = None
    kept_as: tuple[Callable[[str], str], ...] | None = None
    signed: SignedScores | None = None

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
        events, labels, topic = self._events, self.labels, self.labels_topic
        return [
            LabelRows(r.place, r.offset, max(0, r.time), labels(r))
            if r.place.topic == topic
            else EventRows(r.place, r.offset, max(0, r.time), *events(r))
            for r in records
        ]

    def batch(self, records: Sequence[Record], cut: Mapping[Place, int]) -> Batch:
        """The records of a batch, which ends at ``cut``, and what callers were given for them."""
        if self.signed is None:
            return self.converted(records, cut)
        parted = self.signed.parted(records)
        batch = self.converted(parted.records, cut)
        if not (parted.scores or parted.ignored):
            return batch
        served: dict[int, Served] = {}
        ignored = parted.ignored.copy()
        for at, scores in parted.scores.items():
            head = batch.records[at]
            if head.labels or head.rows != len(scores):
                ignored[OTHER_ROWS] += 1
            else:
                served.update(enumerate(scores, batch.firsts[at]))
        self.signed.tell(ignored)
        return replace(batch, events=replace(batch.events, served=served), ignored=ignored)

    def converted(self, records: Sequence[Record], cut: Mapping[Place, int]) -> Batch:
        """These records as a batch, which ends at ``cut``."""
        return self.with_cells(batch_of(self.read(records), cut))

    def with_cells(self, batch: Batch) -> Batch:
        """With what was absent, unseen or first met in the cells read since the last time."""
        if self.census is None:
            return batch
        return replace(batch, cells=self.census.taken(), features=self.census.notes.taken())

    def cells_of(self, record: Record) -> list[Cells]:
        """The cells of an event record's rows, in the schema's order."""
        if record.is_null:
            return [TOMBSTONE]
        return list(self.rows_of(record).event_rows(record.value, record.headers)[0])

    def labels(self, record: Record) -> list[LabelRow | Refusal]:
        """The rows of a label record."""
        if record.is_null:
            return [TOMBSTONE]
        return self.rows_of(record).labels(record.value, record.headers)

    def _events(self, record: Record) -> tuple[list[Row | Refusal], list[tuple[str, ...]] | None]:
        cells = self.cells_of(record)
        rows = self.rows.convert_rows(cells)
        texts = [row[2] for row in rows]  # a refusal has its offending text there; ignored below
        for place, reason in self.line_bounds.refused(texts).items():
            if not isinstance(rows[place], Refusal):
                rows[place] = Refusal(UNLEARNABLE, "", reason)
        places, kept_as = self.passthrough.places, self.kept_as
        if not places:
            return rows, None
        picked = [
            () if isinstance(row, Refusal) else tuple([of[place] for place in places])
            for row, of in zip(rows, cells, strict=True)
        ]
        if kept_as is not None:  # of a refused row nothing is kept
            picked = [tuple(map(call, kept_as, kept)) if kept else kept for kept in picked]
        return rows, picked
