"""A file of scores by id: CSV or Parquet with the columns ``id`` and ``score``, in any order.

What ``freshet score`` writes is such a file. Other columns are passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from converters.cells.numbers import number
from converters.cells.refusal import Refusal, RefusedCellError
from converters.convert.records import RowReader
from converters.convert.whole_file import CSV_HEADERS
from converters.errors import UsageError
from converters.files.csv_file import CsvFile
from converters.show.tables import listed
from learners.metrics.arrays import FloatArray

ID, SCORE = "id", "score"
BLOCK_ROWS = 1024
# Each takes about two hundred bytes: a gigabyte in all.
MOST_ROWS = 5_000_000
# Lines that are named for each reason.
EXAMPLES = 3


@dataclass
class OwnScores:
    """The scores of a file.

    Attributes:
        rows: how many the file has.
        places: where the score of each id is.
        scores: in the order of the file; nan for an id that has several.
        left_out: rows of no use, by reason.
        examples: of those, the first lines.
    """

    rows: int = 0
    places: dict[str, int] = field(default_factory=dict)
    scores: FloatArray = field(default_factory=lambda: np.zeros(0))
    left_out: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, why: str, line: int | None = None) -> None:
        """Count a row that is of no use."""
        self.left_out[why] += 1
        named = self.examples.setdefault(why, [])
        if line is not None and len(named) < EXAMPLES:
            named.append(f"line {line:,}")


def own_scores(file: CsvFile, reader: RowReader, shown: Callable[[int], None]) -> OwnScores:
    """Read a file of scores.

    Args:
        file: open, with a header.
        reader: the conversion of the model's rows, which says what an id is.
        shown: told how many rows have been read.

    Raises:
        UsageError: a column is missing, a score is no probability, or there are too many rows.
    """
    id_place, score_place = _places(file, reader)
    found, scores = OwnScores(), list[float]()
    rows = file.rows()
    while block := list(islice(rows, BLOCK_ROWS)):
        cells = [file.dialect.cells_of(row.content) for row in block]
        whole = [
            None if isinstance(each, Refusal) or len(each) != len(file.header) else each
            for each in cells
        ]
        ids = _ids(["" if each is None else each[id_place] for each in whole], reader)
        for row, each, key in zip(block, whole, ids, strict=True):
            score = None if each is None else _score(each[score_place], file, row.line)
            if score is None or key is None:
                found.leave_out("without_score", row.line)
            else:
                _take(found, scores, key, score, row.line)
        found.rows += len(block)
        if found.rows > MOST_ROWS:
            raise UsageError(f"--scores {file.name}: more than {MOST_ROWS:,} rows; give fewer.")
        shown(found.rows)
    found.scores = np.array(scores)
    return found


def _places(file: CsvFile, reader: RowReader) -> tuple[int, int]:
    """Where ids and scores are; an id may have the column's own name too."""
    identity = reader.schema.only(ID)
    names = [ID] if identity is None else [identity.name, ID]
    known = [name for name in names if name in file.header]
    if known and SCORE in file.header:
        return file.header.index(known[0]), file.header.index(SCORE)
    wanted = " or ".join(dict.fromkeys(names))
    raise UsageError(
        f"--scores {file.name}: columns {wanted} and {SCORE} are needed; the file has "
        f"{listed(file.header)}."
    )


def _ids(cells: Sequence[str], reader: RowReader) -> Iterator[str | None]:
    """Ids as the model's rows have them, by the conversion of labels; None for what is none."""
    (label, *_) = reader.schema.label_spellings
    lines = [reader.dialect.line((cell, label)) for cell in cells]
    for row in reader.labels("\n".join(lines).encode(), CSV_HEADERS):
        yield None if isinstance(row, Refusal) else row[0]


def _score(cell: str, file: CsvFile, line: int) -> float | None:
    """A score; None for a cell that is no number.

    Raises:
        UsageError: it is a number, and no probability: to leave it out would bias the rest.
    """
    try:
        value = number(cell)
    except RefusedCellError:
        return None
    if 0.0 <= value <= 1.0:
        return value
    raise UsageError(
        f"--scores {file.name}, line {line:,}: the score {value:g} is no probability from 0 to 1. "
        "Nothing was compared; convert the scores, log-odds by 1 / (1 + exp(-x)), and give all."
    )


def _take(found: OwnScores, scores: list[float], key: str, score: float, line: int) -> None:
    place = found.places.setdefault(key, len(scores))
    if place == len(scores):
        scores.append(score)
    elif scores[place] == score:
        found.leave_out("repeated", line)
    else:
        if not np.isnan(scores[place]):  # neither of the two can be told to be right
            found.leave_out("conflicting")
            scores[place] = np.nan
        found.leave_out("conflicting", line)
