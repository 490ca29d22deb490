"""What the sender of rows should know though they are appended: ``warnings`` in the answer 202.

The learner's stream time is the latest record time that it has taken. A row far ahead of it expires
all events that wait for their label; most often it is one without a time, which is stamped now,
while the stream is still in its past.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from converters.config.settings import Settings
from converters.errors import FreshetError
from converters.show.stream_time import lasting
from converters.show.tables import moment
from learners.registry import Registry
from serve.http.thread_pools import Threads
from serve.rows.appended_records import Counted
from stream.log.contract import LogError

EXPIRES_WAITING, ALREADY_EXPIRED, NO_ID = "expires-waiting", "already-expired", "no-id"
FUTURE_TIME = "future-time"
# How long what the registry said is taken for true, and how long a request waits for its answer:
# rows are appended without it, too.
KEPT_SECONDS, PATIENCE_SECONDS = 1.0, 0.25


class Warned(BaseModel, extra="forbid"):
    """What the sender should know of rows that were appended all the same."""

    code: str = Field(description="`expires-waiting`, `already-expired`, `future-time` or `no-id`")
    detail: str
    rows: int = Field(description="how many rows it is about")


class Stream(NamedTuple):
    """How far the learner is.

    Attributes:
        time: stream time, milliseconds; None if it has taken nothing.
        waiting: how many events wait for their label.
    """

    time: int | None = None
    waiting: int = 0


class StreamWatch:
    """Knows how far the learner is, from its heartbeat or its newest checkpoint."""

    def __init__(self, registry: Registry, reads: Threads) -> None:
        self._registry = registry
        self._reads = reads
        self._asked: asyncio.Future[Stream] | None = None
        self._seen = Stream()
        self._until = float("-inf")

    async def known(self) -> Stream:
        """As of a second ago at the latest, if the registry answers; else as last known."""
        if monotonic() < self._until:
            return self._seen
        patience = 0.0
        if self._asked is None:
            self._asked = asyncio.ensure_future(self._reads.run(None, self._read))
            patience = PATIENCE_SECONDS
        await asyncio.wait((self._asked,), timeout=patience)
        if self._asked is not None and self._asked.done():
            asked, self._asked = self._asked, None
            self._until = monotonic() + KEPT_SECONDS
            with suppress(FreshetError):
                self._seen = asked.result()
        return self._seen

    def _read(self) -> Stream:
        status = self._registry.writer.status()
        beat = {} if status is None else status.status
        counts, metrics = beat, beat.get("metrics") or {}
        if not metrics:  # it has just started, or there is none
            point = self._registry.versions.resume_point()
            if point is None:
                return Stream()
            counts, metrics = point.events, point.metrics
        return Stream(metrics.get("stream_time") or None, counts.get("waiting", 0))


class IngestWarnings:
    """Finds what to warn of.

    Args:
        settings: of the model.
        timed: whether events have a column for their time.
    """

    def __init__(self, settings: Settings, *, timed: bool) -> None:
        self._wait = round(settings.late_labels.wait * 1000)
        self._timed = timed
        # The latest record time that the log was seen to have, which does not fall again.
        self._newest: int | None = None

    def of(
        self,
        records: Sequence[Counted],
        stream: Stream,
        now: int,
        newest: Callable[[], int | None],
    ) -> list[dict[str, Any]]:
        """The warnings of a request.

        Args:
            records: those of events, or of labels.
            stream: how far the learner is.
            now: the clock's milliseconds since 1970.
            newest: asks the log for its latest record time before these.
        """
        found = (
            self._expiring(records, stream, now, newest),
            self._expired(records, stream),
            _without_id(records),
            _in_future(records, now),
        )
        return [warning for warning in found if warning is not None]

    def _expiring(
        self, records: Sequence[Counted], stream: Stream, now: int, newest: Callable[[], int | None]
    ) -> dict[str, Any] | None:
        """Rows so far ahead that everything expires that waits."""
        if stream.time is not None and not stream.waiting:
            return None
        last = max(now if each.record.time is None else each.record.time for each in records)
        if last <= (stream.time or 0) + self._wait:
            return None
        # What is on the log already may lead there by itself; asking it takes long.
        if self._newest is not None and last <= self._newest + self._wait:
            return None
        with suppress(LogError):
            known = self._newest = newest()
            if (known is None and stream.time is None) or last <= (known or 0) + self._wait:
                return None
            return self._of_expiring(records, stream, last, known)
        return None

    def _of_expiring(
        self, records: Sequence[Counted], stream: Stream, last: int, known: int | None
    ) -> dict[str, Any]:
        rows = [e for e in records if (e.record.time or last) > (stream.time or 0) + self._wait]
        count = sum(each.rows for each in rows)
        stamped = any(each.record.time is None for each in rows)
        future = any(each.future for each in rows)
        none = "a time in the future" if future else "no time"
        why = f" They have {none}, and are stamped now." if stamped else ""
        if stream.time is None:
            what = (
                f"Nothing has been learned yet, and the newest record on the log is of "
                f"{moment(known or 0)}: events of before that wait for their label will expire"
            )
        else:
            what = (
                f"The learner's stream time is {moment(stream.time)}, and "
                f"{_all(stream.waiting)} will expire"
            )
        if stamped and not self._timed:
            help_ = "The config has no time column by which events could say when they were."
        elif stamped:
            help_ = "Send the time of each row."
        else:
            help_ = "If that is not meant, correct the times before you send more."
        detail = (
            f"These rows move stream time to {moment(last)}, further than late_labels.wait "
            f"({lasting(self._wait)}).{why} {what}. {help_} Learn from history first, with "
            "'freshet backfill FILE --promote --follow'."
        )
        return {"code": EXPIRES_WAITING, "detail": detail, "rows": count}

    def _expired(self, records: Sequence[Counted], stream: Stream) -> dict[str, Any] | None:
        """Events that are older than what still waits."""
        time = stream.time
        if time is None:
            return None
        rows = sum(
            each.waiting
            for each in records
            if each.record.time is not None and each.record.time + self._wait < time
        )
        if not rows:
            return None
        detail = (
            f"The time of these events has expired already: it lies further behind stream time "
            f"({moment(time)}) than late_labels.wait ({lasting(self._wait)}). A "
            "label that was sent for them before is gone; only one that is sent after them counts. "
            "Send such events with their label."
        )
        return {"code": ALREADY_EXPIRED, "detail": detail, "rows": rows}


def _in_future(records: Sequence[Counted], now: int) -> dict[str, Any] | None:
    """Rows whose time no log takes."""
    rows = sum(each.future for each in records)
    if not rows:
        return None
    detail = (
        f"The time of these rows is over an hour ahead of this machine's clock ({moment(now)}): "
        "they are stamped now, and what is learned from the time itself, such as its hour, is as "
        "sent. Correct it; a date that stands for none is better left out."
    )
    return {"code": FUTURE_TIME, "detail": detail, "rows": rows}


def _all(waiting: int) -> str:
    if waiting == 1:
        return "the event that waits for its label"
    return f"all {waiting:,} events that wait for their label"


def _without_id(records: Sequence[Counted]) -> dict[str, Any] | None:
    """Events to which no label can ever be joined."""
    rows = sum(each.lost for each in records)
    if not rows:
        return None
    detail = (
        "These events have neither an id nor a label: no label can be joined to them later, so "
        "they are scored and never learned from. Send an id, or the label with the event."
    )
    return {"code": NO_ID, "detail": detail, "rows": rows}
