"""Refused rows in full: each dead letter together with its original row.

Used by ``freshet dead-letters --rows`` and ``freshet replay-dead-letters``. A dead letter quotes
part of a cell; the whole row is read again at its offset of the events or labels topic, and
judged under the current config. Gives a :class:`RefusedRow` each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from converters.cells.refusal import Refusal
from converters.convert.label_rows import Cells
from converters.objects.json_rows import begins_as_json, without_prefix
from converters.schema.schema import LABEL_NAMES
from learners.registry import Registry
from learners.registry.row_types import Lineage
from stream.fold.outputs import read_dead_letters
from stream.log import journal
from stream.log.batch import LabelRows
from stream.log.contract import EventLog, Place, Record, poll
from stream.log.topics import Topics, described, ends_of
from stream.reading.record_reader import RecordReader

# Reading past so many records takes no longer than opening another reader after them.
FAR = 20_000
# Dead letters looked up at a time: a few megabytes of them, however many there are.
LETTERS = 10_000


class Origin(NamedTuple):
    """The position of a row: its record, and its number in the record, from 0."""

    place: Place
    offset: int
    row: int

    def __str__(self) -> str:
        """As written in the header of a row that was sent again."""
        return f"{self.place.topic}:{self.place.partition}:{self.offset}:{self.row}"


class Letter(NamedTuple):
    """A dead letter without its quotation; ``time`` is that of the refused row's record."""

    origin: Origin
    time: int
    reason: str
    column: str


class RefusedRow(NamedTuple):
    """A dead letter and its row.

    Attributes:
        letter: the dead letter.
        cells: in the config's order; None where they cannot be distinguished.
        raw: the bytes of such a row.
        taken: whether the current config would accept the row unchanged.
        found: whether the record is still there.
        json: whether it is JSON, or was meant to be.
    """

    letter: Letter
    cells: Sequence[str] | None = None
    raw: bytes = b""
    taken: bool = False
    found: bool = False
    json: bool = False


class WholeRow(NamedTuple):
    """A row of a record.

    Attributes:
        cells: in the config's order; None where they cannot be distinguished.
        raw: its bytes.
        judged: as it is learned, or why it is refused.
    """

    cells: Sequence[str] | None
    raw: bytes
    judged: object


@dataclass(frozen=True)
class RefusedRows:
    """Reads dead letters, and their rows; ``reader`` is the learner's own conversion."""

    log: EventLog
    topics: Topics
    reader: RecordReader

    def letters(self) -> Iterator[Letter]:
        """Every dead letter as of now, in the order in which they were written."""
        if not self.log.describe([self.topics.dead_letters]):
            return
        for record in journal.records(self.log, self.topics.dead_letters):
            for found in read_dead_letters([record]):
                origin = Origin(Place(found.topic, found.partition), found.offset, found.row)
                yield Letter(origin, record.time, found.reason, found.column)

    def rows(self, letters: Iterable[Letter]) -> Iterator[RefusedRow]:
        """The rows of these dead letters, some thousand at a time in the order of their origins."""
        left = iter(letters)
        while chunk := list(islice(left, LETTERS)):
            yield from self._rows(chunk)

    def _rows(self, letters: Iterable[Letter]) -> Iterator[RefusedRow]:
        wanted: dict[Place, dict[int, dict[int, Letter]]] = {}
        for letter in letters:
            place, offset, row = letter.origin
            wanted.setdefault(place, {}).setdefault(offset, {})[row] = letter
        for place, offsets in sorted(wanted.items()):
            for record in originals(self.log, place, offsets):
                yield from self._of_record(record, offsets.pop(record.offset))
            for gone in offsets.values():
                yield from map(RefusedRow, gone.values())

    def _of_record(self, record: Record, letters: Mapping[int, Letter]) -> Iterator[RefusedRow]:
        rows, json = whole_rows(self.reader, record), is_json(record)
        for number, letter in sorted(letters.items()):
            if number < len(rows):
                each, content, row = rows[number]
                good = not isinstance(row, Refusal)
                yield RefusedRow(letter, each, content, good, found=True, json=json)
            else:  # of a version that cut such a record into more rows
                yield RefusedRow(letter, None, record.value, found=True, json=json)


def whole_rows(reader: RecordReader, record: Record) -> list[WholeRow]:
    """The rows of a record of events or labels in full, good and bad ones."""
    (taken,) = reader.read([record])
    labels, by = isinstance(taken, LabelRows), reader.rows_of(record)
    read = by.label_rows if labels else by.event_rows
    found, raw = read(record.value, record.headers)
    cells = _cells(found, LABEL_NAMES if labels else reader.rows.schema.names, labels=labels)
    return list(map(WholeRow, cells, raw(), taken.rows))


def _cells(
    rows: Iterable[Cells], names: Sequence[str], *, labels: bool
) -> Iterator[Sequence[str] | None]:
    for cells in rows:
        if isinstance(cells, Refusal):
            yield None
        elif labels and len(cells) == len(names) - 1:
            yield [*cells, ""]  # a label's time may be left out
        else:
            yield cells if len(cells) == len(names) else None


def is_json(record: Record) -> bool:
    """Whether what sent a record sends JSON."""
    said = dict(record.headers).get("content-type", b"").partition(b";")[0].strip().lower()
    if said:
        return said.endswith(b"json")
    return begins_as_json(without_prefix(record.value))


def originals(log: EventLog, place: Place, offsets: Iterable[int]) -> Iterator[Record]:
    """The records of a partition at these offsets, in order; deleted ones are left out."""
    state = described(log, [place.topic])[place.topic]
    begin, end = state.begins.get(place, 0), state.ends.get(place, 0)
    left = deque(offset for offset in sorted(offsets) if begin <= offset < end)
    while left:
        with closing(log.read({place: left[0]})) as reader:
            while left and left[0] - reader.buffers[place].position < FAR:
                for record in poll(reader, 1.0):
                    if left and (record.place, record.offset) == (place, left[0]):
                        left.popleft()
                        yield record
                while left and left[0] < reader.buffers[place].position:
                    left.popleft()


def inherited(
    log: EventLog, topics: Topics, registry: Registry, lineage: Lineage
) -> dict[Place, int]:
    """The offsets below which dead letters were written by other lineages.

    This lineage's model has read such a row under its own config, at its original position. A
    model that was made from a file has read none: it goes on with what others have refused.
    """
    adoption = registry.adoptions.of_lineage(lineage.serial)
    if adoption is not None and adoption.checkpoint is not None:
        point = registry.versions.checkpoint(adoption.checkpoint)
        before = None if point is None else registry.versions.lineage(point.lineage)
        return {} if before is None else inherited(log, topics, registry, before)
    if lineage.parent_version is None:
        return {}
    if not registry.versions.find(lineage.parent_version).start.positions:
        return {}
    for line in journal.lines(log, topics.journal, lineage.start.journal_position):
        if line.lineage == lineage.serial:
            return dict(line.cut)  # its first line: how far others had written
    return ends_of(described(log, topics.inputs))
