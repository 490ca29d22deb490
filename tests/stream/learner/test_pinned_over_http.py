"""Measures of a pinned version are those of ``freshet score``, to the bit, over real processes.

Rows and labels come over HTTP, and pins move over HTTP, while the learner learns.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep, time
from typing import Any

import numpy as np
import pytest

from learners.report.checkpoint_measures import Measured, NothingMeasuredError, measured
from tests.support import ROOT
from tests.support.serving.command import freshet
from tests.support.serving.processes import until
from tests.support.serving.project import COLUMNS, Project, flights
from tests.support.serving.served import as_object
from tests.support.serving.server_process import Server, server_of

MORE = """
[calibration]
method = "platt"
window = 200
every = 50
[checkpoint]
seconds = 0.05
min_spacing = 0
keep = 1000
"""
# Learned before the server starts; then rows are sent in so many at a time.
LEARNED, CHUNK = 400, 20
LATE = COLUMNS.index("late")


@contextmanager
def a_learner(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    """A learner in a process of its own."""
    command = [sys.executable, "-m", "serve.cli", "learn", "--config", str(project.config_file)]
    with (project.folder / "learner.log").open("ab") as said:
        process = subprocess.Popen(command, cwd=ROOT, stderr=said)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)


@dataclass
class Feed:
    """Sends rows over HTTP, in order, and their labels a chunk later."""

    server: Server
    sent: int = LEARNED
    rows: list[list[str]] = field(default_factory=lambda: flights(10_000))

    def send(self) -> None:
        """One more chunk of events, and the labels of the one before."""
        now = {"at": str(int(time()))}  # no event may expire before its label comes
        events = [as_object(row) | now for row in self.rows[self.sent : self.sent + CHUNK]]
        self._post("/events", events)
        before = self.rows[max(LEARNED, self.sent - CHUNK) : self.sent]
        if before:
            self._post("/labels", [{"id": row[0], "late": row[LATE]} for row in before])
        self.sent += CHUNK
        sleep(0.02)

    def state(self) -> dict[str, Any]:
        """What the server says of itself and of the learner."""
        return dict(json.loads(self.server.ask("/status")[1]))

    def move(self, version: int | None) -> None:
        """Pin a version, or none; rows go on until it is measured, and some more."""
        path = "/unpin"
        body: dict[str, Any] = {"reason": "go on"}
        if version is not None:
            path, body = "/rollback", body | {"version": version}
        assert self.server.ask(path, body, self.server.admin_token)[0] == 200
        until(lambda: self._measured() == version, self.send)
        for _ in range(4):
            self.send()

    def _measured(self) -> int | None:
        """The version whose measures are those of the pinned one, and not the learner's."""
        served = self.state()["served"]
        return served["version"] if served["measured_as"] == "pinned" else None

    def _post(self, path: str, rows: list[dict[str, Any]]) -> None:
        status, text = self.server.ask(path, rows, self.server.admin_token)
        assert status == 202, text


def pinned_of(project: Project) -> list[Measured]:
    """Each checkpoint that measured what was pinned."""
    with project.registry() as registry:
        numbers = [version.version for version in registry.versions.all()]
    found = []
    for number in numbers:
        try:
            found.append(measured(project.settings, project.schema, number))
        except NothingMeasuredError:
            continue
    return [each for each in found if each.pinned is not None]


def offline(project: Project, version: int, rows: list[list[str]]) -> list[float]:
    """What ``freshet score --version`` gives rows."""
    project.write_csv(rows)
    options = ("--version", str(version), "-o", "scores.csv")
    done = freshet("score", "rows.csv", *options, cwd=project.folder)
    assert done.returncode == 0, done.stderr
    lines = (project.folder / "scores.csv").read_text(encoding="utf-8").splitlines()[1:]
    return [float(line.split(",")[2]) for line in lines]


def check(project: Project, rows: list[list[str]]) -> set[tuple[int, int]]:
    """Compare every measured score with the offline one; which pins had scores, since when."""
    expected: dict[int, list[float]] = {}
    checked = set()
    for found in pinned_of(project):
        pin = found.pinned
        assert pin is not None
        assert pin["trouble"] == ""
        kept = found.evaluator.window_lessons()
        scores = kept.scores.get("pinned")
        if scores is None or np.isnan(scores).all():
            continue
        version = pin["version"]
        if version not in expected:
            expected[version] = offline(project, version, rows)
        first = found.evaluator.count - scores.size  # examples are learned in the rows' order
        given = [None if np.isnan(score) else float(score) for score in scores]
        for place, score in enumerate(given):
            began = first + place >= pin["begun"]
            assert score == (expected[version][first + place] if began else None)
        checked.add((version, pin["begun"]))
    return checked


@pytest.mark.long
@pytest.mark.parametrize(
    ("moves", "kills"), [((1, 2), 0), ((1, 2, None, 2, 1, None, 1), 3)], ids=["plain", "killed"]
)
def test_measures_of_what_is_pinned_are_those_of_score(
    tmp_path: Path, moves: tuple[int | None, ...], kills: int
) -> None:
    """Two server processes, pins that move while learning, kills in between; then the replay."""
    project = Project(tmp_path, more=MORE)
    rows = flights(10_000)
    for begin in (0, LEARNED // 2):
        project.produce(project.write_csv(rows[begin : begin + LEARNED // 2]))
        project.learn()
    with server_of(project, "--workers", "2") as server, ExitStack() as running:
        feed, learner = Feed(server), running.enter_context(a_learner(project))
        for move in moves:
            feed.move(move)
            if kills:
                kills -= 1
                learner.kill()
                learner = running.enter_context(a_learner(project))
            feed.send()
            until(lambda: feed.state()["learner"]["counts"].get("events") == feed.sent)
    found = check(project, rows[: feed.sent])
    assert [version for version, _ in sorted(found, key=lambda each: each[1])] == [
        each for each in moves if each is not None
    ]
    newest, again = measured(project.settings, project.schema, None), project.backfill()
    assert again["contenders"] == newest.checkpoint.metrics["contenders"]
    assert again["model_sha256"] == newest.checkpoint.model_sha256
