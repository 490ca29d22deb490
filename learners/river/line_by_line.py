"""What river's learners share: lines taken one by one, and the file that holds what was learned.

A file is canonical JSON of numbers and names, never code. Whatever else it may hold is refused.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from converters.convert.from_vw_text import RiverRow, read_number, read_row
from learners.learner import LearnerSpec, LineBlock, NonFiniteError, WrongLearnerError
from learners.line_bounds import bounds_for, broken_line
from learners.metrics.arrays import IntArray

# What is learned: numbers by feature, and numbers.
State = dict[str, Any]


class LineByLine(ABC):
    """A learner that takes a row at a time; see :class:`learners.learner.Learner`."""

    def __init__(self, spec: LearnerSpec) -> None:
        self.spec = spec
        self._line_bounds = bounds_for(spec)

    @abstractmethod
    def score(self, row: RiverRow) -> float:
        """The probability of the positive class, as the model gives it; changes nothing."""

    @abstractmethod
    def learn(self, row: RiverRow, positive: bool, weight: float) -> None:
        """Learn a labelled row, whose weight is above zero."""

    @abstractmethod
    def log_odds_of(self, row: RiverRow) -> float:
        """The log-odds of the positive class."""

    def step(self, lines: Sequence[str]) -> list[float]:
        """Score each line in order, learning the labelled ones after their score is taken.

        Raises:
            RefusedLinesError: numbers that are not finite as float32; nothing of the call has
                been learned.
            NonFiniteError: a score became NaN or infinite.
            MalformedLineError: a line is not the converter's.
        """
        return self.step_blocks(self._line_bounds.blocks(lines))

    def step_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The same for lines that are joined already; raises as :meth:`step`."""
        return [self._step_one(line) for line in self._lines(blocks)]

    def predict(self, lines: Sequence[str]) -> list[float]:
        """Score lines without learning, whatever stands before them."""
        return self.predict_blocks(self._line_bounds.blocks(lines))

    def predict_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The same for lines that are joined already."""
        return [self._checked_score(read_row(line)) for line in self._lines(blocks)]

    def log_odds(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The log-odds of each line; learns nothing."""
        return [self.log_odds_of(read_row(line)) for line in self._lines(blocks)]

    def close(self) -> None:  # noqa: B027
        """Nothing to free."""

    def _lines(self, blocks: Sequence[LineBlock]) -> list[str]:
        """The lines of these blocks, once all are seen to be ones that can be learned."""
        self._line_bounds.check(blocks)
        for block in blocks:
            if block.text.count("\n") != block.count:
                raise broken_line(block.text.count("\n"), block.count)
        return list(chain.from_iterable(block.lines for block in blocks))

    def _step_one(self, line: str) -> float:
        row = read_row(line)
        score = self._checked_score(row)
        if not line.startswith("|"):
            self._learn_labelled(row, *line[: line.index("|")].split())
        return score

    def _learn_labelled(self, row: RiverRow, label: str, weight: str = "1") -> None:
        weighted = read_number(weight)
        if weighted:  # river's optimizers and penalties would move even for a weight of zero
            self.learn(row, label == "1", weighted)

    def _checked_score(self, row: RiverRow) -> float:
        score = self.score(row)
        if not math.isfinite(score):
            raise NonFiniteError(
                "A score of river is not finite: its weights are not finite. Go back to an earlier "
                "version, and give numeric columns `min` and `max`."
            )
        return min(max(score, 0.0), 1.0)


def write_saved(path: Path, form: str, spec: LearnerSpec, state: State) -> None:
    """Write a state as canonical JSON; the same state always gives the same bytes.

    Raises:
        NonFiniteError: a number is not finite; nothing is written.
    """
    check_finite(state, "This model of river")
    content = {"format": form, "args": spec.args, "state": state}
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))


def read_saved(path: Path, form: str, spec: LearnerSpec) -> State:
    """The state that :func:`write_saved` wrote.

    Raises:
        NonFiniteError: a saved number is not finite.
        WrongLearnerError: the file is not of this form, or was made with other arguments.
    """
    try:
        saved = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise not_rivers(path) from error
    if not isinstance(saved, dict) or saved.get("format") != form:
        raise not_rivers(path)
    args, state = saved.get("args"), saved.get("state")
    if not isinstance(args, list) or not isinstance(state, dict):
        raise not_rivers(path)
    if args != list(spec.args):
        raise WrongLearnerError(
            f"{path.name} was made with `{' '.join(map(str, args))}`, and the config means "
            f"`{' '.join(spec.args)}`. Undo the change of `learner.river` or "
            "`learner.interactions`, or make a new model with `freshet backfill` and promote it."
        )
    check_finite(state, path.name)
    return state


def check_finite(state: object, what: str) -> None:
    """See that all numbers of a state are finite.

    Raises:
        NonFiniteError: one is not.
    """
    if not _finite(state):
        raise NonFiniteError(
            f"{what} holds weights that are not finite. Go back to an earlier version."
        )


def _finite(part: object) -> bool:
    if isinstance(part, float):
        return math.isfinite(part)
    if isinstance(part, dict):
        return all(map(_finite, part.values()))
    return not isinstance(part, list) or all(map(_finite, part))


def not_rivers(path: Path) -> WrongLearnerError:
    """The error for a file that is no whole model of the river learner that the config names."""
    return WrongLearnerError(
        f"{path.name} is not a whole model of river. If Vowpal Wabbit made it, set "
        '`learner.kind = "vw"` (and install vowpalwabbit); else load another version, or make '
        "the model again with `freshet backfill`."
    )


class WeightsByName:
    """See :class:`learners.learner.NamedWeights`: of a model that keeps names.

    Args:
        weights: by the key of their feature.
    """

    hashed, untried = False, 0

    def __init__(self, weights: Mapping[str, float]) -> None:
        known = {name: weight for name, weight in sorted(weights.items()) if weight}
        self._names = list(known)
        self.places = np.arange(len(known))
        self.values = np.array(list(known.values()), np.float64)

    def counts(self) -> IntArray:
        """One each."""
        return np.ones(self.places.size, np.int64)

    def names(self, at: IntArray, most: int) -> list[list[str]]:
        """The name of each."""
        return [[self._names[number]][:most] for number in self.places[at].tolist()]


def readable_json(path: Path) -> bytes:
    """A file of :func:`write_saved`, which is JSON already, with a line for each number."""
    return orjson.dumps(orjson.loads(path.read_bytes()), option=orjson.OPT_INDENT_2)
