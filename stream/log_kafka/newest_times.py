"""The highest record time of partitions in Kafka, as far as it can be had without reading them.

The brokers know the highest time of a partition, but they count the marks that end transactions
too, and those carry the brokers' clock. So the last records are read, and the one that the brokers
name, if it is a record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing

from stream.log.contract import LogReader, LogUnavailableError, Place
from stream.log_kafka.client import TopicPartition, kafka

# How many of the last offsets of a partition are read at first: at 50 rows a record 10,000 rows.
LAST_OFFSETS = 200
READ_SECONDS = 30.0

Read = Callable[[Mapping[Place, int]], LogReader]
Named = Mapping[TopicPartition, "kafka.structs.OffsetAndTimestamp"]


def newest_times(
    begins: Mapping[Place, int], ends: Mapping[Place, int], named: Named, read: Read
) -> dict[Place, int]:
    """The highest time in each partition that has a record.

    Args:
        begins: the first offset of each.
        ends: the next one, committed.
        named: by the brokers' word, the offset and time of the highest time.
        read: opens a reader.
    """
    times: dict[Place, int] = {}
    starts: dict[Place, int] = {}
    span, left = LAST_OFFSETS, {place for place, end in ends.items() if end > begins[place]}
    while left:
        spans = {place: max(begins[place], ends[place] - span) for place in left}
        times |= _highest(read, spans, ends)
        starts |= spans
        left = {place for place in left if place not in times and spans[place] > begins[place]}
        span *= 10  # whole transactions that were aborted, or nothing but their marks
    others = {}
    for place, known in times.items():
        found = named[TopicPartition(*place)]
        if begins[place] <= found.offset < starts[place] and found.timestamp > known:
            others[place] = found.offset
    if others:
        until = {place: offset + 1 for place, offset in others.items()}
        for place, found_time in _highest(read, others, until).items():
            times[place] = max(times[place], found_time)
    return times


def _highest(
    read: Read, positions: Mapping[Place, int], ends: Mapping[Place, int]
) -> dict[Place, int]:
    """The highest time of the records between these offsets."""
    found: dict[Place, int] = {}
    deadline = time.monotonic() + READ_SECONDS
    with closing(read(positions)) as reader:
        left = set(positions)
        while left:
            reader.fill(0.5)
            for place in positions:
                buffer = reader.buffers[place]
                while buffer.records:
                    record = buffer.take()
                    if record.offset < ends[place] and record.time >= 0:
                        found[place] = max(record.time, found.get(place, 0))
                if buffer.position >= ends[place]:
                    left.discard(place)
            if left and time.monotonic() > deadline:
                raise LogUnavailableError(
                    f"The last records of topic {min(left).topic} did not come within"
                    f" {READ_SECONDS:.0f} s. Check that the brokers run, and try again."
                )
    return found
