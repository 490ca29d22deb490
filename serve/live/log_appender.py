"""Appends rows that came over HTTP to the log, once for each ``Idempotency-Key``.

The log is opened when the first rows come, so that a server that only scores needs none.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing, suppress
from time import monotonic
from typing import Any, Literal

import orjson

from converters.config.settings import Settings
from converters.errors import UsageError
from converters.logger import log
from learners.registry.errors import RegistryError
from learners.registry.row_types import StoredResponse
from serve.live.repeated_requests import Key, RepeatedRequests
from serve.rows.appended_records import Counted
from stream.log.contract import EventLog, LogError, UnknownTopicError, poll
from stream.log.signed_scores import claim_of
from stream.log.topics import create_topics
from stream.open_log import opened

Which = Literal["events", "labels"]


# Asks the log for its latest record time; warnings for an answer; and what finds them, asking for
# that if it has to be known.
Newest = Callable[[], int | None]
Warnings = list[dict[str, Any]]
Warn = Callable[[Newest], Warnings]
# For how long a log that has answered is taken to be there.
SEEN_SECONDS = 1.0
# How long to wait for records that are there.
READ_SECONDS = 0.2


def _nothing(_newest: Newest) -> Warnings:
    return []


class Appender:
    """The owner of this process' log; its methods block, and are safe from several threads."""

    def __init__(self, settings: Settings, posts: RepeatedRequests) -> None:
        self._settings = settings
        self._posts = posts
        self._turn = threading.Lock()
        self._log: EventLog | None = None
        # Name and number of partitions; empty until the log is opened.
        self._topics: dict[Which, tuple[str, int]] = {}
        self._requests = itertools.count()
        # Where each partition of the events ends at least.
        self._ends: dict[int, int] = {}
        self._seen_at = float("-inf")

    def accept(
        self, which: Which, records: Sequence[Counted], key: Key | None, warn: Warn = _nothing
    ) -> tuple[StoredResponse, bool]:
        """Append records; on disk when this returns. What ``warn`` finds is in the answer.

        Returns:
            The answer, and whether it is that to an earlier request with the same key.

        Raises:
            PostConflictError: the key was used for another request.
            PostInProgressError: the first request with the key is not answered yet.
            LogError: nothing was appended, or (``LogUnavailableError``) perhaps it was.
        """
        if key is None:
            return self._append(which, records, warn), False
        answered = self._posts.begin(key.text, key.request_sha256)
        if answered is not None:
            return answered, True
        try:
            response = self._append(which, records, warn)
        except BaseException:
            with suppress(RegistryError):
                self._posts.forget(key.text)
            raise
        try:
            self._posts.finish(key.text, response)
        except RegistryError:
            # The rows are on the log: a failure reported now would make the client send them again.
            log.exception("idempotency-key-not-kept")
        return response, False

    def close(self) -> None:
        """Close the log."""
        with self._turn:
            if self._log is not None:
                self._log.close()
            self._log = None

    @property
    def was_there(self) -> bool:
        """Whether the log has just answered."""
        return monotonic() - self._seen_at <= SEEN_SECONDS

    def look(self) -> None:
        """See that the log is there to append events to.

        Raises:
            LogError: it is not.
        """
        event_log, topic, _ = self._opened("events")
        if topic not in event_log.describe([topic]):
            self._forget_topics()
            self._opened("events")
        self._seen_at = monotonic()

    def place(self, which: Which) -> tuple[int, int]:
        """The partition of the next records, and an offset that theirs will not be below."""
        _, _, partitions = self._opened(which)
        partition = next(self._requests) % partitions
        return partition, self._ends.get(partition, 0)

    def append(
        self, which: Which, records: Sequence[Counted], partition: int
    ) -> Sequence[tuple[int, int]]:
        """Append records; on disk when this returns.

        Returns:
            The position of each.

        Raises:
            LogError: nothing was appended, or (``LogUnavailableError``) perhaps it was.
        """
        event_log, topic, _ = self._opened(which)
        placed = [each.record._replace(partition=partition) for each in records]
        try:
            positions = event_log.append(topic, placed)
        except UnknownTopicError:
            self._forget_topics()
            raise
        except LogError:
            self._seen_at = float("-inf")
            raise
        self._seen_at = monotonic()
        if which == "events":
            self._ends[partition] = max(self._ends.get(partition, 0), positions[-1][1] + 1)
        return positions

    def warned(self, warn: Warn) -> Warnings:
        """The warnings for an answer, found before its records are appended."""
        event_log, *_ = self._opened("events")
        inputs = [name for name, _ in self._topics.values()]
        return warn(lambda: _newest(event_log, inputs))

    def find(self, begins: Mapping[int, int], claims: Collection[str], key: bytes) -> set[str]:
        """Which of these claims have a record of events that is signed by the key.

        Args:
            begins: by partition, before which offset none of them is.
            claims: what to look for.
            key: of the home.

        Raises:
            LogError: the log cannot be read.
        """
        event_log, topic, _ = self._opened("events")
        ends = event_log.describe([topic])[topic].ends
        positions = {place: begins[place.partition] for place in ends if place.partition in begins}
        positions = {place: at for place, at in positions.items() if at < ends[place]}
        found = set[str]()
        with closing(event_log.read(positions)) as reader:
            while any(reader.buffers[place].position < ends[place] for place in positions):
                found |= {claim_of(record, key) for record in poll(reader, READ_SECONDS)}
        return found & set(claims)

    def _append(self, which: Which, records: Sequence[Counted], warn: Warn) -> StoredResponse:
        # The records of one request stay in order, so they share a partition.
        partition, _ = self.place(which)
        warnings = self.warned(warn)
        positions = self.append(which, records, partition)
        answer = _answer(self._topics[which][0], records, positions)
        if warnings:
            answer["warnings"] = warnings
        return StoredResponse(202, orjson.dumps(answer))

    def _forget_topics(self) -> None:
        with self._turn:
            self._topics, self._ends = {}, {}

    def _opened(self, which: Which) -> tuple[EventLog, str, int]:
        """The log, the topic and its number of partitions; created if need be."""
        with self._turn:
            if self._log is None:
                self._log = _opened(self._settings)
            if not self._topics:
                names = create_topics(self._log, self._settings)
                states = self._log.describe(names.inputs)
                self._topics = {
                    "events": (names.events, len(states[names.events].ends)),
                    "labels": (names.labels, len(states[names.labels].ends)),
                }
                events = states[names.events].ends
                self._ends = {place.partition: end for place, end in events.items()}
            return self._log, *self._topics[which]


def _opened(settings: Settings) -> EventLog:
    """The log; that it is named wrongly is not the request's fault."""
    try:
        return opened(settings)
    except UsageError as error:
        raise LogError(str(error)) from None


def _newest(event_log: EventLog, topics: Sequence[str]) -> int | None:
    """The latest record time on these topics."""
    times = event_log.newest_times(topics).values()
    return max((time for time in times if time is not None), default=None)


def _answer(
    topic: str, records: Sequence[Counted], positions: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    return {
        "rows": sum(each.rows for each in records),
        "positions": [
            {"topic": topic, "partition": partition, "offset": offset, "rows": each.rows}
            for each, (partition, offset) in zip(records, positions, strict=True)
        ],
    }
