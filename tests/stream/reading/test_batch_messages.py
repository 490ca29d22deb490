"""What crosses the pipe between reader and learner: batches, errors and assignments, unchanged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.convert.cell_watch import CellCounts
from converters.errors import FreshetError
from converters.schema.writer_schema import WriterSchema
from learners.line_bounds import MalformedLineError
from stream.log.batch import Batch, EventRows, LabelRows, LeftOut, batch_of
from stream.log.contract import Place, PositionError
from stream.log.fingerprint import Mark
from stream.log.journal import JournalLine
from stream.log.signed_scores import Served
from stream.reading import assignment, batch_messages
from stream.reading.assignment import Assignment
from stream.reading.batch_messages import BATCH, ERROR, ERRORS, Message, ReaderBugError
from stream.reading.reader_process import ReaderLostError
from stream.resolved_config import WrittenUntil, with_writers
from tests.support.serving.project import Project

PLACES = st.builds(Place, st.sampled_from(["m.events", "m.labels"]), st.integers(0, 999))
OFFSETS = st.integers(0, 2**62)
# Surrogates too: an id may hold what JSON can spell.
TEXT = st.text(st.characters(exclude_categories=()))
REFUSALS = st.builds(Refusal, TEXT, TEXT, TEXT)
# The converter's text of a row is one line, and has a bar.
LINES = TEXT.map(lambda text: "| " + text.replace("\n", ""))
EVENTS = st.tuples(TEXT, st.sampled_from([0, 1, None]), LINES) | REFUSALS
LABELS = st.tuples(TEXT, st.sampled_from([0, 1])) | REFUSALS
# Of each row one cell is kept.
KEPT = st.lists(EVENTS, max_size=4).map(
    lambda rows: (rows, [() if isinstance(row, Refusal) else (row[0],) for row in rows])
)
SERVED = st.builds(Served, st.floats(0, 1), OFFSETS, OFFSETS, st.integers())
RECORDS = st.builds(
    lambda place, offset, time, kept, given: EventRows(
        place, offset, time, kept[0], kept[1], 0, dict(enumerate(given[: len(kept[0])]))
    ),
    *(PLACES, OFFSETS, OFFSETS, KEPT, st.lists(SERVED, max_size=2)),
) | st.builds(
    LabelRows, PLACES, OFFSETS, OFFSETS, st.lists(LABELS, max_size=4), st.integers(0, 2**40)
)
CUTS = st.dictionaries(PLACES, OFFSETS)
COLUMNS = st.dictionaries(TEXT, OFFSETS, max_size=3).map(Counter)
CRC = st.integers(0, 2**32 - 1)
FIELDS = (
    "cut",
    "ends",
    "replayed",
    "crc32",
    "marks",
    "pinned",
    "cells",
    "left_out",
    "guided",
    "ignored",
    "features",
)
BATCHES = st.builds(
    lambda records, *rest: replace(batch_of(records, {}), **dict(zip(FIELDS, rest, strict=True))),
    st.lists(RECORDS, max_size=3),
    CUTS,
    CUTS,
    st.booleans(),
    CRC,
    st.dictionaries(PLACES, st.builds(Mark, OFFSETS, CRC)),
    st.none() | st.integers(1, 999),
    st.builds(CellCounts, OFFSETS, COLUMNS, COLUMNS),
    st.lists(
        st.builds(LeftOut, OFFSETS, st.booleans(), OFFSETS, OFFSETS, st.lists(TEXT)), max_size=3
    ),
    st.booleans(),
    COLUMNS,
    st.lists(TEXT, max_size=3),
)


def read(message: Sequence[bytes]) -> Message:
    """What the other end reads of its parts, in a buffer of its own."""
    return batch_messages.read(memoryview(bytearray(b"".join(message))))


@given(BATCHES)
def test_a_batch_arrives_as_it_was_sent(batch: Batch) -> None:
    """Any text, refusals among rows, both kinds of record: equal, and of the same classes."""
    message = read(batch_messages.of_batch(batch))
    assert (message.kind, message.batch, message.error) == (BATCH, batch, None)
    assert message.batch is not None
    for at in range(len(batch.records)):
        sent, come = batch.taken(at), message.batch.taken(at)
        assert (type(come), come) == (type(sent), sent)
        assert [type(row) for row in come.rows] == [type(row) for row in sent.rows]
    assert all(type(place) is Place for place in message.batch.cut)
    assert all(type(mark) is Mark for mark in message.batch.marks.values())


@pytest.mark.parametrize("kind", ERRORS.values(), ids=ERRORS)
def test_an_error_arrives_as_itself(kind: type[Exception]) -> None:
    """The same class and words, so that the learner does what it would do in one process."""
    message = read(batch_messages.of_error(kind("what, where, what to do"), "trace"))
    assert message.kind == ERROR
    assert type(message.error) is kind
    assert str(message.error) == "what, where, what to do"


def test_an_error_of_a_narrower_class_arrives_as_its_nearest_ancestor() -> None:
    """What may pass by itself still does, and what may not does not."""
    for error, expected in (
        (ReaderLostError("a"), "LogUnavailableError"),
        (MalformedLineError("b"), "FreshetError"),
        (PositionError("c"), "PositionError"),
    ):
        arrived = read(batch_messages.of_error(error, "")).error
        assert (type(arrived).__name__, str(arrived)) == (expected, str(error))


def test_a_bug_is_told_with_its_trace() -> None:
    """What Freshet does not know is no error of its own, and --debug shows where it was."""
    error = read(batch_messages.of_error(KeyError("x"), "in stream/reading/merge.py, line 7")).error
    assert isinstance(error, ReaderBugError)
    assert not isinstance(error, FreshetError)
    assert str(error) == "KeyError: 'x'"
    assert error.__notes__ == ["in stream/reading/merge.py, line 7"]


def test_an_assignment_arrives_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader converts under the learner's schema; the server's secret stays at home."""
    monkeypatch.setenv("FRESHET_SERVE__ADMIN_TOKEN", "sesame")
    events = Place("flights.events", 0)
    written = WriterSchema(("id", "gone"), ",", False, ("a",), ())
    before = [WrittenUntil({"flights.events": {0: 12}}, written)]
    context = with_writers(Project(tmp_path, more='[csv]\ndelimiter = ";"').context, before)
    line = JournalLine(2, 7, {events: 40}, 3, 12345, 6)
    sent = Assignment(context, {events: 12}, {events: Mark(11, 99)}, [line], {events: 90}, 100)
    text = assignment.to_json(sent)
    assert text.count(b"\n") == 1
    assert b"sesame" not in text
    come = assignment.from_json(text)
    for name in ("positions", "marks", "journal", "limit", "batch_rows"):
        assert getattr(come, name) == getattr(sent, name)
    assert come.context.schema == context.schema
    assert come.context.schema.hash == context.schema.hash
    assert (come.context.spec, come.context.writers) == (context.spec, context.writers)
    kept = come.context.settings
    assert kept.model_copy(update={"serve": context.settings.serve}) == context.settings
    assert orjson.loads(text)["learner"] == context.spec.to_json()
