"""What a quarantine is asked for by, in the log as it is now: offsets, or record times.

Record time is not monotonic, so an interval of it is looked up record by record: one pass over each
topic that is named. The ranges that are found then stay as they are, whatever is appended later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from converters.errors import UsageError
from converters.show.asked_times import EXAMPLES, NotATimeError, asked_moment
from learners.registry.requests.offset_ranges import OffsetRanges, Partition, Span
from learners.registry.row_types import Json, iso
from stream.log import journal
from stream.log.contract import EventLog, Place, Record, TopicState
from stream.log.topics import Topics, described

KINDS = ("events", "labels")
INTERVAL = "FROM..TO"


class Asked(NamedTuple):
    """What is to be left out, in the words of who asks.

    Attributes:
        skip: texts ``TOPIC:PARTITION:FIRST-LAST``.
        skip_time: texts ``events FROM..TO`` and ``labels FROM..TO``.
    """

    skip: Sequence[str] = ()
    skip_time: Sequence[str] = ()

    def __bool__(self) -> bool:
        """Whether anything is."""
        return bool(self.skip or self.skip_time)

    def to_json(self) -> Json:
        """As the registry keeps it."""
        return {"skip": list(self.skip), "skip_time": list(self.skip_time)}


class Interval(NamedTuple):
    """An interval of record time.

    Attributes:
        text: as it was asked for.
        start: the first millisecond in it; None for all before ``end``.
        end: the first after it; None for all from ``start`` on.
    """

    text: str
    start: int | None
    end: int | None

    def holds(self, time: int) -> bool:
        """Whether a record time is in it."""
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)


@dataclass
class Runs:
    """The records of a topic that lie in any of some intervals, as spans of offsets.

    A span reaches from the first record of a run to its last: offsets between them that have no
    record, as Kafka's transactions and compaction leave them, are in it.

    Attributes:
        intervals: the intervals.
        spans: those that were found, in order of each partition.
        counts: how many records each interval holds.
        times: the earliest and the latest record time of all records, ms; None before the first.
        records: how many were looked at.
    """

    intervals: Sequence[Interval]
    spans: dict[Place, list[Span]] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    times: tuple[int, int] | None = None
    records: int = 0
    _open: set[Place] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Nothing was found yet."""
        self.counts = [0] * len(self.intervals)

    def take(self, record: Record) -> None:
        """Look at the next record of its partition."""
        time = record_time(record)
        self.records += 1
        least, most = self.times or (time, time)
        self.times = min(least, time), max(most, time)
        held = [interval.holds(time) for interval in self.intervals]
        if not any(held):
            self._open.discard(record.place)
            return
        self.counts = [count + each for count, each in zip(self.counts, held, strict=True)]
        spans = self.spans.setdefault(record.place, [])
        if record.place in self._open:
            spans[-1] = spans[-1][0], record.offset + 1
        else:
            spans.append((record.offset, record.offset + 1))
            self._open.add(record.place)


def record_time(record: Record) -> int:
    """A record's time as the learner takes it: one without, which Kafka gives as -1, is of 1970."""
    return max(0, record.time)


def resolved(
    log: EventLog,
    topics: Topics,
    asked: Asked,
    now: datetime,
    shown: Callable[[int], None] = lambda _: None,
) -> OffsetRanges:
    """The records that are meant, up to the log's end as it is now.

    Args:
        log: is looked up in.
        topics: the model's.
        asked: what is asked for.
        now: the clock's time, for times such as ``2 hours ago``.
        shown: is called with the count of records looked at so far.

    Raises:
        UsageError: a text cannot be read, or names what the log does not have.
        UnknownTopicError: the model has no such topic yet.
    """
    by_kind = _intervals(asked.skip_time, now)  # mistyped ones before any long look
    named = [OffsetRanges.parse(text) for text in asked.skip]
    found = _checked(log, topics, named)
    seen = 0
    for kind, intervals in by_kind.items():
        topic = getattr(topics, kind)
        runs = Runs(intervals)
        for record in journal.records(log, topic):
            runs.take(record)
            shown(seen + runs.records)
        seen += runs.records
        _check_found(topic, runs)
        found |= OffsetRanges.of(
            (place, span) for place, spans in runs.spans.items() for span in spans
        )
    return found


def parsed_interval(text: str, now: datetime) -> Interval:
    """An interval as people write it: ``FROM..TO``, of which one may be left out.

    Raises:
        UsageError: it is none.
    """
    first, dots, last = text.partition("..")
    if not dots or not (first.strip() or last.strip()):
        raise UsageError(
            f"{text[:80]!r} is no interval. Write {INTERVAL}, with the first moment that is meant "
            "and the one from which on none is, such as 2013-07-01T00:00Z..2013-07-02T00:00Z; "
            "without FROM it is all before TO, without TO all since FROM."
        )
    start, end = (_moment(each, text, now) if each.strip() else None for each in (first, last))
    if start is not None and end is not None and end <= start:
        what = "begins where it ends" if end == start else "ends before it begins"
        raise UsageError(
            f"The interval {text!r} {what}: FROM is {_iso(start)}, and TO, which is not in it, "
            f"is {_iso(end)}."
        )
    return Interval(text, start, end)


def _moment(text: str, whole: str, now: datetime) -> int:
    """A moment in milliseconds since 1970."""
    try:
        return round(asked_moment(text, now).timestamp() * 1000)
    except NotATimeError as error:
        raise UsageError(f"In the interval {whole[:80]!r}: {error}") from None


def _intervals(asked: Iterable[str], now: datetime) -> Mapping[str, Sequence[Interval]]:
    found: dict[str, list[Interval]] = {}
    for text in asked:
        kind, _, interval = text.strip().partition(" ")
        if kind not in KINDS:
            raise UsageError(
                f"{text[:80]!r} does not say whose time is meant: write events or labels, and then "
                f"{INTERVAL}, with times such as {EXAMPLES}."
            )
        found.setdefault(kind, []).append(parsed_interval(interval.strip(), now))
    return found


def _checked(log: EventLog, topics: Topics, named: Sequence[OffsetRanges]) -> OffsetRanges:
    """Ranges that were named by their offsets, all of which the log has."""
    found = OffsetRanges.of(each for ranges in named for each in ranges)
    for topic in sorted({topic for topic, _ in found.spans}):
        if topic not in topics.inputs:
            raise UsageError(
                f"{topic!r} is not a topic that this model learns from: its events are in "
                f"{topics.events} and its labels in {topics.labels}."
            )
        (state,) = described(log, [topic]).values()
        for partition, span in _of_topic(found, topic):
            _check_in_log(partition, span, state)
    return found


def _of_topic(found: OffsetRanges, topic: str) -> Iterator[tuple[Partition, Span]]:
    return (each for each in found if each[0][0] == topic)


def _check_in_log(partition: Partition, span: Span, state: TopicState) -> None:
    """Refuse a range of which the log does not have all."""
    place, (first, end) = Place(*partition), span
    text = f"{place.topic}:{place.partition}:{first}-{end - 1}"
    if place not in state.ends:
        last = max(each.partition for each in state.ends)
        raise UsageError(
            f"{text}: topic {place.topic} has no partition {place.partition}; it has "
            f"{f'0 to {last}' if last else 'only 0'}."
        )
    begin, next_ = state.begins[place], state.ends[place]
    if begin == next_:
        raise UsageError(f"{text}: partition {place.partition} of {place.topic} has no record.")
    if first < begin or end > next_:
        raise UsageError(
            f"{text} is not all in the log: partition {place.partition} of {place.topic} has the "
            f"offsets {begin} to {next_ - 1} now."
        )


def _check_found(topic: str, runs: Runs) -> None:
    """Refuse an interval in which there is nothing: it is mistyped, or in another zone."""
    for interval, count in zip(runs.intervals, runs.counts, strict=True):
        if count:
            continue
        if runs.times is None:
            raise UsageError(f"Topic {topic} has no record, so there is none in {interval.text!r}.")
        first, last = map(_iso, runs.times)
        raise UsageError(
            f"Topic {topic} has no record in {interval.text!r}: the first of its record times is "
            f"{first} and the last {last}. Times without an offset are in UTC."
        )


def _iso(time: int) -> str:
    return iso(datetime.fromtimestamp(time / 1000, UTC))
