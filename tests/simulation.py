"""The rules of meaning row by row, with plain lists and no batches: slow, and plainly right.

The fold is held to it by ``tests/test_pipeline.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from converters.cells import Refusal
from converters.settings import LateLabelSettings
from learners import choose
from learners.base import Learner, LearnerSpec
from stream.reading import EventRows, Taken

ARGS = (
    *("--loss_function", "logistic", "--link", "logistic", "--bit_precision", "10"),
    *("--save_resume", "--preserve_performance_counters", "--quiet"),
)
SPEC = LearnerSpec("vw", ARGS)
SECOND = 1000


@dataclass
class Simulation:
    """The rules of meaning row by row, with plain lists and no batches."""

    late: LateLabelSettings
    window: int
    learner: Learner = field(default_factory=lambda: choose.create(SPEC))
    now: int = 0
    waiting: list[tuple[str, str, int, float]] = field(default_factory=list)
    labels: list[tuple[str, int, int]] = field(default_factory=list)
    resolved: list[tuple[str, int]] = field(default_factory=list)
    scores: list[tuple[str, float, int]] = field(default_factory=list)
    measured: list[tuple[float, int]] = field(default_factory=list)
    refused: int = 0
    duplicates: int = 0
    expired: int = 0
    scored_only: int = 0

    def take(self, record: Taken) -> None:
        """One record."""
        events = isinstance(record, EventRows)
        if any(not isinstance(row, Refusal) for row in record.rows):
            self._advance(record.time, events)
        for row in record.rows:
            if isinstance(row, Refusal):
                self.refused += events
            elif isinstance(record, EventRows):
                self._event(*row)
            else:
                self._label(*row)

    def _advance(self, time: int, events: bool) -> None:
        self.now = max(self.now, time)
        wait = self.late.wait * SECOND
        while self.waiting and (
            self.waiting[0][2] + wait < self.now
            or (events and self.waiting[0][2] + wait == self.now)
        ):
            self._expire()
        self.labels = [
            held
            for held in self.labels
            if held[2] + wait > self.now or (held[2] + wait == self.now and not events)
        ]

    def _expire(self) -> None:
        id_, text, _, score = self.waiting.pop(0)
        if self.late.expired == "negative":
            self._learn(text, score, 0)
        else:
            self.expired += 1
        self._resolve(id_, 2)

    def _event(self, id_: str, label: int | None, text: str) -> None:
        if id_ and (id_ in [w[0] for w in self.waiting] or id_ in dict(self.resolved)):
            self.duplicates += 1
            return
        early = {name: code for name, code, _ in self.labels}.get(id_) if id_ else None
        if early is not None and label not in (None, early):
            self.refused += 1
            return
        label = early if label is None else label
        score = self.learner.predict([text])[0]
        self.scores.append((id_, score, len(self.measured)))
        if label is not None:
            self._learn(text, score, label)
            if id_:
                self.labels = [held for held in self.labels if held[0] != id_]
                self._resolve(id_, label)
        elif id_:
            self.waiting.append((id_, text, self.now, score))
            if len(self.waiting) > self.late.max_waiting:
                self._expire()
        else:
            self.scored_only += 1

    def _label(self, id_: str, label: int) -> None:
        for place, (name, text, _, score) in enumerate(self.waiting):
            if name == id_:
                del self.waiting[place]
                self._learn(text, score, label)
                self._resolve(id_, label)
                return
        if id_ not in dict(self.resolved) and id_ not in [held[0] for held in self.labels]:
            self.labels.append((id_, label, self.now))
            del self.labels[: -self.late.max_waiting]

    def _resolve(self, id_: str, label: int) -> None:
        self.resolved.append((id_, label))
        self.resolved = self.resolved[max(0, len(self.resolved) - self.window) :]

    def _learn(self, text: str, score: float, label: int) -> None:
        self.learner.step([f"{'1' if label else '-1'} {text}"])
        self.measured.append((score, label))
