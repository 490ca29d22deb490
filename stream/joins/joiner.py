"""Joins events with their labels by id: which events wait, which ids are known, what is too late.

The planner asks it about every row that has an id. It is a fold over the log: *stream time* is
the latest record time taken so far, the watermark; nothing here reads a clock.

Within one millisecond the order is labels, expiry, events: an event that has waited for exactly
``late_labels.wait`` still takes a label of that time, and has expired for events of that time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b

import numpy as np

from converters.config.learning_settings import DuplicateSettings, LateLabelSettings
from learners.metrics.arrays import IntArray
from stream.joins.column_store import Layout
from stream.joins.id_window import IdWindow
from stream.joins.queue import CODE_BITS, KeyedQueue
from stream.joins.segments import SLOT

# The code of a resolved id is its label, or this if its label did not come in time.
EXPIRED = 2

# The integer columns of a remembered event: examples trained on before its score, and stream time
# at its arrival; once it is trained on, its example's number, and when its first label came.
BEHIND, ARRIVED = "behind", "arrived"
TAUGHT = LESSON, KNOWN = "lesson", "known"


class Source(IntEnum):
    """Where the numbers of an event are stored; the low bits of a reference to it."""

    ARRIVED = 0  # among the arrivals of the current plan
    WAITING = 1
    TAUGHT = 2


SOURCE_BITS = 2
SOURCE_MASK = (1 << SOURCE_BITS) - 1


@dataclass
class LabelCounts:
    """The outcomes of labels: ``labels`` is the sum of the others and of those waiting."""

    labels: int = 0
    labels_joined: int = 0
    labels_rejected: int = 0
    labels_duplicates: int = 0
    labels_late: int = 0
    labels_expired: int = 0
    labels_corrected: int = 0
    labels_quarantined: int = 0


class Joiner:
    """Which events and ids are remembered, and for how long.

    Attributes:
        stream_time: the latest record time taken, ms.
        wait_ms: how long an event waits for its label.
        waiting: events that wait for their label, with their text and scores.
        taught: events that have one, as long as it may be corrected; empty unless corrections are
            allowed. Their code is the label.
        labels: labels that came before their event; their code is the label.
        most_labels: how many of these there are at most.
        crowded_out_labels: labels among the expired that were evicted because too many waited.
        resolved: the ids resolved most recently; their code is the label or :data:`EXPIRED`. It
            knows those that wait, too.
        left_out: ids of events in quarantine: their labels are left out too.
        unlabelled: ids whose label is in quarantine: they are never learned as negative.
        queues: all of these, by name.
    """

    def __init__(
        self, late: LateLabelSettings, duplicates: DuplicateSettings, layout: Layout | None = None
    ) -> None:
        self.stream_time = 0
        self.waiting = KeyedQueue(texts=True)
        self.taught = KeyedQueue(texts=True)
        self.change_layout(layout or Layout())
        self.labels = KeyedQueue(Layout((), (SLOT,)))
        self.resolved = IdWindow(Layout((), (SLOT,)), self.waiting)
        self.left_out = KeyedQueue(Layout((), (SLOT,)))
        self.unlabelled = KeyedQueue(Layout((), (SLOT,)))
        self.queues: dict[str, KeyedQueue] = {
            "waiting": self.waiting,
            "taught": self.taught,
            "labels": self.labels,
            "resolved": self.resolved,
            "left_out": self.left_out,
            "unlabelled": self.unlabelled,
        }
        self.counts = LabelCounts()
        self.crowded_out_labels = 0
        self.corrections = late.allow_corrections
        # Copied for the hot loop: a field of a settings object is slow to access.
        self.wait_ms = round(late.wait * 1000)
        self.label_wait_ms = round((late.label_wait or late.wait) * 1000)
        self._most = late.max_waiting
        self.most_labels = late.label_bound
        self._window = duplicates.window

    def layout(self) -> Layout:
        """The columns of an event's numbers."""
        return self.waiting.columns.layout

    def change_layout(self, layout: Layout) -> None:
        """Change the columns of events; those of the same name keep their values."""
        # The slot comes first, for the segments; then those of every event; then the caller's.
        integers = (SLOT, BEHIND, ARRIVED, *layout.integers)
        self.waiting.columns.change(Layout(layout.floats, integers, layout.alike))
        self.taught.columns.change(Layout(layout.floats, (*integers, *TAUGHT), layout.alike))

    def advance(self, time: int, *, to_events: bool) -> list[tuple[str, int]]:
        """Move stream time to an accepted record's time, and expire what has waited too long.

        Args:
            time: the record's time, ms; an older one changes nothing.
            to_events: whether the record holds events; if so, events whose time is up exactly
                now expire too.

        Returns:
            Key and number of each event whose label has not come in time, oldest first.
        """
        self.stream_time = max(self.stream_time, time)
        # Expired once stream time has passed arrival + wait or, before events, has reached it.
        now = self.stream_time + (1 if to_events else 0)
        newest, newest_label = now - self.wait_ms, now - self.label_wait_ms
        while self.labels.numbers and _before(self.labels, newest_label):
            self.labels.take_oldest()
            self.counts.labels_expired += 1
        while self.taught.numbers and _before(self.taught, newest):
            self.taught.take_oldest()
        expired = []
        while self.waiting.numbers and _before(self.waiting, newest):
            expired.append(self._expire_oldest())
        return expired

    def look_up(self, key: str, label: int | None) -> int | str | None:
        """What is known of an event that has just arrived.

        Args:
            key: its id, as :func:`key_of` gives it.
            label: its own label, if it brought one.

        Returns:
            The label to learn; None if it has to wait; or the reason why it is not taken:
            ``duplicate`` or ``conflicting-label``.
        """
        if key in self.resolved.known or key in self.taught.numbers:
            return "duplicate"
        early = self.labels.code(key) if self.labels.numbers else None
        if early is None:
            return label
        return early if label in (None, early) else "conflicting-label"

    def resolve(self, key: str, label: int) -> None:
        """An event has its label: from now on its id is a duplicate."""
        if self.labels.numbers and self.labels.take(key) is not None:
            self.counts.labels_joined += 1
        resolved = self.resolved
        if self._window:
            resolved.add(key, 0, label)
            if len(resolved) > self._window:
                resolved.take_oldest()
        else:
            resolved.known.discard(key)

    def wait(self, key: str, text: str) -> tuple[str, int] | None:
        """Let an event wait; returns the oldest if it is evicted because too many wait."""
        self.resolved.known.add(key)
        self.waiting.add(key, self.stream_time, 0, text)
        return self._expire_oldest() if len(self.waiting.numbers) > self._most else None

    def keep(self, key: str, label: int, text: str) -> None:
        """Keep an event that has its label, in case the label is corrected."""
        self.taught.add(key, self.stream_time, label, text)
        if len(self.taught.numbers) > self._most:
            self.taught.take_oldest()

    def refuse_label(self) -> None:
        """A label row that could not be read."""
        self.counts.labels += 1
        self.counts.labels_rejected += 1

    def label_without_event(self, key: str, label: int) -> str:
        """A label whose event does not wait: early, late, a repeat or a contradiction.

        Returns:
            Why it is refused, ``conflicting-label``; or nothing.
        """
        known = self.resolved.code(key)
        early = self.labels.code(key)
        if known is None and early is None:
            if self.is_left_out(key, self.stream_time):
                self.counts.labels_quarantined += 1
            else:
                self._keep_label(key, label)
        elif known == EXPIRED:
            self.counts.labels_late += 1
        elif label == (known if early is None else early):
            self.counts.labels_duplicates += 1
        else:
            self.counts.labels_rejected += 1
            return "conflicting-label"
        return ""

    def expire_many(self, time: int, newest: int) -> tuple[list[str], IntArray]:
        """Like :meth:`advance` for several records, once their labels have been taken.

        Args:
            time: stream time after them, ms.
            newest: events of an earlier time have expired by then.

        Returns:
            Keys and numbers of the events that are no longer waiting, which are not resolved yet.
        """
        self.stream_time = time
        labels, _ = self.labels.take_before(newest + self.wait_ms - self.label_wait_ms)
        self.counts.labels_expired += len(labels)
        return self.waiting.take_before(newest)

    def resolve_many(self, keys: Sequence[str], codes: IntArray) -> None:
        """Like :meth:`resolve` for each of these, which are known and for which no label waits.

        Args:
            keys: distinct.
            codes: of each.
        """
        resolved = self.resolved
        if self._window:
            times = np.zeros(len(keys), dtype=np.int64)
            resolved.add_many(keys, times, codes, entered=True)
            resolved.drop_oldest(len(resolved) - self._window)
        else:
            resolved.known.difference_update(keys)

    def wait_many(
        self,
        keys: Sequence[str],
        times: IntArray,
        texts: Sequence[str],
        *,
        plain: bool,
        numbered: bool,
    ) -> None:
        """Like :meth:`wait` for each of these, which are known and for which there is room.

        Args:
            keys: distinct.
            times: stream time at the arrival of each.
            texts: of each.
            plain: as in :meth:`~stream.joins.queue.KeyedQueue.add_many`.
            numbered: whether they are numbered already.
        """
        codes = np.zeros(len(keys), dtype=np.int64)
        self.waiting.add_many(keys, times, codes, texts, plain=plain, entered=numbered)

    def room(self) -> int:
        """How many more events can wait without an eviction."""
        return self._most - len(self.waiting.numbers)

    def forgotten(self, more: int) -> set[str]:
        """Those of the resolved ids that are no duplicates any more once more are resolved."""
        return self.resolved.oldest(len(self.resolved) + more - self._window)

    def remembers(self, number: int, more: int) -> bool:
        """Whether a resolved id of this number still is a duplicate once more are resolved."""
        return self.resolved.end - 1 - number + more < self._window

    def has_expired(self, key: str) -> bool:
        """Whether this event's label did not come in time."""
        return self.resolved.code(key) == EXPIRED

    def correct(self, key: str, label: int) -> None:
        """An event's label is corrected: its id has this label from now on."""
        self.counts.labels_corrected += 1
        if self.resolved.take(key) is not None:
            self.resolved.add(key, 0, label)

    def leave_out_event(self, key: str, time: int) -> None:
        """An event is in quarantine: its label, come or to come, is none of anybody's.

        If its id is known the event would have been a duplicate, and its label is the other's.

        Args:
            key: of its id.
            time: its record's, ms, which moves no stream time.
        """
        if key in self.resolved.known or key in self.taught.numbers:
            return
        if self.labels.numbers and self.labels.take(key) is not None:
            self.counts.labels_quarantined += 1
        self._remember(self.left_out, key, time)

    def leave_out_label(self, key: str, time: int) -> None:
        """A label is in quarantine: its event takes a later one, or expires unlearned."""
        self._remember(self.unlabelled, key, time)

    def is_left_out(self, key: str, time: int) -> bool:
        """Whether the event of a label that comes now is in quarantine, and would still wait."""
        packed = self.left_out.numbers.get(key)
        return packed is not None and (
            time - self.left_out.time(packed >> CODE_BITS) <= self.wait_ms
        )

    def lacks_label(self, key: str, arrived: int) -> bool:
        """Whether an event that has expired would have had a label that is in quarantine."""
        packed = self.unlabelled.numbers.get(key)
        return packed is not None and (
            arrived - self.unlabelled.time(packed >> CODE_BITS) <= self.wait_ms
        )

    def tidy(self) -> None:
        """Free removed rows; numbers may change."""
        # No event waits any more that they are about.
        for queue, waits in ((self.left_out, 1), (self.unlabelled, 2)):
            queue.take_before(self.stream_time - waits * self.wait_ms)
        for queue in self.queues.values():
            queue.tidy()

    def _remember(self, queue: KeyedQueue, key: str, time: int) -> None:
        """Keep an id for a time, from when it would have come."""
        queue.take(key)
        queue.add(key, max(self.stream_time, time, queue.newest_time()))
        if len(queue) > self._most:
            queue.take_oldest()

    def _keep_label(self, key: str, label: int) -> None:
        self.labels.add(key, self.stream_time, label)
        # More than one, where the checkpoint is of a version that let more of them wait.
        while len(self.labels.numbers) > self.most_labels:
            self.labels.take_oldest()
            self.counts.labels_expired += 1
            self.crowded_out_labels += 1

    def _expire_oldest(self) -> tuple[str, int]:
        key, number, _ = self.waiting.take_oldest()
        self.resolve(key, EXPIRED)
        return key, number


def _before(queue: KeyedQueue, newest: int) -> bool:
    oldest = queue.oldest_time()
    return oldest is not None and oldest < newest


# Ids this short are kept as they are; longer ones as a digest of this many bytes.
DIGEST_BYTES = 16


def key_of(id_: str) -> str:
    """The key of an id: bounded in length, and different for different ids.

    A digest is kept as a string, one character per byte; its leading NUL makes it longer than any
    id that is kept unchanged.
    """
    if len(id_) <= DIGEST_BYTES:
        return id_
    digest = blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
    return "\0" + digest.decode("latin-1")
