"""Joins events with their labels by id: who waits, who is known, who is too late.

Owned by the pipeline, which asks it about every row that has an id. All of it is a fold over the
log: *stream time* is the latest record time taken so far, and nothing here looks at a clock.

At one moment the order is labels, expiry, events: an event that has waited for exactly
``late_labels.wait`` still takes a label of that moment, and is gone for the events of it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from converters.settings import DuplicateSettings, LateLabelSettings

# What a resolved id is remembered with: its label, or that its label did not come in time.
EXPIRED = 2

# Ids this short are kept as they are; longer ones as a digest of this many bytes.
DIGEST_BYTES = 16


class Waiting:
    """An event that was scored and waits for its label.

    Attributes:
        text: its features.
        arrived: stream time at its arrival, ms.
        score: the score it was given at arrival; filled in when its batch has been scored.
        lessons: lessons behind that score.
        static: the frozen copy's score, if there is one.
    """

    __slots__ = ("arrived", "lessons", "score", "static", "text")

    def __init__(self, text: str, arrived: int, lessons: int, score: float = -1.0) -> None:
        self.text = text
        self.arrived = arrived
        self.lessons = lessons
        self.score = score
        self.static = -1.0


@dataclass
class LabelCounts:
    """What became of labels: ``labels`` is the sum of the others and of those waiting."""

    labels: int = 0
    labels_joined: int = 0
    labels_rejected: int = 0
    labels_duplicates: int = 0
    labels_late: int = 0
    labels_expired: int = 0


@dataclass
class Joiner:
    """Events that wait, labels that came first, and the ids resolved most recently."""

    late: LateLabelSettings
    duplicates: DuplicateSettings
    stream_time: int = 0
    waiting: OrderedDict[str, Waiting] = field(default_factory=OrderedDict)
    labels: OrderedDict[str, tuple[int, int]] = field(default_factory=OrderedDict)
    resolved: OrderedDict[str, int] = field(default_factory=OrderedDict)
    counts: LabelCounts = field(default_factory=LabelCounts)

    def __post_init__(self) -> None:
        """Settings as the hot loop wants them: a field of a settings object is slow to reach."""
        self._wait_ms = round(self.late.wait * 1000)
        self._max_waiting = self.late.max_waiting
        self._window = self.duplicates.window

    def advance(self, time: int, *, to_events: bool) -> list[Waiting]:
        """Move stream time to an accepted record's time, and let go of what has waited too long.

        Args:
            time: the record's time, ms; an older one moves nothing.
            to_events: whether the record holds events, before which those expire too whose time
                is up at this very moment.

        Returns:
            The events that expired, oldest first.
        """
        self.stream_time = max(self.stream_time, time)
        # Gone once stream time has passed arrival + wait or, before events, has reached it.
        newest = self.stream_time - self._wait_ms + (1 if to_events else 0)
        expired = []
        while self.waiting and next(iter(self.waiting.values())).arrived < newest:
            expired.append(self._expire_oldest())
        while self.labels and next(iter(self.labels.values()))[1] < newest:
            self.labels.popitem(last=False)
            self.counts.labels_expired += 1
        return expired

    def look_up(self, id_: str, label: int | None) -> int | str | None:
        """What is known of an event that has just come.

        Args:
            id_: its id.
            label: its own label, if it brought one.

        Returns:
            The label to learn; None if it has to wait; or the reason why it is not taken:
            ``duplicate`` or ``conflicting-label``.
        """
        key = id_ if len(id_) <= DIGEST_BYTES else _key(id_)
        if key in self.resolved or id_ in self.waiting:
            return "duplicate"
        early = self.labels.get(id_) if self.labels else None
        if early is None:
            return label
        return early[0] if label in (None, early[0]) else "conflicting-label"

    def resolve(self, id_: str, label: int) -> None:
        """An event has its label: from now on its id is a duplicate."""
        if self.labels and self.labels.pop(id_, None) is not None:
            self.counts.labels_joined += 1
        if self._window:
            self.resolved[id_ if len(id_) <= DIGEST_BYTES else _key(id_)] = label
            if len(self.resolved) > self._window:
                self.resolved.popitem(last=False)

    def remember(self, id_: str, event: Waiting) -> list[Waiting]:
        """Let an event wait; returns the oldest if it must go because too many do."""
        self.waiting[id_] = event
        if len(self.waiting) <= self._max_waiting:
            return []
        return [self._expire_oldest()]

    def take_label(self, id_: str, label: int) -> Waiting | str | None:
        """A label has come.

        Returns:
            The event it belongs to, which no longer waits; None if there is nothing to learn
            now; or the reason why the label is refused.
        """
        self.counts.labels += 1
        event = self.waiting.pop(id_, None)
        if event is not None:
            self.counts.labels_joined += 1
            self.resolve(id_, label)
            return event
        known = self.resolved.get(_key(id_))
        early = self.labels.get(id_)
        if known is None and early is None:
            self._keep_label(id_, label)
        elif known == EXPIRED:
            self.counts.labels_late += 1
        elif label == (known if early is None else early[0]):
            self.counts.labels_duplicates += 1
        else:
            self.counts.labels_rejected += 1
            return "conflicting-label"
        return None

    def refuse_label(self) -> None:
        """A label row that could not be read."""
        self.counts.labels += 1
        self.counts.labels_rejected += 1

    def _keep_label(self, id_: str, label: int) -> None:
        self.labels[id_] = (label, self.stream_time)
        if len(self.labels) > self._max_waiting:
            self.labels.popitem(last=False)
            self.counts.labels_expired += 1

    def _expire_oldest(self) -> Waiting:
        id_, event = self.waiting.popitem(last=False)
        self.resolve(id_, EXPIRED)
        return event

    def to_json(self) -> dict[str, Any]:
        """All state, in order; the inverse of :meth:`restore`."""
        return {
            "stream_time": self.stream_time,
            "waiting": [
                [i, e.text, e.arrived, e.lessons, e.score, e.static]
                for i, e in self.waiting.items()
            ],
            "labels": [[i, *held] for i, held in self.labels.items()],
            "resolved": [list(self.resolved), list(self.resolved.values())],
            "counts": vars(self.counts),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`to_json` gave."""
        self.stream_time = state["stream_time"]
        for id_, text, arrived, lessons, score, static in state["waiting"]:
            event = Waiting(text, arrived, lessons, score)
            event.static = static
            self.waiting[id_] = event
        self.labels.update((id_, (label, at)) for id_, label, at in state["labels"])
        self.resolved.update(zip(*state["resolved"], strict=True))
        self.counts = LabelCounts(**state["counts"])


def _key(id_: str) -> str:
    """An id as it is remembered: bounded, and never equal to another's.

    A digest is kept as a string, a character a byte, which JSON takes as it is; its leading NUL
    makes it longer than any id that is kept as itself.
    """
    if len(id_) <= DIGEST_BYTES:
        return id_
    digest = blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
    return "\0" + digest.decode("latin-1")
