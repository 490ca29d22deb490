"""Learners that go on learning, and copies of one that do not."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
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
        renewed: those of a copy that is taken anew at each of the footing's renewals.
        seconds: of processor time, to convert, score and learn; without the copies'.
    """

    scores: FloatArray
    frozen: FloatArray
    renewed: FloatArray
    seconds: float


class _Copies:
    """The learner as it was when copies were taken: the first of them, and the newest."""

    def __init__(self, rows: int) -> None:
        self.frozen, self.renewed = np.full(rows, np.nan), np.full(rows, np.nan)
        self._taken: list[Learner] = []

    def take(self, learner: Learner) -> None:
        """Take another copy."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / MODEL_FILE
            learner.save(file)
            self._taken.append(load(learner.spec, file))
        if len(self._taken) > 2:
            self._taken.pop(1).close()

    def score(self, numbers: list[int], lines: list[str]) -> None:
        """Enter the copies' scores of the rows that are scored."""
        if not self._taken:
            return
        rows = [n for n in numbers if n >= 0]
        kept = [line for n, line in zip(numbers, lines, strict=True) if n >= 0]
        first, newest = self._taken[0], self._taken[-1]
        enter(self.frozen, rows, found := first.predict(kept))
        enter(self.renewed, rows, found if newest is first else newest.predict(kept))

    def close(self) -> None:
        """Free them."""
        for copy in self._taken:
            copy.close()


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
        copied: whether copies are taken after the first part and later, and score too.
    """
    scores, seconds = np.full(len(footing), np.nan), 0.0
    copies, progression = _Copies(len(footing)), Progression(config.schema, config.spec)
    try:
        for begins, part in _parts(order, footing.renewals if copied else ()):
            if begins:
                copies.take(progression.learner)
            began = time.process_time()
            numbers, lines = progression.taken(part, footing.columns.rows)
            enter(scores, numbers, progression.learner.step(lines))
            seconds += time.process_time() - began
            copies.score(numbers, lines)
            shown(max(numbers, default=0))
    finally:
        progression.learner.close()
        copies.close()
    return Learned(scores, copies.frozen, copies.renewed, seconds)


def _parts(order: Order, rows: Sequence[int]) -> Iterator[tuple[bool, Order]]:
    """The steps in parts, and whether one begins with the arrival of one of these rows."""
    cuts = np.flatnonzero(np.isin(order.rows, rows) & (order.steps != Step.LEARN)).tolist()
    for low, high in pairwise(sorted({0, *cuts, len(order.rows)})):
        for at, part in enumerate(order.parts(low, high)):
            yield not at and low in cuts, part
