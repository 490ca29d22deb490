"""The numbers of some columns in the newest rows of the events topic.

Of each partition as many of its last records are read as rows are wanted, and of their rows the
newest by record time are kept: topics of any length are read in the same time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from converters.cells.feature import Feature
from converters.cells.refusal import Refusal, RefusedCellError
from converters.errors import FreshetError
from learners.registry.requests.offset_ranges import OffsetRanges
from stream.log import journal
from stream.log.contract import EventLog, Record
from stream.reading.record_reader import RecordReader

# The numbers of a row, one for each column; nan where there is none.
Row = tuple[float, ...]


class NoRowsError(FreshetError):
    """The log has no events to look at."""


@dataclass(frozen=True)
class Newest:
    """Numbers by column, and where they are from.

    Attributes:
        numbers: of each column, without missing ones and those that are refused.
        rows: how many rows were looked at.
        first: the lowest record time among them, ms.
        last: the highest.
    """

    numbers: Mapping[str, Sequence[float]]
    rows: int
    first: int
    last: int


def newest_numbers(
    log: EventLog,
    topic: str,
    read: tuple[RecordReader, Sequence[Feature]],
    most: int,
    left_out: OffsetRanges,
    shown: Callable[[int], None] = lambda _: None,
) -> Newest:
    """Read the newest rows.

    Args:
        log: has the topic.
        topic: the events.
        read: the conversion of records, and the columns, as features of plain numbers.
        most: how many rows.
        left_out: records that nobody is to learn from.
        shown: is called with the count of rows read so far.

    Raises:
        NoRowsError: there are none.
    """
    kept: list[tuple[int, int, Row]] = []
    for order, (time, row) in enumerate(_rows(log, topic, read, most, left_out)):
        (heapq.heappush if len(kept) < most else heapq.heappushpop)(kept, (time, order, row))
        shown(order + 1)
    if not kept:
        raise NoRowsError(
            f"The topic {topic} has no rows to propose numbers from, or none that can be read and "
            "is in no quarantine: 'freshet dead-letters' and 'freshet quarantine list' list those, "
            "'freshet produce' sends others."
        )
    columns = zip(*(row for _, _, row in kept), strict=True)
    numbers = [[value for value in column if not math.isnan(value)] for column in columns]
    names = [feature.column for feature in read[1]]
    times = [time for time, _, _ in kept]
    return Newest(dict(zip(names, numbers, strict=True)), len(kept), min(times), max(times))


def _rows(
    log: EventLog,
    topic: str,
    read: tuple[RecordReader, Sequence[Feature]],
    most: int,
    left_out: OffsetRanges,
) -> Iterator[tuple[int, Row]]:
    """Time and numbers of each row of the last records of each partition."""
    reader, features = read
    names = reader.rows.schema.names
    places = [names.index(feature.column) for feature in features]
    for record in _last(log, topic, most):
        if left_out.holds(record.place, record.offset):
            continue
        for cells in reader.cells_of(record):
            if not isinstance(cells, Refusal) and len(cells) == len(names):
                numbers = zip(features, places, strict=True)
                yield max(0, record.time), tuple(_number(f, cells[at]) for f, at in numbers)


def _last(log: EventLog, topic: str, most: int) -> Iterator[Record]:
    state = log.describe([topic]).get(topic)
    if state is not None:
        begins, ends = state.begins, state.ends
        start = {place: max(begins[place], end - most) for place, end in ends.items()}
        yield from journal.records(log, topic, start)


def _number(feature: Feature, cell: str) -> float:
    """The number that a cell is, or nan."""
    if feature.is_missing(cell):
        return math.nan
    try:
        return float(feature.kind.check(cell))
    except RefusedCellError:
        return math.nan
