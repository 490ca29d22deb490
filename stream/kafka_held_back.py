"""Says when records are held back by a transaction that neither commits nor aborts.

Readers of committed records stop where the oldest open transaction began. A producer that hangs,
or was stopped, keeps every reader waiting until its transaction times out, and nothing fails.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog

from stream.log_kafka.client import Consumer, TopicPartition

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
