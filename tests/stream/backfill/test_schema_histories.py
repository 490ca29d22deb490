"""Over any history of changed columns each row is read by the columns of its time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from stream.learner.process import LearnerProcess
from stream.log.batch import Batch
from tests.support.serving.project import Project, same
from tests.support.streams.schema_histories import History, drawn, plain_model, project_of


class CrashError(Exception):
    """Stands for a kill: nothing of the batch is saved."""


def learned(project: Project, draw: random.Random) -> dict[str, object]:
    """Learn to the end, with crashes after some batches."""
    left = draw.randrange(1, 4)

    def crash(_batch: Batch, _process: LearnerProcess) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise CrashError

    for _ in range(draw.randrange(3)):
        left = draw.randrange(1, 4)
        try:
            return project.learn(crash)
        except CrashError:
            continue
    return project.learn()


def live_through(history: History, folder: Path, log: str, model: str) -> None:
    """Live through a history; every model on the way is the plain one, and can be made again."""
    draw = random.Random(history.seed)
    project = project_of(folder / "live", log, model, history.eras[0])
    history.write(project, history.eras[0])
    learned(project, draw)
    for number, (before, era) in enumerate(zip(history.eras, history.eras[1:], strict=False)):
        old, project = project, project_of(folder / "live", log, model, era, home=project)
        made = project.backfill(fresh=True)
        assert made["rejected"] == history.torn
        plain = plain_model(folder / f"plain{number}", history, era)
        assert made["model_sha256"] == plain
        if draw.random() < 0.5:  # the learner goes on by the config that it has read
            history.write(old, before, before.forms[:2])
            learned(old, draw)
        with project.registry() as registry:
            registry.serving.pin("promote", made["version"], "other columns", "me")
        history.write(project, era)
        report = learned(project, draw)
        assert report["rejected"] == history.torn
        assert report["model_sha256"] == plain_model(folder / f"live{number}", history, era)
        assert same(project.backfill()) == same(report)
        assert project.learn()["events"] == report["events"] == len(history.rows) + history.torn


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_read_by_the_columns_of_their_time(
    seed: int, tmp_path: Path, log_url: str, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without names; crashes change nothing."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 5)
    live_through(drawn(seed), tmp_path, log_url, unique_name)
