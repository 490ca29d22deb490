"""Plans the records of a batch in arrays, with the same result as row by row.

A record with a row whose fate is not clear beforehand (:mod:`stream.fold.row_fates`) is planned by
:meth:`stream.fold.row_planner.Planner.add`, and the runs of records between such ones at once. The
result must equal that of all records row by row (``tests/stream/fold/test_run_planner.py``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import add

import numpy as np

from learners.metrics.arrays import BoolArray, IntArray
from stream.fold.expiry import EVENTS, LABELS
from stream.fold.plan import LESSON, UNLABELLED, Plan, Refused, append
from stream.fold.row_fates import (
    DUPLICATE,
    EARLY,
    LATE,
    LEFT_OUT,
    NO_LABEL,
    REPEATED,
    TAKEN,
    RowFates,
    chosen,
)
from stream.fold.row_planner import Planner
from stream.joins.joiner import EXPIRED, SOURCE_BITS, Source
from stream.log.batch import Batch

# Fewer rows are planned one by one as quickly: a run costs some 150 us whatever its length.
FEWEST = 100

# What a step is about: an event that expires, one that is learned as negative since it does, one
# that arrives, or a label.
GONE, NEGATIVE, ARRIVING, LABEL = range(4)


def plan_records(planner: Planner, batch: Batch, records: range, plan: Plan) -> None:
    """Plan some records of a batch, in their order."""
    rows = sum(batch.records[at].rows for at in records)
    if rows < FEWEST or not planner.in_one_go:
        _one_by_one(planner, batch, records, plan)
        return
    fates = RowFates(planner.joiner, batch, records)
    begin = 0
    for at in [*np.flatnonzero(fates.unclear()).tolist(), len(records)]:
        if fates.rows_before[at] - fates.rows_before[begin] < FEWEST:
            _one_by_one(planner, batch, records[begin:at], plan)
        else:
            _Run(planner, plan, fates, begin, at).add()
        _one_by_one(planner, batch, records[at : at + 1], plan)
        begin = at + 1


def _one_by_one(planner: Planner, batch: Batch, records: Iterable[int], plan: Plan) -> None:
    for at in records:
        planner.add(batch.taken(at), plan)


@dataclass
class _Steps:
    """The steps of a run in their order.

    Attributes:
        of: the record of each.
        kinds: of each.
        codes: its label, or :data:`NO_LABEL`, or :data:`EXPIRED`'s code where it expires.
        events: references to their events' numbers.
        order: where each was when they were told kind by kind.
    """

    of: IntArray
    kinds: IntArray
    codes: IntArray
    events: IntArray
    order: IntArray


def _whole(mask: BoolArray) -> BoolArray | slice:
    """A mask as what chooses without a copy, if it chooses all."""
    return slice(None) if mask.all() else mask


class _Run:
    """Some of those records, one after the other, of whose rows none is unclear.

    Args:
        begin: the first, counted as in ``fates``.
        end: one after the last.
    """

    def __init__(self, planner: Planner, plan: Plan, fates: RowFates, begin: int, end: int) -> None:
        self._planner, self._plan, self._fates = planner, plan, fates
        self._begin, self._end = begin, end
        self._plain = fates.plain and (planner.appending is None or planner.appending.plain)
        self._events, self._labels = (
            first + np.flatnonzero(rows.good[first:last] & (rows.fate[first:last] == TAKEN))
            for rows in (fates.events, fates.labels)
            for first, last in (rows.part(begin, end),)
        )
        # Those of the events that take a label which came before them.
        self._early = np.flatnonzero(fates.early[self._events])

    def add(self) -> None:
        """Plan it."""
        fates, joiner, events = self._fates, self._planner.joiner, self._events
        self._count()
        self._refuse()
        self._know()
        self._join_early()
        first = len(self._plan.arrivals)
        lines = self._wait(first)
        label_keys = chosen(fates.labels.keys, self._labels)
        numbers = self._take(label_keys)
        last = self._end - 1
        gone_keys, gone = joiner.expire_many(int(fates.times[last]), int(fates.newest[last]))
        arrived = np.arange(first, first + events.size)
        steps = self._steps(
            self._kinds(gone_keys, gone),
            (gone << SOURCE_BITS) | Source.WAITING,
            (arrived << SOURCE_BITS) | Source.ARRIVED,
            (numbers << SOURCE_BITS) | Source.WAITING,
        )
        self._resolve(steps, [gone_keys, chosen(fates.events.keys, events), label_keys])
        self._add_lines(steps, lines, gone, numbers)
        self._number(steps)
        self._arrive(first)

    def _count(self) -> None:
        counts, joined = self._planner.counts, self._planner.joiner.counts
        fates, begin, end = self._fates, self._begin, self._end
        first, last = fates.events.part(begin, end)
        good, fate = fates.events.good[first:last], fates.events.fate[first:last]
        counts.events += last - first
        counts.rejected += int(np.count_nonzero(~good))
        counts.duplicates += int(np.count_nonzero(fate[good] == DUPLICATE))
        first, last = fates.labels.part(begin, end)
        good, fate = fates.labels.good[first:last], fates.labels.fate[first:last]
        joined.labels += last - first
        joined.labels_rejected += int(np.count_nonzero(~good))
        joined.labels_joined += self._labels.size
        joined.labels_late += int(np.count_nonzero(fate[good] == LATE))
        joined.labels_duplicates += int(np.count_nonzero(fate[good] == REPEATED))
        joined.labels_quarantined += int(np.count_nonzero(fate[good] == LEFT_OUT))

    def _refuse(self) -> None:
        """The dead letters, record by record."""
        fates, batch = self._fates, self._fates.batch
        found: defaultdict[int, list[Refused]] = defaultdict(list)
        for rows, refused in (
            (fates.events, batch.events.refused),
            (fates.labels, batch.labels.refused),
        ):
            first, last = rows.part(self._begin, self._end)
            for at in (first + np.flatnonzero(~rows.good[first:last])).tolist():
                record, place = int(rows.of[at]), rows.first + at
                found[record].append((place - int(fates.row_zero[record]), refused[place]))
        for record in sorted(found):
            head = fates.heads[record]
            self._plan.refused.append((head, found[record]))
            kind = LABELS if head.labels else EVENTS
            self._planner.refused[kind].add(refusal for _, refusal in found[record])

    def _know(self) -> None:
        """Know the events that are taken; as a rule the first look has done it."""
        events = self._fates.events
        if self._fates.claims is None:
            named = self._events[events.named[self._events]]
            self._planner.joiner.resolved.known.update(chosen(events.keys, named))

    def _join_early(self) -> None:
        """Keep the labels that came before their events, and take those whose events come."""
        fates, labels, joiner = self._fates, self._fates.labels, self._planner.joiner
        first, last = labels.part(self._begin, self._end)
        kept = first + np.flatnonzero(labels.fate[first:last] == EARLY)
        joiner.labels.add_many(
            chosen(labels.keys, kept), fates.times[labels.of[kept]], labels.codes[kept]
        )
        taken = joiner.labels.take_many(chosen(fates.events.keys, self._events[self._early]))
        joiner.counts.labels_joined += taken.size

    def _take(self, label_keys: Sequence[str]) -> IntArray:
        """The numbers of the events that get a label, which wait no longer."""
        waiting = self._planner.joiner.waiting
        if self._fates.claims is None:
            return waiting.take_many(label_keys)
        numbers: IntArray = self._fates.numbers[self._labels]
        waiting.remove(numbers)
        return numbers

    def _with_labels(self, lines: Sequence[str], places: IntArray) -> Sequence[str]:
        """The arrivals' lines, with the labels that came before them."""
        fates, weights = self._fates, self._fates.batch.events.weights
        given = self._early[~fates.own[self._events[self._early]]].tolist()
        if not given:
            return lines
        found = list(lines)
        codes = fates.events.codes[self._events].tolist()
        for at in given:
            weight = "" if weights is None else weights[int(places[at])]
            found[at] = LESSON[codes[at]] + weight + found[at]
        return found

    def _wait(self, first: int) -> Sequence[str] | None:
        """Let events wait; the arrivals' lines, or None if nobody needs them one by one."""
        fates, events, columns = self._fates, self._events, self._fates.batch.events
        unlabelled = fates.events.codes[events] == NO_LABEL
        waiting = fates.waiting(fates.events)[events]
        self._planner.counts.scored_only += int(np.count_nonzero(unlabelled & ~waiting))
        appending = self._planner.appending
        if appending is None and not waiting.any() and not self._early.size:
            return None
        places = fates.lines[events]
        lines = chosen(columns.lines, places)
        if appending is not None:
            ids = chosen(columns.ids, fates.events.first + events)
            lines = list(map(add, lines, appending(ids, lines)))
        lines = self._with_labels(lines, places)
        waits = np.flatnonzero(waiting)
        if not waits.size:
            return lines
        texts = chosen(lines, waits)
        if columns.weights is not None:
            weights = chosen(columns.weights, places[waits])
            texts = list(map(add, weights, texts))
        append(self._plan.waits, first + waits)
        self._planner.joiner.wait_many(
            chosen(fates.events.keys, events[waits]),
            fates.times[fates.events.of[events[waits]]],
            texts,
            plain=self._plain,
            numbered=fates.claims is not None,
        )
        return lines

    def _kinds(self, keys: Sequence[str], gone: IntArray) -> IntArray:
        """Which of the events that expire are learned as negative."""
        if not self._planner.negative_when_expired:
            return np.full(gone.size, GONE)
        kinds = np.full(gone.size, NEGATIVE)
        joiner = self._planner.joiner
        if joiner.unlabelled.numbers:
            arrived = joiner.waiting.times(gone).tolist()
            lacking = list(map(joiner.lacks_label, keys, arrived))
            kinds[np.array(lacking, dtype=np.bool_)] = GONE
        return kinds

    def _steps(
        self, kinds_gone: IntArray, gone: IntArray, arrived: IntArray, labelled: IntArray
    ) -> _Steps:
        fates, events, labels = self._fates, self._events, self._labels
        waiting = self._planner.joiner.waiting
        since = waiting.times(gone >> SOURCE_BITS)
        newest = fates.newest[self._begin : self._end]
        expired = self._begin + np.searchsorted(newest, since, side="right")
        if not gone.size and not labels.size:
            kinds = np.full(events.size, ARRIVING)
            codes = fates.events.codes[events]
            return _Steps(fates.events.of[events], kinds, codes, arrived, np.arange(events.size))
        of = np.concatenate([expired, fates.events.of[events], fates.labels.of[labels]])
        of_rows = np.repeat([ARRIVING, LABEL], [events.size, labels.size])
        kinds = np.concatenate([kinds_gone, of_rows])
        codes = np.concatenate(
            [
                np.full(gone.size, EXPIRED, dtype=np.int64),
                fates.events.codes[events],
                fates.labels.codes[labels],
            ]
        )
        # What expires does so before the rows of its record.
        order = np.argsort(2 * of + (kinds >= ARRIVING), kind="stable")
        events_of = np.concatenate([gone, arrived, labelled])
        return _Steps(of[order], kinds[order], codes[order], events_of[order], order)

    def _resolve(self, steps: _Steps, keys: Sequence[Sequence[str]]) -> None:
        """The ids that are resolved, in order; an event that waits is not."""
        known = _whole((steps.kinds == GONE) | (steps.codes != NO_LABEL))
        codes, order = steps.codes[known], steps.order[known]
        told = [of for of in keys if len(of)]
        ordered = chosen(told[0] if len(told) == 1 else list(chain(*told)), order)
        if self._fates.events.empty:
            codes = codes[np.fromiter(map(bool, ordered), np.bool_, len(ordered))]
            ordered = list(filter(None, ordered))
        self._planner.joiner.resolve_many(ordered, codes)

    def _add_lines(
        self, steps: _Steps, lines: Sequence[str] | None, gone: IntArray, numbers: IntArray
    ) -> None:
        """The learner's lines; blocks as they stand where nothing comes between."""
        planner, fates, events = self._planner, self._fates, self._events
        waiting, columns = planner.joiner.waiting, fates.batch.events
        plain = self._plain and waiting.are_plain(np.concatenate([gone, numbers]))
        expired = waiting.release_many(gone)
        labelled = waiting.release_many(numbers)
        places = fates.lines[events]
        if lines is None and not labelled and not expired:
            self._add_blocks(places)
            return
        if lines is None:
            lines = chosen(columns.lines, places)
        spoken = steps.kinds != GONE
        order, codes, kinds = steps.order[spoken], steps.codes[spoken], steps.kinds[spoken]
        heads = np.where(kinds == ARRIVING, UNLABELLED, np.where(kinds == NEGATIVE, 0, codes))
        self._plan.lines.add_headed(
            heads, chosen([*expired, *lines, *labelled], order), plain=plain
        )

    def _add_blocks(self, places: IntArray) -> None:
        """The lines at these places of the batch's blocks."""
        begin = 0
        for block in self._fates.batch.events.blocks:
            first, last = np.searchsorted(places, [begin, begin + block.count]).tolist()
            if last - first == block.count:
                self._plan.lines.add_block(block)
            elif last > first:
                lines = chosen(block.lines, places[first:last] - begin)
                self._plan.lines.add_many(lines, plain=block.plain)
            begin += block.count

    def _number(self, steps: _Steps) -> None:
        """Where each step's line is, and which examples are behind it."""
        planner, plan, times = self._planner, self._plan, self._fates.times
        counts = planner.counts
        spoken = steps.kinds != GONE
        counts.expired += int(np.count_nonzero(~spoken))
        taught = spoken & (steps.codes != NO_LABEL)
        positive = taught & (steps.codes == 1)
        after = (len(plan.lines) - np.count_nonzero(spoken)) + np.cumsum(spoken)
        behind = counts.learned + np.cumsum(taught) - taught
        positives = counts.positives + np.cumsum(positive) - positive
        arrives, known = _whole(steps.kinds == ARRIVING), _whole(taught)
        arrivals = plan.arrivals
        append(arrivals.lines, after[arrives] - 1)
        append(arrivals.behind, behind[arrives])
        append(arrivals.positives, positives[arrives])
        append(arrivals.times, times[steps.of[arrives]])
        columns = (steps.events, positive, times[steps.of], after, behind)
        plan.lessons.add_many([column[known] for column in columns])
        counts.learned += int(np.count_nonzero(taught))
        counts.positives += int(np.count_nonzero(positive))

    def _arrive(self, first: int) -> None:
        """Which rows of which records arrive."""
        fates, events, plan = self._fates, self._events, self._plan
        of, places = fates.events.of[events], fates.events.first + events
        columns, arrivals = fates.batch.events, plan.arrivals
        append(arrivals.rows, places - fates.row_zero[of])
        arrivals.ids.extend(chosen(columns.ids, places))
        if columns.passthrough is not None and events.size:
            lines = fates.lines[events]
            arrivals.keep([chosen(column, lines) for column in columns.passthrough])
        if columns.served:
            arrivals.serve(first, map(columns.served.get, places.tolist()))
        counts = np.bincount(of - self._begin, minlength=self._end - self._begin)
        there = np.flatnonzero(counts)
        ends = (first + np.cumsum(counts[there])).tolist()
        heads = [fates.heads[at] for at in (self._begin + there).tolist()]
        plan.scored += zip(heads, [first, *ends], ends, strict=False)
