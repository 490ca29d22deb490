"""The last lessons of a stream, readable as plain arrays at any moment.

Stands inside :mod:`learners.progressive`, which appends the lessons that it measures and reads its
window from here.
"""

from __future__ import annotations

import numpy as np

from learners.arithmetic import FloatArray
from learners.lessons import BoolArray


class Recent:
    """The last ``keep`` lessons, side by side in arrays that slide back when they are full."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        # Twice what is kept, so that a lesson is moved about once.
        self._scores = np.zeros(keep * 2)
        self._positive = np.zeros(keep * 2, dtype=np.bool_)
        self._end = 0

    def append(self, scores: FloatArray, positive: BoolArray) -> None:
        """Add lessons; the oldest ones go."""
        scores, positive = scores[-self._keep :], positive[-self._keep :]
        if self._end + scores.size > self._scores.size:
            self._slide_back()
        begin, self._end = self._end, self._end + scores.size
        self._scores[begin : self._end] = scores
        self._positive[begin : self._end] = positive

    def _slide_back(self) -> None:
        scores, positive = self.lessons()
        self._scores[: scores.size] = scores.copy()
        self._positive[: scores.size] = positive.copy()
        self._end = scores.size

    def lessons(self) -> tuple[FloatArray, BoolArray]:
        """Scores and labels, oldest first; views that ``append`` changes."""
        begin = max(self._end - self._keep, 0)
        return self._scores[begin : self._end], self._positive[begin : self._end]
