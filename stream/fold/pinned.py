"""The pinned version beside the learner: it scores arrivals as it is served, and learns nothing.

Its scores are a contender's from the first batch after the pin was seen until the pin moves. Any
failure in it ends the contender, is logged with its cause, and affects nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from converters.errors import FreshetError
from converters.logger import log
from learners.evaluation.labelled_examples import PINNED
from learners.learner import Learner, LineBlock
from learners.metrics.arrays import FloatArray
from stream.fold.shadows import UNKNOWN, checked, scores_of_accepted

# Gives a version's learner with the adjustment of its scores; the pipeline closes it.
Loaded = Callable[[int], Learner]


class NotMeasuredError(FreshetError):
    """A pinned version cannot be scored with beside the learner; says why."""


def nothing_loaded(_version: int) -> Learner:
    """In place of what loads versions, where no batch names one."""
    raise NotMeasuredError("Its files were not looked for.")


@dataclass
class Pinned:
    """What is pinned.

    Attributes:
        version: its number.
        begun: event rows taken before it scored its first.
        trouble: why it is not scored with; empty while it is.
        learner: opened when it is first needed.
    """

    version: int
    begun: int
    trouble: str = ""
    learner: Learner | None = None

    @property
    def column(self) -> str:
        """The column of its scores; not that of an earlier pin, whose events may still wait."""
        return f"{PINNED} {self.version}-{self.begun}"

    def scores(self, blocks: Sequence[LineBlock], loaded: Loaded) -> FloatArray:
        """The served score of each line; nan for what it has not scored."""
        count = sum(block.count for block in blocks)
        if not self.trouble:
            try:
                self.learner = self.learner or loaded(self.version)
                given = scores_of_accepted(self.learner.predict_blocks, blocks)
                return checked(given, count)
            except Exception as error:  # any failure affects only the contender
                self._fail(f"{type(error).__name__}: {error}")
        return np.full(count, UNKNOWN)

    def to_json(self) -> dict[str, Any]:
        """Its entry in manifests and measures."""
        return {"version": self.version, "begun": self.begun, "trouble": self.trouble}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(**content)

    def close(self) -> None:
        """Free the learner."""
        learner, self.learner = self.learner, None
        if learner is not None:
            try:
                learner.close()
            except Exception as error:
                log.warning("the pinned version could not be closed", cause=repr(error))

    def _fail(self, trouble: str) -> None:
        self.trouble = trouble
        log.warning("the pinned version is not measured", version=self.version, cause=trouble)
        self.close()
