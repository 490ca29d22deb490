"""Learners that go on learning, and the copy of one that does not."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from learners.choose import load
from learners.learner import MODEL_FILE, Learner
from learners.metrics.arrays import FloatArray
from learners.selection.progressive import Order, Progression, Step, enter
from stream.verdict.first_part import Config
from stream.verdict.footing import Footing


@dataclass(frozen=True)
class Learned:
    """What a config came to.

    Attributes:
        scores: of each row, from before it was learned; nan where it was refused.
        frozen: those of a copy that stopped learning after the first part; nan before.
        seconds: of processor time, to convert, score and learn; without the copy's.
    """

    scores: FloatArray
    frozen: FloatArray
    seconds: float


class _Copy:
    """The learner as it was when it was asked for first."""

    def __init__(self, learner: Learner) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / MODEL_FILE
            learner.save(file)
            self._learner = load(learner.spec, file)

    def score(self, numbers: list[int], lines: list[str], scores: FloatArray) -> None:
        """Enter its scores of the rows that are scored."""
        kept = [(n, line) for n, line in zip(numbers, lines, strict=True) if n >= 0]
        found = self._learner.predict([line for _, line in kept])
        enter(scores, [n for n, _ in kept], found)

    def close(self) -> None:
        self._learner.close()


def learned(
    config: Config,
    footing: Footing,
    order: Order,
    shown: Callable[[int], None],
    *,
    copied: bool = False,
) -> Learned:
    """Score and learn the rows.

    Args:
        config: by which.
        footing: the rows.
        order: in which they are scored and learned.
        shown: told how many have been scored.
        copied: whether a copy is taken after the first part, and scores what follows.
    """
    scores = np.full(len(footing), np.nan)
    frozen, copy, seconds = np.full(len(footing), np.nan), None, 0.0
    progression = Progression(config.schema, config.spec)
    try:
        for begins, part in _parts(order, footing.first):
            if copied and copy is None and begins:
                copy = _Copy(progression.learner)
            began = time.process_time()
            numbers, lines = progression.taken(part, footing.columns.rows)
            enter(scores, numbers, progression.learner.step(lines))
            seconds += time.process_time() - began
            if copy is not None:
                copy.score(numbers, lines, frozen)
            shown(max(numbers, default=0))
    finally:
        progression.learner.close()
        if copy is not None:
            copy.close()
    return Learned(scores, frozen, seconds)


def _parts(order: Order, first: int) -> Iterator[tuple[bool, Order]]:
    """The steps in parts, and whether the first part of the rows is over."""
    starts = np.flatnonzero((order.rows == first) & (order.steps != Step.LEARN))
    cut = int(starts[0]) if len(starts) else len(order.rows)
    for low, high in ((0, cut), (cut, len(order.rows))):
        yield from ((low == cut, part) for part in order.parts(low, high))
