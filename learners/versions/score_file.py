"""``freshet score``: a CSV file through the compiled converter and a saved model, streaming.

Follows the same path as a request over HTTP: rows are checked and converted by the one function,
and scored in blocks by a learner opened from the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import TextIOWrapper
from typing import TextIO

from converters.cells.refusal import Refusal
from converters.cells.remedies import ReasonCounts
from converters.config.settings import Settings
from converters.convert.cell_watch import CellCounts, Census
from converters.convert.row_block import Row, RowBlock, block_of
from converters.convert.whole_file import checked
from converters.files.csv_file import open_csv
from converters.files.framing import csv_line
from converters.files.output import writing
from converters.schema.schema import Schema
from learners.learner import Learner, LineBlock
from learners.line_bounds import UNLEARNABLE, RefusedLinesError
from learners.registry.row_types import Version
from learners.versions.served_learner import loaded


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
        answers = _Answers(schema, settings.threshold)
        for lines, block in checked(file, schema, census.conversion):
            scores, without = block_scores(learner, block)
            out.write(answers.text(lines, block.ids, scores, without))
            refused.add(without.values())
            rows += len(block)
    return rows - refused.total, refused, census.taken()


class _Answers:
    """Writes the answers to the rows of a file.

    Args:
        schema: says how labels are spelt.
        threshold: from which score on a label is positive.
    """

    def __init__(self, schema: Schema, threshold: float) -> None:
        # What follows a score: the label, no reason, no column.
        self._negative, self._positive = (
            csv_line((label, "", "")) for label in schema.label_spellings
        )
        self._threshold = threshold

    def text(
        self,
        lines: Sequence[int],
        ids: Sequence[str],
        scores: Sequence[float],
        refused: Mapping[int, Refusal],
    ) -> str:
        """A line for each row of a block."""
        all_lines = lines
        if refused:
            kept = [at for at in range(len(ids)) if at not in refused]
            lines, ids = [lines[at] for at in kept], [ids[at] for at in kept]
        if any(map("".join(ids).__contains__, ',"\r\n')):
            ids = [csv_line(("", each))[1:] for each in ids]
        negative, positive, threshold = self._negative, self._positive, self._threshold
        labels = [positive if score >= threshold else negative for score in scores]
        each = zip(map(str, lines), ids, map(repr, scores), labels, strict=True)
        written = list(map(",".join, each))
        for at in sorted(refused):
            why = refused[at]
            written.insert(at, csv_line((all_lines[at], "", "", "", why.reason, why.column)))
        return "\n".join([*written, ""])


def scores_of(learner: Learner, rows: Sequence[Row | Refusal]) -> list[float | Refusal]:
    """The score of each row, or why it has none."""
    scores, refused = block_scores(learner, block_of(rows))
    following = iter(scores)
    return [refused.get(at) or next(following) for at in range(len(rows))]


def block_scores(learner: Learner, block: RowBlock) -> tuple[list[float], Mapping[int, Refusal]]:
    """The scores of rows in their order, and by their places those that have none."""
    text, count = block.text, len(block) - len(block.refused)
    if block.weights is not None:  # a weight means nothing where nothing is learned
        text = "".join([f"{line[line.index('|') :]}\n" for line in block.lines])
    if not count:
        return [], block.refused
    try:
        return learner.predict_blocks([LineBlock(text, count, block.plain)]), block.refused
    except RefusedLinesError as error:
        return block_scores(learner, _without(block, text, error.reasons))


def _without(block: RowBlock, text: str, reasons: Mapping[int, str]) -> RowBlock:
    """The rows, but those refused whose lines the learner will not take."""
    places = [at for at in range(len(block)) if at not in block.refused]
    refused = {places[at]: Refusal(UNLEARNABLE, "", reason) for at, reason in reasons.items()}
    lines = [line for at, line in enumerate(text.split("\n")) if at not in reasons]
    return replace(block, text="\n".join(lines), refused={**block.refused, **refused}, weights=None)


@contextmanager
def _text(output: str) -> Iterator[TextIO]:
    """The result's file, for text."""
    with writing(output) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        yield text
        text.detach()
