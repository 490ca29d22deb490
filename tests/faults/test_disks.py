"""Disks that are full, fail, are slow or read-only, under a real learner, and are mended again."""

from __future__ import annotations

import errno
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.disks import Call, Shim
from tests.faults.running import (
    Learner,
    begun,
    freshet,
    outcome,
    verified,
    without_faults,
)
from tests.support.serving.project import Project, flights

ROWS = flights(3_000)
FIRST, SECOND = 1_000, 2_000
# Saves all the time, so that any fault is met at once.
OFTEN = "[checkpoint]\nseconds = 0.2\nmin_spacing = 0"


def send(project: Project, first: int, end: int) -> None:
    """Send some of the rows, each with its label."""
    project.produce(project.write_csv(ROWS[first:end]))


def finish(project: Project, running: Learner, folder: Path) -> None:
    """Send the rest, stop well, and compare everything with a run without faults."""
    send(project, SECOND, len(ROWS))
    running.seen(len(ROWS))
    assert outcome(project, running.stop()) == without_faults(folder, ROWS)
    assert verified(project) >= 1


BROKEN: list[tuple[Call, int]] = [
    ("write", errno.ENOSPC),
    ("sync", errno.EIO),
    ("write", errno.EIO),
    ("rename", errno.EIO),
    ("rename", errno.ENOSPC),
    ("mkdir", errno.EROFS),
    ("open", errno.EROFS),
    ("open", errno.ENOSPC),
]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(*broken, marks=[] if number < 1 else pytest.mark.long)
        for number, broken in enumerate(BROKEN)
    ],
)
def test_a_snapshot_folder_that_fails_delays_checkpoints_and_no_learning(
    tmp_path: Path, shim: Shim, call: Call, error: int
) -> None:
    """Snapshot folder full, failing or read-only: learning goes on, says so, saves when mended."""
    project = Project(tmp_path / "p", more=OFTEN)
    with begun(project, environment=shim.environment) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        shim.fail(call, error, project.settings.snapshots)
        send(project, FIRST, SECOND)
        running.says("checkpoint failed")
        running.seen(SECOND)
        running.tells("checkpoint_trouble")
        assert verified(project) >= 1
        shim.mend()
        running.saved(SECOND)
        running.is_well("checkpoint_trouble")
        finish(project, running, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("nth", range(1, 13))
def test_each_single_call_of_a_checkpoint_may_be_the_first_to_fail(
    tmp_path: Path, shim: Shim, nth: int
) -> None:
    """The nth write into the snapshot folder fails with ENOSPC: no torn snapshot, same result."""
    project = Project(tmp_path / "p", more=OFTEN)
    with begun(project, environment=shim.environment) as running:
        shim.fail("write", errno.ENOSPC, project.settings.snapshots, first=nth)
        send(project, 0, FIRST)
        running.says("checkpoint failed")
        shim.mend()
        running.saved(FIRST)
        send(project, FIRST, SECOND)
        finish(project, running, tmp_path)


def test_a_clean_stop_with_a_full_disk_fails_loudly_and_loses_nothing(
    tmp_path: Path, shim: Shim
) -> None:
    """Stopped while the snapshot folder is full: exit 1, says that nothing is lost; goes on."""
    project = Project(tmp_path / "p", more=OFTEN)
    with begun(project, environment=shim.environment) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        shim.fail("write", errno.ENOSPC, project.settings.snapshots)
        send(project, FIRST, SECOND)
        running.says("checkpoint failed")
        running.process.send_signal(signal.SIGTERM)
        assert running.ends() == 1
        assert "nothing is lost" in running.said().lower()
        assert "Traceback" not in running.said()
    shim.mend()
    with begun(project, environment=shim.environment) as running:
        finish(project, running, tmp_path)


@pytest.mark.long
def test_a_kill_with_a_full_disk_loses_nothing(tmp_path: Path, shim: Shim) -> None:
    """Killed -9 while the snapshot folder is full: the next start takes the journal's tail."""
    project = Project(tmp_path / "p", more=OFTEN)
    with begun(project, environment=shim.environment) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        shim.fail("write", errno.ENOSPC, project.settings.snapshots)
        send(project, FIRST, SECOND)
        running.seen(SECOND)
        running.says("checkpoint failed")
        running.kill()
    shim.mend()
    with begun(project, environment=shim.environment) as running:
        finish(project, running, tmp_path)


@pytest.mark.long
def test_a_slow_disk_slows_and_changes_nothing(tmp_path: Path, shim: Shim) -> None:
    """Each fsync takes two seconds: learning goes on between, and the result is the same."""
    project = Project(tmp_path / "p", more="[checkpoint]\nseconds = 0.2\nmin_spacing = 1")
    with begun(project, environment=shim.environment) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        shim.slow("sync", 2_000, project.settings.home)
        send(project, FIRST, SECOND)
        running.saved(SECOND, 120)
        assert shim.hits() >= 3
        shim.mend()
        finish(project, running, tmp_path)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("write", errno.ENOSPC),
        pytest.param("write", errno.EIO, marks=pytest.mark.long),
        pytest.param("sync", errno.EIO, marks=pytest.mark.long),
    ],
)
def test_a_log_file_that_cannot_be_written_is_waited_for(
    tmp_path: Path, shim: Shim, call: Call, error: int
) -> None:
    """The SQLite log's disk full or failing: the learner waits, says so, goes on when mended."""
    project = Project(tmp_path / "p", log=f"sqlite:///{tmp_path}/log/log.db", more=OFTEN)
    (tmp_path / "log").mkdir()
    with begun(project, environment=shim.environment) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        shim.fail(call, error, tmp_path / "log")
        send(project, FIRST, SECOND)
        running.says("waiting")
        running.tells("waiting_for")
        shim.mend()
        running.says("resumed")
        running.is_well("waiting_for")
        running.saved(SECOND)
        finish(project, running, tmp_path)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("write", errno.ENOSPC),
        pytest.param("write", errno.EIO, marks=pytest.mark.long),
        pytest.param("sync", errno.EIO, marks=pytest.mark.long),
    ],
)
def test_a_registry_that_cannot_be_written_delays_checkpoints_and_no_learning(
    tmp_path: Path, shim: Shim, call: Call, error: int
) -> None:
    """The registry's disk full or failing: learning goes on, says so, saves when mended."""
    project = Project(tmp_path / "p", more=OFTEN)
    registry = project.settings.registry.removeprefix("sqlite:///")
    with begun(project, environment=shim.environment) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        shim.fail(call, error, registry)
        send(project, FIRST, SECOND)
        running.until(lambda: re.search("checkpoint failed|waiting", running.said()))
        running.until(lambda: len(project.scores()) == SECOND)
        shim.mend()
        running.saved(SECOND)
        finish(project, running, tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte; skips where nothing may be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.long
def test_a_disk_that_is_truly_full_delays_checkpoints(tmp_path: Path, small_disk: Path) -> None:
    """A small file system filled to the last byte: learning goes on; freed, it saves."""
    project = Project(tmp_path / "p", more=OFTEN)
    environment = {"FRESHET_SNAPSHOTS": str(small_disk)}
    with begun(project, environment=environment) as running:
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        assert shutil.disk_usage(small_disk).free == 0
        send(project, 0, SECOND)
        running.says("checkpoint failed")
        running.seen(SECOND)
        ballast.unlink()
        running.saved(SECOND)
        send(project, SECOND, len(ROWS))
        running.seen(len(ROWS))
        assert outcome(project, running.stop()) == without_faults(tmp_path, ROWS)
    ledger = freshet(project, "models", "--json", environment=environment)
    assert ledger.returncode == 0, ledger.stderr
