"""The fold: batches in; scores, labelled examples and dead letters out. No clock, no randomness.

A :class:`Pipeline` holds the whole state of one lineage. For each batch it plans the rows
(:mod:`stream.fold.row_planner`), scores and trains on all planned lines
(:mod:`stream.fold.scoring`), measures, and returns what is to be written. The result does not
depend on the batch boundaries, since every step follows the order of the records.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from converters.cells.refusal import Refusal
from converters.cells.times import TimeReading
from converters.convert.cell_watch import CellCounts
from converters.convert.to_vw_text import unlabelled
from converters.schema.passthrough import passthrough_of
from learners import choose
from learners.calibration.adjustment import Adjuster
from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import PINNED, SERVED, Lessons, Measuring
from learners.evaluation.served_lag import ServedLag
from learners.explain.feature_names import MetFeatures
from learners.explain.kept_rows import KeptRows
from learners.learner import Learner
from learners.metrics.arrays import FloatArray, IntArray
from learners.registry.requests.offset_ranges import OffsetRanges
from stream.fold.outputs import (
    ScoreRecords,
    dead_letter_records,
    json_score_records,
    score_records,
)
from stream.fold.plan import Labelled, Origin, Plan, Remembered, Teaching, plan_for, values
from stream.fold.row_planner import Counts, Planner
from stream.fold.run_planner import plan_records
from stream.fold.scoring import AGE, AMOUNT, CONTROL_CELL, LAG, OWN, SLICE, STATIC, Scoring
from stream.fold.shadows import new_shadow
from stream.fold.slices import Slices
from stream.joins.joiner import ARRIVED, BEHIND, Joiner
from stream.joins.persistence import SavedJoins
from stream.log.batch import Batch
from stream.log.contract import Outgoing, Place
from stream.log.fingerprint import Mark
from stream.resolved_config import ResolvedConfig
from stream.stages import MEASURE, PLAN, WRITE, stage

# How many recent rows a snapshot keeps with their scores, for others to reproduce.
SAMPLE_ROWS = 16
# Rows with megabytes in a cell would make manifests unreadable.
SAMPLE_LENGTH = 4_096


@dataclass
class Written:
    """The outputs of a batch."""

    scores: list[Outgoing] = field(default_factory=list)
    dead_letters: list[Outgoing] = field(default_factory=list)


@dataclass
class Pipeline:
    """Owns the planner with its joins, the learners, and the measures of one lineage.

    Attributes:
        static_after: stream time (ms) from which the frozen copy is taken; None for never.
        lineage: number written with each score.
        score_records: the form of the scores.
        output_before: next offset of each partition whose records an earlier lineage has output.
        gaps: records before those that none of them has.
        batches: batches taken, the number of the journal's line for the last one.
        marks: the last record taken of each partition.
        cells: how many cells of the accepted event rows were absent or unseen.
        kept: typical rows, which a snapshot keeps.
        served_lag: of the events that are measured with the score that a caller was given.
        ignored: how many records said what callers were given and are not believed, by why.
        features: the names of features that were met.
    """

    scoring: Scoring
    planner: Planner
    evaluator: Evaluator
    saved_joins: SavedJoins
    lineage: int
    score_records: ScoreRecords = score_records
    static_after: int | None = None
    output_before: Mapping[Place, int] = field(default_factory=dict)
    gaps: OffsetRanges = field(default_factory=OffsetRanges)
    batches: int = 0
    marks: dict[Place, Mark] = field(default_factory=dict)
    cells: CellCounts = field(default_factory=CellCounts)
    served_lag: ServedLag = field(default_factory=ServedLag)
    ignored: Counter[str] = field(default_factory=Counter)
    sample: deque[str] = field(default_factory=lambda: deque(maxlen=SAMPLE_ROWS))
    kept: KeptRows = field(default_factory=lambda: KeptRows(0))
    features: MetFeatures = field(default_factory=MetFeatures)

    @property
    def learner(self) -> Learner:
        """The served learner."""
        return self.scoring.learner

    @property
    def joiner(self) -> Joiner:
        """The waiting events and the known labels."""
        return self.planner.joiner

    @property
    def counts(self) -> Counts:
        """Event rows so far."""
        return self.planner.counts

    def take(self, batch: Batch, *, write: bool = True) -> Written:
        """Score, join, measure and learn one batch.

        Args:
            batch: records in their order.
            write: whether to make outputs; those of a replayed batch exist already.
        """
        self.batches += 1
        self.marks.update(batch.marks)
        self.cells.add(batch.cells)
        self.ignored.update(batch.ignored)
        self.features.add(batch.features)
        self._pin(batch.pinned)
        if batch.events.served and not self.scoring.remembers:
            self.scoring.remember(self.joiner)
        written = Written()
        with stage(PLAN):
            plan, begin, after = plan_for(self.joiner, self.counts.scored), 0, -1
            freezing = self._freezing(batch)
            if freezing is not None:
                self._plan(batch, range(freezing), plan)
                self._carry_out(plan, written, write=write)
                self._freeze(batch.records[freezing].time)
                plan, begin, after = plan_for(self.joiner, self.counts.scored), freezing, freezing
            self._plan(batch, range(begin, len(batch.records)), plan, after)
            self._carry_out(plan, written, write=write)
        return written

    def _plan(self, batch: Batch, records: range, plan: Plan, after: int = -1) -> None:
        """Plan some records, and each of what is left out in its place.

        Args:
            batch: has them.
            records: their numbers.
            plan: gets what is to be done.
            after: what is left out before this record, or just before it, is planned already.
        """
        begin = records.start
        for each in batch.left_out:
            if after < each.before <= records.stop:
                plan_records(self.planner, batch, range(begin, each.before), plan)
                self.planner.leave_out(each)
                begin = each.before
        plan_records(self.planner, batch, range(begin, records.stop), plan)

    def close(self) -> None:
        """Free the learners."""
        self.scoring.close()

    def _carry_out(self, plan: Plan, written: Written, *, write: bool) -> None:
        """Score and train on the plan's lines, then measure and write."""
        with stage(MEASURE):
            scores, remembered = self.scoring.step(plan, self.joiner)
            measure(self.evaluator, plan, remembered, served=self.served_lag.count > 0)
            if self.scoring.remembers and plan.lessons:
                self.served_lag.add(*lags_of(plan.lessons, remembered))
        self.joiner.tidy()
        for text in plan.lines.last(SAMPLE_ROWS):
            if len(text) <= SAMPLE_LENGTH:
                self.sample.append(unlabelled(text))
        places, lines = values(plan.arrivals.lines), plan.lines
        self.kept.see(plan.scored_before, places.size, lambda found: lines.at(places[found]))
        if write:
            with stage(WRITE):
                self._write(plan, scores, written)

    def _write(self, plan: Plan, scores: FloatArray, written: Written) -> None:
        """Scores and dead letters of each input record that was not output before."""
        scored = plan.scored
        if self.output_before:
            scored = [of for of in scored if self._is_due(of[0])]
        written.scores += self.score_records(scored, plan.arrivals, scores, self.lineage)
        for record, refused in plan.refused:
            if self._is_due(record):
                written.dead_letters.extend(dead_letter_records(record, refused))

    def _is_due(self, record: Origin) -> bool:
        """Whether what comes of a record was not output before."""
        place, offset = record.place, record.offset
        return offset >= self.output_before.get(place, 0) or self.gaps.holds(place, offset)

    def _pin(self, version: int | None) -> None:
        """Begin the contender of what is pinned anew where that has moved."""
        known = self.scoring.pinned
        if version != (None if known is None else known.version):
            self.scoring.pin(version, self.counts.events, self.joiner)
            self.evaluator.drop(PINNED)

    def _freezing(self, batch: Batch) -> int | None:
        """The record just before which the frozen copy is to be taken, if it is in the batch."""
        since = self.static_after
        if since is None or self.scoring.static is not None:
            return None
        for at, head in enumerate(batch.records):
            if head.time >= since and any(r.__class__ is not Refusal for r in batch.taken(at).rows):
                return at
        return None

    def _freeze(self, since: int) -> None:
        """Take the frozen copy; it starts with the learner's measures up to now."""
        self.scoring.freeze(self.joiner, since)
        self.evaluator.fork(STATIC)


def new_pipeline(context: ResolvedConfig, lineage: int) -> Pipeline:
    """A pipeline that has seen nothing."""
    settings, late = context.settings, context.settings.late_labels
    specs = choose.shadow_specs(settings, context.schema)
    passthrough = passthrough_of(settings, context.schema)
    scoring = Scoring(
        choose.create(context.spec),
        Adjuster(settings.imbalance, settings.calibration),
        Slices(passthrough, settings.evaluation.slice_values),
        [new_shadow(shadow, specs[shadow.name], settings) for shadow in settings.shadow],
    )
    joiner = Joiner(late, settings.duplicates, scoring.layout())
    static_after = settings.evaluation.static_after
    reading = TimeReading(converter=context.schema.converter)
    return Pipeline(
        scoring,
        Planner(joiner, late.expired == "negative", Teaching.by(settings.imbalance)),
        Evaluator(Measuring.by(settings, passthrough.slices)),
        SavedJoins(joiner, late.memory),
        lineage,
        json_score_records if settings.topics.scores_format == "json" else score_records,
        static_after=None if static_after is None else reading.time_ms(static_after),
        kept=KeptRows(settings.explain.kept_rows),
        features=MetFeatures(settings.explain.feature_names),
    )


def measure(evaluator: Evaluator, plan: Plan, remembered: Remembered, *, served: bool) -> None:
    """Measure the labelled examples of a plan, and again those whose label was corrected.

    Args:
        evaluator: measures them.
        plan: has them.
        remembered: their numbers.
        served: whether an example before had the score that a caller was given.
    """
    if plan.corrections:
        _in_turn(evaluator, plan, remembered, served=served)
    elif plan.lessons:
        evaluator.take(_measurable(lessons_of(plan.lessons, remembered), served=served))


def _measurable(lessons: Lessons, *, served: bool) -> Lessons:
    """Examples without the scores that callers were given, until one of them has one.

    The column of remembered events begins with a batch; the contender, with an example.
    """
    given = lessons.scores.get(SERVED)
    if served or given is None or not np.isnan(given).all():
        return lessons
    scores = {name: of for name, of in lessons.scores.items() if name != SERVED}
    return replace(lessons, scores=scores)


def _in_turn(evaluator: Evaluator, plan: Plan, remembered: Remembered, *, served: bool) -> None:
    """Labelled examples and corrections in the order in which they came."""
    lessons, corrections = lessons_of(plan.lessons, remembered), plan.corrections
    said = [values(corrections.lessons), values(corrections.times)]
    numbers, known = remembered.taught(values(corrections.events), said)
    # As at first except for the label; the time is that of the first label.
    corrected = replace(lessons_of(corrections, remembered), known=known)
    begin = 0
    for at, upto in enumerate([*plan.lessons_before, len(plan.lessons)]):
        if upto > begin:
            part = _measurable(lessons.part(slice(begin, upto)), served=served)
            served |= SERVED in part.scores
            evaluator.take(part)
            begin = upto
        if at < len(corrections):
            again = _measurable(corrected.part(slice(at, at + 1)), served=served)
            evaluator.correct(numbers[at : at + 1], again)


def lessons_of(taught: Labelled, remembered: Remembered) -> Lessons:
    """The labelled examples with everything needed to measure them."""
    layout = remembered.arrived_layout
    block = remembered.of(values(taught.events))
    floats = dict(zip(layout.floats, block.floats, strict=True))
    floats.pop(CONTROL_CELL, None)
    amounts = np.ones(len(taught))
    for name in [name for name in floats if name.startswith(AMOUNT)]:
        amounts = floats.pop(name)
    sliced = [at for at, name in enumerate(layout.integers) if name.startswith(SLICE)]
    return Lessons(
        # The columns of shadows and of what is pinned have more than their names.
        scores={n.partition(" ")[0]: of for n, of in floats.items() if not n.endswith(OWN)},
        positive=values(taught.labels) == 1,
        behind=block.integers[layout.integers.index(BEHIND)],
        arrived=block.integers[layout.integers.index(ARRIVED)],
        known=values(taught.times),
        slices=block.integers[sliced],
        amounts=amounts,
    )


def lags_of(taught: Labelled, remembered: Remembered) -> tuple[IntArray, IntArray]:
    """Lag in examples and age in ms of the scores that callers were given, where they were."""
    layout, block = remembered.arrived_layout, remembered.of(values(taught.events))
    given = ~np.isnan(block.floats[layout.floats.index(SERVED)])
    lags, ages = (block.integers[layout.integers.index(name), given] for name in (LAG, AGE))
    return lags, ages
