"""The limits that every log enforces: names of topics, record times, sizes, and positions.

Both logs raise the same messages.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from operator import itemgetter

from stream.log.contract import (
    MAX_AHEAD_MS,
    MAX_RECORD_BYTES,
    LogError,
    Outgoing,
    Place,
    PositionError,
    RecordTooLargeError,
    StampError,
    TopicSpec,
    UnknownTopicError,
)

# What to do when the log no longer has the records that a model learned.
WAYS_OUT = (
    "Restore the log; or build a model from what it has now with 'freshet backfill log --fresh',"
    " promote it, and start the learner again: it resumes from that version."
)

# Kafka's rule; the SQLite log has the same so that a model can move from one to the other.
TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")


def check_names(topics: Iterable[TopicSpec]) -> None:
    """Refuse topic names that Kafka would not take."""
    for topic in topics:
        if not TOPIC_NAME.fullmatch(topic.name) or topic.name in {".", ".."}:
            raise LogError(
                f"{topic.name!r} cannot be a topic's name: use 1 to 249 letters, digits, dots,"
                " underscores and hyphens in the section `topics`."
            )


def later(one: int | None, other: int | None) -> int | None:
    """The later of two times, either of which may be missing."""
    return max((each for each in (one, other) if each is not None), default=None)


def checked_times(topic: str, records: Sequence[Outgoing]) -> list[int]:
    """The time of each record, once it is checked: not too far ahead, and the value not too large.

    Args:
        topic: for the errors.
        records: the records to append; those without a time get the current time.

    Raises:
        StampError: a time is over an hour ahead of this machine's clock, or before 1970.
        RecordTooLargeError: a value is larger than :data:`stream.log.contract.MAX_RECORD_BYTES`.
    """
    now = int(time.time() * 1000)
    latest = now + MAX_AHEAD_MS
    times = [now if record.time is None else record.time for record in records]
    sizes = map(len, map(itemgetter(0), records))
    good = min(times, default=0) >= 0 and max(times, default=0) <= latest
    if good and max(sizes, default=0) <= MAX_RECORD_BYTES:
        return times
    for record, stamp in zip(records, times, strict=True):
        if not 0 <= stamp <= latest:
            raise StampError(
                f"A record for topic {topic} is stamped {_utc(stamp)}, but the log accepts times"
                f" from 1970 to an hour from now ({_utc(now)}). Correct the time column, or this"
                " machine's clock."
            )
        if len(record.value) > MAX_RECORD_BYTES:
            raise RecordTooLargeError(
                f"A record for topic {topic} has {len(record.value):,} bytes, but the log accepts"
                f" at most {MAX_RECORD_BYTES:,}. Put fewer rows into a record."
            )
    return times


def check_position(place: Place, position: int, begin: int, end: int) -> None:
    """Refuse a position that the log does not have.

    Args:
        place: the partition.
        position: where reading should continue.
        begin: the first offset that is still there.
        end: the next offset to be assigned.

    Raises:
        PositionError: ``position`` is below ``begin`` or above ``end``.
    """
    if begin <= position <= end:
        return
    what = (
        f"its first remaining record is at {begin}, so the records between are gone: deleted, or "
        "past the topic's retention, which has to be longer than the learner may be down"
        if position < begin
        else f"it ends at {end}, so it is not the topic that was read before"
    )
    raise PositionError(
        f"Topic {place.topic}, partition {place.partition}: reading should continue at offset"
        f" {position}, but {what}. {WAYS_OUT}"
    )


def unknown(place: Place, partitions: int, where: str) -> UnknownTopicError:
    """The error for a partition that is not there.

    Args:
        place: the partition.
        partitions: how many its topic has; 0 if there is no such topic.
        where: the log: "in Kafka at HOST:PORT".
    """
    if partitions:
        return UnknownTopicError(
            f"Topic {place.topic} {where} has {partitions} partition(s), so there is no partition"
            f" {place.partition}."
        )
    return UnknownTopicError(
        f"There is no topic {place.topic} {where}. Check its name in the section `topics`, or"
        " start `freshet learn` or `freshet produce`, which create it."
    )


def _utc(milliseconds: int) -> str:
    """A record time in readable form; years outside the calendar stay numbers."""
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds} ms"
