"""A wall clock that jumps while a learner runs: nothing that is learned may come from it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stream.log.contract import Outgoing
from tests.faults.disks import Shim
from tests.faults.running import Outcome, begun, outcome
from tests.support.serving.project import Project, flights

ROWS = flights(900)
PART = 300
OFTEN = "[checkpoint]\nseconds = 0.2\nmin_spacing = 0"
HOUR = 3_600


def send(project: Project, first: int, end: int, began: float) -> None:
    """Append rows as they happen: stamped with the time at which this test runs."""
    records = [
        Outgoing(",".join(row).encode(), int(began * 1000) + number)
        for number, row in enumerate(ROWS[first:end], start=first)
    ]
    with project.open_log() as log:
        log.append(project.topics().events, records)


def without_jumps(folder: Path, began: float) -> Outcome:
    """What comes of the same records where the clock is right."""
    project = Project(folder / "without-jumps")
    send(project, 0, len(ROWS), began)
    return outcome(project, project.learn())


@pytest.mark.parametrize(
    "hours",
    [
        -2,
        pytest.param(2, marks=pytest.mark.long),
        pytest.param(-24 * 365, marks=pytest.mark.long),
        pytest.param(24 * 365, marks=pytest.mark.long),
    ],
)
def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, shim: Shim, hours: int) -> None:
    """Clock set back or forward by hours while running, and right again: the same result."""
    began = time.time()
    project = Project(tmp_path / "p", more=OFTEN)
    with begun(project, environment=shim.environment) as running:
        send(project, 0, PART, began)
        running.saved(PART)
        shim.move_clock(hours * HOUR)
        send(project, PART, 2 * PART, began)
        running.saved(2 * PART)
        shim.mend()
        send(project, 2 * PART, 3 * PART, began)
        running.seen(3 * PART)
        assert outcome(project, running.stop()) == without_jumps(tmp_path, began)


@pytest.mark.long
def test_a_learner_that_starts_with_a_wrong_clock_changes_nothing(
    tmp_path: Path, shim: Shim, log_url: str, unique_name: str
) -> None:
    """Clock two hours behind at the start, over a full topic: its outputs are written too."""
    began = time.time()
    project = Project(tmp_path / "p", log=log_url, model=unique_name, more=OFTEN)
    send(project, 0, len(ROWS), began)
    shim.move_clock(-2 * HOUR)
    with begun(project, "--until-end", environment=shim.environment) as running:
        assert outcome(project, running.report()) == without_jumps(tmp_path, began)
