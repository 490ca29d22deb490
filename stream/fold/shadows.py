"""Learners that run beside the served one: the same lines, in the same order.

A shadow scores and trains like the learner itself and is measured on the same examples. Any
failure in it ends the shadow, is logged with its cause, and affects nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from converters.config.learning_settings import ShadowSettings
from converters.config.settings import Settings
from converters.logger import log
from learners import choose
from learners.calibration.adjustment import Adjuster
from learners.control_column import CONTROL, control_text
from learners.learner import Learner, LearnerSpec, LineBlock
from learners.line_bounds import RefusedLinesError, joined
from learners.metrics.arrays import FloatArray

Result = TypeVar("Result")
UNKNOWN = float("nan")


@dataclass
class Shadow:
    """A learner beside the served one.

    Attributes:
        name: the name of its measures.
        spec: its arguments.
        learner: None once it has failed.
        adjuster: calibrates its scores.
        trouble: why it has failed; empty while it has not.
        begun: examples learned when it began; one of its name before that was another shadow.
        is_control: whether its lines have a random column more.
    """

    name: str
    spec: LearnerSpec
    learner: Learner | None
    adjuster: Adjuster
    trouble: str = ""
    begun: int = 0
    is_control: bool = False

    @property
    def column(self) -> str:
        """The column of its scores; not that of an earlier shadow of the same name."""
        return f"{self.name} {self._arguments}-{self.begun}"

    @cached_property
    def _arguments(self) -> str:
        return sha256(repr(self.spec).encode()).hexdigest()[:8]

    def step(self, blocks: Sequence[LineBlock]) -> FloatArray:
        """Score and learn; nan for what it has not scored."""
        count = sum(block.count for block in blocks)
        step = lambda of: checked(scores_of_accepted(of.step_blocks, blocks), count)  # noqa: E731
        found = self._tried(step)
        return np.full(count, UNKNOWN) if found is None else found

    def save(self, path: Path) -> bool:
        """Write its model; False if there is none to write."""
        self._tried(lambda learner: learner.save(path))
        return self.learner is not None

    def to_json(self) -> dict[str, Any]:
        """Its entry in a manifest."""
        control = {"control": True} if self.is_control else {}
        return {**self.spec.to_json(), **control, "trouble": self.trouble, "begun": self.begun}

    def close(self) -> None:
        """Free the learner."""
        self._tried(lambda learner: learner.close())
        self.learner = None

    def fail(self, trouble: str) -> None:
        """It has failed: log it and close the learner."""
        self.trouble = trouble
        log.warning(
            "a shadow has failed and no longer scores; rename it to restart it",
            shadow=self.name,
            cause=trouble,
        )
        learner, self.learner = self.learner, None
        if learner is not None:
            try:
                learner.close()
            except Exception as error:
                log.warning("a failed shadow could not be closed", cause=repr(error))

    def _tried(self, act: Callable[[Learner], Result]) -> Result | None:
        if self.learner is None:
            return None
        try:
            return act(self.learner)
        except Exception as error:  # any failure affects only the shadow
            self.fail(f"{type(error).__name__}: {error}")
            return None


def new_shadow(asked: ShadowSettings, spec: LearnerSpec, settings: Settings) -> Shadow:
    """An untrained shadow."""
    adjuster = Adjuster(settings.imbalance, settings.calibration)
    shadow = Shadow(asked.name, spec, None, adjuster, is_control=asked.kind == CONTROL)
    try:
        shadow.learner = choose.create(spec)
    except Exception as error:  # its package may be broken; the learner's is not
        shadow.fail(f"{type(error).__name__}: {error}")
    return shadow


def with_control(blocks: Sequence[LineBlock], cells: FloatArray) -> list[LineBlock]:
    """The same lines with the control's features.

    Args:
        blocks: of lines.
        cells: of each line; nan where it is not known, of an event from before the control.
    """
    lines = (line for block in blocks for line in block.lines)
    known = ("" if math.isnan(cell) else control_text(int(cell)) for cell in cells.tolist())
    texts = list(map(str.__add__, lines, known))
    return joined(texts, plain=all(block.plain for block in blocks))


def tell_slow(shadows: Iterable[Shadow]) -> None:
    """Log which shadows slow the learner, and by how much."""
    slow = [shadow.name for shadow in shadows if shadow.spec.kind == "river-forest"]
    if slow:
        log.warning(
            "shadows that are forests slow learning to some 1,000 rows a second or fewer; what "
            "is served waits for them. Remove them once they are compared",
            shadows=", ".join(slow),
        )


def scores_of_accepted(
    act: Callable[[Sequence[LineBlock]], list[float]], blocks: Sequence[LineBlock]
) -> FloatArray:
    """What a learner gives for lines; nan for those that it refuses.

    The learner of the stream may have accepted them: bounds depend on arguments.
    """
    try:
        return np.array(act(blocks), dtype=np.float64)
    except RefusedLinesError as error:
        lines = [line for block in blocks for line in block.lines]
        scores = np.full(len(lines), UNKNOWN)
        taken = [at for at in range(len(lines)) if at not in error.reasons]
        scores[taken] = scores_of_accepted(act, joined([lines[at] for at in taken]))
        return scores


def checked(scores: FloatArray, count: int) -> FloatArray:
    """The scores, checked to be probabilities; nan marks a line that was refused."""
    if scores.shape != (count,) or not ((scores >= 0) & (scores <= 1) | np.isnan(scores)).all():
        raise ValueError(f"it did not give a probability for each of {count} lines")
    return scores
