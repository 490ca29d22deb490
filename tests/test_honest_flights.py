"""Real flights with labels at landing: what a backfill scores is what a plain simulation scores."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from serve.demo.flights import CONFIG, write_flights
from tests.support.streams.late_labels_plain import Scored, simulated

FLIGHTS = 20_000
LATER = pytest.mark.long


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first flights of the year as a file."""
    path = tmp_path_factory.mktemp("flights") / "flights.csv"
    assert write_flights(path, FLIGHTS) == FLIGHTS
    return path


def backfilled(flights: Path, folder: Path, hours_ahead: int) -> dict[str, Scored]:
    """Each flight's score by id, as the command writes them."""
    (folder / "freshet.toml").write_text(CONFIG, encoding="utf-8")
    scores = folder / "scores.csv"
    late = ("--label-time", "landed", "--score-ahead", str(3600 * hours_ahead))
    subprocess.run(
        [
            *(sys.executable, "-m", "serve.cli", "backfill", str(flights), *late),
            *("--scores", str(scores), "--config", str(folder / "freshet.toml")),
        ],
        check=True,
        capture_output=True,
        env={n: v for n, v in os.environ.items() if not n.startswith("FRESHET_")},
    )
    with scores.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == FLIGHTS
    return {row["id"]: Scored(float(row["score"]), int(row["lessons"])) for row in rows}


@pytest.mark.parametrize("hours_ahead", [0, *(pytest.param(h, marks=LATER) for h in (1, 4, 24))])
def test_every_score_is_that_of_a_plain_simulation(
    flights: Path, tmp_path: Path, hours_ahead: int
) -> None:
    """20,000 flights, labels at landing: equal lessons behind each score, scores within 1e-9."""
    ours, plain = backfilled(flights, tmp_path, hours_ahead), simulated(flights, hours_ahead)
    assert {i: s.lessons for i, s in ours.items()} == {i: s.lessons for i, s in plain.items()}
    assert max(abs(ours[i].score - plain[i].score) for i in plain) <= 1e-9


def test_the_flights_put_the_order_of_labels_and_events_to_the_test(flights: Path) -> None:
    """A quarter of the landings at least share their minute with a departure."""
    with flights.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    departures = {datetime.fromisoformat(row["scheduled"]) for row in rows}
    tied = sum(datetime.fromisoformat(row["landed"]) in departures for row in rows)
    assert tied > FLIGHTS / 4
