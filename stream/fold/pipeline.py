"""The fold: batches in; scores, lessons and dead letters out. No I/O, no clock, no chance.

Stands in the middle of the stream floor: :mod:`stream.reading.batches` hands it batches, it has
each planned (:mod:`stream.fold.planner`), lets the learner and its shadows work through the plan's
lines in one go (:mod:`stream.fold.scoring`), measures, and returns what is to be written.

How the log was cut into batches changes nothing, for every step is in the order of the records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from converters.cells.refusal import Refusal
from converters.convert.to_vw_text import unlabelled
from learners.evaluation import Evaluator
from learners.learner import Learner
from stream.fold.lessons import measure
from stream.fold.outputs import csv_field, dead_letter_records, score_records, score_texts
from stream.fold.plan import Plan, plan_for
from stream.fold.planner import Counts, Planner
from stream.fold.scoring import STATIC, Scoring
from stream.joins.joiner import Joiner
from stream.joins.saved import SavedJoins
from stream.log.contract import Outgoing, Place
from stream.log.fingerprint import Mark
from stream.reading.batches import Batch, Taken

# How many recent rows a snapshot keeps with their scores, for others to reproduce.
SAMPLE_ROWS = 16
# Rows with megabytes in a cell would make manifests that nobody can read.
SAMPLE_LENGTH = 4_096


@dataclass
class Written:
    """What a batch gives to write."""

    scores: list[Outgoing] = field(default_factory=list)
    dead_letters: list[Outgoing] = field(default_factory=list)


@dataclass
class Pipeline:
    """Owns the planner with its joins, the learners, and the measures of one lineage.

    Attributes:
        static_after: stream time (ms) from which the copy that stops learning is taken; None for
            never.
        lineage: number written beside each score.
        output_before: next offset of each partition whose records an earlier lineage has output.
        batches: batches taken, the number of the journal's line for the last one.
        marks: the last record taken of each partition.
    """

    scoring: Scoring
    planner: Planner
    evaluator: Evaluator
    saved_joins: SavedJoins
    lineage: int
    static_after: int | None = None
    output_before: Mapping[Place, int] = field(default_factory=dict)
    batches: int = 0
    marks: dict[Place, Mark] = field(default_factory=dict)
    sample: deque[str] = field(default_factory=lambda: deque(maxlen=SAMPLE_ROWS))

    @property
    def learner(self) -> Learner:
        """The learner that is served."""
        return self.scoring.learner

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
        plan = plan_for(self.joiner)
        for record in batch.records:
            if self._freezes(record):
                self._carry_out(plan, written, write=write)
                self._freeze()
                plan = plan_for(self.joiner)
            self.planner.add(record, plan)
        self._carry_out(plan, written, write=write)
        return written

    def close(self) -> None:
        """Free the learners."""
        self.scoring.close()

    def _carry_out(self, plan: Plan, written: Written, *, write: bool) -> None:
        """Let the learners work through the plan, then measure and write."""
        scores, remembered = self.scoring.step(plan, self.joiner)
        measure(self.evaluator, plan, remembered)
        self.joiner.tidy()
        for text in plan.lines[-SAMPLE_ROWS:]:
            if len(text) <= SAMPLE_LENGTH:
                self.sample.append(unlabelled(text))
        if write:
            self._write(plan, scores, written)

    def _write(self, plan: Plan, scores: Sequence[float], written: Written) -> None:
        """One record of scores and one of dead letters for each input record not output before."""
        lineage, before = self.lineage, self.output_before
        shown = score_texts(scores)
        for record, rows in plan.scored:
            if record.offset >= before.get(record.place, 0):
                plain = "".join([row[1] for row in rows]).isalnum()
                lines = [
                    f"{n},{i if plain else csv_field(i)},{shown[at]},{lessons},{lineage}"
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
            and self.scoring.static is None
            and record.time >= self.static_after
            and any(not isinstance(row, Refusal) for row in record.rows)
        )

    def _freeze(self) -> None:
        """Take the copy; until now it was the learner itself, so it starts with its measures."""
        self.scoring.freeze(self.joiner)
        self.evaluator.fork(STATIC)
