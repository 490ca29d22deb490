"""Progressive validation of one config over the rows of a sample: score, then learn.

With late labels a row is scored when its event was and learned when its label came.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import Refusal
from converters.convert.row_block import LABELLED, MOST_IN_BLOCK
from converters.convert.to_vw_text import compile_schema, unlabelled
from converters.schema.schema import Schema
from learners.choose import create
from learners.learner import LearnerSpec

Floats = NDArray[np.float64]
# In each round of so many lines the learner is asked once.
AT_ONCE = MOST_IN_BLOCK


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
    conversion = compile_schema(schema)
    lines, at = [], []
    for first in range(0, len(rows), AT_ONCE):
        part = rows[first : first + AT_ONCE]
        for n, row in enumerate(conversion.rows(part), start=first):
            if not isinstance(row, Refusal):
                lines.append(row)
                at.append(n)
    learner = create(spec)
    try:
        found = np.full(len(rows), np.nan)
        if labelled is None:
            texts = [t if y is None else LABELLED[y] + t for _, y, t in lines]
            found[at] = learner.step(texts)
        else:
            order = sorted(
                [(n, 1, n, unlabelled(t)) for n, (_, _, t) in zip(at, lines, strict=True)]
                + [
                    (labelled[n], 0, n, LABELLED[y] + t)
                    for n, (_, y, t) in zip(at, lines, strict=True)
                    if y is not None
                ]
            )
            scores = learner.step([text for *_, text in order])
            for (_, arrives, n, _), score in zip(order, scores, strict=True):
                if arrives:
                    found[n] = score
    finally:
        learner.close()
    return Scored(found, time.process_time() - began)
