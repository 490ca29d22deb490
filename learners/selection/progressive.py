"""Progressive validation of one config over the rows of a sample: score, then learn.

With late labels a row is scored when its event was and learned when its label came.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import Refusal
from converters.convert.row_block import LABELLED, MOST_IN_BLOCK, Row
from converters.convert.to_vw_text import compile_schema, unlabelled
from converters.schema.schema import Schema
from learners.choose import create
from learners.learner import LearnerSpec
from learners.line_bounds import bounds_for

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """What a config came to.

    Attributes:
        scores: of each row, from before it was learned; nan where it was refused.
        seconds: of processor time, to convert, score and learn all of them.
    """

    scores: Floats
    seconds: float


def scored(
    schema: Schema,
    spec: LearnerSpec,
    rows: Sequence[Sequence[str]],
    labelled: Sequence[int] | None = None,
) -> Scored:
    """Score and learn rows.

    Args:
        schema: of the rows.
        spec: what the learner computes.
        rows: the cells of each, in order of time.
        labelled: if labels are late, before which row each row's label comes: it is learned
            before that one is scored, and after those whose labels came earlier.
    """
    began = time.process_time()
    converted = _learnable(_converted(schema, rows), spec)
    lines = _in_order(converted, labelled)
    learner = create(spec)
    try:
        scores = learner.step([text for _, text in lines])
    finally:
        learner.close()
    found = np.full(len(rows), np.nan)
    for (arrived, _), score in zip(lines, scores, strict=True):
        if arrived is not None:
            found[arrived] = score
    return Scored(found, time.process_time() - began)


def _converted(schema: Schema, rows: Sequence[Sequence[str]]) -> dict[int, Row]:
    """The rows that are not refused, by their number."""
    conversion = compile_schema(schema)
    parts = [rows[first : first + MOST_IN_BLOCK] for first in range(0, len(rows), MOST_IN_BLOCK)]
    every = (row for part in parts for row in conversion.rows(part))
    return {n: row for n, row in enumerate(every) if not isinstance(row, Refusal)}


def _learnable(converted: dict[int, Row], spec: LearnerSpec) -> dict[int, Row]:
    """Those whose numbers the learner takes; in a stream the others become dead letters."""
    numbers = list(converted)
    refused = bounds_for(spec).refused([text for _, _, text in converted.values()])
    gone = {numbers[place] for place in refused}
    return {n: row for n, row in converted.items() if n not in gone}


def _in_order(
    converted: Mapping[int, Row], labelled: Sequence[int] | None
) -> list[tuple[int | None, str]]:
    """Lines for the learner, each with the number of the row that it scores, if that arrives."""
    if labelled is None:
        return [
            (n, text if label is None else LABELLED[label] + text)
            for n, (_, label, text) in converted.items()
        ]
    arriving = [(n, 1, n, unlabelled(text)) for n, (_, _, text) in converted.items()]
    learned = [
        (labelled[n], 0, n, LABELLED[label] + text)
        for n, (_, label, text) in converted.items()
        if label is not None
    ]
    order = sorted(arriving + learned)
    return [(n if arrives else None, text) for _, arrives, n, text in order]
