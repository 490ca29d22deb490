"""A lineage whose kept config this release cannot learn by: the way out that is told is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from converters.errors import UsageError
from serve.cli import app
from tests.support.serving.project import Project, flights
from tests.support.streams.older_converters import strange_key

ROWS = flights(60)


def test_a_model_of_the_log_is_the_way_out(tmp_path: Path) -> None:
    """As the message says: it is built beside that one, promoted, and learned on from."""
    project = Project(tmp_path / "p")
    project.produce(project.write_csv(ROWS[:40]))
    project.learn()
    strange_key(project, "record")
    project.produce(project.write_csv(ROWS[40:]))
    with pytest.raises(UsageError, match=r"cannot learn: .* 'freshet backfill log --fresh'"):
        project.learn()
    for command in (("backfill", "log", "--fresh"), ("promote", "2", "--reason", "as told")):
        done = CliRunner().invoke(app, [*command, "--config", str(project.config_file)])
        assert done.exit_code == 0, done.exception or done.output
    assert project.learn()["events"] == 60
    ids = [score.id for score in project.scores()]
    assert len(ids) == len(set(ids)) == 60
