"""Merged records to batches of checked rows, ready for the learner.

A :class:`BatchReader` gives the journal's batches again, then those that a replay is to take again,
then new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from converters.convert.cell_watch import Census
from converters.convert.records import RowReader
from converters.schema.passthrough import passthrough_of, readings
from learners.line_bounds import bounds_for
from learners.registry.requests.offset_ranges import OffsetRanges
from stream.log import fingerprint
from stream.log.batch import Batch
from stream.log.contract import Place, PositionError, Record
from stream.log.journal import JournalLine, to_cut
from stream.log.limits import WAYS_OUT
from stream.log.signed_scores import SignedScores
from stream.log.topics import topics_of
from stream.reading.assignment import PLAINLY, Again
from stream.reading.corrections import NO_ROWS, Rows
from stream.reading.gathering import GatheringReader
from stream.reading.left_out import parted
from stream.reading.merge import MergedReader
from stream.reading.record_reader import RecordReader
from stream.resolved_config import ResolvedConfig
from stream.stages import CONVERT, READ, stage


def record_reader(context: ResolvedConfig) -> RecordReader:
    """The conversion of the model's records."""
    labels = topics_of(context.settings).labels
    passthrough = passthrough_of(context.settings, context.schema)
    census = Census(context.schema, context.settings.explain.feature_names)
    rows = RowReader(context.schema, None, census.conversion)
    earlier = tuple((to_cut(each.until), rows.of_writer(each.schema)) for each in context.writers)
    kept = readings(context.schema, passthrough)
    bounds = bounds_for(context.spec)
    signed = SignedScores(context.settings.home)
    return GatheringReader(rows, bounds, labels, passthrough, earlier, census, kept, signed)


# How long an idle reader waits before it gives an empty batch, so that the learner can handle
# checkpoints, heartbeats and signals.
IDLE_SECONDS = 0.2


class BatchReader:
    """An iterator of batches: the journal's tail again, a replay's guide, then new ones.

    Args:
        merged: where records come from.
        records: the conversion.
        journal: the batches taken before and not in the checkpoint.
        limit: where to end; None for never.
        again: what is left out, and what of the lineage before is taken again.
        corrected: rows that are taken in place of what is left out.
    """

    def __init__(
        self,
        merged: MergedReader,
        records: RecordReader,
        journal: Iterable[JournalLine] = (),
        limit: Mapping[Place, int] | None = None,
        again: Again = PLAINLY,
        corrected: Rows = NO_ROWS,
    ) -> None:
        self._merged = merged
        self._records = records
        self._journal = iter(journal)
        self._limit = limit
        self._again = again
        self._corrected = corrected

    def __iter__(self) -> Iterator[Batch]:
        """Batches in order; an empty one whenever nothing came for a while.

        Raises:
            PositionError: the log no longer has the records that the journal lists.
        """
        for line in self._journal:
            with stage(READ):
                records = self._merged.take_until(line.cut)
            batch = self._batch(records, replayed=True, pinned=line.pinned)
            _check_same(line, (batch.own, batch.crc32), self._again.quarantined)
            yield batch
        for step in self._again.guide:
            with stage(READ):
                records = self._merged.take_until(step.line.cut)
            if step.left_out is not None:
                _check_same(step.line, _taken(records, step.left_out), step.left_out)
            yield replace(self._batch(records, replayed=False), guided=True)
        while self._limit is None or not self._merged.reached(self._limit):
            with stage(READ):
                records = self._merged.take(IDLE_SECONDS, self._limit)
            yield self._batch(records, replayed=False)

    def _batch(self, records: list[Record], *, replayed: bool, pinned: int | None = None) -> Batch:
        with stage(CONVERT):
            parts = parted(records, self._again.quarantined, self._records, self._corrected)
            batch = self._records.batch(parts.taken, self._merged.positions())
        heads = batch.records
        if parts.numbers:
            first = parts.numbers.get
            heads = [head._replace(first=first(at, 0)) for at, head in enumerate(heads)]
        return replace(
            batch,
            records=heads,
            ends=self._merged.ends(),
            replayed=replayed,
            crc32=fingerprint.checksum(parts.own),
            marks=fingerprint.marks(records),
            pinned=pinned,
            left_out=parts.left_out,
            corrected=len(parts.numbers),
        )


def _taken(records: Sequence[Record], left_out: OffsetRanges) -> tuple[int, int]:
    """How many of these records a lineage took that left some out, and their checksum."""
    if left_out:
        records = [each for each in records if not left_out.holds(each.place, each.offset)]
    return len(records), fingerprint.checksum(records)


def _check_same(line: JournalLine, found: tuple[int, int], left_out: OffsetRanges) -> None:
    """Refuse to replay records that differ from those that were learned."""
    # Where nothing may be left out, a line without a count is an older release's.
    if (line.records or left_out) and found != (line.records, line.crc32):
        places = ", ".join(f"{p.topic}:{p.partition}:{at}" for p, at in sorted(line.cut.items()))
        raise PositionError(
            f"The log no longer has the records that were learned: batch {line.batch} of lineage "
            f"{line.lineage}, up to {places}, had {line.records} records (checksum "
            f"{line.crc32:08x}), and there are {found[0]} ({found[1]:08x}) now. Records were "
            f"deleted, compacted or replaced. {WAYS_OUT}"
        )
