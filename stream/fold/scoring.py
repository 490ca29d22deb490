"""Scores and trains: the learner, the frozen copy and the shadows process the lines of a plan.

Every event that arrives gets a score of each. The scores are kept with the event, in columns,
until its label comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from converters.config.settings import HALF
from converters.convert.to_vw_text import unlabelled
from learners import choose
from learners.calibration.adjustment import Adjuster, Adjustment
from learners.control_column import control_cells
from learners.evaluation.labelled_examples import SERVED
from learners.learner import MODEL_FILE, Learner, LineBlock
from learners.line_bounds import joined
from learners.metrics.arrays import FloatArray, IntArray
from stream.fold.pinned import Loaded, Pinned, nothing_loaded
from stream.fold.plan import Plan, Remembered, values
from stream.fold.shadows import Shadow, with_control
from stream.fold.slices import Slices
from stream.joins.column_store import UNKNOWN, Block, Layout, run_of
from stream.joins.joiner import ARRIVED, BEHIND, Joiner
from stream.stages import LEARN, stage

# The columns of an event's scores: the served score, the raw score, and those to compare with.
SCORE, RAW, BASE_RATE, STATIC = "score", "raw", "base_rate", "static"
# The column of the control's cells.
CONTROL_CELL = "control cell"
# The prefixes of sliced columns and of the amounts, and the suffix of the raw scores of a shadow
# whose scores are adjusted.
SLICE, AMOUNT, OWN = "slice ", "amount ", " raw"
# How old the version was whose score a caller was given: in examples, and in milliseconds.
LAGS = LAG, AGE = "served lag", "served age"


@dataclass
class Static:
    """The frozen copy, with the adjustment of its scores at that time.

    Attributes:
        since: the record time from which it scores; None if an older release took it.
    """

    learner: Learner
    adjustment: Adjustment
    since: int | None = None


@dataclass
class Scoring:
    """All that score: the learner, the frozen copy, the shadows and the pinned version.

    Attributes:
        loaded: loads the version that a batch says was pinned.
        raw_since: the lineage that took the weights of another model into its joins, 0 for none:
            raw scores that were given before never meet what is calibrated now.
        remembers: whether any event has come with the score that a caller was given.
    """

    learner: Learner
    adjuster: Adjuster
    slices: Slices = field(default_factory=Slices)
    shadows: list[Shadow] = field(default_factory=list)
    static: Static | None = None
    pinned: Pinned | None = None
    loaded: Loaded = nothing_loaded
    raw_since: int = 0
    remembers: bool = False

    def layout(self) -> Layout:
        """The columns that a remembered event needs."""
        floats = [SCORE, BASE_RATE, *[self._raw] * self.adjuster.changes]
        floats += [STATIC] * bool(self.static)
        for shadow in self.shadows:
            floats += [shadow.column, *[self._raw_of(shadow)] * shadow.adjuster.changes]
        floats += [CONTROL_CELL] * any(shadow.is_control for shadow in self.shadows)
        floats += [self.pinned.column] if self.pinned else []
        floats += [AMOUNT + self.slices.passthrough.amount] * bool(self.slices.passthrough.amount)
        floats += [SERVED] * self.remembers
        integers = [SLICE + column for column in self.slices.columns]
        integers += LAGS * self.remembers
        return Layout(tuple(floats), tuple(integers), {STATIC: SCORE} if self.static else {})

    @property
    def _raw(self) -> str:
        """The column of the learner's raw scores."""
        return f"{RAW} {self.raw_since}" if self.raw_since else RAW

    def _raw_of(self, shadow: Shadow) -> str:
        """The column of a shadow's."""
        since = f" {self.raw_since}" if self.raw_since else ""
        return f"{shadow.column}{since}{OWN}"

    def step(self, plan: Plan, joiner: Joiner) -> tuple[FloatArray, Remembered]:
        """Score the lines of a plan and train on them.

        Returns:
            The served score of each arrival, and the numbers of the plan's events.
        """
        arrived = Block.empty(joiner.layout(), len(plan.arrivals))
        remembered = Remembered(joiner, plan, arrived)
        at, blocks = values(plan.arrivals.lines), plan.lines.blocks()
        with stage(LEARN):
            given = self.learner.step_blocks(blocks)
        scores = np.fromiter(given, np.float64, len(given))
        if self.adjuster.changes:
            scores = self._adjusted(self.adjuster, scores, self._raw, remembered, at)
        arrived_scores = scores[run_of(at)]
        _put(remembered, SCORE, arrived_scores)
        self._describe(plan, remembered)
        if self.static is not None:
            _put(remembered, STATIC, self._static_scores(self.static, plan))
        for shadow in self.shadows:
            of = with_control(blocks, _cells(remembered)) if shadow.is_control else blocks
            self._step_shadow(shadow, of, remembered, at)
        if self.pinned is not None:
            with stage(LEARN):
                pinned = self.pinned.scores(_arrived(plan), self.loaded)
            _put(remembered, self.pinned.column, pinned)
        remembered.store()
        return arrived_scores, remembered

    def freeze(self, joiner: Joiner, since: int) -> None:
        """Take the frozen copy; its scores of waiting events are the learner's."""
        self.static = Static(_copy_of(self.learner), self.adjuster.frozen(), since)
        joiner.change_layout(self.layout())

    def pin(self, version: int | None, begun: int, joiner: Joiner) -> None:
        """Score with another pinned version from here on, or with none."""
        if self.pinned is not None:
            self.pinned.close()
        self.pinned = None if version is None else Pinned(version, begun)
        joiner.change_layout(self.layout())

    def remember(self, joiner: Joiner) -> None:
        """Keep the scores that callers were given from here on."""
        self.remembers = True
        joiner.change_layout(self.layout())

    def close(self) -> None:
        """Free all learners."""
        self.learner.close()
        if self.pinned is not None:
            self.pinned.close()
        if self.static is not None:
            self.static.learner.close()
        for shadow in self.shadows:
            shadow.close()

    def _describe(self, plan: Plan, remembered: Remembered) -> None:
        """Set the columns of the arrivals other than their scores."""
        arrivals = plan.arrivals
        behind, positives = values(arrivals.behind), values(arrivals.positives)
        # Laplace's rule of succession over the labels known at that moment.
        _put(remembered, BASE_RATE, (positives + 1) / (behind + 2))
        layout, integers = remembered.arrived_layout, remembered.arrived.integers
        integers[layout.integers.index(BEHIND)] = behind
        integers[layout.integers.index(ARRIVED)] = values(arrivals.times)
        if arrivals.served:
            at, given = np.array(list(arrivals.served)), list(arrivals.served.values())
            scores = remembered.arrived.floats[layout.floats.index(SERVED)]
            scores[at] = [each.score for each in given]
            lags = behind[at] - [each.learned for each in given]
            integers[layout.integers.index(LAG), at] = lags
            integers[layout.integers.index(AGE), at] = [each.age_ms for each in given]
        if self.slices.passthrough.places and len(arrivals):
            if self.slices.passthrough.amount:
                amounts = self.slices.amounts(arrivals.passthrough)
                _put(remembered, AMOUNT + self.slices.passthrough.amount, amounts)
            codes = self.slices.codes(arrivals.passthrough)
            for column, row in zip(self.slices.columns, codes, strict=True):
                integers[layout.integers.index(SLICE + column)] = row

    def _static_scores(self, static: Static, plan: Plan) -> FloatArray:
        with stage(LEARN):
            given = static.learner.predict_blocks(_arrived(plan))
        return np.array(static.adjustment.apply(given))

    def _step_shadow(
        self, shadow: Shadow, blocks: Sequence[LineBlock], remembered: Remembered, at: IntArray
    ) -> None:
        with stage(LEARN):
            scores = shadow.step(blocks)
        if shadow.adjuster.changes:
            raw = self._raw_of(shadow)
            scores = self._adjusted(shadow.adjuster, scores, raw, remembered, at)
        _put(remembered, shadow.column, scores[at])

    def _adjusted(
        self, adjuster: Adjuster, raw: FloatArray, column: str, remembered: Remembered, at: IntArray
    ) -> FloatArray:
        """The scores under the fit of their time; labelled examples go into the next fits."""
        _put(remembered, column, raw[at])
        lessons = remembered.plan.lessons
        block = remembered.of(values(lessons.events))
        given = block.floats[remembered.arrived_layout.floats.index(column)]
        lines = values(lessons.lines)
        positive = values(lessons.labels) == 1
        known = ~np.isnan(given)  # a shadow may not have scored all of them
        scored = ~np.isnan(raw)
        filled = np.where(scored, raw, HALF)
        adjusted = adjuster.adjust(filled, lines[known], given[known], positive[known])
        return np.where(scored, adjusted, UNKNOWN)


def _cells(remembered: Remembered) -> FloatArray:
    """The control's cell of each line of a plan; those of its arrivals are kept with them.

    An example that is measured and not trained on has no line: it says that of the one before it,
    whose own comes first, or an arrival's.
    """
    plan, cells = remembered.plan, np.full(len(remembered.plan.lines), UNKNOWN)
    at = values(plan.arrivals.lines)
    first = plan.scored_before
    own = control_cells(np.arange(first, first + at.size)).astype(np.float64)
    _put(remembered, CONTROL_CELL, own)
    for taught in (plan.lessons, plan.corrections):
        places = values(taught.lines)[::-1] - 1
        of = remembered.of(values(taught.events)).floats
        told = of[remembered.arrived_layout.floats.index(CONTROL_CELL)][::-1]
        cells[places[places >= 0]] = told[places >= 0]
    cells[at] = own
    return cells


def _copy_of(learner: Learner) -> Learner:
    """A learner with the same state that changes independently of this one."""
    with TemporaryDirectory() as folder:
        saved = Path(folder) / MODEL_FILE
        learner.save(saved)
        return choose.load(learner.spec, saved)


def _arrived(plan: Plan) -> list[LineBlock]:
    """The features of each arrival: the label of a line predicted counts in a saved model."""
    lines, blocks = plan.lines.each(), plan.lines.blocks()
    texts = [unlabelled(lines[at]) for at in plan.arrivals.lines]
    return joined(texts, plain=all(block.plain for block in blocks))


def _put(remembered: Remembered, column: str, values: FloatArray) -> None:
    at = remembered.arrived_layout.floats.index(column)
    remembered.arrived.floats[at] = values
