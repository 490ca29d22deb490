"""Runs of Freshet, of Vowpal Wabbit alone and of the plain scripts over the same flights.

Start-up is left out on every side: the scripts count from when their imports are done, and of each
run of Freshet the same command on an empty log is taken off, run right after it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from time import time_ns
from typing import Any

from benchmarks.data import config, write_flights
from benchmarks.processes import Spent, freshet, spent
from benchmarks.waiting_stream import RECORD_ROWS, fill

ARGS = "-b 18"
# How many events wait for their label at a time, at a thousand a second of stream time.
WAITING = 10_000
QUIET_ROWS = 3
DROPPED = 'role = "drop"'
CHECKED = 'role = "time"'
PARTS = 'role = "time", parts = ["hour", "weekday", "month"], zone = "America/New_York"'
MORE = """
[evaluation]
slices = ["origin", "carrier", "month"]
[[shadow]]
name = "coin"
args = "-b 18 --coin"
[[shadow]]
name = "slow"
args = "-b 18 -l 0.1"
"""


@dataclass(frozen=True)
class Shape:
    """A stream, and what is learned from it.

    Attributes:
        what: in words.
        stream: a key of ``STREAMS``.
        at: what becomes of the column of times.
        more: further sections of the config.
    """

    what: str
    stream: str
    at: str = DROPPED
    more: str = ""


SHAPES = {
    "immediate": Shape("immediate labels", "immediate"),
    "time": Shape("immediate labels, parts of a time among the features", "immediate", PARTS),
    "late": Shape("late labels", "late"),
    "full": Shape("late labels, three slices, two shadows", "late", more=MORE),
    "quiet": Shape("late labels, three rows a record", "quiet"),
    # A time that is checked and no feature, against scripts that do not look at it.
    "checked": Shape("immediate labels, times checked", "immediate", CHECKED),
}
# How many events wait for their label, and the rows of a record.
STREAMS = {
    "immediate": (None, RECORD_ROWS),
    "late": (WAITING, RECORD_ROWS),
    "quiet": (WAITING, QUIET_ROWS),
}


class Runs:
    """The flights on one log, and an empty log of the same kind.

    Args:
        folder: for everything.
        events: how many there are of each stream.
        servers: a real Kafka's; None for the embedded log.
    """

    def __init__(self, folder: Path, events: int, servers: str | None = None) -> None:
        folder.mkdir()
        self.events = events
        self._folder, self._servers = folder, servers
        self._numbers = count()
        self._stamp = time_ns()  # a broker that is kept has the topics of earlier runs
        self._filled = cache(self._fill)
        self._ready = cache(self._record)

    def alone(self, shape: str) -> dict[str, Any]:
        """Vowpal Wabbit alone on the ready text: microseconds of processor time a row.

        ``once`` is the same with every row learned once, and none scored before.
        """
        said = json.loads(spent("-m", "benchmarks.vw_alone", str(self._ready(shape))).out)
        cpu, once = (1e6 * said[name] / self.events for name in ("cpu", "once"))
        return {"cpu": cpu, "once": once, "sha256": said["sha256"]}

    def script(self, module: str, library: Path | None = None) -> dict[str, Any]:
        """A plain script on Kafka; it joins nothing, so the rows carry their labels.

        Args:
            module: its name.
            library: a folder to import from besides.
        """
        assert self._servers is not None
        where = (self._servers, f"{self._filled('immediate')}.events", str(self.events))
        said = json.loads(spent("-m", f"benchmarks.{module}", *where, ARGS, library=library).out)
        return {clock: 1e6 * said[clock] / self.events for clock in ("cpu", "wall")}

    def freshet(self, shape: str, processes: int) -> dict[str, Any]:
        """Freshet on all that is there: microseconds a row, of processor time and by the clock."""
        done, began = (self._learn(shape, processes, empty=empty) for empty in (False, True))
        report = json.loads(done.out)
        if report["learned"] != self.events:
            raise SystemExit(f"Of {self.events:,} events not all were learned: {report}")
        return {
            "cpu": 1e6 * (done.cpu - began.cpu) / self.events,
            "wall": 1e6 * (done.wall - began.wall) / self.events,
            "start": began.cpu,
            "sha256": report["model_sha256"],
            "profile": report["profile"],
        }

    def _learn(self, shape: str, processes: int, *, empty: bool) -> Spent:
        toml = self._config(shape, processes, empty=empty)
        done = freshet("learn", toml, "--until-end", "--json", "--profile")
        shutil.rmtree(toml.parent)
        return done

    def _config(self, shape: str, processes: int = 1, *, empty: bool = False) -> Path:
        """The config of a new model in a folder of its own."""
        how = SHAPES[shape]
        topics = f"none{self._stamp}" if empty else self._filled(how.stream)
        return self._written(topics, processes, how.at, how.more, "empty" if empty else "full")

    def _written(
        self, topics: str, processes: int = 1, at: str = DROPPED, more: str = "", log: str = "full"
    ) -> Path:
        model = f"bench{self._stamp}x{next(self._numbers)}"
        toml = self._folder / model / "freshet.toml"
        toml.parent.mkdir()
        url = f"kafka://{self._servers}" if self._servers else f"sqlite:///{self._folder}/{log}.db"
        inputs = (f"{topics}.events", f"{topics}.labels")
        toml.write_text(config(model, url, *inputs, ARGS, processes=processes, at=at) + more)
        return toml

    def _fill(self, stream: str) -> str:
        """Put a stream on the log; returns how its topics' names begin."""
        flights, topics = self._folder / "flights.csv", f"{stream}{self._stamp}"
        if not flights.exists():
            write_flights(flights, self.events)
        fill(self._written(topics), flights, self.events, *STREAMS[stream])
        return topics

    def _record(self, shape: str) -> Path:
        path = self._folder / f"{shape}.txt"
        spent("-m", "benchmarks.ready_text", str(self._config(shape)), str(path))
        return path
