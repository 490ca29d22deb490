"""What to do with each row of some records: which lines to score and learn, in which order.

The first half of the fold. It asks the :class:`~stream.joiner.Joiner` about every row that has an
id and writes down the lines for the learner; no score is known yet, and none is needed, for joins
go by ids and times alone. :mod:`stream.pipeline` lets the learner work through the plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from converters.cells import Refusal
from converters.vw_text import unlabelled
from stream.joiner import Joiner, Waiting
from stream.reading import EventRows, LabelRows, Taken

# What precedes the text of a lesson, by label.
LESSON = ("-1 ", "1 ")

# A row's score still to come: its number in the record, its id, its line, the lessons before it.
Scored = tuple[int, str, int, int]
Refused = tuple[int, Refusal]


@dataclass
class Counts:
    """Event rows, cumulative over the lineage.

    ``events = learned + waiting + expired + scored_only + rejected + duplicates``.
    """

    events: int = 0
    learned: int = 0
    expired: int = 0
    scored_only: int = 0
    rejected: int = 0
    duplicates: int = 0


@dataclass
class Plan:
    """The lines of some records in order, and what becomes of their scores.

    Attributes:
        lines: for the learner; a labelled one is a lesson.
        arrivals: places of the lines that are scored for the first time.
        remembered: events that wait, with the place of the line whose score is theirs.
        lessons: for each lesson, the place of its own line, or the event that waited.
        labels: for each lesson, its label.
        scored: for each record, its rows that get a score.
        refused: for each record, its rows that are dead letters.
    """

    lines: list[str] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)
    remembered: list[tuple[Waiting, int]] = field(default_factory=list)
    lessons: list[int | Waiting] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    scored: list[tuple[Taken, list[Scored]]] = field(default_factory=list)
    refused: list[tuple[Taken, list[Refused]]] = field(default_factory=list)


@dataclass
class Planner:
    """Plans records in order; owns the joins and the counts."""

    joiner: Joiner
    negative_when_expired: bool = False
    counts: Counts = field(default_factory=Counts)

    def add(self, record: Taken, plan: Plan) -> None:
        """Plan the rows of one more record."""
        refused: list[Refused] = []
        if isinstance(record, EventRows):
            self._events(record, plan, refused)
            self.counts.events += len(record.rows)
            self.counts.rejected += len(refused)
        else:
            self._labels(record, plan, refused)
        if refused:
            plan.refused.append((record, refused))

    def _events(self, record: EventRows, plan: Plan, refused: list[Refused]) -> None:
        """The hot loop of the fold."""
        counts, joiner, lines = self.counts, self.joiner, plan.lines
        scored: list[Scored] = []
        advanced = False
        row: Any  # a Row or a Refusal: told apart by class, 3x as fast as isinstance
        for number, row in enumerate(record.rows):
            if row.__class__ is Refusal:
                refused.append((number, row))
                continue
            if not advanced:
                advanced = True
                self._let_go(joiner.advance(record.time, to_events=True), plan)
            id_, label, text = row
            if id_:
                label = joiner.look_up(id_, label)
                if label.__class__ is str:
                    self._not_taken(label, number, refused)
                    continue
            here = len(lines)
            scored.append((number, id_, here, counts.learned))
            plan.arrivals.append(here)
            if label is None:
                lines.append(unlabelled(text))
                self._wait(id_, text, plan)
                continue
            lines.append(LESSON[label] + text)
            plan.lessons.append(here)
            plan.labels.append(label)
            counts.learned += 1
            if id_:
                joiner.resolve(id_, label)
        if scored:
            plan.scored.append((record, scored))

    def _not_taken(self, why: str, number: int, refused: list[Refused]) -> None:
        if why == "duplicate":
            self.counts.duplicates += 1
        else:
            refused.append((number, Refusal(why, "", "")))

    def _wait(self, id_: str, text: str, plan: Plan) -> None:
        """An event without a label waits if it has an id; the line it was just given is its own."""
        if not id_:
            self.counts.scored_only += 1
            return
        event = Waiting(text, self.joiner.stream_time, self.counts.learned)
        plan.remembered.append((event, len(plan.lines) - 1))
        if overflow := self.joiner.remember(id_, event):
            self._let_go(overflow, plan)

    def _labels(self, record: LabelRows, plan: Plan, refused: list[Refused]) -> None:
        advanced = False
        for number, row in enumerate(record.rows):
            if isinstance(row, Refusal):
                self.joiner.refuse_label()
                refused.append((number, row))
                continue
            if not advanced:
                advanced = True
                self._let_go(self.joiner.advance(record.time, to_events=False), plan)
            id_, label = row
            found = self.joiner.take_label(id_, label)
            if isinstance(found, str):
                refused.append((number, Refusal(found, "label", str(label))))
            elif found is not None:
                self._teach(found, label, plan)

    def _let_go(self, events: Iterable[Waiting], plan: Plan) -> None:
        """Events whose label has not come in time."""
        for event in events:
            if self.negative_when_expired:
                self._teach(event, 0, plan)
            else:
                self.counts.expired += 1

    def _teach(self, event: Waiting, label: int, plan: Plan) -> None:
        plan.lines.append(LESSON[label] + event.text)
        plan.lessons.append(event)
        plan.labels.append(label)
        self.counts.learned += 1
