"""Appends rows that came over HTTP to the log, once for each ``Idempotency-Key``.

The log is opened when the first rows come, so that a server that only scores needs none.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from converters.config.settings import Settings
from converters.errors import UsageError
from converters.logger import log
from learners.registry.errors import RegistryError
from learners.registry.row_types import StoredResponse
from serve.live.repeated_requests import RepeatedRequests
from serve.rows.appended_records import Counted
from stream.log.contract import EventLog, LogError, UnknownTopicError
from stream.log.topics import create_topics
from stream.open_log import opened

Which = Literal["events", "labels"]


# Asks the log for its latest record time, if that has to be known -> warnings for the answer.
Warn = Callable[[Callable[[], int | None]], list[dict[str, Any]]]


def _nothing(_newest: Callable[[], int | None]) -> list[dict[str, Any]]:
    return []


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key, and the digest of its request."""

    text: str
    request_sha256: str


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

    def _append(self, which: Which, records: Sequence[Counted], warn: Warn) -> StoredResponse:
        event_log, topic, partitions = self._opened(which)
        # The records of one request stay in order, so they share a partition.
        partition = next(self._requests) % partitions
        placed = [each.record._replace(partition=partition) for each in records]
        inputs = [name for name, _ in self._topics.values()]
        warnings = warn(lambda: _newest(event_log, inputs))
        try:
            positions = event_log.append(topic, placed)
        except UnknownTopicError:
            with self._turn:
                self._topics = {}
            raise
        answer = _answer(topic, records, positions)
        if warnings:
            answer["warnings"] = warnings
        return StoredResponse(202, orjson.dumps(answer))

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
