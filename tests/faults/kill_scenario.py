"""One kill scenario: a learner killed again and again while it works through a ledger.

Sets up a project on the log of the scenario, lets life after life begin and die, half of them at
a named point of the commit protocol and half at any moment, then lets one live to the end of the
log. :mod:`tests.faults.kill_checks` compares what came of it with what had to.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import sleep

from tests.faults.ledger import Ledger, drawn
from tests.faults.points import COMMITTING, POINTS, REPLAYING, Point, read_trace
from tests.faults.scenarios import Deaths, Scenario
from tests.faults.zygote import KILLED, Life, Zygote, plain_life
from tests.support.serving.project import Project

# Small batches, thinning and heartbeats all the time: a life of a second passes every point.
HASTE = {"THIN_EVERY_SECONDS": 0.0, "ORPHAN_SECONDS": 0.0, "HEARTBEAT_SECONDS": 0.05}
# What the first start is taken to need; from then on it is measured.
FIRST_START, FIRST_START_APART = 0.6, 2.5
SMALLEST_BATCH, LARGEST_BATCH = 20, 4_000
# So many batches are taken in a life; what is left of the log is spread over the lives left.
BATCHES_A_LIFE = 3.0
# Delays that end inside the system call after a point: an fsync, a COMMIT, an answer's way.
DELAYS = (0.0, 0.0, 0.0005, 0.002, 0.006)
# A life dies at most twice this after it has begun to work: by then it has passed every point.
WORK_SECONDS = 0.5
# Where a learner stands so briefly that a kill at any moment hardly ever finds it there.
BRIEF = (REPLAYING, COMMITTING)
# Lives that are started as users start them: they cost ten times as much.
PLAIN, PLAIN_AT_MOST_EVERY = 3, 6


class ScenarioError(Exception):
    """A life ended by itself where it had to be killed, or did not end."""


@dataclass
class Killing:
    """A scenario at work."""

    scenario: Scenario
    project: Project
    zygote: Zygote
    deaths: Deaths = field(default_factory=Deaths)

    def __post_init__(self) -> None:
        """Draw the input; put it on the log now, unless it is to arrive while we kill."""
        scenario = self.scenario
        self.draw = random.Random(scenario.seed)
        self.ledger: Ledger = drawn(
            scenario.events,
            late=scenario.late,
            partitions=scenario.partitions,
            seed=scenario.seed,
        )
        self._targets = self._drawn_targets()
        self._taken = 0
        self._stopping = False
        if not scenario.live:
            self._send(lambda: len(self.ledger.chunks), lambda: 0.0)

    def run(self, said: Callable[[int], None]) -> None:
        """Kill as often as the scenario says, then let the whole log be there."""
        every = max(self.scenario.kills // PLAIN, PLAIN_AT_MOST_EVERY)
        with self._arriving():
            while (done := self.deaths.count) < self.scenario.kills:
                if done % every == every // 2:
                    self._kill_plainly()
                else:
                    self.kill(self._drawn_life())
                said(done + 1)

    def kill(self, life: Life) -> None:
        """See a life killed, and note where it was.

        Raises:
            ScenarioError: it ended by itself.
        """
        life.trace.unlink(missing_ok=True)
        _check_killed(life, self.zygote.live(life))
        traced = read_trace(life.trace)
        self.deaths.regions[traced.region] += 1
        self.deaths.readers += traced.passes["reader: killed"]
        self._taken += traced.passes["outputs: write returned"] * int(life.constants["BATCH_ROWS"])
        if traced.working_after is not None:
            self.deaths.starts.append(traced.working_after)
        if life.point is not None and traced.passes[life.point] >= life.nth:
            self.deaths.points[life.point] += 1
            self.deaths.named[traced.region] += 1

    def _kill_plainly(self) -> None:
        """The same for a process started as users start it, at any moment."""
        seconds = self.draw.uniform(0.8, 2.0)
        life = Life(str(self.project.folder), ["learn"], seconds=seconds)
        _check_killed(life, plain_life(life))
        self.deaths.plain += 1

    def _drawn_life(self) -> Life:
        """A life that ends at a named point, or at any moment; at the latest after a while."""
        draw, typical = self.draw, self._typical_start()
        left = max(self.scenario.kills - self.deaths.count, 1)
        rows = (self.ledger.rows - self._taken) / left / BATCHES_A_LIFE * draw.uniform(0.3, 1.7)
        first, apart = self.deaths.count == 0, self.scenario.processes > 1
        point = next(self._targets) if first or draw.random() < 0.5 else None
        work = min(typical, WORK_SECONDS)
        longest = typical + 3 * work if point else draw.uniform(0.1 * typical, typical + 2 * work)
        reader = draw.uniform(0, work) if apart and draw.random() < 0.5 else None
        longest += typical if reader is not None else 0.0  # it is to begin anew before it dies
        return Life(
            folder=str(self.project.folder),
            arguments=["learn"],
            log=self.scenario.kind,
            point=None if point is None else point.name,
            nth=1 if point is None else draw.randint(1, point.most),
            delay=draw.choice(DELAYS),
            seconds=longest,
            environment={
                "FRESHET_CHECKPOINT__EVENTS": str(draw.choice((1, 300, 10**6))),
                "FRESHET_CHECKPOINT__SECONDS": str(draw.choice((0.02, 0.3, 5.0))),
            },
            constants=HASTE | {"BATCH_ROWS": int(min(max(rows, SMALLEST_BATCH), LARGEST_BATCH))},
            reader_seconds=reader,
        )

    def _typical_start(self) -> float:
        """Seconds until a life takes its first new batch: the middle of the last ones."""
        recent = sorted(self.deaths.starts[-15:])
        first = FIRST_START if self.scenario.processes == 1 else FIRST_START_APART
        return recent[len(recent) // 2] if recent else first

    def _drawn_targets(self) -> Iterator[Point]:
        """Each point in turn, that of a first start first; those that chance rarely meets often."""
        kind, processes = self.scenario.kind, self.scenario.processes
        points = [p for p in POINTS if p.log in ("", kind) and p.processes <= processes]
        yield from (p for p in points if p.name == "start: lineage begun")
        points += [p for p in points if p.region in BRIEF] * 2
        while True:
            self.draw.shuffle(points)
            yield from points

    @contextmanager
    def _arriving(self) -> Iterator[None]:
        """Live, the log is filled by a thread, about as fast as the lives pass."""
        if not self.scenario.live:
            yield
            return
        chunks, kills = len(self.ledger.chunks), self.scenario.kills
        failed: list[Exception] = []
        draw = random.Random(self.scenario.seed)  # the thread's own

        def allowed() -> int:
            return chunks if self._stopping else int(chunks * (self.deaths.count + 1) / kills)

        def pause() -> float:
            return 0.0 if self._stopping else draw.uniform(0, self._typical_start() / 5)

        def fill() -> None:
            try:
                self._send(allowed, pause)
            except Exception as error:
                failed.append(error)

        thread = threading.Thread(target=fill)
        thread.start()
        try:
            yield
        finally:
            self._stopping = True
            thread.join()
        if failed:
            raise failed[0]

    def _send(self, allowed: Callable[[], int], pause: Callable[[], float]) -> None:
        """Append all chunks, in order, as many as are allowed by now."""
        topics, sent = self.project.topics(), 0
        with self.project.open_log() as log:
            while sent < len(self.ledger.chunks):
                if sent >= allowed():
                    sleep(0.005)
                    continue
                self.ledger.append(log, topics, self.ledger.chunks[sent])
                sent += 1
                sleep(pause())


def _check_killed(life: Life, status: int) -> None:
    if status != KILLED:
        said = life.said.read_text(errors="replace")[-3000:]
        raise ScenarioError(f"a life ended by itself with {status}, and said:\n{said}")
