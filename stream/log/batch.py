"""What a reader gives to the fold: batches of converted records, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from converters.cells.refusal import Refusal
from converters.convert.cell_watch import CellCounts
from converters.convert.label_rows import LabelRow
from converters.convert.to_vw_text import Row
from stream.log.contract import Place
from stream.log.fingerprint import Mark


class EventRows(NamedTuple):
    """The rows of one event record.

    ``passthrough`` has the cells of each row that are kept for measuring, if the config names
    any; an empty tuple for a refused row.
    """

    place: Place
    offset: int
    time: int
    rows: list[Row | Refusal]
    passthrough: list[tuple[str, ...]] | None = None


class LabelRows(NamedTuple):
    """The rows of one label record."""

    place: Place
    offset: int
    time: int
    rows: list[LabelRow | Refusal]


Taken = EventRows | LabelRows


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that are processed together.

    Attributes:
        records: converted, in merged order.
        cut: the next offset of every partition after this batch.
        ends: where the partitions were last known to end, for measuring the lag.
        replayed: whether the journal already lists this batch, so that no outputs are written.
        crc32: checksum of the log's records.
        marks: the last record of each partition that has some here.
        pinned: the version that is pinned and scored with too, if any; of a replayed batch, as the
            journal has it.
        cells: how many cells of its accepted event rows are absent or unseen.
    """

    records: list[Taken]
    cut: Mapping[Place, int]
    ends: Mapping[Place, int] = field(default_factory=dict)
    replayed: bool = False
    crc32: int = 0
    marks: Mapping[Place, Mark] = field(default_factory=dict)
    pinned: int | None = None
    cells: CellCounts = field(default_factory=CellCounts)
