"""The fold: batches in; scores, lessons and dead letters out. No I/O, no clock, no chance.

Stands in the middle of the stream floor: :mod:`stream.reading` hands it batches, it has each
planned (:mod:`stream.planning`), lets the learner work through the plan's lines in one go,
measures, and returns what is to be written.

How the log was cut into batches changes nothing, for every step is in the order of the records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from converters.cells import Refusal
from converters.vw_text import unlabelled
from learners.base import Learner
from learners.progressive import Progressive
from stream.fingerprint import Mark
from stream.joiner import Joiner
from stream.log import Outgoing, Place
from stream.outputs import csv_field, dead_letter_records, score_records, score_texts
from stream.planning import Counts, Plan, Planner
from stream.reading import Batch, Taken

# How many recent rows a snapshot keeps with their scores, for others to reproduce.
SAMPLE_ROWS = 16
# Rows with megabytes in a cell would make manifests that nobody can read.
SAMPLE_LENGTH = 4_096


@dataclass
class Static:
    """A copy of the learner that stopped learning, measured on the same events."""

    learner: Learner
    progressive: Progressive


@dataclass
class Written:
    """What a batch gives to write."""

    scores: list[Outgoing] = field(default_factory=list)
    dead_letters: list[Outgoing] = field(default_factory=list)


@dataclass
class Pipeline:
    """Owns the learner, the planner with its joins, and the measures of one lineage.

    Attributes:
        copy_learner: makes the copy that stops learning.
        static_after: stream time (ms) from which that copy is taken; None for never.
        lineage: number written beside each score.
        output_before: next offset of each partition whose records an earlier lineage has output.
        batches: batches taken, the number of the journal's line for the last one.
        marks: the last record taken of each partition.
    """

    learner: Learner
    planner: Planner
    progressive: Progressive
    lineage: int
    copy_learner: Callable[[Learner], Learner]
    static_after: int | None = None
    output_before: Mapping[Place, int] = field(default_factory=dict)
    batches: int = 0
    marks: dict[Place, Mark] = field(default_factory=dict)
    static: Static | None = None
    sample: deque[str] = field(default_factory=lambda: deque(maxlen=SAMPLE_ROWS))

    @property
    def joiner(self) -> Joiner:
        """Who waits, and whose label is known."""
        return self.planner.joiner

    @property
    def counts(self) -> Counts:
        """Event rows so far."""
        return self.planner.counts

    def take(self, batch: Batch, *, write: bool = True) -> Written:
        """Score, join, measure and learn one batch.

        Args:
            batch: records in their order.
            write: whether anything is to be written; a replayed batch has been.
        """
        self.batches += 1
        self.marks.update(batch.marks)
        written = Written()
        plan = Plan()
        for record in batch.records:
            if self._freezes(record):
                self._carry_out(plan, written, write=write)
                plan = Plan()
                self._freeze()
            self.planner.add(record, plan)
        self._carry_out(plan, written, write=write)
        return written

    def close(self) -> None:
        """Free the learners."""
        self.learner.close()
        if self.static is not None:
            self.static.learner.close()

    def _carry_out(self, plan: Plan, written: Written, *, write: bool) -> None:
        """Let the learner work through the plan, then measure and write."""
        scores = self.learner.step(plan.lines)
        for event, at in plan.remembered:
            event.score = scores[at]
        self.progressive.take(
            [scores[of] if isinstance(of, int) else of.score for of in plan.lessons], plan.labels
        )
        if self.static is not None:
            self._measure_static(self.static, plan)
        for text in plan.lines[-SAMPLE_ROWS:]:
            if len(text) <= SAMPLE_LENGTH:
                self.sample.append(unlabelled(text))
        if write:
            self._write(plan, scores, written)

    def _write(self, plan: Plan, scores: list[float], written: Written) -> None:
        """One record of scores and one of dead letters for each input record not output before."""
        lineage, before = self.lineage, self.output_before
        shown = score_texts(scores)
        for record, rows in plan.scored:
            if record.offset >= before.get(record.place, 0):
                lines = [
                    f"{n},{csv_field(i)},{shown[at]},{lessons},{lineage}"
                    for n, i, at, lessons in rows
                ]
                written.scores.extend(score_records(record, lines))
        for record, refused in plan.refused:
            if record.offset >= before.get(record.place, 0):
                written.dead_letters.extend(dead_letter_records(record, refused))

    def _freezes(self, record: Taken) -> bool:
        """Whether the copy is to be taken just before this record."""
        return (
            self.static_after is not None
            and self.static is None
            and record.time >= self.static_after
            and any(not isinstance(row, Refusal) for row in record.rows)
        )

    def _freeze(self) -> None:
        """Take the copy; until now it was the learner itself, so it starts with its measures."""
        past = Progressive.from_state(self.progressive.window, self.progressive.state())
        self.static = Static(self.copy_learner(self.learner), past)
        for event in self.joiner.waiting.values():
            event.static = event.score

    def _measure_static(self, static: Static, plan: Plan) -> None:
        texts = [plan.lines[at] for at in plan.arrivals]
        given = static.learner.predict(list(map(unlabelled, texts)))
        scores = dict(zip(plan.arrivals, given, strict=True))
        for event, at in plan.remembered:
            event.static = scores[at]
        static.progressive.take(
            [scores[of] if isinstance(of, int) else of.static for of in plan.lessons], plan.labels
        )
