"""``freshet score``: a CSV file through the compiled converter and a saved model, streaming.

Follows the same path as a request over HTTP: rows are checked and converted by the one function,
and scored in blocks by a learner opened from the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from io import TextIOWrapper
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, TextIO

from converters.cells.refusal import Refusal
from converters.cells.remedies import ReasonCounts
from converters.config.settings import Settings
from converters.convert.cell_watch import CellCounts, Census
from converters.convert.records import RowReader
from converters.convert.to_vw_text import Row, unlabelled
from converters.files.csv_file import CsvFile, FileRow, open_csv
from converters.files.framing import csv_line
from converters.files.output import writing
from converters.schema.column_names import ordered
from converters.schema.schema import Schema
from learners import choose
from learners.calibration.adjustment import adjusted
from learners.learner import MODEL_FILE, Learner, LearnerSpec
from learners.line_bounds import UNLEARNABLE, RefusedLinesError
from learners.registry.row_types import Version
from learners.snapshots.store import SnapshotStore

BLOCK_ROWS = 1024


def spec_of(learner: dict[str, Any]) -> LearnerSpec:
    """What a version was learned with, from its registry row or manifest."""
    return LearnerSpec(learner["kind"], tuple(learner["args"]))


def served_learner(snapshots: SnapshotStore, version: Version) -> Learner:
    """A learner opened from a version, only to predict; its scores are the served ones."""
    with snapshots.open(version.snapshot, only={MODEL_FILE}) as snapshot:
        learner = choose.load(spec_of(version.learner), snapshot.path / MODEL_FILE)
        manifest = snapshot.manifest
    try:
        return adjusted(learner, manifest)
    except BaseException:
        learner.close()
        raise


def loaded(settings: Settings, version: Version) -> closing[Learner]:
    """The same, closed at the end of a ``with``."""
    return closing(served_learner(SnapshotStore(Path(settings.snapshots)), version))


def score_file(
    settings: Settings, schema: Schema, version: Version, source: str, output: str
) -> tuple[int, ReasonCounts, CellCounts]:
    """Score every row of a file.

    Args:
        settings: of today's config.
        schema: the version's own.
        version: what scores.
        source: the file.
        output: where to write.

    Writes CSV: ``line,id,score,label,reason,column``, one line for each row of the file in order;
    a refused row has no score but a reason.

    Returns:
        How many rows were scored, which were refused, and which cells were absent or unseen.
    """
    rows, refused, census = 0, ReasonCounts(), Census(schema)
    with (
        open_csv(source, settings.csv) as file,
        loaded(settings, version) as learner,
        _text(output) as out,
    ):
        out.write("line,id,score,label,reason,column\n")
        for block in _blocks(file, RowReader(schema, None, census.conversion)):
            scores = scores_of(learner, [row for _, row in block])
            lines = _scored(block, scores, schema, settings.threshold)
            out.writelines(csv_line(line) + "\n" for line in lines)
            refused.add(score for score in scores if isinstance(score, Refusal))
            rows += len(block)
    return rows - refused.total, refused, census.taken()


def _blocks(file: CsvFile, reader: RowReader) -> Iterator[list[tuple[FileRow, Row | Refusal]]]:
    file.require_known(reader.schema.column_names)
    order = reader.order(file.header)
    rows = file.rows()
    while block := list(islice(rows, BLOCK_ROWS)):
        found = map(file.dialect.cells_of, map(attrgetter("content"), block))
        cells = list(ordered(found, order))
        yield list(zip(block, reader.convert_rows(cells), strict=True))


def _scored(
    block: Sequence[tuple[FileRow, Row | Refusal]],
    scores: Sequence[float | Refusal],
    schema: Schema,
    threshold: float,
) -> Iterator[tuple[object, ...]]:
    for (source, row), score in zip(block, scores, strict=True):
        if isinstance(score, Refusal):
            yield source.line, "", "", "", score.reason, score.column
        else:
            label = schema.label_spellings[score >= threshold]
            yield source.line, row[0], repr(score), label, "", ""


def scores_of(learner: Learner, rows: Sequence[Row | Refusal]) -> list[float | Refusal]:
    """The score of each row, or why it has none."""
    texts = [unlabelled(row[2]) for row in rows if row.__class__ is not Refusal]
    try:
        scores = learner.predict(texts)
    except RefusedLinesError as error:
        return scores_of(learner, _without(rows, error))
    if len(scores) == len(rows):
        return list(scores)
    following = iter(scores)
    return [row if isinstance(row, Refusal) else next(following) for row in rows]


def _without(rows: Sequence[Row | Refusal], error: RefusedLinesError) -> list[Row | Refusal]:
    """The rows, with a refusal in place of each whose text the learner will not take."""
    places = [at for at, row in enumerate(rows) if not isinstance(row, Refusal)]
    rest = list(rows)
    for place, reason in error.reasons.items():
        rest[places[place]] = Refusal(UNLEARNABLE, "", reason)
    return rest


@contextmanager
def _text(output: str) -> Iterator[TextIO]:
    """The result's file, for text."""
    with writing(output) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        yield text
        text.detach()
