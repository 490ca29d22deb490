"""Whether a file's rows come too far behind what its topics hold already to be learned.

Within a partition records are taken in their order. One record of today before a year of history
lets all labels of that year come before their events, and moves stream time past all that wait: so
everything expires. No order of the fold can correct that; ``produce`` refuses to begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from converters.errors import FreshetError
from converters.show.command_line import say
from converters.show.stream_time import days
from converters.show.tables import moment
from stream.log.contract import EventLog, LogError, LogUnavailableError
from stream.log.topics import Topics
from stream.produce.file_records import Formed
from stream.stopping import LOG, waiting_for

# Records without a usable time before the first one that has one.
MOST_LOOKED_AT = 100


class BehindError(FreshetError):
    """The rows of a file would expire unlearned."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A file that begins too far behind the newest record of a topic.

    Attributes:
        first: the file's first record time, ms.
        topic: the topic with the newest record of both.
        newest: that record's time, ms.
        wait: how long events wait for their label, ms.
    """

    first: int
    topic: str
    newest: int
    wait: int

    def refused(self, name: str, backfill: str, produce: str) -> BehindError:
        """The error, with the commands that make a version of the file and that send it."""
        return BehindError(
            f"{self._told(name)}: they would expire unlearned. Nothing was sent. Make a version of "
            f"the file instead, with '{backfill}'; or send it all the same, with '{produce}'. Do "
            "the latter if a part of this file was sent before: rows that were sent are "
            "recognised by their ids."
        )

    def warn(self, name: str) -> None:
        """Say what will happen to rows that are sent all the same."""
        say(f"Warning: {self._told(name)}: rows that wait for their label may expire unlearned.")

    def _told(self, name: str) -> str:
        first, newest = moment(self.first), moment(self.newest)
        return (
            f"{name} begins at {first}, and topic {self.topic} already has a record of "
            f"{newest}, {days(self.newest - self.first)} later. Stream time is "
            f"that of the newest record, and events wait {days(self.wait)} for their label "
            "(late_labels.wait). So these rows come too late"
        )


def behind(log: EventLog, topics: Topics, first: int | None, wait: float) -> Behind | None:
    """Whether records from a time on come further behind the topics' newest than events wait.

    Args:
        log: which has the topics.
        topics: their names.
        first: the first record time, ms; None if records get the time at which they are sent.
        wait: how long events wait for their label, seconds.
    """
    if first is None:
        return None
    try:
        with waiting_for(LOG):
            times = log.newest_times(topics.inputs)
    except LogUnavailableError:
        raise
    except LogError as error:
        say(f"Whether the rows come behind newer ones is unknown, since it cannot be read. {error}")
        return None
    known = [(time, topic) for topic, time in times.items() if time is not None]
    newest, topic = max(known, default=(0, ""))
    if newest - first <= wait * 1000:
        return None
    return Behind(first, topic, newest, round(wait * 1000))


def first_time(records: Iterator[Formed]) -> tuple[int | None, Iterator[Formed]]:
    """The first record time that a row gave, in ms, and the records as they were."""
    looked: list[Formed] = []
    for formed in records:
        looked.append(formed)
        if formed.timed_by is not None and formed.record.time is not None:
            return formed.record.time, chain(looked, records)
        if len(looked) == MOST_LOOKED_AT:
            break
    return None, chain(looked, records)
