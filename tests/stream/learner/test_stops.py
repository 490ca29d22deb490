"""SIGTERM to a real learner process, again and again at random: the same as without stops."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path
from time import sleep

import pytest

from tests.support.serving.processes import learner
from tests.support.serving.project import Project, answers, flights, same

ROWS = 12_000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stops", [4, pytest.param(10, marks=pytest.mark.long)])
def test_sigterms_change_nothing(tmp_path: Path, stops: int) -> None:
    """Each stop exits with 0 and leaves a version of what is new; the end is the same."""
    project = Project(tmp_path / "stopped", more="[checkpoint]\nseconds = 60")
    path = project.write_csv(flights(ROWS))
    project.produce(path, label_time="landed")
    draw, reached = random.Random(5), []
    for _ in range(stops):
        process = learner(project)
        sleep(draw.uniform(0, 0.1))
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        with project.registry() as registry:
            point = registry.versions.resume_point()
        reached.append(0 if point is None else point.events["events"])
    process = learner(project, "--until-end", "--json")
    out, _ = process.communicate(timeout=200)
    report = json.loads(out)
    assert sum(a < b for a, b in zip([0, *reached], [*reached, ROWS], strict=True)) >= 2
    whole = Project(tmp_path / "whole")
    whole.produce(path, label_time="landed")
    assert same(report) == same(whole.learn())
    assert answers(project.scores()) == answers(whole.scores())
