"""The rules of meaning row by row, with plain lists and no batches: slow, and plainly right.

The fold is held to it by ``tests/stream/fold/test_pipeline.py`` and
``tests/stream/fold/test_restarts.py``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from converters.cells.refusal import Refusal
from converters.config.learning_settings import LateLabelSettings
from learners import choose
from learners.learner import Learner, LearnerSpec
from stream.log.batch import EventRows, LeftOut, Taken

ARGS = (
    *("--loss_function", "logistic", "--link", "logistic", "--bit_precision", "10"),
    *("--save_resume", "--preserve_performance_counters", "--quiet"),
)
SPEC = LearnerSpec("vw", ARGS)
SECOND = 1000
EXPIRED = 2


@dataclass
class Event:
    """One that was scored; its label once it has one, and the number of its lesson.

    Attributes:
        others: by name, what else was computed of it when it came.
    """

    id: str
    text: str
    at: int
    score: float = 0.0
    label: int | None = None
    lesson: int = -1
    others: dict[str, float] = field(default_factory=dict)


@dataclass
class Simulation:
    """The rules of meaning row by row.

    Attributes:
        scores: id, score and lessons behind it, of every row that was scored.
        measured: score and label of each lesson; a corrected label takes the place of the first.
        left_out: ids of events in quarantine, and the stream time at which each was read.
        unlabelled: the same of ids whose label is in quarantine.
    """

    late: LateLabelSettings
    window: int
    learner: Learner = field(default_factory=lambda: choose.create(SPEC))
    now: int = 0
    waiting: list[Event] = field(default_factory=list)
    taught: list[Event] = field(default_factory=list)
    labels: list[tuple[str, int, int]] = field(default_factory=list)
    resolved: list[tuple[str, int]] = field(default_factory=list)
    scores: list[tuple[str, float, int]] = field(default_factory=list)
    measured: list[tuple[float, int]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    left_out: list[tuple[str, int]] = field(default_factory=list)
    unlabelled: list[tuple[str, int]] = field(default_factory=list)

    def take(self, record: Taken | LeftOut) -> None:
        """One record, perhaps in quarantine."""
        if isinstance(record, LeftOut):
            self._leave_out(record)
            return
        events = isinstance(record, EventRows)
        if any(not isinstance(row, Refusal) for row in record.rows):
            self._advance(record.time, events)
        for row in record.rows:
            self.counts["events" if events else "labels"] += 1
            if isinstance(row, Refusal):
                self.counts["rejected" if events else "labels_rejected"] += 1
            elif isinstance(record, EventRows):
                self._event(*row)
            else:
                self._label(*row)

    def _leave_out(self, record: LeftOut) -> None:
        """It is counted, moves no time, and only its ids are known from now on."""
        self.counts["labels" if record.labels else "events"] += record.rows
        self.counts["labels_quarantined" if record.labels else "quarantined"] += record.rows
        for id_ in record.ids:
            if record.labels:
                self.unlabelled = self._with(self.unlabelled, id_, record.time)
                continue
            if id_ in [e.id for e in (*self.waiting, *self.taught)] or id_ in dict(self.resolved):
                continue  # it would have been a duplicate
            kept = [held for held in self.labels if held[0] != id_]
            self.counts["labels_quarantined"] += len(self.labels) - len(kept)
            self.labels = kept
            self.left_out = self._with(self.left_out, id_, record.time)

    def _with(self, known: list[tuple[str, int]], id_: str, time: int) -> list[tuple[str, int]]:
        """An id too, from when it would have come."""
        now = max([self.now, time, *(at for _, at in known)])
        others = [held for held in known if held[0] != id_]
        return [*others, (id_, now)][-self.late.max_waiting :]

    def _holds(self, known: list[tuple[str, int]], id_: str, time: int) -> bool:
        """Whether an id is known, and was read no longer before than an event waits."""
        return any(held == id_ and time - at <= self.late.wait * SECOND for held, at in known)

    def _advance(self, time: int, events: bool) -> None:
        self.now = max(self.now, time)
        wait = self.late.label_wait or self.late.wait
        gone = [held for held in self.labels if self._over(held[2], events, wait)]
        self.counts["labels_expired"] += len(gone)
        self.labels = [held for held in self.labels if held not in gone]
        wait = self.late.wait
        self.taught = [event for event in self.taught if not self._over(event.at, events, wait)]
        while self.waiting and self._over(self.waiting[0].at, events, wait):
            self._expire()

    def _over(self, since: int, events: bool, wait: float) -> bool:
        """Whether the wait is over: labels of the very moment are still in time."""
        end = since + wait * SECOND
        return end < self.now or (events and end == self.now)

    def _expire(self) -> None:
        event = self.waiting.pop(0)
        self._resolve(event.id, EXPIRED)
        if self.late.expired == "negative" and not self._holds(self.unlabelled, event.id, event.at):
            self._learn(event, 0)
        else:
            self.counts["expired"] += 1

    def _event(self, id_: str, label: int | None, text: str) -> None:
        known = [e.id for e in (*self.waiting, *self.taught)]
        if id_ and (id_ in known or id_ in dict(self.resolved)):
            self.counts["duplicates"] += 1
            return
        early = {name: code for name, code, _ in self.labels}.get(id_) if id_ else None
        if early is not None and label not in (None, early):
            self.counts["rejected"] += 1
            return
        label = early if label is None else label
        event = Event(id_, text, self.now)
        event.score = self._scored(event, label)
        self.scores.append((id_, event.score, len(self.measured)))
        if label is not None:
            if early is not None:
                self.counts["labels_joined"] += 1
                self.labels = [held for held in self.labels if held[0] != id_]
            if id_:
                self._resolve(id_, label)
            self._learn(event, label)
        elif id_:
            self.waiting.append(event)
            if len(self.waiting) > self.late.max_waiting:
                self.counts["crowded_out"] += 1
                self._expire()
        else:
            self.counts["scored_only"] += 1

    def _label(self, id_: str, label: int) -> None:
        for event in self.waiting:
            if event.id == id_:
                self.waiting.remove(event)
                self.counts["labels_joined"] += 1
                self._resolve(id_, label)
                self._learn(event, label)
                return
        for event in self.taught:
            if event.id == id_:
                self._again(event, label)
                return
        self._without_event(id_, label)

    def _again(self, event: Event, label: int) -> None:
        if event.label == label:
            expired = dict(self.resolved).get(event.id) == EXPIRED
            self.counts["labels_late" if expired else "labels_duplicates"] += 1
            return
        self.counts["labels_corrected"] += 1
        self.taught.remove(event)
        self._teach(event, label)
        self.measured[event.lesson] = (event.score, label)
        if event.id in dict(self.resolved):
            self.resolved = [held for held in self.resolved if held[0] != event.id]
            self._resolve(event.id, label)
        self._keep(event, label)

    def _without_event(self, id_: str, label: int) -> None:
        known = dict(self.resolved).get(id_)
        early = {name: code for name, code, _ in self.labels}.get(id_)
        if known is None and early is None and self._holds(self.left_out, id_, self.now):
            self.counts["labels_quarantined"] += 1
        elif known is None and early is None:
            self.labels.append((id_, label, self.now))
            while len(self.labels) > min(self.late.max_waiting, self.late.max_labels):
                self.labels.pop(0)
                self.counts["labels_expired"] += 1
                self.counts["crowded_out_labels"] += 1
        elif known == EXPIRED:
            self.counts["labels_late"] += 1
        elif label == (known if early is None else early):
            self.counts["labels_duplicates"] += 1
        else:
            self.counts["labels_rejected"] += 1

    def _resolve(self, id_: str, label: int) -> None:
        self.resolved.append((id_, label))
        self.resolved = self.resolved[max(0, len(self.resolved) - self.window) :]

    def _scored(self, event: Event, _label: int | None) -> float:
        """The score of one that has come, with its label if that is known."""
        return self.learner.predict([event.text])[0]

    def _teach(self, event: Event, label: int) -> None:
        """Learn it, perhaps again, since its label was corrected."""
        self.learner.step([f"{'1' if label else '-1'} {event.text}"])

    def _learn(self, event: Event, label: int) -> None:
        self._teach(event, label)
        event.lesson = len(self.measured)
        self.measured.append((event.score, label))
        self.counts["learned"] += 1
        if self.late.allow_corrections and event.id:
            self._keep(event, label)

    def _keep(self, event: Event, label: int) -> None:
        event.at, event.label = self.now, label
        self.taught.append(event)
        self.taught = self.taught[-self.late.max_waiting :]
