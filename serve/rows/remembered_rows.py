"""Rows of a request to ``/predict`` that are to be appended: checked as events are, and chosen.

A row is remembered by its id: whoever sends it again gets the first answer, and its label is joined
by it. So one without an id is refused, whether it has a label or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from converters.cells.refusal import Refusal
from serve.http.problems import RowsRefusedError
from serve.http.turns import Work
from serve.rows.appended_records import Checked, Counted, IngestReader, Records
from serve.rows.readers import SchemaReaders

WITHOUT_ID = Refusal("missing-id", "id", "")


@dataclass(frozen=True, slots=True)
class RowsToRemember:
    """All rows of a request.

    Attributes:
        reader: by which they were checked.
        parts: of them, in their order.
        ids: of each; empty where there is none.
        refused: why rows cannot be appended, by their numbers.
    """

    reader: IngestReader
    parts: list[Checked] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    refused: dict[int, Refusal] = field(default_factory=dict)

    def add(self, part: Checked) -> None:
        """The rows that come next."""
        first = len(self.ids)
        self.parts.append(part)
        self.ids.extend(part.ids)
        self.refused.update({first + at: why for at, why in part.refused.items()})
        for at, id_ in enumerate(part.ids, first):
            if not id_:
                self.refused.setdefault(at, WITHOUT_ID)

    def records(self, chosen: Sequence[int], now: int) -> list[Counted]:
        """The records of some rows that can be appended, in their order.

        Args:
            chosen: their numbers, rising.
            now: the clock's milliseconds since 1970, the time of those that give none.
        """
        records, first, at = Records(), 0, 0
        for part in self.parts:
            end, begin = first + len(part.ids), at
            while at < len(chosen) and chosen[at] < end:
                at += 1
            if begin < at:
                places = [number - first for number in chosen[begin:at]]
                times = part.times()
                said = [self.reader.time_ms(times[place], now) for place in places]
                records.add(_some(part, places), said, now)
            first = end
        return records.all()


def _some(part: Checked, places: Sequence[int]) -> Checked:
    """Some rows of a part, by their places there."""
    if len(places) == len(part.ids):
        return part

    def value(start: int, stop: int) -> bytes:
        return part.form.between.join(part.value(at, at + 1) for at in places[start:stop])

    waiting = [part.waiting[at] for at in places]
    return replace(part, waiting=waiting, refused={}, value=value)


def rows_to_remember(
    learning: Sequence[SchemaReaders], kind: str, body: bytes
) -> Work[RowsToRemember]:
    """The rows of a body under the first schema that takes all; else under the first.

    Raises:
        NotJsonError: it is not JSON.
        RowsRefusedError: their shape is wrong under every schema.
        TooLargeError: there are too many rows, or one is too long.
    """
    first: RowsToRemember | None = None
    wrong: RowsRefusedError | None = None
    for readers in learning:
        found = RowsToRemember(readers.ingest)
        try:
            for part in readers.ingest.rows(kind, body):
                yield
                if part is not None:
                    found.add(part)
        except RowsRefusedError as error:
            wrong = wrong or error
            continue
        if not found.refused:
            return found
        first = first or found
    if first is not None:
        return first
    assert wrong is not None
    raise wrong
