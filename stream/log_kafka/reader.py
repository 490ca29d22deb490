"""Reads committed records of Kafka, from given positions, into a buffer for each partition.

The buffers let a caller take from every partition, where ``KafkaConsumer.poll`` drains one before
the next, and they make pausing safe: kafka-python 3.0 forgets a partition that is paused with
records half handed out and never reads it again, so every fetch is drained into the buffers whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from converters.logger import log
from stream.log.contract import (
    LogError,
    PartitionBuffer,
    Place,
    PositionError,
    Record,
    TopicState,
    buffer_limit,
)
from stream.log.limits import WAYS_OUT, check_position
from stream.log_kafka.client import (
    CLOSE_SECONDS,
    Consumer,
    TopicPartition,
    UnreadableError,
    kafka,
    open_consumer,
)
from stream.log_kafka.connection import Connection
from stream.log_kafka.errors import Doing, errors, patiently

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


# What all buffers may hold before fetching pauses. A fetch that waits for news of quiet partitions
# keeps a busy one waiting `fetch_max_wait_ms`, so half a buffer should last that long.
BUFFER_BYTES = 2**25
# What to do about records that no client can read.
RESTORE = (
    "Have the brokers' administrator restore the partition from a replica. If these records are "
    "lost, have them deleted with kafka-delete-records.sh, and start again: you are then told how "
    "to go on without them."
)
# More than any fetch can bring, so that each is drained whole.
ALL = 2**31 - 1
# After so long without a record we ask the broker whether it is there at all.
QUIET_SECONDS = 10.0
READ = Doing("read", "Read")


class KafkaReader:
    """A reader of some partitions; see :class:`stream.log.contract.LogReader`.

    Args:
        connection: where the brokers are and how to reach them.
        positions: where to begin, checked to be in the log.
        topics: what the topics are now; partitions that they are given later are read too.
        identify: asks the brokers for each topic's id and number of partitions as they are now.
    """

    def __init__(
        self,
        connection: Connection,
        positions: Mapping[Place, int],
        topics: Mapping[str, TopicState],
        identify: Callable[[], Mapping[str, tuple[str, int]]],
    ) -> None:
        self._connection = connection
        self._servers = connection.servers
        self._identities = {name: state.topic_id for name, state in topics.items()}
        self._known = {place for state in topics.values() for place in state.ends}
        self._identify = identify
        self.buffers = {place: PartitionBuffer(at) for place, at in positions.items()}
        self._stopped: set[TopicPartition] = set()
        self._heard_at = time.monotonic()
        self._held_back = HeldBack()
        with errors(connection, READ):
            self._consumer: Consumer = open_consumer(connection)
            self._consumer.assign(self._partitions())
            for partition in self._partitions():
                self._consumer.seek(partition, positions[Place(*partition)])

    def fill(self, timeout: float) -> bool:
        """Drain what has been fetched into the buffers, and have the next fetch sent."""
        self._stop_the_full()
        with errors(self._connection, READ):
            try:
                found = self._consumer.poll(timeout_ms=timeout * 1000, max_records=ALL)
            except (kafka.errors.OffsetOutOfRangeError, kafka.errors.LogTruncationError) as error:
                raise self._out_of_range(error) from error
            except UnreadableError as error:
                raise LogError(
                    f"Kafka at {self._servers}: records cannot be decompressed or parsed: {error}. "
                    f"{RESTORE}"
                ) from error
            for (topic, number), records in found.items():
                place = Place(topic, number)
                self.buffers[place].add(
                    [
                        Record(
                            place,
                            r.offset,
                            r.timestamp,
                            r.value or b"",
                            tuple([(n, c or b"") for n, c in r.headers]) if r.headers else (),
                            r.key,
                            r.value is None,
                        )
                        for r in records
                    ]
                )
            for place, buffer in self.buffers.items():
                # None while a new leader's log is compared with what was read.
                position = self._consumer.position(TopicPartition(*place), timeout_ms=0)
                buffer.end = buffer.end if position is None else position
        self._notice_silence(bool(found))
        return bool(found)

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
        return {place: ends[TopicPartition(*place)] for place in self.buffers}

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close(timeout_ms=CLOSE_SECONDS * 1000)

    def _partitions(self) -> list[TopicPartition]:
        return [TopicPartition(*place) for place in self.buffers]

    def _ends(self) -> dict[TopicPartition, int]:
        partitions = self._partitions()

        def ask() -> dict[TopicPartition, int]:
            try:
                timeout_ms = self._connection.settings.request_timeout_ms
                return self._consumer.end_offsets(partitions, timeout_ms=timeout_ms)  # type: ignore[no-any-return]
            except KeyError as error:  # of a partition that it does not know yet
                raise kafka.errors.StaleMetadata from error

        with errors(self._connection, Doing("ask where the topics end", "Read")):
            return patiently(self._connection, ask)

    def _take_on(self, partitions: Iterable[Place]) -> bool:
        """Read partitions that were added, from their first record on; whether there are any."""
        added = [place for place in partitions if place not in self._known]
        if added:
            self._known.update(added)
            self.buffers |= {place: PartitionBuffer(0) for place in added}
            self._consumer.assign(self._partitions())
            for place in added:
                self._consumer.seek(TopicPartition(*place), 0)
        return bool(added)

    def _stop_the_full(self) -> None:
        """Fetch no more of a partition with a full buffer; of one half empty again, do."""
        limit = buffer_limit(BUFFER_BYTES, len(self.buffers))
        for place, buffer in self.buffers.items():
            partition = TopicPartition(*place)
            if partition not in self._stopped and buffer.bytes >= limit:
                self._consumer.pause(partition)
                self._stopped.add(partition)
            elif partition in self._stopped and buffer.bytes < limit // 2:
                self._consumer.resume(partition)
                self._stopped.discard(partition)

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
        partitions = self._partitions()
        begins = self._consumer.beginning_offsets(partitions)
        ends = self._consumer.end_offsets(partitions)
        for place, buffer in self.buffers.items():
            key = TopicPartition(*place)
            check_position(place, buffer.end, begins[key], ends[key])
        return PositionError(
            f"Kafka at {self._servers}: the log was cut back below what was read ({error!r})."
            f" {WAYS_OUT}"
        )
