"""``tokens.json`` and ``admin.token``: a disk that fails, and kills, while they are written."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serve.access import local_admin
from serve.access.tokens import TokenFile
from serve.processes.ports import free_port
from tests.faults.disks import Call, Shim
from tests.serve.processes.test_up import answers
from tests.support.serving.modes import open_to_others
from tests.support.serving.processes import until
from tests.support.serving.project import Project

# What the writing of a small file does, in this order.
CALLS: tuple[Call, ...] = ("open", "write", "sync", "rename")
STEPS = [pytest.param(c, marks=[] if c == "sync" else pytest.mark.long) for c in CALLS]
ADD = ("token", "add", "second", "--scope", "score")


@contextmanager
def running(project: Project, shim: Shim, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command on a disk that fails when told to; killed at the end, if it has not ended."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "serve.cli", *arguments],
        cwd=project.folder,
        env={**os.environ, **shim.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def tokens(project: Project) -> TokenFile:
    """The project's tokens, of which there is one."""
    file = TokenFile(project.settings.home / "tokens.json")
    if not file.path.exists():
        file.add("first", ["score"], None)
    return file


def names(project: Project) -> list[str]:
    """The names in the file, which is read as it stands."""
    return [token["name"] for token in json.loads(tokens(project).path.read_bytes())["tokens"]]


def written(path: Path, step: Call) -> Path:
    """The beginning of the paths at which the steps of writing a file are seen."""
    return path if step == "rename" else path.with_name(f".{path.name}.")


@pytest.mark.parametrize("step", STEPS)
def test_a_token_that_cannot_be_written_leaves_the_others(
    tmp_path: Path, shim: Shim, step: Call
) -> None:
    """Disk full while ``freshet token add`` writes: exit 1, the file named, nothing changed."""
    project = Project(tmp_path / "p")
    shim.fail(step, errno.ENOSPC, written(tokens(project).path, step))
    with running(project, shim, *ADD) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "tokens.json cannot be written: No space left" in said
    assert "Traceback" not in said
    assert names(project) == ["first"]
    assert list(project.settings.home.glob(".tokens*")) == []


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_while_tokens_are_written_leaves_a_whole_file(
    tmp_path: Path, shim: Shim, step: Call
) -> None:
    """SIGKILL in each step of ``freshet token add``: the old file, and the next one goes on."""
    project = Project(tmp_path / "p")
    shim.slow(step, 20_000, written(tokens(project).path, step))
    with running(project, shim, *ADD) as process:
        until(shim.hits)
        process.kill()
        process.wait()
    assert names(project) == ["first"]
    shim.mend()
    with running(project, shim, *ADD) as process:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert names(project) == ["first", "second"]
    assert open_to_others(project.settings.home) == []


@pytest.mark.parametrize("step", STEPS)
def test_a_server_without_room_for_its_admin_token_serves(
    tmp_path: Path, shim: Shim, step: Call
) -> None:
    """Disk full when ``serve`` makes ``admin.token``: it says so, and admin routes are closed."""
    project, port = Project(tmp_path / "p"), free_port("127.0.0.1", 0)
    path = local_admin.path_of(project.settings)
    shim.fail(step, errno.ENOSPC, written(path, step))
    with running(project, shim, "serve", "--port", str(port)) as process:
        until(lambda: answers(port))
        assert not path.exists()
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert "The admin routes are closed: there is no admin token." in said
    assert "No space left" in said


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_while_the_admin_token_is_written_leaves_none(
    tmp_path: Path, shim: Shim, step: Call
) -> None:
    """SIGKILL in each step of making ``admin.token``: no half token; the next start makes one."""
    project, port = Project(tmp_path / "p"), free_port("127.0.0.1", 0)
    path = local_admin.path_of(project.settings)
    shim.slow(step, 20_000, written(path, step))
    with running(project, shim, "serve", "--port", str(port)) as process:
        until(shim.hits)
        process.kill()
        process.wait()
    assert not path.exists()
    shim.mend()
    with running(project, shim, "serve", "--port", str(port)):
        until(lambda: answers(port))
        assert local_admin.read(path)
    assert open_to_others(project.settings.home) == []
