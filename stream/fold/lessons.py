"""From a plan's lessons to the evaluator: the numbers of their events, in the order of learning.

The last step of the fold before writing; :mod:`learners.evaluation` measures.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from learners.evaluation import Evaluator, Lessons
from stream.fold.plan import Plan, Remembered, Taught
from stream.fold.scoring import AMOUNT, OWN, SLICE
from stream.joins.joiner import ARRIVED, BEHIND


def measure(evaluator: Evaluator, plan: Plan, remembered: Remembered) -> None:
    """Measure the lessons of a plan, and anew those whose label was corrected."""
    if plan.corrections.events:
        _in_turn(evaluator, plan, remembered)
    elif plan.lessons.events:
        evaluator.take(lessons_of(plan.lessons, remembered))


def _in_turn(evaluator: Evaluator, plan: Plan, remembered: Remembered) -> None:
    """Lessons and corrections in the order in which they came."""
    lessons, corrections = lessons_of(plan.lessons, remembered), plan.corrections
    events = np.array(corrections.events, dtype=np.int64)
    said = np.array([corrections.lessons, corrections.times], dtype=np.int64)
    numbers, known = remembered.taught(events, list(said))
    # As at first in all but the label, the time of the first one too.
    corrected = replace(lessons_of(corrections, remembered), known=known)
    begin = 0
    for at, upto in enumerate(plan.lessons_before):
        if upto > begin:
            evaluator.take(lessons.part(slice(begin, upto)))
        evaluator.correct(numbers[at : at + 1], corrected.part(slice(at, at + 1)))
        begin = upto
    if len(plan.lessons.events) > begin:
        evaluator.take(lessons.part(slice(begin, None)))


def lessons_of(taught: Taught, remembered: Remembered) -> Lessons:
    """The lessons with all that is measured of them."""
    layout = remembered.arrived_layout
    block = remembered.of(np.array(taught.events, dtype=np.int64))
    floats = dict(zip(layout.floats, block.floats, strict=True))
    amounts = np.ones(len(taught.events))
    for name in [name for name in floats if name.startswith(AMOUNT)]:
        amounts = floats.pop(name)
    sliced = [at for at, name in enumerate(layout.integers) if name.startswith(SLICE)]
    return Lessons(
        # A shadow's column goes by more than its name.
        scores={n.partition(" ")[0]: of for n, of in floats.items() if not n.endswith(OWN)},
        positive=np.array(taught.labels, dtype=np.int64) == 1,
        behind=block.integers[layout.integers.index(BEHIND)],
        arrived=block.integers[layout.integers.index(ARRIVED)],
        known=np.array(taught.times, dtype=np.int64),
        slices=block.integers[sliced],
        amounts=amounts,
    )
