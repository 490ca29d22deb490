"""The share of a learner's time that its checkpoints take, over a million rows.

The checkpoint at the stop is left out: every run has one, however short.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.data import ROWS, config, fill_log
from benchmarks.table import Measured

TIMES = 5


def run() -> list[Measured]:
    """The table's line about checkpoints."""
    with tempfile.TemporaryDirectory() as name:
        toml = Path(name) / "freshet.toml"
        toml.write_text(config("bench", "", "bench.events", "bench.labels"))
        fill_log(toml, TIMES)
        command = [sys.executable, "-m", "serve.cli", "learn", "--until-end", "--json"]
        result = subprocess.run(
            [*command, "--config", str(toml)], capture_output=True, text=True, check=True
        )
    costs = [float(s) for s in re.findall(r"checkpoint .*seconds=([0-9.]+)", result.stderr)]
    rate = float(re.findall(r'"events_per_second": ([0-9.]+)', result.stdout)[0])
    share = 100 * sum(costs[:-1]) / (ROWS * TIMES / rate - costs[-1])
    return [
        Measured(
            "checkpointing",
            *(share, "% of the learner's time, at most", "5", share < 5),
            f"{len(costs) - 1} checkpoints in {ROWS * TIMES / rate:.0f} s, before that of the stop",
        )
    ]
