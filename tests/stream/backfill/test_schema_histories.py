"""Over any history of changed columns each row is read by the columns of its time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.explain.kept_rows import numbered_lines
from stream.learner.process import LearnerProcess
from stream.log.batch import Batch
from tests.support.serving.processes import learner
from tests.support.serving.project import Project, same
from tests.support.streams.schema_histories import History, drawn, plain_model, project_of


class CrashError(Exception):
    """Stands for a kill: nothing of the batch is saved."""


def learned(project: Project, draw: random.Random) -> dict[str, Any]:
    """Learn to the end, with crashes after some batches."""
    left = draw.randrange(1, 4)

    def crash(_batch: Batch, _process: LearnerProcess) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise CrashError

    for _ in range(draw.randrange(2)):
        left = draw.randrange(1, 4)
        try:
            return project.learn(crash)
        except CrashError:
            continue
    return project.learn()


def kept(project: Project, report: dict[str, Any]) -> dict[int, str]:
    """The rows that the snapshot of a run keeps, by number."""
    with project.registry() as registry:
        version = registry.versions.find(report["version"])
    with project.snapshots().open(version.snapshot) as snapshot:
        return numbered_lines(snapshot.path)


Learn = Callable[[Project, random.Random], dict[str, Any]]


def live_through(
    history: History, folder: Path, log: str, model: str, learned: Learn, processes: int = 1
) -> None:
    """Live through a history; every model on the way is the plain one, and can be made again."""
    draw, at = random.Random(history.seed), (folder / "live", log, model)
    project = project_of(*at, history.eras[0], processes=processes)
    history.write(project, history.eras[0])
    learned(project, draw)
    for number, (before, era) in enumerate(zip(history.eras, history.eras[1:], strict=False)):
        old = project
        project = project_of(*at, era, home=project, processes=processes)
        made = project.backfill(fresh=True)
        assert made["rejected"] == history.torn
        plain = plain_model(folder / f"plain{number}", history, era)
        assert made["model_sha256"] == plain
        if draw.random() < 0.5:  # the learner goes on by the config that it has read
            history.write(old, before, before.forms[:2])
            old.learn()
        with project.registry() as registry:
            registry.serving.pin("promote", made["version"], "other columns", "me")
        history.write(project, era)
        report = learned(project, draw)
        assert report["rejected"] == history.torn
        assert report["model_sha256"] == plain_model(folder / f"live{number}", history, era)
        again = project.backfill()
        assert same(again) == same(report)
        assert kept(project, again) == kept(project, report) != {}
        assert project.learn()["events"] == report["events"] == len(history.rows) + history.torn


@pytest.mark.parametrize("seed", [0, pytest.param(3, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "log_url",
    ["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.long])],
    indirect=True,
)
def test_rows_are_read_by_the_columns_of_their_time(
    seed: int, tmp_path: Path, log_url: str, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without names; crashes change nothing."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 5)
    live_through(drawn(seed), tmp_path, log_url, unique_name, learned)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(10, 1_000_000))
def test_longer_histories(seed: int) -> None:
    """More columns that change, more often."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr("stream.reading.merge.BATCH_ROWS", 5)
        log = f"sqlite:///{folder}/log.db"
        live_through(drawn(seed, most_eras=6), Path(folder), log, "m", learned)


def killed(project: Project, draw: random.Random) -> dict[str, Any]:
    """Learn to the end as a process that is killed, again and again."""
    for _ in range(4):
        process = learner(project)
        sleep(draw.uniform(0, 0.5))
        process.kill()
        process.communicate(timeout=60)
    out, said = learner(project, "--until-end", "--json").communicate(timeout=120)
    assert out, said
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(100, 104))
def test_kills_change_nothing(seed: int, tmp_path: Path, log_url: str, unique_name: str) -> None:
    """``kill -9`` of learners whose reader is a process of its own, at random moments."""
    history = drawn(seed)
    live_through(history, tmp_path, log_url, unique_name, killed, processes=2)
