"""A server whose standard error is a pipe that nothing reads."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from serve.processes.ports import free_port
from tests.support import ROOT
from tests.support.serving.served import a_project
from tests.support.serving.server_process import ask

# More than a pipe holds, of lines of some hundred bytes.
LINES = 600


def test_a_log_that_nothing_reads_stops_nothing(tmp_path: Path) -> None:
    """Refused calls are logged, and would fill the pipe; the server answers on, and ends."""
    project = a_project(tmp_path, more="[serve]\naccess_log = true\n")
    port = free_port("127.0.0.1", 0)
    command = [sys.executable, "-m", "serve.cli", "serve", "--port", str(port)]
    command += ["--config", str(project.config_file)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"Serving" in process.stderr.readline()
        address = f"http://127.0.0.1:{port}"
        for _ in range(LINES):
            assert ask(f"{address}/unpin", {"reason": "test"})[0] == 401
        assert ask(f"{address}/health/live")[0] == 200
        process.send_signal(signal.SIGTERM)
        # Its status is that of a clean end, though it cannot say a word more.
        assert process.wait(60) == 0
