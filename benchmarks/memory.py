"""A learner's memory from one to ten million events of a fixed vocabulary.

One process learns the flights again and again from the embedded log, each time under other ids,
with a bounded window of ids; its resident memory is looked at after every batch. Compared are the
medians over each million: single batches take some megabytes for a moment.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.data import ROWS, config, write_flights
from benchmarks.table import Measured
from converters import config as settings_file
from converters import schema
from stream.connection import opened
from stream.context import context_of
from stream.learner_process import assembled
from stream.learning import Learning
from stream.log import Outgoing
from stream.logs import configure_logs
from stream.reading import Batch
from stream.topics import create_topics

MILLION, MILLIONS = 1_000_000, 10
MOST_GROWTH = 5.0


def run() -> list[Measured]:
    """The table's line about memory."""
    with tempfile.TemporaryDirectory() as name:
        toml = Path(name) / "freshet.toml"
        toml.write_text(config("bench", "", "bench.events", "bench.labels"))
        _fill(toml)
        command = [sys.executable, "-m", "benchmarks.memory", str(toml)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    resident = json.loads(said)
    medians = [median(million) for million in resident]
    growth = 100 * (max(medians[1:]) / medians[0] - 1)
    return [
        Measured(
            f"memory from 1 to {MILLIONS} million events of a fixed vocabulary",
            *(growth, "% more, at most", f"{MOST_GROWTH:.0f}", growth <= MOST_GROWTH),
            f"{medians[0]:,.0f} MB within the first million, at most {max(medians[1:]):,.0f} MB "
            f"later; peaks {max(resident[0]):,.0f} and {max(max(m) for m in resident[1:]):,.0f} MB",
        )
    ]


def _fill(toml: Path) -> None:
    """Put the flights on the log until there are enough."""
    settings = settings_file.load(toml)
    settings.home.mkdir()
    flights = toml.parent / "flights.csv"
    write_flights(flights, ROWS)
    rows = flights.read_bytes().splitlines()[1:]
    log = opened(settings)
    create_topics(log, settings)
    for time in range(MILLION * MILLIONS // ROWS):
        lines = [b"%d-%b" % (time, row) for row in rows]
        values = (b"\n".join(lines[first : first + 50]) for first in range(0, len(lines), 50))
        log.append("bench.events", [Outgoing(value) for value in values])
    log.close()


def measure(toml: str) -> list[list[float]]:
    """Learn everything; resident memory in MB after each batch, by million of events."""
    configure_logs()
    settings = settings_file.load(Path(toml))
    context = context_of(settings, schema.from_settings(settings))
    resident: list[list[float]] = [[] for _ in range(MILLIONS)]
    with assembled(context) as process:

        def look(_batch: Batch, learning: Learning) -> None:
            million = (learning.pipeline.counts.events - 1) // MILLION
            if 0 <= million < MILLIONS:
                resident[million].append(_resident())

        process.run(look, until_end=True)
    return resident


def _resident() -> float:
    """Resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1])))
