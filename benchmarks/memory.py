"""A learner's memory from one to ten million events of a fixed vocabulary.

One process learns the flights again and again from the embedded log, each time under other ids,
with a bounded window of ids; its resident memory is looked at after every batch. Compared are
medians over the 200,000 events after each million: a checkpoint takes some megabytes for a moment.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.data import ROWS, config, fill_log
from benchmarks.table import Measured
from converters.config import load as settings_file
from converters.schema import schema
from stream.learner.loop import Learning
from stream.learner.process import assembled
from stream.log.batch import Batch
from stream.logging import configure_logs
from stream.resolved_config import resolve

MILLION = 1_000_000
# How many have been learned when memory is looked at; the log holds a little more.
MILLIONS = range(1, 11)
MOST_GROWTH = 5.0


def run() -> list[Measured]:
    """The table's line about memory."""
    with tempfile.TemporaryDirectory() as name:
        toml = Path(name) / "freshet.toml"
        toml.write_text(config("bench", "", "bench.events", "bench.labels"))
        fill_log(toml, MILLION * max(MILLIONS) // ROWS + 1)
        command = [sys.executable, "-m", "benchmarks.memory", str(toml)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seen = json.loads(said)
    at = [median(mb for events, mb in seen if n <= events / MILLION < n + 0.2) for n in MILLIONS]
    growth = 100 * (max(at[1:]) / at[0] - 1)
    return [
        Measured(
            f"memory from 1 to {len(at)} million events of a fixed vocabulary",
            *(growth, "% more, at most", f"{MOST_GROWTH:.0f}", growth <= MOST_GROWTH),
            "MB after each million: " + ", ".join(f"{mb:.0f}" for mb in at),
        )
    ]


def measure(toml: str) -> list[tuple[int, float]]:
    """Learn everything; events and resident memory in MB after each batch."""
    configure_logs()
    settings = settings_file.load(Path(toml))
    context = resolve(settings, schema.from_settings(settings))
    seen: list[tuple[int, float]] = []
    with assembled(context) as process:

        def look(_batch: Batch, learning: Learning) -> None:
            seen.append((learning.pipeline.counts.events, _resident()))

        process.run(look, until_end=True)
    return seen


def _resident() -> float:
    """Resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1])))
