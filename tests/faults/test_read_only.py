"""A home or a log that is read-only, at the start or later, under a real learner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.disks import Shim
from tests.faults.running import begun, freshet, learner, until
from tests.faults.test_disks import FIRST, OFTEN, SECOND, finish, send
from tests.support.serving.project import Project


@pytest.mark.long
def test_a_log_file_that_becomes_read_only_stops_the_learner(tmp_path: Path, shim: Shim) -> None:
    """The SQLite log becomes read-only: exit 1 and what to do; started again, the same result."""
    project = Project(tmp_path / "p", log=f"sqlite:///{tmp_path}/log/log.db", more=OFTEN)
    (tmp_path / "log").mkdir()
    with begun(project, environment=shim.environment) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        shim.read_only(tmp_path / "log")
        send(project, FIRST, SECOND)
        assert running.ends() == 1
        assert "permissions" in running.said()
        assert "Traceback" not in running.said()
    shim.mend()
    with begun(project, environment=shim.environment) as running:
        finish(project, running, tmp_path)


def test_a_home_that_is_read_only_at_the_start_is_refused(tmp_path: Path, shim: Shim) -> None:
    """Home read-only at the start: exit 1, one paragraph with the folder; mended, it starts."""
    project = Project(tmp_path / "p")
    send(project, 0, SECOND)
    shim.read_only(project.settings.home)
    with learner(project, environment=shim.environment) as running:
        assert running.ends() == 1
        assert str(project.settings.home) in running.said()
        assert "Traceback" not in running.said()
    shim.mend()
    with begun(project, environment=shim.environment) as running:
        finish(project, running, tmp_path)


@pytest.mark.long
def test_a_home_that_becomes_read_only_loses_nothing(tmp_path: Path, shim: Shim) -> None:
    """Home, with log and registry in it, becomes read-only: waits or exit 1; the same result."""
    project = Project(tmp_path / "p", more=OFTEN)
    with begun(project, environment=shim.environment) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        shim.read_only(project.settings.home)
        send(project, FIRST, SECOND)
        until(lambda: running.process.poll() == 1 or "waiting" in running.said())
        assert "Traceback" not in running.said()
        shim.mend()
        if running.process.poll() is None:
            running.saved(SECOND)
            finish(project, running, tmp_path)
            return
    with begun(project, environment=shim.environment) as running:
        finish(project, running, tmp_path)


@pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])
def test_a_config_is_compared_with_a_home_that_is_read_only(
    tmp_path: Path, shim: Shim, *, killed: bool
) -> None:
    """The registry of a home on such a disk is read, also where a kill left a log beside it."""
    project = Project(tmp_path / "p", more=OFTEN)
    with begun(project) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        running.process.kill() if killed else running.process.terminate()
        running.process.wait()
    assert project.settings.databases[1].with_name("registry.db-wal").exists() is killed
    text = project.config_file.read_text(encoding="utf-8")
    project.config_file.write_text(text.replace("-b 16", "-b 15"), encoding="utf-8")
    shim.read_only(project.settings.home)
    done = freshet(project, "config", "diff", "--json", environment=shim.environment)
    assert done.returncode == 1, done.stderr
    assert [change["key"] for change in json.loads(done.stdout)["changes"]] == ["learner.args"]
