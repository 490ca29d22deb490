"""Kafka to learned, with outputs and checkpoints on, against the plain script.

Both read the same topic of a real broker, in turn: the plain script in one process, the learner in
one, and with its reader in a second one. The learner's rate is its own report's: from the lock to
the last version, start-up of Python and its imports left out on both sides.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

from benchmarks.data import ROWS, config, write_flights
from benchmarks.table import Measured, paired

ARGS = "-b 18"
_numbers = count()


class Bench:
    """The flights on a broker: with their labels, with labels at landing, and on a busier clock."""

    def __init__(self, servers: str, folder: Path, rows: int = ROWS) -> None:
        self.servers, self.folder, self.rows = servers, folder, rows
        self.log = f"kafka://{servers}"
        flights, busy = folder / "flights.csv", folder / "busy.csv"
        write_flights(flights, rows)
        write_flights(busy, rows, "2h")
        self._produce(flights, "immediate", ())
        self._produce(busy, "late", ("--label-time", "landed"))
        self._produce(flights, "quiet", ("--label-time", "landed"))

    def plain(self) -> float:
        """Rows a second of the plain script."""
        command = [sys.executable, "-m", "benchmarks.plain_script", self.servers]
        result = _run([*command, "immediate.events", str(self.rows), ARGS])
        seconds: float = json.loads(result.stdout)["seconds"]
        return self.rows / seconds

    def freshet(self, topics: str, processes: int = 1) -> tuple[float, float]:
        """Rows a second of the learner, and the share of its time spent on checkpoints."""
        home = self._project(f"bench{next(_numbers)}", topics, processes)
        result = _run(_freshet("learn", home, "--until-end", "--json"))
        report = json.loads(result.stdout)
        assert report["learned"] == self.rows, report
        saving = sum(float(s) for s in re.findall(r"seconds=([0-9.]+)", result.stderr))
        seconds = report["events_this_run"] / report["events_per_second"]
        return report["events_per_second"], saving / seconds

    def _project(self, model: str, topics: str, processes: int = 1) -> Path:
        home = self.folder / model
        home.mkdir()
        inputs = (f"{topics}.events", f"{topics}.labels")
        text = config(model, self.log, *inputs, ARGS, processes=processes)
        (home / "freshet.toml").write_text(text)
        return home

    def _produce(self, flights: Path, topics: str, options: tuple[str, ...]) -> None:
        home = self._project(f"produce-{topics}", topics)
        _run(_freshet("produce", home, str(flights), *options))


def run(servers: str, rows: int = ROWS) -> list[Measured]:
    """The table's lines about the pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(servers, Path(folder), rows)
        immediate, fast, plain = paired(lambda: bench.freshet("immediate")[0], bench.plain)
        apart, faster, plain_again = paired(lambda: bench.freshet("immediate", 2)[0], bench.plain)
        gain, two, one = paired(
            lambda: bench.freshet("immediate", 2)[0], lambda: bench.freshet("immediate")[0]
        )
        late, joined, plain_too = paired(lambda: bench.freshet("late")[0], bench.plain)
        quiet, _ = bench.freshet("quiet")
    return [
        Measured(
            "Kafka to learned, 50 rows a record, outputs and checkpoints on, one process",
            *(immediate, "x the plain script", "1.7, goal 2", immediate >= 1.7),
            f"{fast:,.0f} rows/s against {plain:,.0f}",
        ),
        Measured(
            "the same, with the reader in its own process",
            *(apart, "x the plain script", "2.5, goal 3", apart >= 2.5),
            f"{faster:,.0f} rows/s against {plain_again:,.0f}",
        ),
        Measured(
            "the reader in its own process, on two processors",
            *(gain, "x one process", "1.3", gain >= 1.3),
            f"{two:,.0f} rows/s against {one:,.0f}",
        ),
        Measured(
            "one process again, with late labels joined",
            *(late, "x the plain script", "1.5", late >= 1.5),
            f"{joined:,.0f} rows/s against {plain_too:,.0f}; {quiet:,.0f} at 3 rows a record",
        ),
    ]


def _freshet(command: str, home: Path, *arguments: str) -> list[str]:
    config_file = str(home / "freshet.toml")
    return [sys.executable, "-m", "serve.cli", command, *arguments, "--config", config_file]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{result.stderr}")
    return result
