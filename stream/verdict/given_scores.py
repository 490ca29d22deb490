"""Scores of the user's own for the rows: a column of the file, or a file of id and score."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from converters.cells.numbers import number
from converters.cells.refusal import RefusedCellError
from converters.config.toml_text import quoted
from converters.convert.records import RowReader
from converters.errors import UsageError
from converters.files.csv_file import CsvFile
from converters.schema.schema import Schema
from learners.metrics.arrays import FloatArray
from stream.own_scores.score_column import own_scores
from stream.verdict.columns import Columns


def of_column(columns: Columns, name: str) -> FloatArray:
    """The scores that the rows hold themselves; nan for a cell that is no number.

    Raises:
        UsageError: a number is no probability, or no cell is one.
    """
    column = columns.by_name[name]
    values = np.array([_score(cell, name) for cell in column.values], np.float64)
    if np.isnan(values).all():
        raise UsageError(f"--score names the column {quoted(name)}, which holds no number.")
    return values[column.codes]


def _score(cell: str, name: str) -> float:
    try:
        value = number(cell)
    except RefusedCellError:
        return np.nan
    if 0.0 <= value <= 1.0:
        return value
    raise UsageError(
        f"--score names the column {quoted(name)}, which holds {quoted(cell)}: no probability from "
        "0 to 1. Convert the scores, log-odds by 1 / (1 + exp(-x)), and give all."
    )


def of_file(
    columns: Columns, schema: Schema, file: CsvFile, shown: Callable[[int], None]
) -> FloatArray:
    """The scores that a file has for the rows' ids; nan where it has none.

    Raises:
        UsageError: the file is not one of scores, or names no row.
    """
    identity = schema.only("id")
    assert identity is not None
    own = own_scores(file, RowReader(schema), shown)
    column = columns.by_name[identity.name]
    places = [own.places.get(cell) for cell in column.values]
    values = np.array([np.nan if at is None else own.scores[at] for at in places], np.float64)
    if np.isnan(values).all():
        raise UsageError(
            f"--scores {file.name} has no score for any id in the column {quoted(identity.name)}."
        )
    return values[column.codes]
