"""Millions of events with a million waiting for their label at any time, on a real Kafka.

The learner joins, measures and learns them (:mod:`benchmarks.waiting_stream` makes them); the plain
script that it is compared with does no joining at all and reads rows that carry their label. The
plain script runs before and after the learner, since these machines' speed drifts.

    python -m benchmarks.waiting [--events N] [--waiting N] [--processes N] [--results FILE]

prints what was measured as one JSON line, and appends it to a file.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

from benchmarks.data import ROWS, write_flights
from benchmarks.processes import spent
from benchmarks.table import Measured
from benchmarks.waiting_stream import fill, model
from tests.support.streams.broker import running_broker

ARGS = "-b 18"
# What the learner takes without many waiting is seen on a stream of so many events.
FEW, FEW_WAITING = 500_000, 1_000
LEAST_RATIO, MOST_CHECKPOINTS = 1.5, 5.0
# Freshet, and in the end its peak memory in kB on standard error.
FRESHET = """
import atexit, re, sys
from pathlib import Path
from serve.cli import main
peak = lambda: re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]
atexit.register(lambda: print("peak_kb=" + peak(), file=sys.stderr))
main()
"""


@dataclass(frozen=True)
class Scale:
    """How many events there are, how many wait at a time, and in how many processes they go."""

    events: int = 5_000_000
    waiting: int = 1_000_000
    processes: int = 2


@dataclass(frozen=True)
class Plain:
    """What a run of the plain script took."""

    rows_per_second: float
    cpu_us_per_row: float


@dataclass(frozen=True)
class Learned:
    """What a run of the learner took."""

    rows_per_second: float
    cpu_us_per_row: float
    peak_mb: float
    checkpoints: int
    checkpoint_percent: float
    longest_checkpoint: float


@dataclass(frozen=True)
class Compared:
    """One whole measurement, as it is kept."""

    at: str
    scale: Scale
    ratio: float
    cpu_ratio: float
    bytes_per_waiting: float
    plain: tuple[Plain, Plain]
    many: Learned
    few: Learned


class Bench:
    """The events on a broker, and the learner and the plain script over them."""

    def __init__(self, servers: str, folder: Path, scale: Scale) -> None:
        self.servers, self.folder, self.scale = servers, folder, scale
        self._few, self._labelled = min(FEW, scale.events), min(ROWS, scale.events)
        write_flights(folder / "flights.csv")
        self._fill("many", scale.events, scale.waiting)
        self._fill("few", self._few, FEW_WAITING)
        self._fill("labelled", self._labelled, None)

    def compared(self) -> Compared:
        """The learner between two runs of the plain script, and then with few waiting."""
        before = self._plain()
        many = self._learned("many", self.scale.events)
        after = self._plain()
        few = self._learned("few", self._few)
        rate = mean((before.rows_per_second, after.rows_per_second))
        cost = mean((before.cpu_us_per_row, after.cpu_us_per_row))
        return Compared(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            scale=self.scale,
            ratio=many.rows_per_second / rate,
            cpu_ratio=cost / many.cpu_us_per_row,
            bytes_per_waiting=(many.peak_mb - few.peak_mb) * 2**20 / self.scale.waiting,
            plain=(before, after),
            many=many,
            few=few,
        )

    def _plain(self) -> Plain:
        rows = self._labelled
        where = (self.servers, "labelled.events", str(rows))
        said = json.loads(spent("-m", "benchmarks.plain_script", *where, ARGS).out)
        return Plain(rows / said["wall"], 1e6 * said["cpu"] / rows)

    def _learned(self, name: str, events: int) -> Learned:
        toml = str(self.folder / name / "freshet.toml")
        done = spent("-c", FRESHET, "learn", "--until-end", "--json", "--config", toml)
        report = json.loads(done.out)
        if report["learned"] != events or report["expired"]:
            raise SystemExit(f"Of {events:,} events not all were learned: {report}")
        seconds = report["events_this_run"] / report["events_per_second"]
        costs = [float(s) for s in re.findall(r"checkpoint .*seconds=([0-9.]+)", done.err)]
        # The one of the stop is left out of the share: every run has it, however short.
        return Learned(
            rows_per_second=report["events_per_second"],
            cpu_us_per_row=1e6 * done.cpu / events,
            peak_mb=int(re.findall(r"peak_kb=(\d+)", done.err)[0]) / 1024,
            checkpoints=len(costs),
            checkpoint_percent=100 * sum(costs[:-1]) / (seconds - costs[-1]),
            longest_checkpoint=max(costs),
        )

    def _fill(self, name: str, events: int, waiting: int | None) -> None:
        toml = self.folder / name / "freshet.toml"
        toml.parent.mkdir()
        toml.write_text(model(name, self.servers, ARGS, self.scale.processes))
        fill(toml, self.folder / "flights.csv", events, waiting)


def measure(servers: str, scale: Scale) -> Compared:
    """Fill the broker and take the measurement."""
    with tempfile.TemporaryDirectory() as folder:
        return Bench(servers, Path(folder), scale).compared()


def run(servers: str, scale: Scale | None = None) -> list[Measured]:
    """The table's lines about waiting events."""
    found = measure(servers, scale or Scale())
    many, share = found.many, found.many.checkpoint_percent
    what = f"{found.scale.events:,} events, {found.scale.waiting:,} waiting at a time"
    plain = mean(script.rows_per_second for script in found.plain)
    return [
        Measured(
            f"{what}, one process",
            *(found.ratio, "x the plain script", str(LEAST_RATIO), found.ratio >= LEAST_RATIO),
            f"{many.rows_per_second:,.0f} rows/s against {plain:,.0f}; "
            f"{found.cpu_ratio:.2f}x by processor time",
        ),
        Measured(
            f"{what}: checkpointing",
            *(share, "% of the learner's time, at most", "5", share < MOST_CHECKPOINTS),
            f"{many.checkpoints} checkpoints, the longest {many.longest_checkpoint:.2f} s",
        ),
        Measured(
            f"{what}: memory",
            *(found.bytes_per_waiting, "bytes a waiting event", "", True),
            f"peak {many.peak_mb:,.0f} MB; {found.few.peak_mb:,.0f} MB with few waiting",
            digits=0,
        ),
    ]


def main() -> None:
    """Take one measurement at the scale asked for."""
    parser = argparse.ArgumentParser(description="Many events waiting for their label.")
    for name, default in asdict(Scale()).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--results", type=Path, help="a file to which the JSON line is appended")
    asked = vars(parser.parse_args())
    results: Path | None = asked.pop("results")
    with running_broker() as servers:
        line = json.dumps(asdict(measure(servers, Scale(**asked))))
    print(line)
    if results is not None:
        with results.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
