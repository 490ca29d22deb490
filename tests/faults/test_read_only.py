"""A home or a log that is read-only, at the start or later, under a real learner."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.disks import Shim
from tests.faults.running import begun, learner, until
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
