"""The rows of a quarantine as a file: to be looked at, and corrected.

In the form in which refused rows are listed (:mod:`stream.dead_letters.corrected_file`), whose
reader takes it: where each row is in the log, why it is refused today if it is, and its cells.
"""

from __future__ import annotations

from collections.abc import Iterator

from converters.cells.refusal import Refusal
from converters.errors import UsageError
from converters.files.framing import csv_line
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Quarantine
from stream.dead_letters.corrected_file import Form, event_form, label_form
from stream.dead_letters.refused_rows import Letter, Origin, RefusedRow, whole_rows
from stream.log.contract import EventLog
from stream.log.topics import Topics
from stream.quarantine.held_records import held_records
from stream.quarantine.listing import ranges_words
from stream.reading.record_reader import RecordReader


def held_in(found: Quarantine, topics: Topics, *, labels: bool) -> tuple[OffsetRanges, bool]:
    """What a quarantine holds of the events, or of the labels; and whether it holds others too.

    Raises:
        UsageError: there are none.
    """
    every = OffsetRanges.from_json(found.ranges)
    topic = topics.labels if labels else topics.events
    held = OffsetRanges.of(each for each in every if each[0][0] == topic)
    if not held:
        instead = "Leave out --labels" if labels else "Give --labels"
        raise UsageError(
            f"Quarantine {found.number} holds no {'labels' if labels else 'events'}, only "
            f"{ranges_words(every)}. {instead}."
        )
    return held, held != every


def exported(
    log: EventLog, reader: RecordReader, held: OffsetRanges, form: Form
) -> Iterator[bytes]:
    """The lines of the file, its header first; one record at a time is in memory.

    Args:
        log: has the records; those that were deleted are left out.
        reader: the learner's own conversion.
        held: of one topic.
        form: of its rows.
    """
    delimiter = reader.rows.schema.delimiter
    yield _line(form.header, delimiter)
    for row in rows_of(log, reader, held):
        yield _line(form.line(row), delimiter)


def form_of(reader: RecordReader, *, labels: bool) -> Form:
    """The columns of such a file."""
    return label_form() if labels else event_form(reader.rows.schema)


def rows_of(log: EventLog, reader: RecordReader, held: OffsetRanges) -> Iterator[RefusedRow]:
    """Each row of these records, good or bad, with where it is."""
    for record in held_records(log, held):
        for number, (cells, raw, judged) in enumerate(whole_rows(reader, record)):
            why = (judged.reason, judged.column) if isinstance(judged, Refusal) else ("", "")
            letter = Letter(Origin(record.place, record.offset, number), record.time, *why)
            yield RefusedRow(letter, cells, raw)


def _line(cells: tuple[object, ...], delimiter: str) -> bytes:
    return (csv_line(cells, delimiter) + "\n").encode()
