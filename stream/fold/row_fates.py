"""What becomes of each row of many records, found by ids and times before anything is changed.

Nothing but the rows of the records themselves and the expiry of what waits can change what is known
of an id meanwhile, so one look at the joins decides about all of them. Where it does not, or not
without more ado, a row is :data:`UNCLEAR`.

Mostly every event is new and every label that of an event that waits. The look supposes so, and
makes the change of the joins with it (:mod:`stream.joins.claims`); where that was wrong it is
undone, and each kind of row is looked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import TypeVar

import numpy as np

from converters.cells.refusal import Refusal
from learners.metrics.arrays import AnyArray, BoolArray, IntArray
from stream.joins.claims import Claims
from stream.joins.joiner import DIGEST_BYTES, EXPIRED, Joiner, key_of
from stream.joins.queue import CODE_BITS, CODE_MASK
from stream.log.batch import Batch

# What becomes of a row: it is scored, or its label joined; dropped as a duplicate; a label of an
# event that has expired, a repeated one, one that waits for its event, or one of an event in
# quarantine; or only the row planner knows.
TAKEN, DUPLICATE, LATE, REPEATED, EARLY, LEFT_OUT, UNCLEAR = range(7)
# In place of a label that is not known; 2 is that of an event that has expired.
NO_LABEL = 3
LONG_AGO = -(2**62)
# Shorter runs than this on average are chosen one by one as quickly.
SHORTEST_RUN = 4

Item = TypeVar("Item")


def chosen(items: Sequence[Item], places: IntArray) -> Sequence[Item]:
    """The items at these places, mostly runs."""
    if not places.size:
        return []
    first, last = int(places[0]), int(places[-1])
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    if not breaks.size:
        return items if last - first + 1 == len(items) else items[first : last + 1]
    if breaks.size * SHORTEST_RUN > places.size:
        return list(map(items.__getitem__, places.tolist()))
    found: list[Item] = []
    begins, ends = places[[0, *breaks]].tolist(), places[[*(breaks - 1), -1]].tolist()
    for begin, end in zip(begins, ends, strict=True):
        found += items[begin : end + 1]
    return found


def _keys(ids: Sequence[str]) -> tuple[Sequence[str], bool]:
    """The key of each id, and whether some are empty."""
    lengths = set(map(len, ids))
    long = max(lengths, default=0) > DIGEST_BYTES
    return list(map(key_of, ids)) if long else ids, 0 in lengths


@dataclass
class KindRows:
    """The rows of one kind of some records of a batch.

    Attributes:
        first: the place of the first among the rows of its kind in the batch.
        of: the record of each, counted from the first of the records.
        good: which are not refused.
        named: which of these have an id.
        keys: of each.
        codes: the label of each, or :data:`NO_LABEL`.
        fate: what becomes of each that is not refused.
        empty: whether some have no id, refused ones or others.
    """

    first: int
    of: IntArray
    good: BoolArray
    named: BoolArray
    keys: Sequence[str]
    codes: IntArray
    fate: AnyArray
    empty: bool

    def part(self, begin: int, end: int) -> tuple[int, int]:
        """The first row of a run of records, and the one after its last."""
        first, last = np.searchsorted(self.of, [begin, end]).tolist()
        return first, last


def _rows(
    of: IntArray,
    first: int,
    ids: Sequence[str],
    labels: Sequence[int | None],
    refused: Mapping[int, Refusal],
) -> KindRows:
    end = first + of.size
    keys, empty = _keys(ids[first:end])
    part = labels[first:end]
    try:
        known = bytes(part)  # type: ignore[arg-type]  # mostly all are known, or none
    except TypeError:
        known = bytes([NO_LABEL if code is None else code for code in part])
    good = np.ones(of.size, dtype=np.bool_)
    good[[at - first for at in refused if first <= at < end]] = False
    named = good & np.fromiter(map(bool, keys), np.bool_, of.size) if empty else good
    codes = np.frombuffer(known, np.uint8).astype(np.int64)
    fate = np.full(of.size, TAKEN, np.int8)
    return KindRows(first, of, good, named, keys, codes, fate, empty)


class RowFates:
    """Some records of a batch, and what becomes of their rows.

    Attributes:
        times: stream time at each record.
        newest: at each record, events of an earlier time have expired.
        rows_before: rows before each record, and of all.
        lines: the place of each event row's line in the batch, if it is not refused.
        plain: whether all these lines are plain ones.
        firsts: the place of each record's first row among the rows of its kind.
        row_zero: the place that its row number 0 would have: a corrected row stands alone.
        early: which events take a label that came before them.
        own: which events bring their label themselves.
        claims: the change of the joins that is made already; None where none is.
        numbers: of the events that labels took by it.
    """

    def __init__(self, joiner: Joiner, batch: Batch, records: range) -> None:
        self.joiner, self.batch, self.records = joiner, batch, records
        self.heads = batch.records[records.start : records.stop]
        _, _, times, rows, kinds, first_rows = zip(*self.heads, strict=True)
        counts = np.array(rows, dtype=np.int64)
        self.rows_before = np.concatenate([[0], np.cumsum(counts)])
        self.labelled = np.array(kinds, dtype=np.bool_)
        self.firsts = self._firsts(counts)
        self.row_zero = self.firsts - np.array(first_rows, dtype=np.int64)
        of_events, of_labels = (
            np.repeat(np.flatnonzero(kind), counts[kind])
            for kind in (~self.labelled, self.labelled)
        )
        events, labels = batch.events, batch.labels
        begin = int(self.firsts[of_events[0]]) if of_events.size else 0
        self.events = _rows(of_events, begin, events.ids, events.labels, events.refused)
        begin = int(self.firsts[of_labels[0]]) if of_labels.size else 0
        self.labels = _rows(of_labels, begin, labels.ids, labels.labels, labels.refused)
        refused = sum(at < self.events.first for at in events.refused)
        good = self.events.good
        self.lines: IntArray = self.events.first - refused + np.cumsum(good) - good
        self.plain = all(block.plain for block in events.blocks)
        self.own: BoolArray = self.events.codes != NO_LABEL
        self.early: BoolArray = np.zeros(self.events.of.size, dtype=np.bool_)
        self._set_times(np.array(times, dtype=np.int64))
        # Labels of these records may have to wait: if not for all there is room, then one by one.
        held = len(joiner.labels.numbers) + self.labels.of.size
        self._labels_fit = held <= joiner.most_labels
        self._room = joiner.room()
        self.claims: Claims | None = Claims()
        self.numbers: IntArray = np.zeros(0, dtype=np.int64)
        if not self._claim_events(self.claims):
            self._find_events()
        self._find_labels()

    def _firsts(self, counts: IntArray) -> IntArray:
        """The place of each record's first row."""
        begin = self.records.start
        if begin:
            return np.array(self.batch.firsts[begin : self.records.stop], dtype=np.int64)
        labels = np.cumsum(counts * self.labelled)
        found: IntArray = np.where(self.labelled, labels, np.cumsum(counts) - labels) - counts
        return found

    def unclear(self) -> BoolArray:
        """Which records have to be planned row by row."""
        joiner = self.joiner
        before = np.concatenate([[joiner.stream_time], self.times[:-1]])
        found: BoolArray = self.times - before > joiner.wait_ms  # a jump, to be told
        for rows in (self.events, self.labels):
            found[rows.of[(rows.fate == UNCLEAR) & rows.good]] = True
        # An event that is unclear may wait too.
        waiting = self.waiting(self.events) | self.waiting(self.events, UNCLEAR)
        if np.count_nonzero(waiting) > self._room:
            found[int(self.events.of[np.flatnonzero(waiting)[self._room]]) :] = True
        if found.any():
            self._undo_claims()
        return found

    def waiting(self, rows: KindRows, fate: int = TAKEN) -> BoolArray:
        """Which events of this fate wait for their label once they are taken."""
        found: BoolArray = rows.named & (rows.fate == fate) & (rows.codes == NO_LABEL)
        return found

    def _set_times(self, times: IntArray) -> None:
        joiner, count = self.joiner, times.size
        good = np.zeros(count, dtype=np.bool_)
        for rows in (self.events, self.labels):
            good[rows.of[rows.good]] = True
        reached = np.where(good, times, joiner.stream_time)
        self.times: IntArray = np.maximum(np.maximum.accumulate(reached), joiner.stream_time)
        newest = np.where(good, self.times + ~self.labelled - joiner.wait_ms, LONG_AGO)
        self.newest: IntArray = np.maximum.accumulate(newest)
        self._expiring = joiner.waiting.count_before(int(self.newest[-1]))
        # At most so many ids are resolved by these records.
        self._resolved = self.events.of.size + self.labels.of.size + self._expiring

    def _claim_events(self, claims: Claims) -> bool:
        """Enter the events into the joins; False if one is known or occurs twice."""
        rows, joiner = self.events, self.joiner
        if len(joiner.labels) and not joiner.labels.numbers.keys().isdisjoint(rows.keys):
            return False
        if not claims.enter(joiner.resolved, chosen(rows.keys, np.flatnonzero(rows.named))):
            return False
        self._waits = np.flatnonzero(rows.named & ~self.own)
        claims.number(joiner.waiting, chosen(rows.keys, self._waits))
        return True

    def _undo_claims(self) -> None:
        if self.claims is not None:
            self.claims.undo()
            self.claims = None

    def _find_events(self) -> None:
        """What becomes of the event rows, as far as labels of these records leave it."""
        self._undo_claims()
        rows, joiner = self.events, self.joiner
        keys: Sequence[str] = rows.keys
        distinct = set(keys)
        distinct.discard("")
        odd = joiner.resolved.known & distinct
        for queue in (joiner.labels, joiner.taught):
            odd |= queue.numbers.keys() & distinct
        if len(distinct) + (keys.count("") if rows.empty else 0) < len(keys):
            odd.update(key for key, times in Counter(keys).items() if key and times > 1)
        if odd:
            for at in [at for at, key in enumerate(keys) if key in odd]:
                rows.fate[at] = self._fate_of_event(at, keys[at])

    @cached_property
    def _forgotten(self) -> set[str]:
        """Resolved ids that may be no duplicates any more at the end of these records."""
        return self.joiner.forgotten(self._resolved)

    @cached_property
    def _first_of(self) -> dict[str, int]:
        """The first event of each key."""
        keys = self.events.keys
        places = range(len(keys) - 1, -1, -1)
        found = dict(zip(reversed(keys), places, strict=True))
        found.pop("", None)
        return found

    def _fate_of_event(self, at: int, key: str) -> int:
        joiner, rows, first = self.joiner, self.events, self._first_of[key]
        lasting = joiner.remembers(joiner.resolved.end - 1, self._resolved)
        if key in joiner.waiting.numbers:
            return DUPLICATE if lasting and rows.codes[at] == NO_LABEL else UNCLEAR
        if key in joiner.resolved.known:
            return UNCLEAR if key in self._forgotten else DUPLICATE
        early = joiner.labels.numbers.get(key)
        if early is not None:
            since = joiner.labels.time(early >> CODE_BITS)
            return self._with_early(at, key, early & CODE_MASK, since)
        if first == at:
            return TAKEN
        # A label that a repeated event brings is counted if the event still waits.
        lost = rows.codes[first] == NO_LABEL != rows.codes[at]
        return UNCLEAR if lost or not lasting or rows.fate[first] == UNCLEAR else DUPLICATE

    def _with_early(self, at: int, key: str, label: int, since: int) -> int:
        """What becomes of an event whose label is there already, since then."""
        rows, first = self.events, self._first_of[key]
        expired = since < self.newest[rows.of[at]] + self.joiner.wait_ms - self.joiner.label_wait_ms
        fits = self._labels_fit and rows.codes[at] in (NO_LABEL, label)
        if first != at or expired or not fits:
            return UNCLEAR
        rows.codes[at] = label
        self.early[at] = True
        return TAKEN

    def _find_labels(self) -> None:
        rows, joiner, claims = self.labels, self.joiner, self.claims
        if not rows.of.size:
            return
        keys, waiting = rows.keys, joiner.waiting
        if claims is None:
            packed = np.fromiter(map(waiting.numbers.get, keys, repeat(-1)), np.int64, len(keys))
        else:
            packed = claims.take(waiting, keys)
        self.numbers = packed >> CODE_BITS
        held = (packed >= 0) & (self.numbers < waiting.end)
        since, there = np.full(rows.of.size, LONG_AGO), held.copy()
        since[held] = waiting.times(self.numbers[held])
        if not held.all():
            here, at = self._in_these_records(np.flatnonzero(~held))
            fits = (self.events.of[at] < rows.of[here]) & self.waiting(self.events)[at]
            since[here[fits]], there[here[fits]] = self.times[self.events.of[at[fits]]], True
            if claims is not None and (not fits.all() or len(set(keys)) < len(keys)):
                self._find_events()
                self._find_labels()
                return
        in_time = there & (since >= self.newest[rows.of])
        if claims is not None:
            claims.give_back(np.flatnonzero(there & ~in_time))
        lasting = joiner.remembers(joiner.resolved.end - 1, self._resolved)
        rows.fate[:] = UNCLEAR
        rows.fate[there & ~in_time & lasting] = LATE
        rows.fate[in_time] = TAKEN
        self._find_known(np.flatnonzero(~there & rows.good))
        if claims is None and len(set(keys)) < len(keys):
            self._find_repeated()

    def _in_these_records(self, labels: IntArray) -> tuple[IntArray, IntArray]:
        """Those of the labels whose event is among these records, and the event of each."""
        if self.claims is not None:
            here = labels[self.numbers[labels] >= 0]
            return here, self._waits[self.numbers[here] - self.joiner.waiting.end]
        keys = self.labels.keys
        first = np.array([self._first_of.get(keys[at], -1) for at in labels.tolist()], np.int64)
        return labels[first >= 0], first[first >= 0]

    def _find_known(self, places: IntArray) -> None:
        """Labels whose event does not wait: known ones, and those that come before it."""
        rows, joiner, early, left = self.labels, self.joiner, set[str](), set[str]()
        for at in places.tolist():
            key = rows.keys[at]
            packed = joiner.resolved.find(key)
            if key in joiner.labels.numbers or key in early:
                continue
            if packed is None and joiner.is_left_out(key, int(self.times[rows.of[at]])):
                rows.fate[at] = LEFT_OUT
            elif packed is None:
                early.add(key)
                rows.fate[at] = self._fate_of_early(at, key, left)
            elif joiner.remembers(packed >> CODE_BITS, self._resolved):
                code = packed & CODE_MASK
                same = REPEATED if code == rows.codes[at] else UNCLEAR
                rows.fate[at] = LATE if code == EXPIRED else same
        if left:
            for at, key in enumerate(self.events.keys):
                if key in left:
                    self.events.fate[at] = UNCLEAR

    def _fate_of_early(self, at: int, key: str, left: set[str]) -> int:
        """What becomes of a label that nothing is known of, and of its event in these records."""
        rows, events, event = self.labels, self.events, self._first_of.get(key, -1)
        before = event < 0 or events.of[event] > rows.of[at]
        if not self._labels_fit or not before:
            left.add(key)
            return UNCLEAR
        if event >= 0 and events.fate[event] == TAKEN:
            since = int(self.times[rows.of[at]])
            if self._with_early(event, key, int(rows.codes[at]), since) == UNCLEAR:
                left.add(key)
        return EARLY

    def _find_repeated(self) -> None:
        """Of several labels of one event the row planner decides about all but the first."""
        first_fate, fates = dict[str, int](), self.labels.fate
        for at, key in enumerate(self.labels.keys):
            if key not in first_fate:
                first_fate[key] = fates[at]
            elif not first_fate[key] == fates[at] == LATE:
                fates[at] = UNCLEAR
