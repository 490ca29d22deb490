"""`freshet replay-dead-letters` killed at any moment, or run twice at once: each row goes once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.serving.project import Project
from tests.support.streams.log_processes import next_line
from tests.support.streams.replays import far_to_near, mended, origins, replay, row, sent_again

# Some transactions' worth, so that a kill can land between and within several.
ROWS, ROWS_A_RECORD, KILLS = 2_000, 40, 3


def refused(project: Project, rows: int = ROWS) -> Path:
    """A file of mended rows, after the learner has refused them all and taken one good one."""
    spoilt = [row(n, "far") for n in range(rows)]
    step = ROWS_A_RECORD if rows > ROWS_A_RECORD else 1
    values = [b"\n".join(spoilt[n : n + step]) for n in range(0, rows, step)]
    project.append(*values, row(0, name="good"), time=1_357_020_000_000)
    assert project.learn()["rejected"] == rows
    return mended(project, far_to_near)


@contextmanager
def started(*arguments: str, cwd: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """A process; killed, if it still runs, when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def once(project: Project, rows: int) -> None:
    """Each row stands on the topic once, and is learned once."""
    found = Counter(origin for origin, _ in sent_again(project))
    assert len(found) == rows
    assert set(found.values()) == {1}
    report = project.learn()
    assert (report["learned"], report["rejected"], report["duplicates"]) == (rows + 1, rows, 0)


@pytest.mark.parametrize(
    "log_url",
    ["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.long])],
    indirect=True,
)
@pytest.mark.timeout(240)
def test_kills_at_random_moments(tmp_path: Path, log_url: str, unique_name: str) -> None:
    """However often it is killed on its way through the file, each row goes once."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name)
    path, draw, kills = refused(project), random.Random(3), 0
    for _ in range(KILLS):
        seconds = str(round(draw.uniform(0.0, 0.08), 4))
        with started(
            "tests.support.streams.replays", seconds, str(project.folder), str(path)
        ) as process:
            process.communicate(timeout=100)
        kills += process.returncode == -signal.SIGKILL
    report = replay(project, path)
    assert report.sent + report.already_sent == ROWS
    assert kills
    once(project, ROWS)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("point", "by_then"),
    [
        ("inside", 0),
        pytest.param("before", 0, marks=pytest.mark.long),
        pytest.param("after", 500, marks=pytest.mark.long),
    ],
)
def test_kills_at_the_points_of_a_transaction(
    tmp_path: Path, log_url: str, unique_name: str, point: str, by_then: int
) -> None:
    """A row and its mark are there together, or neither is."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name)
    path = refused(project, 600)
    with started("tests.support.streams.replays", point, str(project.folder), str(path)) as process:
        _, said = process.communicate(timeout=100)
    assert process.returncode == -signal.SIGKILL, said
    report = replay(project, path)
    assert (report.already_sent, report.sent) == (by_then, 600 - by_then)
    once(project, 600)


def test_one_that_hangs_inside_its_transaction_is_put_aside(
    tmp_path: Path, unique_name: str, kafka_bootstrap: str
) -> None:
    """Another goes on at once, and what the first had begun never comes to be seen."""
    url = f"kafka://{kafka_bootstrap}"
    project = Project(tmp_path / "p", log=url, model=unique_name)
    path = refused(project, 30)
    with started(
        "tests.support.streams.replays", "stall", str(project.folder), str(path)
    ) as process:
        assert next_line(process) == "in the middle"
        assert replay(project, path).sent == 30
    assert replay(project, path).already_sent == 30
    once(project, 30)


@pytest.mark.timeout(240)
def test_two_at_once(tmp_path: Path, log_url: str, unique_name: str) -> None:
    """One of them ends well or both say what to do; a third run completes it, each row once."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name)
    path = refused(project)
    arguments = ("serve.cli", "replay-dead-letters", path.name)
    with (
        started(*arguments, cwd=project.folder) as one,
        started(*arguments, cwd=project.folder) as two,
    ):
        said = [process.communicate(timeout=100)[1] for process in (one, two)]
    for process, text in zip((one, two), said, strict=True):
        assert process.returncode == 0 or "has started" in text
        assert "Traceback" not in text
    assert 0 in (one.returncode, two.returncode)
    assert replay(project, path).already_sent == ROWS
    once(project, ROWS)


def test_the_mended_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    """So that what a file says first is learned first."""
    project = Project(tmp_path / "p")
    path = refused(project, 20)
    replay(project, path)
    assert [origin for origin, _ in sent_again(project)] == origins(project, 20)
