"""Decides for each row what to do: which line to score or train on, in which order, or refuse it.

A :class:`Planner` owns the joins and the counts. It asks the joiner about every row that has an id
and writes a :class:`~stream.fold.plan.Plan`. No score is needed for that: joins depend on ids and
times only. Most rows are planned by :mod:`stream.fold.run_planner`, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from converters.cells.refusal import Refusal
from converters.cells.remedies import ReasonCounts
from converters.convert.to_vw_text import unlabelled
from stream.fold.expiry import EVENTS, LABELS, Jump
from stream.fold.plan import LESSON, REMEMBERED, Appending, Arrivals, Plan, Refused, Teaching
from stream.joins.joiner import DIGEST_BYTES, SOURCE_BITS, Joiner, Source, key_of
from stream.log.batch import EventRows, LabelRows, LeftOut, Taken


@dataclass
class Counts:
    """Event rows, cumulative over the lineage.

    ``events = learned + waiting + expired + scored_only + rejected + duplicates + quarantined``. Of
    the learned ones ``positives`` were positive, and ``left_out`` were measured but not trained on.
    ``crowded_out`` were evicted early, because ``late_labels.max_waiting`` events waited: they are
    among the expired, or the learned.
    """

    events: int = 0
    learned: int = 0
    expired: int = 0
    scored_only: int = 0
    rejected: int = 0
    duplicates: int = 0
    positives: int = 0
    left_out: int = 0
    crowded_out: int = 0
    quarantined: int = 0

    @property
    def scored(self) -> int:
        """How many were scored."""
        return self.events - self.rejected - self.duplicates - self.quarantined


@dataclass
class Planner:
    """Plans records in order; owns the joins and the counts.

    Attributes:
        refused: refused rows of events and of labels by reason, over the lineage.
        jump: the last record at which all that waited expired at once, if any.
        duplicate_labels: labels that repeated events brought, of events that wait for theirs;
            they are lost with the row.
        appending: adds text to the rows that are scored, if anything does.
    """

    joiner: Joiner
    negative_when_expired: bool = False
    teaching: Teaching = field(default_factory=Teaching)
    counts: Counts = field(default_factory=Counts)
    refused: dict[str, ReasonCounts] = field(
        default_factory=lambda: {EVENTS: ReasonCounts(), LABELS: ReasonCounts()}
    )
    jump: Jump | None = None
    duplicate_labels: int = 0
    appending: Appending | None = None

    def add(self, record: Taken, plan: Plan) -> None:
        """Plan the rows of one more record."""
        joiner, refused = self.joiner, list[Refused]()
        before = joiner.stream_time
        held = len(joiner.waiting.numbers) + len(joiner.labels.numbers)
        if isinstance(record, EventRows):
            self._events(record, plan, refused)
            self.counts.events += len(record.rows)
            self.counts.rejected += len(refused)
        else:
            self._labels(record, plan, refused)
        if refused:
            plan.refused.append((record, refused))
            kind = EVENTS if isinstance(record, EventRows) else LABELS
            self.refused[kind].add(refusal for _, refusal in refused)
        if held and joiner.stream_time - before > joiner.wait_ms:
            rows = self.counts.events + joiner.counts.labels
            self.jump = Jump(*record.place, record.offset, before, joiner.stream_time, rows)

    def leave_out(self, records: LeftOut) -> None:
        """Records in quarantine: counted, and known by their ids."""
        joiner = self.joiner
        keys = map(key_of, records.ids)
        if records.labels:
            joiner.counts.labels += records.rows
            joiner.counts.labels_quarantined += records.rows
            for key in keys:
                joiner.leave_out_label(key, records.time)
            return
        self.counts.events += records.rows
        self.counts.quarantined += records.rows
        for key in keys:
            joiner.leave_out_event(key, records.time)

    @property
    def in_one_go(self) -> bool:
        """Whether no example needs special treatment, so that many can be planned at once."""
        joiner = self.joiner
        return self.teaching.plain and not (joiner.corrections or joiner.taught.numbers)

    def _events(self, record: EventRows, plan: Plan, refused: list[Refused]) -> None:
        """The hot loop of the fold."""
        counts, joiner, lines, arrivals = self.counts, self.joiner, plan.lines, plan.arrivals
        first, advanced = len(arrivals), False
        row: Any  # a Row or a Refusal: distinguished by class, 3x as fast as isinstance
        for number, row in enumerate(record.rows, record.first):
            if row.__class__ is Refusal:
                refused.append((number, row))
                continue
            if not advanced:
                advanced = True
                self._expire(joiner.advance(record.time, to_events=True), plan)
            id_, label, text = row
            key = id_ if len(id_) <= DIGEST_BYTES else key_of(id_)
            if key:
                own, label = label, joiner.look_up(key, label)
                if label.__class__ is str:
                    self._not_taken(label, number, refused)
                    self.duplicate_labels += own is not None and key in joiner.waiting.numbers
                    continue
            if self.appending is not None:
                text += self.appending([id_], [text])[0]
            arrivals.rows.append(number)
            arrivals.ids.append(id_)
            arrivals.lines.append(len(lines))
            arrivals.times.append(joiner.stream_time)
            arrivals.behind.append(counts.learned)
            arrivals.positives.append(counts.positives)
            if label is None:
                lines.add(unlabelled(text))
                self._wait(key, text, plan)
            else:
                self._own(key, text, label, plan)
        taken = arrivals.rows[first:]
        if taken:
            plan.scored.append((record, first, len(arrivals)))
            _keep(record, taken, first, arrivals)

    def _not_taken(self, why: str, number: int, refused: list[Refused]) -> None:
        if why == "duplicate":
            self.counts.duplicates += 1
        else:
            refused.append((number, Refusal(why, "", "")))

    def _own(self, key: str, text: str, label: int, plan: Plan) -> None:
        """An event whose label is known: its own line is trained on."""
        event = (len(plan.arrivals) - 1) << SOURCE_BITS | Source.ARRIVED
        line = self._lesson(key, text, label)
        plan.lines.add(unlabelled(text) if line is None else line)
        if key:
            self.joiner.resolve(key, label)
        self._measure(event, key, text, label, plan)

    def _wait(self, key: str, text: str, plan: Plan) -> None:
        """An event without a label waits if it has an id; its line was just added."""
        if not key:
            self.counts.scored_only += 1
            return
        plan.waits.append(len(plan.arrivals) - 1)
        overflow = self.joiner.wait(key, text)
        if overflow is not None:
            self.counts.crowded_out += 1
            self._expire((overflow,), plan)

    def _labels(self, record: LabelRows, plan: Plan, refused: list[Refused]) -> None:
        joiner, advanced = self.joiner, False
        row: Any
        for number, row in enumerate(record.rows, record.first):
            if row.__class__ is Refusal:
                joiner.refuse_label()
                refused.append((number, row))
                continue
            if not advanced:
                advanced = True
                self._expire(joiner.advance(record.time, to_events=False), plan)
            id_, label = row
            key = id_ if len(id_) <= DIGEST_BYTES else key_of(id_)
            joiner.counts.labels += 1
            found = joiner.waiting.take(key)
            if found is not None:
                joiner.counts.labels_joined += 1
                joiner.resolve(key, label)
                self._teach(found[0], key, label, plan)
            elif joiner.corrections and key in joiner.taught.numbers:
                self._known(key, label, plan)
            elif why := joiner.label_without_event(key, label):
                refused.append((number, Refusal(why, "label", str(label))))

    def _expire(self, events: Iterable[tuple[str, int]], plan: Plan) -> None:
        """Events whose label has not come in time."""
        for key, number in events:
            if self.negative_when_expired and not self._lacks_label(key, number):
                self._teach(number, key, 0, plan)
            else:
                self.joiner.waiting.release(number)
                self.counts.expired += 1

    def _lacks_label(self, key: str, number: int) -> bool:
        return self.joiner.lacks_label(key, self.joiner.waiting.time(number))

    def _teach(self, number: int, key: str, label: int, plan: Plan) -> None:
        """An event that waited gets its label: its features become another line."""
        text = self.joiner.waiting.release(number)
        line = self._lesson(key, text, label)
        if line is not None:
            plan.lines.add(line)
        self._measure(number << SOURCE_BITS | Source.WAITING, key, text, label, plan)

    def _lesson(self, key: str, text: str, label: int) -> str | None:
        """The training line; None if this example is left out."""
        if self.teaching.plain:
            return LESSON[label] + text
        line = self.teaching.line(key or str(self.counts.learned), text, label)
        self.counts.left_out += line is None
        return line

    def _measure(self, event: int, key: str, text: str, label: int, plan: Plan) -> None:
        counts, joiner, lesson = self.counts, self.joiner, self.counts.learned
        plan.lessons.add(event, label, joiner.stream_time, len(plan.lines), lesson)
        counts.learned = lesson + 1
        counts.positives += label
        if joiner.corrections and key:
            joiner.keep(key, label, text)
            plan.kept.append((event, lesson, joiner.stream_time))

    def _known(self, key: str, label: int, plan: Plan) -> None:
        """A label of an event that has one: a repeat, or a correction."""
        joiner, counts = self.joiner, self.joiner.counts
        if joiner.taught.code(key) == label:
            expired = joiner.has_expired(key)
            counts.labels_late += expired
            counts.labels_duplicates += not expired
            return
        taken = joiner.taught.take(key)
        assert taken is not None
        number, text = taken[0], joiner.taught.release(taken[0])
        kept = number << SOURCE_BITS | Source.TAUGHT, REMEMBERED, REMEMBERED
        if number >= plan.first_taught:  # its numbers are not stored yet
            kept = plan.kept[number - plan.first_taught]
        line = self.teaching.line(key, text, label)
        if line is not None:
            plan.lines.add(line)
        plan.lessons_before.append(len(plan.lessons))
        event, lesson, known = kept
        plan.corrections.add(event, label, known, len(plan.lines), lesson)
        self.counts.positives += 1 if label else -1
        joiner.correct(key, label)
        joiner.keep(key, label, text)
        plan.kept.append(kept)


def _keep(record: EventRows, taken: Sequence[int], first: int, arrivals: Arrivals) -> None:
    """What is kept of the rows that are taken, beside what is learned of them."""
    if record.served:
        arrivals.serve(first, [record.served.get(number - record.first) for number in taken])
    if record.passthrough is not None:
        cells = [record.passthrough[number] for number in taken]
        arrivals.keep(list(zip(*cells, strict=True)))
