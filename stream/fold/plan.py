"""The plan of some records: lines for the learner in order, and what their scores are for.

The planner writes it by ids and times only, before any score is known. :class:`Remembered` finds
the numbers of its events; :class:`Teaching` makes the learner's line of an example.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np

from converters.cells.refusal import Refusal
from converters.config.learning_settings import ImbalanceSettings
from learners.calibration.imbalance import is_left_out, weighted
from learners.learner import LineBlock
from learners.line_bounds import BLOCK, joined
from learners.metrics.arrays import IntArray
from stream.joins.column_store import Block, Layout
from stream.joins.joiner import SOURCE_BITS, SOURCE_MASK, TAUGHT, Joiner, Source
from stream.log.batch import Head, Taken
from stream.log.signed_scores import Served

Refused = tuple[int, Refusal]
# Whose rows they are: a record by its head, or by itself.
Origin: TypeAlias = Head | Taken
# Whole numbers that grow one by one or by arrays, and are read as an array.
Integers: TypeAlias = "array[int]"

# The example's number and time are in the columns of an event that is kept from an earlier plan.
REMEMBERED = -1

# What precedes the text of a labelled example, by label; nothing that of a line without one.
LESSON, UNLABELLED = ("-1 ", "1 "), 2
BREAK = "\n"
_BEGINNINGS = np.array([f"{BREAK}{head}" for head in (*LESSON, "")], dtype=np.object_)


def _none() -> Integers:
    return array("q")


def values(column: Integers) -> IntArray:
    """The numbers of a column; it cannot grow while they are held."""
    found: IntArray = np.frombuffer(column, np.int64) if column else np.zeros(0, dtype=np.int64)
    return found


def append(column: Integers, more: IntArray) -> None:
    """Append many at once."""
    column.frombytes(np.ascontiguousarray(more, dtype=np.int64).data.cast("B"))


class Lines:
    """The lines of a plan, joined to blocks as they come."""

    def __init__(self) -> None:
        self._blocks: list[LineBlock] = []
        self._before = 0
        self._open: list[str] = []
        self._plain = True

    def __len__(self) -> int:
        return self._before + len(self._open)

    def add(self, line: str) -> None:
        """Append one, which the learner has to look at."""
        self._open.append(line)
        self._plain = False

    def add_many(self, lines: Sequence[str], *, plain: bool) -> None:
        """Append several; ``plain`` as in :class:`~learners.learner.LineBlock`."""
        if self._open and plain != self._plain:
            self._close()
        self._open.extend(lines)
        self._plain = plain

    def add_headed(self, heads: IntArray, texts: Sequence[str], *, plain: bool) -> None:
        """Append several that are not put together yet.

        Args:
            heads: what precedes each text, a place in :data:`LESSON` or :data:`UNLABELLED`.
            texts: of each.
            plain: as in :class:`~learners.learner.LineBlock`.
        """
        self._close()
        pieces = [""] * (2 * len(texts))
        pieces[0::2] = _BEGINNINGS[heads].tolist()
        pieces[1::2] = texts
        for start in range(0, len(pieces), 2 * BLOCK):
            part = pieces[start : start + 2 * BLOCK]
            part[0] = part[0][len(BREAK) :]
            part.append(BREAK)
            self._blocks.append(LineBlock("".join(part), len(part) // 2, plain))
        self._before += len(texts)

    def add_block(self, block: LineBlock) -> None:
        """Append a block as it stands."""
        self._close()
        self._blocks.append(block)
        self._before += block.count

    def blocks(self) -> list[LineBlock]:
        """All that were appended."""
        self._close()
        return self._blocks

    def last(self, count: int) -> list[str]:
        """The last so many."""
        found: list[str] = []
        for block in reversed(self.blocks()):
            if len(found) >= count:
                break
            found[:0] = block.lines
        return found[-count:]

    def at(self, places: IntArray) -> list[str]:
        """Those at these places, which ascend."""
        blocks, found = self.blocks(), list[str]()
        ends = np.cumsum([block.count for block in blocks])
        of = np.searchsorted(ends, places, side="right")
        for number in sorted(set(of.tolist())):
            block = blocks[number]
            wanted = places[of == number] - (ends[number] - block.count)
            lines = block.text.split(BREAK, int(wanted[-1]) + 1)
            found += [lines[place] for place in wanted.tolist()]
        return found

    def each(self) -> list[str]:
        """All of them, one by one."""
        return [line for block in self.blocks() for line in block.lines]

    def _close(self) -> None:
        self._blocks += joined(self._open, plain=self._plain)
        self._before += len(self._open)
        self._open, self._plain = [], True


@dataclass
class Arrivals:
    """The events that are scored for the first time, one entry each, in order.

    Attributes:
        rows: the number of each one's row in its record.
        ids: their ids, perhaps empty.
        lines: the place of each one's line in the plan.
        behind: examples trained on before it.
        positives: how many of those were positive.
        times: stream time at its arrival, ms.
        passthrough: for each cell that is kept for measuring, that of each event.
        served: the scores that callers were given for some of them, by their numbers.
    """

    rows: Integers = field(default_factory=_none)
    ids: list[str] = field(default_factory=list)
    lines: Integers = field(default_factory=_none)
    behind: Integers = field(default_factory=_none)
    positives: Integers = field(default_factory=_none)
    times: Integers = field(default_factory=_none)
    passthrough: list[list[str]] = field(default_factory=list)
    served: dict[int, Served] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def keep(self, cells: Sequence[Sequence[str]]) -> None:
        """Append to each column of kept cells."""
        if not self.passthrough:
            self.passthrough = [[] for _ in cells]
        for column, more in zip(self.passthrough, cells, strict=True):
            column.extend(more)

    def serve(self, first: int, given: Iterable[Served | None]) -> None:
        """Note the scores that callers were given for the events from a number on, if they were."""
        each = enumerate(given, first)
        self.served.update((at, score) for at, score in each if score is not None)


@dataclass
class Labelled:
    """Labelled examples or corrections, one entry each, in order.

    Attributes:
        events: references to the event's numbers, ``place << SOURCE_BITS | Source``.
        labels: 1 or 0.
        times: stream time when the label was known, ms; of a correction, the first label.
        lines: how many lines of the plan come up to the example, its own included.
        lessons: the example's number (of corrections: which one is corrected), or
            :data:`REMEMBERED`.
    """

    events: Integers = field(default_factory=_none)
    labels: Integers = field(default_factory=_none)
    times: Integers = field(default_factory=_none)
    lines: Integers = field(default_factory=_none)
    lessons: Integers = field(default_factory=_none)

    def __len__(self) -> int:
        return len(self.events)

    def add(self, event: int, label: int, time: int, line: int, lesson: int) -> None:
        """Append one."""
        self.events.append(event)
        self.labels.append(label)
        self.times.append(time)
        self.lines.append(line)
        self.lessons.append(lesson)

    def add_many(self, columns: Sequence[IntArray]) -> None:
        """Append several, by the columns in the order above."""
        held = (self.events, self.labels, self.times, self.lines, self.lessons)
        for column, more in zip(held, columns, strict=True):
            append(column, more)


@dataclass
class Plan:
    """The lines of some records in order, and what their scores are used for.

    Attributes:
        lines: for the learner; it trains on the labelled ones.
        arrivals: the events scored for the first time.
        waits: which of the arrivals wait for their label.
        lessons: the labelled examples to measure.
        corrections: the examples to measure again.
        lessons_before: for each correction, the examples of this plan that came before it.
        kept: events that are kept with their label: reference, example's number, and when
            their first label came.
        scored: each record of which rows get a score, with the first of its arrivals and the one
            after its last.
        refused: for each record, its rows that are dead letters.
        first_waiting: the number of the first event that waits since this plan.
        first_taught: the number of the first that is kept since this plan.
        scored_before: how many events were scored before this plan.
    """

    first_waiting: int = 0
    first_taught: int = 0
    scored_before: int = 0
    lines: Lines = field(default_factory=Lines)
    arrivals: Arrivals = field(default_factory=Arrivals)
    waits: Integers = field(default_factory=_none)
    lessons: Labelled = field(default_factory=Labelled)
    corrections: Labelled = field(default_factory=Labelled)
    lessons_before: list[int] = field(default_factory=list)
    kept: list[tuple[int, int, int]] = field(default_factory=list)
    scored: list[tuple[Origin, int, int]] = field(default_factory=list)
    refused: list[tuple[Origin, list[Refused]]] = field(default_factory=list)


class Appending(Protocol):
    """Text that the fold adds to each arriving row, such as `` |h n:3``: what only it knows.

    The row is scored with it, waits with it and is learned with it. It is asked about the rows that
    are scored, in their order and each once, however these are cut into calls.

    Attributes:
        plain: whether every learner takes each number in it; see
            :attr:`converters.convert.row_block.RowBlock.plain`.
    """

    plain: bool

    def __call__(self, ids: Sequence[str], lines: Sequence[str]) -> Sequence[str]:
        """What to append to each row.

        Args:
            ids: the rows' ids, perhaps empty.
            lines: their text; what precedes the bar, a label or a weight, may be there or not.
        """


def plan_for(joiner: Joiner, scored: int = 0) -> Plan:
    """An empty plan that starts from the current joins, when so many events have been scored."""
    return Plan(joiner.waiting.end, joiner.taught.end, scored)


@dataclass(frozen=True)
class Remembered:
    """The numbers of the events of a plan, and of those that were remembered before it."""

    joiner: Joiner
    plan: Plan
    arrived: Block

    @property
    def arrived_layout(self) -> Layout:
        """The columns of ``arrived``."""
        return self.joiner.layout()

    def store(self) -> None:
        """Store the numbers of the events that wait or are kept."""
        plan, waiting, taught = self.plan, self.joiner.waiting, self.joiner.taught
        if plan.waits:
            block = self.arrived.at(values(plan.waits))
            waiting.columns.put(plan.first_waiting - waiting.base, block)
        if plan.kept:
            events, *lessons = np.array(plan.kept).T
            block = self.of(events)
            integers = np.vstack([block.integers, self.taught(events, lessons)])
            taught.columns.put(plan.first_taught - taught.base, Block(block.floats, integers))

    def taught(self, events: IntArray, said: Sequence[IntArray]) -> IntArray:
        """Number and first time of each event's example: as given, or as stored."""
        lessons = np.array(said)
        remembered = lessons[0] == REMEMBERED
        if remembered.any():
            queue = self.joiner.taught
            places = (events[remembered] >> SOURCE_BITS) - queue.base
            lessons[:, remembered] = queue.columns.get(places).integers[-len(TAUGHT) :]
        return lessons

    def of(self, events: IntArray) -> Block:
        """The numbers of the events that these references name."""
        source, place = self._sources_of(events)
        for kind in Source:
            if (source == kind).all():
                return self._from(kind, place)
        block = Block.empty(self.arrived_layout, events.size)
        for kind in Source:
            mask = source == kind
            if mask.any():
                found = self._from(kind, place[mask])
                block.floats[:, mask] = found.floats
                block.integers[:, mask] = found.integers
        return block

    def _sources_of(self, events: IntArray) -> tuple[IntArray, IntArray]:
        """Source and place of each; an event that waits since this plan still is an arrival."""
        source, place = events & SOURCE_MASK, events >> SOURCE_BITS
        fresh = (source == Source.WAITING) & (place >= self.plan.first_waiting)
        if fresh.any():
            source[fresh] = Source.ARRIVED
            place[fresh] = values(self.plan.waits)[place[fresh] - self.plan.first_waiting]
        return source, place

    def _from(self, kind: Source, places: IntArray) -> Block:
        if kind is Source.ARRIVED:
            return self.arrived.at(places)
        queue = self.joiner.waiting if kind is Source.WAITING else self.joiner.taught
        block = queue.columns.get(places - queue.base)
        return Block(block.floats, block.integers[: len(self.arrived_layout.integers)])


@dataclass(frozen=True)
class Teaching:
    """How labelled examples are trained on.

    Attributes:
        positive_weight: multiplies the weight of positive examples.
        negative_share: share of the negative examples that is trained on.
    """

    positive_weight: float = 1.0
    negative_share: float = 1.0

    @classmethod
    def by(cls, settings: ImbalanceSettings) -> Teaching:
        """As configured."""
        return cls(settings.positive_weight, settings.negative_share)

    @property
    def plain(self) -> bool:
        """Whether every example's line is just its label and its text."""
        return self.positive_weight == 1.0 == self.negative_share

    def line(self, key: str, text: str, label: int) -> str | None:
        """The training line for a text; None if it is left out.

        Args:
            key: decides whether a negative is left out: the event's id, or its example's
                number if it has none.
            text: the row's, with its weight before the bar if it has one.
            label: 1 or 0.
        """
        if label:
            heavier = self.positive_weight != 1.0
            return LESSON[1] + (weighted(text, self.positive_weight) if heavier else text)
        left_out = self.negative_share < 1.0 and is_left_out(key, self.negative_share)
        return None if left_out else LESSON[0] + text
