"""Reads Kafka from given positions: hands committed records to the event reader.

Between kafka-python's consumer and the caller stands a bounded buffer for each partition. It hands
out a share of each partition, where ``KafkaConsumer.poll`` drains one before the next, and it makes
pausing safe: kafka-python 3.0 forgets a partition that is paused with records half handed out and
never reads it again, so every fetch is drained into the buffers whole.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

import structlog

from stream.log.contract import Place, PositionError, Record, TopicState
from stream.log.limits import WAYS_OUT, check_position
from stream.log_kafka.client import REQUEST_SECONDS, Consumer, TopicPartition, kafka, open_consumer
from stream.log_kafka.errors import errors, patiently

log = structlog.get_logger()

# A transaction of a healthy producer is open for less than this.
HELD_BACK_SECONDS = 20.0


class HeldBack:
    """Watches the partitions of one reader; tells once when it begins, and once when it ends."""

    def __init__(self) -> None:
        self._since: dict[TopicPartition, float] = {}
        self._told: set[TopicPartition] = set()

    def look(self, consumer: Consumer, ends: Mapping[TopicPartition, int]) -> None:
        """Compare where readers may read to with where the partitions end.

        Args:
            consumer: knows the high watermarks from its last fetches.
            ends: the last stable offset of each partition.
        """
        now = time.monotonic()
        for partition, end in ends.items():
            if (consumer.highwater(partition) or 0) <= end:
                self._since.pop(partition, None)
                if partition in self._told:
                    self._told.discard(partition)
                    log.info("no longer held back", **_named(partition), end=end)
                continue
            held = now - self._since.setdefault(partition, now)
            if held > HELD_BACK_SECONDS and partition not in self._told:
                self._told.add(partition)
                log.warning(
                    "held back by an open transaction",
                    **_named(partition),
                    readable_to=end,
                    written_to=consumer.highwater(partition),
                    advice="find the producer that hangs, or wait for its time-out",
                )


def _named(partition: TopicPartition) -> dict[str, str | int]:
    return {"topic": partition.topic, "partition": partition.partition}


RECORDS_A_POLL = 2_048
BYTES_A_POLL = 8 * 2**20
LEAST_RECORDS = 128
LEAST_BYTES = 2**18

# What one fetch brings of a partition, and what its buffer may hold before fetching pauses. A
# fetch that waits for news of quiet partitions keeps a busy one waiting FETCH_WAIT_MS, so half a
# buffer should last that long.
FETCH_BYTES = 2**20
FETCH_WAIT_MS = 200
BUFFER_BYTES = 2**25
LEAST_BUFFER_BYTES = 2**20
# What a record takes beside its value.
RECORD_BYTES = 256
# More than any fetch can bring, so that each is drained whole.
ALL = 2**31 - 1
# After so long without a record we ask the broker whether it is there at all.
QUIET_SECONDS = 10.0


class _Buffer:
    """What was fetched of a partition and not handed out."""

    def __init__(self, partition: TopicPartition, position: int) -> None:
        self.partition = partition
        self.records: deque[Record] = deque()
        self.bytes = 0
        self.fetched = position
        self.paused = False
        self.stopped = False

    def add(self, records: Iterable[Record]) -> None:
        for record in records:
            self.records.append(record)
            self.bytes += len(record.value) + RECORD_BYTES

    def hand_out(self, most: int, room: int) -> list[Record]:
        if len(self.records) <= most and self.bytes <= room:
            everything, self.records, self.bytes = list(self.records), deque(), 0
            return everything
        taken: list[Record] = []
        while self.records and len(taken) < most and room > 0:
            record = self.records.popleft()
            taken.append(record)
            room -= len(record.value)
            self.bytes -= len(record.value) + RECORD_BYTES
        return taken


class KafkaReader:
    """A reader of some partitions; see :class:`stream.log.contract.LogReader`.

    Args:
        servers: the brokers.
        positions: where to begin, checked to be in the log.
        topics: what the topics are now; partitions that they are given later are read too.
        identify: asks the brokers for each topic's id and number of partitions as they are now.
    """

    def __init__(
        self,
        servers: str,
        positions: Mapping[Place, int],
        topics: Mapping[str, TopicState],
        identify: Callable[[], Mapping[str, tuple[str, int]]],
    ) -> None:
        self._servers = servers
        self._identities = {name: state.topic_id for name, state in topics.items()}
        self._known = {place for state in topics.values() for place in state.ends}
        self._identify = identify
        self._buffers = {
            place: _Buffer(TopicPartition(*place), position)
            for place, position in positions.items()
        }
        self._limit = max(BUFFER_BYTES // max(len(positions), 1), LEAST_BUFFER_BYTES)
        self._heard_at = time.monotonic()
        self._held_back = HeldBack()
        with errors(servers, "read"):
            self._consumer: Consumer = open_consumer(
                servers, fetch_max_wait_ms=FETCH_WAIT_MS, max_partition_fetch_bytes=FETCH_BYTES
            )
            self._consumer.assign([buffer.partition for buffer in self._buffers.values()])
            for buffer in self._buffers.values():
                self._consumer.seek(buffer.partition, buffer.fetched)

    def poll(self, timeout: float) -> list[Record]:
        """What has come on the partitions not paused, at once or within ``timeout`` seconds."""
        records = self._hand_out()
        self._fetch(0.0 if records else timeout)
        return records or self._hand_out()

    def position(self, place: Place) -> int:
        """The next offset to hand out, or to fetch when all that was fetched is handed out."""
        buffer = self._buffers[place]
        return buffer.records[0].offset if buffer.records else buffer.fetched

    def ends(self) -> dict[Place, int]:
        """The last stable offset of each partition, those added meanwhile included.

        The partitions are counted after their ends were asked for: what is in one that was not
        there by then came after everything below those ends.
        """
        ends = self._ends()
        while self._take_on(self._check_identities()):
            ends = self._ends()
        self._held_back.look(self._consumer, ends)
        self._heard_at = time.monotonic()
        return {place: ends[buffer.partition] for place, buffer in self._buffers.items()}

    def pause(self, places: Iterable[Place]) -> None:
        """Hand out nothing of these until resumed; their buffers fill up to their bound."""
        for place in places:
            self._buffers[place].paused = True

    def resume(self, places: Iterable[Place]) -> None:
        """Hand these out again."""
        for place in places:
            self._buffers[place].paused = False

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close(timeout_ms=REQUEST_SECONDS * 1000)

    def _ends(self) -> dict[TopicPartition, int]:
        partitions = [buffer.partition for buffer in self._buffers.values()]

        def ask() -> dict[TopicPartition, int]:
            try:
                return self._consumer.end_offsets(partitions, timeout_ms=REQUEST_SECONDS * 1000)  # type: ignore[no-any-return]
            except KeyError as error:  # of a partition that it does not know yet
                raise kafka.errors.StaleMetadata from error

        with errors(self._servers, "ask where the topics end"):
            return patiently(ask)

    def _take_on(self, partitions: Iterable[Place]) -> bool:
        """Read partitions that were added, from their first record on; whether there are any."""
        added = [place for place in partitions if place not in self._known]
        if added:
            self._known.update(added)
            self._buffers |= {p: _Buffer(TopicPartition(*p), 0) for p in added}
            self._limit = max(BUFFER_BYTES // len(self._buffers), LEAST_BUFFER_BYTES)
            self._consumer.assign([buffer.partition for buffer in self._buffers.values()])
            for place in added:
                self._consumer.seek(self._buffers[place].partition, 0)
        return bool(added)

    def _hand_out(self) -> list[Record]:
        """A share of what each partition that is not paused has in its buffer."""
        ready = [b for b in self._buffers.values() if b.records and not b.paused]
        share = max(len(ready), 1)
        most = max(RECORDS_A_POLL // share, LEAST_RECORDS)
        room = max(BYTES_A_POLL // share, LEAST_BYTES)
        return [record for buffer in ready for record in buffer.hand_out(most, room)]

    def _fetch(self, timeout: float) -> None:
        """Drain what has been fetched into the buffers, and have the next fetch sent."""
        self._stop_the_full()
        with errors(self._servers, "read"):
            try:
                found = self._consumer.poll(timeout_ms=timeout * 1000, max_records=ALL)
            except (kafka.errors.OffsetOutOfRangeError, kafka.errors.LogTruncationError) as error:
                raise self._out_of_range(error) from error
            for buffer in self._buffers.values():
                # None while a new leader's log is compared with what was read.
                position = self._consumer.position(buffer.partition, timeout_ms=0)
                buffer.fetched = buffer.fetched if position is None else position
        for (topic, number), records in found.items():
            place = Place(topic, number)
            self._buffers[place].add(
                Record(
                    place,
                    r.offset,
                    r.timestamp,
                    r.value or b"",
                    tuple([(n, c or b"") for n, c in r.headers]) if r.headers else (),
                    r.key,
                )
                for r in records
            )
        self._notice_silence(bool(found))

    def _stop_the_full(self) -> None:
        """Fetch no more of a partition with a full buffer; of one half empty again, do."""
        for buffer in self._buffers.values():
            if not buffer.stopped and buffer.bytes >= self._limit:
                self._consumer.pause(buffer.partition)
                buffer.stopped = True
            elif buffer.stopped and buffer.bytes < self._limit // 2:
                self._consumer.resume(buffer.partition)
                buffer.stopped = False

    def _notice_silence(self, heard: bool) -> None:
        """A consumer whose broker is gone goes on quietly for ever: ask once in a while."""
        now = time.monotonic()
        if heard:
            self._heard_at = now
        elif now - self._heard_at > QUIET_SECONDS:
            self.ends()

    def _check_identities(self) -> list[Place]:
        """All partitions that the topics have now.

        Refuses to go on when a topic is gone, or another one now: fetching goes by names.
        """
        places: list[Place] = []
        found = self._identify()
        for topic, expected in self._identities.items():
            identity, count = found.get(topic, ("none", 0))
            if identity != expected:
                raise PositionError(
                    f"Topic {topic} in Kafka at {self._servers} was removed or recreated while it"
                    f" was read (its id was {expected}, now {identity}). {WAYS_OUT}"
                )
            places += [Place(topic, number) for number in range(count)]
        return places

    def _out_of_range(self, error: Exception) -> PositionError:
        """Say which position the log does not hold, and what it holds."""
        self._check_identities()
        partitions = [buffer.partition for buffer in self._buffers.values()]
        begins = self._consumer.beginning_offsets(partitions)
        ends = self._consumer.end_offsets(partitions)
        for place, buffer in self._buffers.items():
            key = buffer.partition
            check_position(place, buffer.fetched, begins[key], ends[key])
        return PositionError(
            f"Kafka at {self._servers}: the log was cut back below what was read ({error!r})."
            f" {WAYS_OUT}"
        )
