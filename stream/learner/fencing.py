"""A learner's hold on the log: open, and its outputs fenced off from older learners.

Made anew after every outage by :mod:`stream.learner.process`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from converters.config.settings import Settings
from learners.registry import Registry
from stream.log.contract import EventLog, LogError, OutputWriter
from stream.open_log import opened


@dataclass(frozen=True)
class Connection:
    """An open log and the writer of the learner's outputs."""

    event_log: EventLog
    writer: OutputWriter

    def close(self) -> None:
        """Close both; a log that is away cannot keep us from that."""
        for each in (self.writer, self.event_log):
            with suppress(LogError):
                each.close()


def take_hold(
    event_log: EventLog, settings: Settings, registry: Registry, epoch: int
) -> Connection:
    """Become the writer of the outputs, which fences off every other.

    The epoch is looked at once the writer is open: a learner that was paused may have fenced off
    its successor just now. It ends here then, and the successor begins anew, for the epoch is its.

    Raises:
        SupersededError: another learner has taken over.
    """
    writer = event_log.writer(f"{settings.model}.learner")
    try:
        registry.writer.check_epoch(epoch)
    except BaseException:
        writer.close()
        raise
    return Connection(event_log, writer)


def connect(settings: Settings, registry: Registry, epoch: int) -> Connection:
    """Open the log again and take hold of it; nothing stays open when that fails.

    Raises:
        LogUnavailableError: the log does not answer.
        SupersededError: another learner has taken over; the log was left alone.
    """
    registry.writer.check_epoch(epoch)
    event_log = opened(settings)
    try:
        return take_hold(event_log, settings, registry, epoch)
    except BaseException:
        with suppress(LogError):
            event_log.close()
        raise
