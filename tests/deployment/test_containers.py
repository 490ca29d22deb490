"""The containers' commands as plain processes on a real Kafka: learner, server, both checks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.serving.deployment import container_command, health_command, service
from tests.support.serving.project import Project, flights

PATIENCE_SECONDS = 90.0


def command_line(words: list[str], port: int) -> list[str]:
    """The words as they run here: this Python's freshet, loopback, and a port of the test's."""
    first, *rest = words
    start = {"freshet": [sys.executable, "-m", "serve.cli"], "python": [sys.executable]}[first]
    here = [word.replace("0.0.0.0", "127.0.0.1").replace("8000", str(port)) for word in rest]
    return [*start, *here]


@contextmanager
def running(
    words: list[str], folder: Path, environment: dict[str, str], port: int
) -> Iterator[None]:
    """A container's command as a process; a stop must be clean."""
    process = subprocess.Popen(command_line(words, port), cwd=folder, env=environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)
    assert status == 0


def predicted(port: int, row: dict[str, Any]) -> dict[str, Any] | None:
    """The server's answer, once it has one."""
    body = json.dumps(row).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


@pytest.mark.kafka
@pytest.mark.timeout(240)
def test_the_containers_commands_work_together(
    tmp_path: Path, kafka_bootstrap: str, unique_name: str
) -> None:
    """Rows produced to Kafka are learned by the one and served by the other; both are healthy."""
    project = Project(tmp_path / "p", model=unique_name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"FRESHET_LOG": f"kafka://{kafka_bootstrap}", "FRESHET_SERVE__PORT": str(port)}
    assert set(told) <= {*service("learner")["environment"], *service("serve")["environment"]}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **told}
    kafka = Project(tmp_path / "producer", model=unique_name, log=told["FRESHET_LOG"])
    kafka.produce(kafka.write_csv(flights(300)))
    with (
        running(container_command("learner"), project.folder, environment, port),
        running(container_command("serve"), project.folder, environment, port),
    ):
        until = monotonic() + PATIENCE_SECONDS
        row = {"carrier": "AX", "origin": "JFK", "hour": "3", "distance": 100}
        while (answer := predicted(port, row)) is None:
            assert monotonic() < until
            sleep(0.2)
        assert answer["version"] >= 1
        for name in ("learner", "serve"):
            words = command_line(health_command(name), port)
            checked = subprocess.run(words, cwd=project.folder, env=environment, check=False)
            assert checked.returncode == 0, name
