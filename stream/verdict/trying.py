"""A file, tried from its rows to the verdict."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from converters.cells.numbers import number
from converters.cells.refusal import RefusedCellError
from converters.config.settings import CsvSettings
from converters.config.toml_text import quoted
from converters.errors import UsageError
from converters.files.csv_file import open_csv
from converters.init.declared import Declared, no_column, roles_of
from converters.sampling.file_sample import Sample
from converters.schema.schema import Schema
from converters.show.command_line import progress
from learners.metrics.arrays import FloatArray
from stream.verdict import given_scores
from stream.verdict.columns import Columns, read_columns
from stream.verdict.contenders import Trial
from stream.verdict.first_part import Config, FirstPart, Proposed
from stream.verdict.footing import Clock, in_order
from stream.verdict.judgement import verdict
from stream.verdict.outcome import Worth, outcome
from stream.verdict.verdict_page import Tried

FEWEST_ROWS = 100
# Rows from which it is told whether there are such columns.
LOOKED_AT = 100


@dataclass(frozen=True)
class Asked:
    """What a person wants to know.

    Attributes:
        file: the CSV file, or ``-``.
        csv: how it is written.
        guess: whether Excel's line ``sep=;`` may name another delimiter.
        declared: what the options say of its columns.
        clock: when events and labels were.
        rows: how many of its rows are taken at most; 0 for all.
        first: the share of them that is the first part.
        seconds: for how long init tries ways to learn.
        config: the user's own, if there is one.
        score: the column of the user's own scores.
        scores: or the file of them.
        left_aside: contenders that are not tried, and why.
    """

    file: str
    csv: CsvSettings
    declared: Declared
    clock: Clock
    guess: bool
    rows: int
    first: float
    seconds: float
    config: Config | None
    score: str | None
    scores: str | None
    left_aside: dict[str, str]


def tried(asked: Asked) -> Tried:
    """Try a file.

    Raises:
        UsageError: its columns are not what the options say, or its rows are too few.
        CsvFileError: it cannot be read.
    """
    name, columns = _read(asked)
    _check_columns(asked, name, columns)
    rows = in_order(columns, asked.clock, asked.declared.id_column)
    shown = int(len(rows.columns) * asked.first)
    proposed = _proposed(asked, name, rows.columns, shown)
    footing = rows.footing(proposed.init.schema, shown)
    own = _own(asked, footing.columns, proposed.init.schema)
    trial = Trial(footing, proposed, _progress, asked.left_aside, asked.config, own)
    found = outcome(footing, list(trial.contenders()), _worth(asked.config, footing.columns))
    said = verdict(found, timed=rows.happened is not None, late=rows.known is not None)
    return Tried(name, found, said, proposed.init.text, proposed.warnings, asked.left_aside)


def _proposed(asked: Asked, name: str, columns: Columns, shown: int) -> Proposed:
    """What init makes of the first part.

    Raises:
        UsageError: there are too few rows to look at.
    """
    if shown < FEWEST_ROWS:
        raise UsageError(
            f"{name} has {len(columns):,} rows that can be taken, and the first part is "
            f"{shown:,} of them: at least {FEWEST_ROWS} are needed to look at."
        )
    with tempfile.TemporaryDirectory() as folder:
        first = FirstPart(columns.taken(np.arange(shown)), name, asked.declared, Path(folder))
        return first.proposed(asked.seconds)


def _progress(name: str) -> AbstractContextManager[Callable[[int], None]]:
    return progress(f"rows: {name}")


def _read(asked: Asked) -> tuple[str, Columns]:
    opening = partial(open_csv, asked.file, asked.csv, guess=asked.guess)
    with opening() as file, progress("rows read", file.size, file.tell) as shown:
        return file.name, read_columns(file, asked.rows, shown)


def _check_columns(asked: Asked, name: str, columns: Columns) -> None:
    """See that all columns are there that the options name.

    Raises:
        UsageError: one is not; says which there are.
    """
    few = columns.taken(np.arange(min(LOOKED_AT, len(columns))))
    cells = {column: each.cells(0, len(few)) for column, each in few.by_name.items()}
    sample = Sample(name, cells, few.lines.tolist(), {}, len(columns), False, asked.csv)
    if asked.score is not None and asked.score not in sample.columns:
        raise UsageError(no_column(sample, "--score", asked.score))
    roles_of(sample, replace(asked.declared, label_time=asked.clock.label_time))
    if asked.config is not None and list(asked.config.schema.names) != list(columns.by_name):
        raise UsageError(
            f"{name} does not have the columns of the config in their order: "
            f"{', '.join(map(quoted, asked.config.schema.names))}."
        )
    if not len(columns):
        raise UsageError(f"{name} has no row that can be read.")


def _own(asked: Asked, columns: Columns, schema: Schema) -> FloatArray | None:
    if asked.score is not None:
        return given_scores.of_column(columns, asked.score)
    if asked.scores is None:
        return None
    opening = open_csv(asked.scores, asked.csv)
    with opening as file, progress("rows of --scores", file.size, file.tell) as shown:
        return given_scores.of_file(columns, schema, file, shown)


def _worth(config: Config | None, columns: Columns) -> Worth | None:
    if config is None or (value := config.settings.value) is None:
        return None
    if not value.scale:
        return Worth(value, np.ones(len(columns)))
    column = columns.by_name[value.scale]
    return Worth(value, np.array([_amount(c) for c in column.values], np.float64)[column.codes])


def _amount(cell: str) -> float:
    try:
        return number(cell)
    except RefusedCellError:
        return np.nan
