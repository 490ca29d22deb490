"""Starting a learner, waiting for other processes, and asking whether they live."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support import ROOT
from tests.support.serving.project import Project


def learner(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """The learner as a process, once it has begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "serve.cli", "learn", *arguments],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "Learning model" in process.stderr.readline()
    return process


def until(condition: Callable[[], object], meanwhile: Callable[[], None] = lambda: None) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 40.0
    while not condition():
        assert time.monotonic() < deadline
        meanwhile()
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    if not Path("/proc/self/stat").exists():
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return state.stdout.strip()[:1] not in ("", "Z")
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
