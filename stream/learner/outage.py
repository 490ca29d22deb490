"""Waits while something that a learner needs is away, and says so.

:mod:`stream.learner.process` hands in each error that may pass; the words go to the log and, with
the heartbeat, to the registry, where servers and operators find them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

import structlog

from learners.registry import Registry, RegistryUnavailableError, iso, utc_now
from stream.learner.heartbeat import HEARTBEAT_SECONDS

log = structlog.get_logger()

FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.5, 15.0
LOOK_SECONDS = 0.1


@dataclass
class Outage:
    """The time from the first failure to the first sign that all is well again.

    Attributes:
        registry: where the heartbeat goes, if it can be reached.
        epoch: the learner's.
        stopping: tells whether the learner has been asked to end.
        last_status: the heartbeat's status before.
    """

    registry: Registry
    epoch: int
    stopping: Callable[[], bool]
    last_status: dict[str, Any] = field(default_factory=dict)
    _delay: float = FIRST_DELAY_SECONDS
    _since: float | None = None
    _since_text: str = ""

    def wait(self, error: Exception) -> None:
        """Say what is away, and wait before the next try; returns early when asked to end.

        Raises:
            SupersededError: another learner has taken over meanwhile.
        """
        if self._since is None:
            self._since, self._since_text = monotonic(), iso(utc_now())
        log.warning("waiting", next_try_seconds=self._delay, error=str(error))
        until = monotonic() + self._delay
        beat_at = 0.0
        while not self.stopping() and monotonic() < until:
            if monotonic() - beat_at >= HEARTBEAT_SECONDS:
                beat_at = monotonic()
                self._beat(str(error))
            sleep(LOOK_SECONDS)
        self._delay = min(self._delay * 2, LONGEST_DELAY_SECONDS)

    def over(self) -> None:
        """All is well again, if it was not."""
        if self._since is not None:
            log.info("going on", waited_seconds=round(monotonic() - self._since, 1))
            self._since, self._delay = None, FIRST_DELAY_SECONDS

    def _beat(self, waiting_for: str) -> None:
        status = {
            **self.last_status,
            "alive": True,
            "events_per_second": 0.0,
            "waiting_for": waiting_for,
            "waiting_since": self._since_text,
        }
        try:
            self.registry.writer.heartbeat(self.epoch, status)
        except RegistryUnavailableError:
            log.debug("the registry cannot be told either")
