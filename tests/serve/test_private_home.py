"""Every command keeps its home for one user; what the user names as output keeps the umask."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from serve.cli import app
from serve.processes.ports import free_port
from tests.serve.processes.test_up import answers
from tests.support.serving.modes import open_to_others
from tests.support.serving.processes import until
from tests.support.serving.project import Project, flights

FRESHET = (sys.executable, "-P", "-m", "serve.cli")
OUTPUTS = ("page.html", "data.html", "scored.csv", "rows.vw", "rejected.csv", "new.toml")


def run(project: Project, umask: int, *arguments: str) -> Result:
    """One command, in this process: each would import everything again."""
    before = os.umask(umask)
    try:
        with chdir(project.folder):
            done = CliRunner().invoke(app, arguments)
    finally:
        os.umask(before)
    assert done.exit_code == 0, done.stderr
    return done


@contextmanager
def running(
    project: Project, umask: int, environment: Mapping[str, str], *arguments: str
) -> Iterator[None]:
    """A command that runs until the ``with`` ends."""
    process = subprocess.Popen(
        [*FRESHET, *arguments],
        cwd=project.folder,
        umask=umask,
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(40)


def use(project: Project, umask: int, home: Path) -> None:
    """Run one command after the other, and the server; look at the home after each."""
    rows = project.write_csv(flights(300)).name
    port = free_port("127.0.0.1", 0)
    for line in (
        f"produce {rows}",
        "learn --until-end",
        f"backfill {rows} --promote",
        "learn --until-end",
        "promote 1 --reason because",
        "rollback 1 --reason because --learner keep",
        "unpin --reason because",
        "models",
        "show 1",
        "history",
        "scores",
        "dead-letters",
        "report --html page.html",
        f"check {rows} --html data.html",
        f"score {rows} -o scored.csv",
        f"convert {rows} -o rows.vw --rejects rejected.csv",
        f"init {rows} --label late --positive 1 -o new.toml",
        "token add ci --scope ingest",
    ):
        run(project, umask, *line.split())
        assert open_to_others(home) == [], line
    several = {"FRESHET_SERVE__WORKERS": "2", "FRESHET_SERVE__ADMIN": "unix:.freshet/admin.sock"}
    with running(project, umask, several, "up", "--port", str(port)):
        until(lambda: answers(port))
        assert {path.name for path in home.iterdir()} >= {"admin.token", "tokens.json"}
        assert open_to_others(home) == []


@pytest.mark.parametrize("umask", [0o000, pytest.param(0o022, marks=pytest.mark.long)])
def test_a_home_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """Log, registry, snapshots, copies, locks, counters: 0700 and 0600; named outputs are not."""
    project = Project(tmp_path)
    use(project, umask, project.settings.home)
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in OUTPUTS}
    assert modes == dict.fromkeys(OUTPUTS, 0o666 & ~umask)


def test_a_home_that_was_open_is_closed_by_the_next_command(tmp_path: Path) -> None:
    """With one line that says so, and once; the result on standard output stays alone."""
    project = Project(tmp_path)
    project.produce(project.write_csv(flights(50)))
    project.learn()
    for path in (project.settings.home, *project.settings.home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    first, second = (run(project, 0o022, "models", "--json") for _ in range(2))
    assert first.stderr.startswith(f"Made {project.settings.home} private: other users had access")
    assert first.stderr.count("\n") == 1
    assert second.stderr == ""
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert open_to_others(project.settings.home) == []


def test_a_home_is_private_without_the_command_line(tmp_path: Path) -> None:
    """A learner, a registry and a log that are used as a library make it so too."""
    before = os.umask(0)
    try:
        project = Project(tmp_path)
        project.produce(project.write_csv(flights(50)))
        project.learn()
    finally:
        os.umask(before)
    assert open_to_others(project.settings.home) == []
