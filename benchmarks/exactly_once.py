"""What exactly once costs: the learner as it is, against the same pipeline with plain outputs.

Both are processes of their own that read the same topic of a real broker, in turn: one commits
outputs and journal batch by batch and makes its checkpoints, the other sends outputs and forgets
them, and saves once at the end (:mod:`benchmarks.plain_outputs`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from time import time_ns

from benchmarks.data import ROWS, config, write_flights
from benchmarks.table import Measured, paired

ONE_CHECKPOINT = "\n[checkpoint]\nevents = 1000000000\nseconds = 1000000000\n"
MOST_COST = 20.0


class Bench:
    """The flights on a broker, several times over, so that starting and stopping weigh little."""

    def __init__(self, servers: str, folder: Path, rows: int, times: int) -> None:
        self.servers, self.folder, self.rows = servers, folder, rows * times
        self._numbers = count()
        flights = folder / "flights.csv"
        write_flights(flights, rows)
        # The topic may exist from another run on a broker that was kept.
        self._events = f"exact{time_ns()}.events"
        home = self._project("")
        for _ in range(times):  # ids repeat after more rows than the window of duplicates has
            self._run("-m", "serve.cli", "produce", str(flights), "--config", str(home))

    def exact(self) -> float:
        """Rows a second of the learner as it is."""
        home = self._project("")
        return self._learned(
            "-m", "serve.cli", "learn", "--until-end", "--json", "--config", str(home)
        )

    def plain(self) -> float:
        """Rows a second without transactions, journal and checkpoints."""
        return self._learned("-m", "benchmarks.plain_outputs", str(self._project(ONE_CHECKPOINT)))

    def _learned(self, *command: str) -> float:
        report = json.loads(self._run(*command))
        assert report["learned"] + report["duplicates"] == self.rows, report
        rate: float = report["events_per_second"]
        return rate

    def _project(self, more: str) -> Path:
        home = self.folder / f"model{next(self._numbers)}"
        home.mkdir()
        log = f"kafka://{self.servers}"
        text = config(home.name, log, self._events, f"{self._events}.labels")
        (home / "freshet.toml").write_text(text + "\n[duplicates]\nwindow = 1000\n" + more)
        return home / "freshet.toml"

    def _run(self, *command: str) -> str:
        result = subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{result.stderr}")
        return result.stdout


def run(servers: str, rows: int = ROWS, times: int = 3) -> list[Measured]:
    """The table's line about the cost of exactly once."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(servers, Path(folder), rows, times)
        ratio, exact, plain = paired(bench.exact, bench.plain)
    cost = 100 * (1 - ratio)
    return [
        Measured(
            "exactly once: outputs in transactions, journal, checkpoints",
            *(cost, "% of the throughput, at most", f"{MOST_COST:.0f}", cost <= MOST_COST),
            f"{exact:,.0f} rows/s against {plain:,.0f} with plain outputs and one checkpoint",
        )
    ]
