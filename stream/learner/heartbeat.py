"""What the learner reports each second, also while the log or registry is unavailable.

These parts read the clock. They affect when state is saved and what is shown, never what is
learned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from converters.cells.remedies import MOST_REJECTED, explained, listed
from converters.convert.cell_words import LEAST_ROWS as LEAST_JUDGED
from converters.convert.cell_words import absent_words, unseen_words
from converters.logger import log
from learners.registry import Registry
from learners.registry.errors import RegistryUnavailableError
from learners.registry.row_types import iso, utc_now
from learners.snapshots.disk import unwritable
from stream.fold.expiry import DECIDED, EVENTS, LABELS, MOST_EXPIRED, advice, in_words, lost
from stream.fold.pipeline import Pipeline
from stream.fold.run_report import (
    DUPLICATES,
    OUTCOME,
    Rows,
    cells_of,
    examples,
    expired,
    rejected,
    repeated,
    repeats_said,
    rows_of,
)
from stream.log.batch import Batch
from stream.process_control import Backoff, are_alike
from stream.stopping import REGISTRY, waiting_for

HEARTBEAT_SECONDS = 1.0
# The shown rate is averaged over this time.
RATE_SECONDS = 5.0


class Heartbeat:
    """Gathers what the learner reports each second: rate and lag."""

    def __init__(self) -> None:
        self._beat_at = 0.0
        self._lag: dict[str, int] = {}
        self._seen: list[tuple[float, int]] = []
        self._positions: dict[str, int] = {}

    def saw(self, batch: Batch, events: int) -> None:
        """A batch was taken; ``events`` rows have been, over the lineage."""
        now = monotonic()
        while len(self._seen) > 1 and now - self._seen[0][0] > RATE_SECONDS:
            self._seen.pop(0)
        if not self._seen or now - self._seen[-1][0] > RATE_SECONDS / 50:
            self._seen.append((now, events))
        self._lag = {
            f"{place.topic}:{place.partition}": max(0, end - batch.cut.get(place, 0))
            for place, end in batch.ends.items()
        }
        self._positions = {f"{p.topic}:{p.partition}": at for p, at in batch.cut.items()}

    def due(self) -> bool:
        """Whether a second has passed."""
        return monotonic() - self._beat_at >= HEARTBEAT_SECONDS

    def status(self) -> dict[str, Any]:
        """The report; the next is due a second later."""
        self._beat_at = monotonic()
        rate = 0.0
        if len(self._seen) > 1 and self._seen[-1][0] > self._seen[0][0]:
            (since, first), (until, last) = self._seen[0], self._seen[-1]
            rate = (last - first) / (until - since)
        return {
            "events_per_second": round(rate, 1),
            "lag": self._lag,
            "positions": self._positions,
        }


# How often a flood of labels is logged while it lasts.
FLOOD_SECONDS = 60.0


class WaitingLabels:
    """Warns when many labels wait for events that have not come: anybody can send such labels.

    Args:
        bound: how many wait at most.
        evicted: how many have been evicted because more came.
    """

    def __init__(self, bound: int, evicted: int) -> None:
        self._bound = bound
        self._evicted = evicted
        self._many = False
        self._silent_until = {"many": 0.0, "evicted": 0.0}

    def look(self, waiting: int, evicted: int) -> str:
        """Log what is new, each kind at most once a minute; returns the trouble, or nothing."""
        many, passed = waiting * 2 >= self._bound, not self._many
        self._many = many
        if evicted > self._evicted and self._is_due("evicted"):
            log.warning(
                "labels without an event are evicted",
                **self._said(waiting, evicted),
                since_last_warning=evicted - self._evicted,
            )
            self._evicted = evicted
        elif many and passed and self._is_due("many"):
            log.warning("many labels wait for their event", **self._said(waiting, evicted))
        if not many:
            return ""
        return (
            f"{waiting:,} labels wait for an event of their id, {evicted:,} were evicted; "
            f"late_labels.max_labels lets {self._bound:,} wait. Find out who sends them."
        )

    def _is_due(self, kind: str) -> bool:
        due = monotonic() >= self._silent_until[kind]
        if due:
            self._silent_until[kind] = monotonic() + FLOOD_SECONDS
        return due

    def _said(self, waiting: int, evicted: int) -> dict[str, int]:
        return {"waiting": waiting, "at_most": self._bound, "evicted": evicted}


class Alarm:
    """A trouble that comes and goes: logged as it begins and ends, at most once a minute.

    Attributes:
        text: the trouble for the heartbeat; empty without one.
    """

    def __init__(self) -> None:
        self.text = ""
        self._logged = False
        self._silent_until = 0.0

    def on(self, text: str, event: str, **said: object) -> None:
        """It is there; ``event`` and ``said`` are logged if that is new."""
        self.text = text
        if not self._logged and monotonic() >= self._silent_until:
            self._logged = True
            self._silent_until = monotonic() + FLOOD_SECONDS
            log.warning(event, **said)

    def off(self, event: str = "", **said: object) -> None:
        """It is not there; ``event`` is logged if its begin was."""
        self.text = ""
        if self._logged and event:
            log.info(event, **said)
        self._logged = False


# Fewer rows say little about the share that is refused, unless all are.
LEAST_ROWS, LEAST_IF_ALL = 100, 10


class RefusedShare:
    """Warns when more than a tenth of the rows of events or of labels is refused, and when it ends.

    Rows are judged in blocks: all since the last look, or since several if they were few.

    Args:
        pipeline: whose refusals are looked at, from now on.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._judged = rows_of(pipeline)
        self._alarms = {EVENTS: Alarm(), LABELS: Alarm()}

    def look(self) -> str:
        """Log what begins and what ends, at most once a minute; returns the trouble, or nothing."""
        now = rows_of(self._pipeline)
        for kind in self._alarms:
            block = _since(now, self._judged)
            found = rejected(kind, block, examples(self._pipeline)[kind])
            if found["rows"] >= LEAST_ROWS or LEAST_IF_ALL <= found["rows"] == found["rejected"]:
                self._judge(kind, found)
                self._judged.update({each: n for each, n in block.items() if each[0] == kind})
        return " ".join(alarm.text for alarm in self._alarms.values() if alarm.text)

    def _judge(self, kind: str, found: Mapping[str, Any]) -> None:
        said = {"kind": kind, "rows": found["rows"], "rejected": found["rejected"]}
        if found["rejected"] <= MOST_REJECTED * found["rows"]:
            self._alarms[kind].off("rows are accepted again", **said)
            return
        text = (
            f"{found['rejected']:,} of the last {found['rows']:,} rows of {kind} were refused: "
            f"{listed(found['reasons'])}. List them with: freshet dead-letters"
        )
        why = " ".join(explained(found["reasons"], found["examples"]))
        self._alarms[kind].on(text, "many rows are refused", **said, reasons=why)


class CellTrouble:
    """Looks at the cells of the rows since its last look, or since several if they were few.

    Args:
        pipeline: whose rows are looked at, from now on.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._judged = rows_of(pipeline)
        self._unseen, self._absent = Alarm(), Alarm()

    def look(self) -> dict[str, str]:
        """The troubles for the heartbeat, empty where there is none; a new one is logged."""
        now = rows_of(self._pipeline)
        block = cells_of(_since(now, self._judged))
        if block.rows >= LEAST_JUDGED:
            self._judged = now
            _set(self._unseen, unseen_words(block), "many values are unseen")
            _set(self._absent, absent_words(block), "a column has no value")
        return {"unseen_trouble": self._unseen.text, "absent_trouble": self._absent.text}


def _set(alarm: Alarm, words: str, event: str) -> None:
    if words:
        alarm.on(words, event, detail=words)
    else:
        alarm.off()


def _since(now: Rows, judged: Rows) -> Rows:
    """What came since."""
    return Rows({each: n - judged[each] for each, n in now.items()})


class ExpiredShare:
    """Warns when more than a tenth of the events or the labels expire, and when that ends.

    They are judged in blocks, as by :class:`RefusedShare`, as soon as they are decided.

    Args:
        pipeline: whose joins are looked at, from now on.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._judged = rows_of(pipeline)
        self._jump = pipeline.planner.jump
        self._alarms = {EVENTS: Alarm(), LABELS: Alarm()}
        self._advice = ""

    def look(self) -> dict[str, str]:
        """Log what begins and what ends, at most once a minute.

        Returns:
            The trouble for the heartbeat, and by itself what helps; both empty without one.
        """
        now = rows_of(self._pipeline)
        found = expired(_since(now, self._judged))
        for kind, of in found.items():
            if of["decided"] >= LEAST_ROWS or LEAST_IF_ALL <= of["decided"] == lost(kind, of):
                self._judge(kind, of)
                self._judged.update(
                    {
                        (OUTCOME, name): now[OUTCOME, name] - self._judged[OUTCOME, name]
                        for name in DECIDED[kind]
                    }
                )
        told = " ".join(alarm.text for alarm in self._alarms.values() if alarm.text)
        helps = self._advice if told else ""
        return {"expiry_trouble": f"{told} {helps}".strip(), "expiry_advice": helps}

    def _judge(self, kind: str, found: Mapping[str, int]) -> None:
        said = {"kind": kind, **found}
        if lost(kind, found) <= MOST_EXPIRED * found["decided"]:
            self._jump = self._pipeline.planner.jump
            self._alarms[kind].off("few expire again", **said)
            return
        jump = self._pipeline.planner.jump
        moved = None if jump is None or jump == self._jump else jump._asdict()
        helps = advice(moved, self._pipeline.joiner.counts.labels_quarantined)
        told = in_words(kind, found, f"the last {found['decided']:,} {kind}")
        self._advice = helps
        self._alarms[kind].on(f"{told}.", "many expire", **said, advice=helps)


class RepeatedShare:
    """Warns when more than a tenth of the events are duplicates, or labels are lost with some.

    Args:
        pipeline: whose rows are looked at, from now on.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._judged = rows_of(pipeline)
        self._alarm = Alarm()

    def look(self) -> str:
        """Log what begins, at most once a minute; returns the trouble, or nothing."""
        now = rows_of(self._pipeline)
        found = repeated(_since(now, self._judged))
        if found["rows"] >= LEAST_ROWS or LEAST_IF_ALL <= found["rows"] == found[DUPLICATES]:
            self._judged = now
            if text := repeats_said(found, "last rows of events"):
                self._alarm.on(text, "many events are duplicates, or bring labels", **found)
            else:
                self._alarm.off()
        return self._alarm.text


FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.5, 15.0
# How often an error that stays the same is logged.
SAME_ERROR_SECONDS = 300.0
LOOK_SECONDS = 0.1


@dataclass
class Outage:
    """The time from the first failure until everything works again.

    Attributes:
        registry: where the heartbeat goes, if it can be reached.
        epoch: the learner's.
        folders: what has to be written to.
        stopping: whether the learner has been asked to end.
        last_status: the status of the last heartbeat before the outage.
    """

    registry: Registry
    epoch: int
    folders: tuple[Path, ...]
    stopping: Callable[[], bool]
    last_status: dict[str, Any] = field(default_factory=dict)
    _backoff: Backoff = field(
        default_factory=lambda: Backoff(FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS)
    )
    _since: float | None = None
    _since_text: str = ""
    _logged: str = ""
    _logged_at: float = 0.0

    def wait(self, error: Exception) -> None:
        """Log what is unavailable, and wait before the next try; returns early when asked to end.

        Raises:
            SupersededError: another learner has taken over meanwhile.
        """
        if self._since is None:
            self._since, self._since_text = monotonic(), iso(utc_now())
        delay = self._backoff.next()
        self._log(str(error), delay)
        until = monotonic() + delay
        beat_at = 0.0
        while not self.stopping() and monotonic() < until:
            if monotonic() - beat_at >= HEARTBEAT_SECONDS:
                beat_at = monotonic()
                self._beat(str(error))
            sleep(LOOK_SECONDS)

    def over(self) -> None:
        """Everything works again, if it did not."""
        if self._since is not None:
            log.info("resumed", waited_seconds=round(monotonic() - self._since, 1))
            self._since, self._logged = None, ""
            self._backoff.reset()

    def _log(self, error: str, delay: float) -> None:
        """Log an error when it is new, and now and then while it stays."""
        if are_alike(error, self._logged) and monotonic() < self._logged_at + SAME_ERROR_SECONDS:
            return
        self._logged, self._logged_at = error, monotonic()
        advice = f"tried again at growing intervals, up to {LONGEST_DELAY_SECONDS:g} s"
        log.warning("waiting", next_try_seconds=delay, error=error, advice=advice)

    def _beat(self, cause: str) -> None:
        status = {
            **self.last_status,
            "alive": True,
            "events_per_second": 0.0,
            "waiting_for": cause,
            "waiting_since": self._since_text,
            "disk_trouble": unwritable(*self.folders),
        }
        with suppress(RegistryUnavailableError), waiting_for(REGISTRY):
            self.registry.writer.heartbeat(self.epoch, status)
