"""Progressive validation of one config over rows: score, then learn.

With late labels a row is scored when its event was and learned when its label came.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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

# Steps that are taken at once.
MOST_STEPS = 4_096

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


Cells = Callable[[int, int], Sequence[Sequence[str]]]


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

    def parts(self, first: int = 0, last: int | None = None) -> Iterator[Order]:
        """The steps from one to another, some thousands at a time."""
        last = len(self.rows) if last is None else last
        for at in range(first, last, MOST_STEPS):
            taken = slice(at, min(at + MOST_STEPS, last))
            yield Order(self.rows[taken], self.steps[taken])


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

    def taken(self, order: Order, cells: Cells) -> tuple[list[int], list[str]]:
        """The numbers and lines of the steps, once the rows that arrive in them are converted.

        Args:
            order: the steps.
            cells: gives the cells of the rows from a number to before another.
        """
        arriving = order.rows[order.steps != Step.LEARN]
        if len(arriving):
            first = int(arriving[0])
            self._arrive(first, cells(first, int(arriving[-1]) + 1))
        return self._lines(order)

    def _arrive(self, first: int, rows: Sequence[Sequence[str]]) -> None:
        """Convert rows; what is refused, in a stream a dead letter, is passed over from then on."""
        parts = (rows[at : at + MOST_IN_BLOCK] for at in range(0, len(rows), MOST_IN_BLOCK))
        every = (row for part in parts for row in self._conversion.rows(part))
        converted = {n: row for n, row in enumerate(every, first) if not isinstance(row, Refusal)}
        numbers = list(converted)
        for place in self._bounds.refused([text for _, _, text in converted.values()]):
            del converted[numbers[place]]
        self._waiting |= converted

    def _lines(self, order: Order) -> tuple[list[int], list[str]]:
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
    until: float = math.inf,
) -> Scored | None:
    """Score and learn rows; None if the time is over before the last one.

    Args:
        schema: of the rows.
        spec: what the learner computes.
        rows: the cells of each, in order of time.
        labelled: as for :meth:`Order.of`.
        until: the moment of the monotonic clock at which to give up.
    """
    began = time.process_time()
    scores = np.full(len(rows), np.nan)
    progression = Progression(schema, spec)
    try:
        for part in Order.of(len(rows), labelled).parts():
            if time.monotonic() > until:
                return None
            numbers, lines = progression.taken(part, lambda first, last: rows[first:last])
            enter(scores, numbers, progression.learner.step(lines))
    finally:
        progression.learner.close()
    return Scored(scores, time.process_time() - began)
