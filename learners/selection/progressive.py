"""Progressive validation of one config over rows: score, then learn.

With late labels a row is scored when its event was and learned when its label came.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

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
Integers = NDArray[np.int64]


class Step(IntEnum):
    """What a learner does with a row."""

    LEARN = 0
    SCORE = 1
    SCORE_AND_LEARN = 2


@dataclass(frozen=True)
class Order:
    """In which order rows are scored and learned.

    Attributes:
        rows: the number of each step's row.
        steps: what is done with it, a :class:`Step`.
    """

    rows: Integers
    steps: Integers

    @classmethod
    def of(
        cls,
        count: int,
        labelled: Sequence[int] | Integers | None = None,
        known: Integers | None = None,
    ) -> Order:
        """The order for so many rows.

        Args:
            count: rows, in order of time.
            labelled: if labels are late, before which row each row's label comes: it is learned
                before that one is scored.
            known: when, to order those before the same row; else they are in the order of theirs.
        """
        numbers = np.arange(count)
        if labelled is None:
            return cls(numbers, np.full(count, Step.SCORE_AND_LEARN))
        moments = np.concatenate((2 * numbers + 1, 2 * np.asarray(labelled)))
        rows = np.concatenate((numbers, numbers))
        steps = np.repeat((Step.SCORE, Step.LEARN), count)
        order = np.lexsort((rows, rows if known is None else np.tile(known, 2), moments))
        return cls(rows[order], steps[order])


@dataclass(frozen=True)
class Scored:
    """What a config came to.

    Attributes:
        scores: of each row, from before it was learned; nan where it was refused.
        seconds: of processor time, to convert, score and learn all of them.
    """

    scores: Floats
    seconds: float


class Progression:
    """Scores and learns rows by one config.

    Attributes:
        learner: what learns them.
    """

    def __init__(self, schema: Schema, spec: LearnerSpec) -> None:
        self._conversion = compile_schema(schema)
        self._bounds = bounds_for(spec)
        self._waiting: dict[int, Row] = {}
        self.learner = create(spec)

    def arrive(self, first: int, rows: Sequence[Sequence[str]]) -> None:
        """Convert rows; what is refused, in a stream a dead letter, is passed over from then on.

        Args:
            first: the number of the first one.
            rows: the cells of each.
        """
        parts = (rows[at : at + MOST_IN_BLOCK] for at in range(0, len(rows), MOST_IN_BLOCK))
        every = (row for part in parts for row in self._conversion.rows(part))
        converted = {n: row for n, row in enumerate(every, first) if not isinstance(row, Refusal)}
        numbers = list(converted)
        for place in self._bounds.refused([text for _, _, text in converted.values()]):
            del converted[numbers[place]]
        self._waiting |= converted

    def lines(self, order: Order) -> tuple[list[int], list[str]]:
        """The numbers and lines of the steps, without those of rows that are passed over."""
        rows, lines = [], []
        for number, step in zip(order.rows.tolist(), order.steps.tolist(), strict=True):
            if (row := self._waiting.get(number)) is None:
                continue
            _, label, text = row
            if step != Step.SCORE:
                del self._waiting[number]
            if step == Step.SCORE:
                line = unlabelled(text)
            elif label is not None:
                line = LABELLED[label] + text
            elif step == Step.LEARN:
                continue
            else:
                line = text
            rows.append(number if step != Step.LEARN else -1)
            lines.append(line)
        return rows, lines

    def step(self, order: Order, scores: Floats) -> None:
        """Take the steps, and enter the scores of rows that were scored."""
        numbers, lines = self.lines(order)
        enter(scores, numbers, self.learner.step(lines))


def enter(scores: Floats, numbers: Sequence[int], found: Iterable[float]) -> None:
    """Enter scores at their rows' numbers; those of rows that were only learned are -1."""
    for number, score in zip(numbers, found, strict=True):
        if number >= 0:
            scores[number] = score


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
        labelled: as for :meth:`Order.of`.
    """
    began = time.process_time()
    scores = np.full(len(rows), np.nan)
    progression = Progression(schema, spec)
    try:
        progression.arrive(0, rows)
        progression.step(Order.of(len(rows), labelled), scores)
    finally:
        progression.learner.close()
    return Scored(scores, time.process_time() - began)
