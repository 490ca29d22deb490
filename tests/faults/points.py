"""Named points of the commit protocol: where a learner is killed, and where it was when it died.

The harness knows the steps of the protocol, the product does not know the harness: inside a
child that is about to become a learner, :mod:`tests.faults.instruments` wraps the
product's functions so that each step is noted here. A :class:`Trace` is a file that the child maps
into its memory: its content outlives the child, and a step costs a microsecond.

Outputs and checkpoints are written by threads of their own while the learner continues, so there
are lanes: the last step of the outputs, that of checkpoints, and that of everything else. The
steps of a reader process are noted in one more, which is independent of the learner's.
"""

from __future__ import annotations

import mmap
import os
import signal
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

# Where a learner stands after a point, as the closing table counts the kills.
STARTING = "starting"
REPLAYING = "replaying the journal"
BETWEEN = "between commits"
WRITING = "inside an output transaction"
COMMITTING = "outputs' commit under way"
SNAPSHOT = "writing a snapshot"
REGISTRY = "inside the registry's commit"
THINNING = "deleting old snapshots"
REGIONS = (
    *(STARTING, REPLAYING, BETWEEN, WRITING, COMMITTING, SNAPSHOT, REGISTRY),
    THINNING,
)

MAIN, OUTPUTS, READER, SAVES = 0, 1, 2, 3


@dataclass(frozen=True)
class Point:
    """A step of the protocol.

    Attributes:
        name: as it is asked for and shown.
        region: where the learner stands from here on.
        lane: whose last step it is.
        log: the kind of log that has this step; empty for both.
        most: how often it is passed in a short life, for choosing which pass to die at.
        processes: how many a learner must have to pass it.
    """

    name: str
    region: str
    lane: int = MAIN
    log: str = ""
    most: int = 2
    processes: int = 1


POINTS = (
    Point("start: lock taken", STARTING, most=1),
    Point("start: epoch begun", STARTING, most=1),
    Point("start: writer opened", STARTING, most=1),
    Point("start: lineage begun", STARTING, most=1),
    Point("start: checkpoint loaded", STARTING, most=1),
    Point("replay: batch read", REPLAYING),
    Point("replay: batch folded", REPLAYING),
    Point("fold: batch read", BETWEEN, most=4),
    Point("fold: batch folded", BETWEEN, most=4),
    Point("outputs: before BEGIN", WRITING, OUTPUTS, most=4),
    Point("outputs: BEGIN IMMEDIATE done", WRITING, OUTPUTS, "sqlite", 4),
    Point("outputs: a topic's records inserted", WRITING, OUTPUTS, "sqlite", 9),
    Point("outputs: before COMMIT", COMMITTING, OUTPUTS, "sqlite", 4),
    Point("outputs: after COMMIT", WRITING, OUTPUTS, "sqlite", 4),
    Point("outputs: transaction begun", WRITING, OUTPUTS, "kafka", 4),
    Point("outputs: a record handed over", WRITING, OUTPUTS, "kafka", 60),
    Point("outputs: before delivery", WRITING, OUTPUTS, "kafka", 4),
    Point("outputs: delivered", WRITING, OUTPUTS, "kafka", 4),
    Point("outputs: commit asked for", COMMITTING, OUTPUTS, "kafka", 4),
    Point("outputs: commit answered, not heard", COMMITTING, OUTPUTS, "kafka", 4),
    Point("outputs: committed", WRITING, OUTPUTS, "kafka", 4),
    Point("outputs: write returned", BETWEEN, OUTPUTS, most=4),
    Point("snapshot: draft made", SNAPSHOT, SAVES),
    Point("snapshot: model saved", SNAPSHOT, SAVES),
    Point("snapshot: a file opened", SNAPSHOT, SAVES, most=8),
    Point("snapshot: before an fsync", SNAPSHOT, SAVES, most=8),
    Point("snapshot: after an fsync", SNAPSHOT, SAVES, most=8),
    Point("snapshot: before the manifest", SNAPSHOT, SAVES),
    Point("snapshot: manifest written", SNAPSHOT, SAVES),
    Point("snapshot: before a folder's fsync", SNAPSHOT, SAVES, most=3),
    Point("snapshot: after a folder's fsync", SNAPSHOT, SAVES, most=3),
    Point("snapshot: before the rename", SNAPSHOT, SAVES),
    Point("snapshot: after the rename", SNAPSHOT, SAVES),
    Point("registry: before BEGIN", SNAPSHOT, SAVES),
    Point("registry: begun", REGISTRY, SAVES),
    Point("registry: checkpoint row inserted", REGISTRY, SAVES),
    Point("registry: before COMMIT", REGISTRY, SAVES),
    Point("registry: after COMMIT", SNAPSHOT, SAVES),
    Point("snapshot: left", BETWEEN, SAVES),
    Point("thinning: marked", THINNING, most=1),
    Point("thinning: before the folder goes", THINNING),
    Point("thinning: renamed to .gone", THINNING),
    Point("thinning: a file removed", THINNING, most=6),
    Point("thinning: folder removed", THINNING),
    Point("thinning: over", BETWEEN, most=1),
    Point("reader: told what to read", BETWEEN, READER, most=1, processes=2),
    Point("reader: killed", BETWEEN, READER, most=1, processes=2),
)
NUMBERS = {point.name: number for number, point in enumerate(POINTS)}

TRACE_BYTES = 4_096
_COUNTS, _TIMES = 64, 1_024
_NOWHERE = 255
LANES = 4


class Trace:
    """Notes each point that is passed, and dies at the one it was told to.

    Args:
        path: the file to note in; made anew.
        target: the point to die at, if any.
        nth: at which of its passes.
        delay: how many seconds after it; a death inside the system call that follows.
    """

    def __init__(self, path: Path, target: str | None, nth: int, delay: float) -> None:
        path.write_bytes(bytes([_NOWHERE] * LANES).ljust(TRACE_BYTES, b"\0"))
        with path.open("r+b") as file:
            memory = memoryview(mmap.mmap(file.fileno(), TRACE_BYTES))
        self._last = memory
        self._counts = memory[_COUNTS : _COUNTS + 4 * len(POINTS)].cast("I")
        self._times = memory[_TIMES : _TIMES + 8 * len(POINTS)].cast("d")
        self._began = monotonic()
        self._target = None if target is None else NUMBERS[target]
        self._nth = nth
        self._delay = delay

    def passed(self, name: str) -> None:
        """Note a point, and die if it is the one."""
        number = NUMBERS[name]
        self._last[POINTS[number].lane] = number
        self._counts[number] += 1
        if self._counts[number] == 1:
            self._times[number] = monotonic() - self._began
        if number == self._target and self._counts[number] == self._nth:
            self._die()

    def _die(self) -> None:
        if not self._delay:
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Thread(target=_kill_after, args=(self._delay,), daemon=True).start()


def _kill_after(seconds: float) -> None:
    sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Traced:
    """What a dead learner's trace says.

    Attributes:
        region: where it was killed.
        passes: how often each point was passed.
        working_after: seconds from its beginning to its first batch; None if it never came so far.
    """

    region: str
    passes: Counter[str]
    working_after: float | None


def read_trace(path: Path) -> Traced:
    """Read the file that a dead learner has left; an empty one if it died before it began."""
    content = path.read_bytes() if path.exists() else b""
    if len(content) < TRACE_BYTES:
        return Traced(STARTING, Counter(), None)
    view = memoryview(content)
    counts = view[_COUNTS : _COUNTS + 4 * len(POINTS)].cast("I")
    times = view[_TIMES : _TIMES + 8 * len(POINTS)].cast("d")
    passes = Counter({p.name: counts[n] for n, p in enumerate(POINTS) if counts[n]})
    first = times[NUMBERS["fold: batch read"]]
    return Traced(_region(content[MAIN], content[OUTPUTS], content[SAVES]), passes, first or None)


def _region(main: int, *beside: int) -> str:
    """Where it stood: inside a commit of any lane, else where its own last step leads."""
    ours = STARTING if main == _NOWHERE else POINTS[main].region
    theirs = [BETWEEN if each == _NOWHERE else POINTS[each].region for each in reversed(beside)]
    return next((each for each in (ours, *theirs) if each != BETWEEN), BETWEEN)
