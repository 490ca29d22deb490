"""The demo's year of flights through the real commands, and the scores that they wrote.

The parts about honest numbers use it: ``freshet backfill`` runs in a separate process, as a user
would run it, and everything is measured from its output.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from serve.demo.flights import CONFIG, write_flights
from serve.demo.folder import environment

FloatArray = npt.NDArray[np.float64]

# Before it the learner has seen little; the figures that are compared begin here, in local time.
FIRST_DAY = "2013-04-01"
LATE = ("--label-time", "landed")


class Year:
    """All flights that arrived, as a file and as a table; row ``i`` has the id ``i + 1``.

    Args:
        folder: where the file and the homes of the runs go.
        rows: how many flights, the first in order of time; all if None.
    """

    def __init__(self, folder: Path, rows: int | None = None) -> None:
        self.folder = folder
        self.file = folder / "flights.csv"
        write_flights(self.file, rows)
        self.flights = pd.read_csv(self.file)
        self.measured = (self.flights["date"] >= FIRST_DAY).to_numpy()
        self.late = self.flights["late"].to_numpy() == 1

    def backfill(
        self,
        name: str,
        *options: str,
        file: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> tuple[dict[str, Any], FloatArray]:
        """The report of a backfill, and the score that each flight got at arrival.

        Args:
            name: of the run; its config and its state are in a folder of that name.
            options: of ``freshet backfill``.
            file: what is learned from; all flights if None.
            settings: what overrides the demo's config, as ``FRESHET_...``.
        """
        home = self.folder / name
        home.mkdir()
        (home / "freshet.toml").write_text(CONFIG)
        scores = home / "scores.csv"
        arguments = ("--json", "--scores", str(scores), *options)
        said = self.freshet(name, "backfill", str(file or self.file), *arguments, **settings or {})
        return json.loads(said), self.scores(scores)

    def freshet(self, name: str, command: str, *arguments: str, **settings: str) -> str:
        """What a command prints, under the config of a run."""
        config_file = str(self.folder / name / "freshet.toml")
        result = subprocess.run(
            [sys.executable, "-m", "serve.cli", command, *arguments, "--config", config_file],
            capture_output=True,
            text=True,
            check=False,
            env=environment() | settings,
        )
        if result.returncode:
            raise SystemExit(f"freshet {command} {' '.join(arguments)} failed:\n{result.stderr}")
        return result.stdout

    def scores(self, path: Path) -> FloatArray:
        """Scores by flight from a file with the columns ``id`` and ``score``; NaN without one."""
        table = pd.read_csv(path, usecols=["id", "score"])
        by_flight = np.full(len(self.flights), np.nan)
        by_flight[table["id"].to_numpy() - 1] = table["score"].to_numpy()
        return by_flight
