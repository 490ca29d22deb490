"""The records of some ranges of the log, read where they are, one partition after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing

from learners.registry.requests.offset_ranges import OffsetRanges, Span
from stream.log.contract import EventLog, Place, Record, TopicState, poll
from stream.log.topics import described

# Reading past so many records takes no longer than opening another reader after them.
FAR = 20_000


def held_records(log: EventLog, held: OffsetRanges) -> Iterator[Record]:
    """The records at these offsets, partition by partition in order; deleted ones are left out.

    Raises:
        UnknownTopicError: a topic is gone.
    """
    states = described(log, sorted({topic for topic, _ in held.spans}))
    for partition, spans in held.spans.items():
        place = Place(*partition)
        there = [_there(span, place, states[place.topic]) for span in spans]
        left = deque(span for span in there if span[0] < span[1])
        while left:
            yield from _near(log, place, left)


def _there(span: Span, place: Place, state: TopicState) -> Span:
    """The part of a span that the log has."""
    return max(span[0], state.begins.get(place, 0)), min(span[1], state.ends.get(place, 0))


def _near(log: EventLog, place: Place, left: deque[Span]) -> Iterator[Record]:
    """The records of the first of these spans, and of those not far behind, which are removed."""
    with closing(log.read({place: left[0][0]})) as reader:
        buffer = reader.buffers[place]
        while left and left[0][0] - buffer.position < FAR:
            for record in poll(reader, 1.0):
                while left and left[0][1] <= record.offset:
                    left.popleft()
                if left and record.offset >= left[0][0]:
                    yield record
            while left and left[0][1] <= buffer.position:
                left.popleft()
