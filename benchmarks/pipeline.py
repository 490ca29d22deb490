"""Kafka to learned, with outputs and checkpoints on, against scripts and against Quix Streams.

All read the same topic of a real broker, in turn, and of them only the learner checks rows, writes
outputs and saves. Ratios are of processor time, but for what is said of two processes by the clock.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.data import ROWS
from benchmarks.learner_runs import Runs
from benchmarks.table import Measured, spread

PAIRS = 7
CPU, WALL = "cpu", "wall"
WHERE = "Kafka to learned, 50 rows a record, outputs and checkpoints on"
# What is measured, of what by which clock, against what, the least, and the goal if there is one.
LINES = (
    (f"{WHERE}, one process", "one", CPU, "the plain script", 3.0, ", goal 4"),
    ("the same", "one", CPU, "river's logistic regression", 5.0, ""),
    ("the same", "one", CPU, "Quix Streams and Vowpal Wabbit", None, ""),
    ("the reader in its own process, by the clock", "two", WALL, "the plain script", 2.5, ""),
    ("one process again, with late labels joined", "late", CPU, "the plain script", 1.5, ""),
)


def run(servers: str, rows: int = ROWS, pairs: int = PAIRS) -> list[Measured]:
    """The table's lines about the pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(Path(folder) / "kafka", rows, servers)
        ways = {
            "one": partial(runs.freshet, "checked", 1),
            "two": partial(runs.freshet, "checked", 2),
            "late": partial(runs.freshet, "late", 1),
            "the plain script": partial(runs.script, "plain_script"),
            "river's logistic regression": partial(runs.script, "plain_river"),
        }
        library = Path(folder) / "quix"
        if _installed(library):
            script = partial(runs.script, "plain_quix", library)
            ways["Quix Streams and Vowpal Wabbit"] = script
        took = [{name: way() for name, way in ways.items()} for _ in range(pairs)]
    return [_line(line, took) for line in LINES if line[3] in ways]


def _line(line: tuple[Any, ...], took: Sequence[dict[str, Any]]) -> Measured:
    what, ours, clock, theirs, least, goal = line
    found = spread(each[theirs][clock] / each[ours][clock] for each in took)
    us, them = (median(each[way][clock] for each in took) for way in (ours, theirs))
    return Measured(
        what,
        *(found.median, f"x {theirs}", "" if least is None else f"{least:g}{goal}"),
        least is None or found.median >= least,
        f"{found.span} in {len(took)} pairs; {us:.2f} us a row against {them:.2f}",
    )


def _installed(library: Path) -> bool:
    """Whether Quix Streams could be installed there, for the benchmark alone."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(library)]
    done = subprocess.run([*command, "quixstreams"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(f"Quix Streams cannot be installed, its line is left out: {done.stderr}\n")
    return not done.returncode
