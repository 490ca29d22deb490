"""river's forests as a learner, for shadows: adaptive random forests, aggregated Mondrian ones.

Implements :mod:`learners.learner`. Rows become one number a column (:mod:`.tree_features`); which
forest learns them, and how its state is written, is in :mod:`.mondrian` and :mod:`.adaptive`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from converters.convert.from_vw_text import RiverRow
from learners.learner import LearnerSpec, NamedWeights, NameGroup
from learners.metrics.metrics import CLIP
from learners.river.adaptive import Adaptive
from learners.river.line_by_line import (
    LineByLine,
    State,
    WeightsByName,
    not_rivers,
    read_saved,
    readable_json,
    write_saved,
)
from learners.river.mondrian import Mondrian
from learners.river.tree_features import TreeFeatures

FORMAT = "freshet-river-forest-1"


class Forest(Protocol):
    """What learns rows of numbers."""

    def score(self, row: dict[int, float]) -> float:
        """The probability of the positive class."""

    def learn(self, row: dict[int, float], positive: bool, weight: float) -> None:
        """Learn a labelled row."""

    def state(self) -> State:
        """Everything learned, as plain JSON."""

    def restore(self, state: State, columns: int) -> None:
        """Take over what :meth:`state` gave, of rows that had so many columns."""


_FORESTS: dict[str, type[Adaptive | Mondrian]] = {"arf": Adaptive, "amf": Mondrian}


class ForestLearner(LineByLine):
    """See :class:`learners.learner.Learner` for what it promises."""

    kind: ClassVar[str] = "river-forest"
    order: ClassVar[int] = 0

    def __init__(self, spec: LearnerSpec) -> None:
        super().__init__(spec)
        options = dict(zip(spec.args[::2], spec.args[1::2], strict=True))
        make = _FORESTS[options["--model"]]
        self._forest: Forest = make(int(options["--trees"]), int(options["--max_nodes"]))
        self._features = TreeFeatures()

    def score(self, row: RiverRow) -> float:
        """The probability of the positive class."""
        return self._forest.score(self._features.numbers(row))

    def log_odds_of(self, row: RiverRow) -> float:
        """Of its probability, which all trees together may say is 0 or 1: that has none."""
        score = min(max(self.score(row), CLIP), 1 - CLIP)
        return math.log(score / (1 - score))

    def learn(self, row: RiverRow, positive: bool, weight: float) -> None:
        """Learn a labelled row: as the numbers that it has before its label is counted."""
        numbers = self._features.learn(row, positive, weight)
        if numbers:  # no row so far had a column
            self._forest.learn(numbers, positive, weight)

    def save(self, path: Path) -> None:
        """Write the state as canonical JSON; the same state always gives the same bytes.

        Raises:
            NonFiniteError: a number is not finite; nothing is written.
        """
        state = {"features": self._features.state(), "forest": self._forest.state()}
        write_saved(path, FORMAT, self.spec, state)

    def weights_of(self, line: str) -> dict[str, float]:  # noqa: ARG002
        """Nothing: a forest has no weight for a feature."""
        return {}

    def restore(self, state: State) -> None:
        """Take over what :meth:`save` wrote."""
        self._forest.restore(state["forest"], self._features.restore(state["features"]))


def create(spec: LearnerSpec) -> ForestLearner:
    """A learner that knows nothing yet."""
    return ForestLearner(spec)


def load(spec: LearnerSpec, path: Path) -> ForestLearner:
    """The learner saved at ``path``.

    Raises:
        NonFiniteError: a saved number is not finite.
        WrongLearnerError: the file is not such a forest's, or was made with other arguments.
    """
    state, learner = read_saved(path, FORMAT, spec), ForestLearner(spec)
    try:
        learner.restore(state)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise not_rivers(path) from error
    return learner


def named_weights(spec: LearnerSpec, path: Path, groups: Sequence[NameGroup]) -> NamedWeights:  # noqa: ARG001
    """None: a forest has no weights."""
    load(spec, path)
    return WeightsByName({})


def weights_in(spec: LearnerSpec, path: Path, lines: Iterable[str]) -> dict[str, float]:  # noqa: ARG001
    """Nothing, as :meth:`ForestLearner.weights_of`."""
    load(spec, path)
    return {}


def readable_model(spec: LearnerSpec, path: Path) -> bytes:
    """The file itself, which is JSON; raises as :func:`load`."""
    load(spec, path)
    return readable_json(path)
