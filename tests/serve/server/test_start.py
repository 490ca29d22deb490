"""A server process that starts: what it answers first, and when it begins to answer."""

from __future__ import annotations

import os
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from learners.registry.errors import RegistryUnavailableError
from serve import app
from serve.live.version_loader import Loader
from tests.support.serving.processes import until
from tests.support.serving.served import Maker, a_project, client_of, maker_of, problem_of
from tests.support.serving.server_process import server_of


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[Maker]:
    """A model that has no version yet."""
    with maker_of(a_project(tmp_path)) as maker:
        yield maker


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that would wait for longer than a test may take."""
    monkeypatch.setattr(app, "START_SECONDS", 3600.0)


@pytest.mark.usefixtures("patient")
def test_the_first_answer_is_of_the_served_version(maker: Maker) -> None:
    """Nobody is told that there is no model while it is opened."""
    maker.make()
    with client_of(maker.project, ready=False) as client:
        assert client.post("/predict", json={}).json()["version"] == 1


@pytest.mark.usefixtures("patient")
def test_the_first_answer_is_of_a_whole_version(maker: Maker) -> None:
    """Where the newest is corrupt, the start waits for the one before it."""
    maker.make()
    maker.make()
    maker.model_file(2).unlink()
    with client_of(maker.project, ready=False) as client:
        assert client.post("/predict", json={}).json()["version"] == 1


@pytest.mark.usefixtures("patient")
def test_a_start_does_not_wait_for_a_version_that_is_not_there(maker: Maker) -> None:
    """The first of all may come much later."""
    with client_of(maker.project, ready=False, admin=True) as client:
        problem = problem_of(client.post("/predict", json={}))
    assert problem["status"] == 503
    assert "The learner has not created a version yet." in problem["detail"]


@pytest.mark.usefixtures("patient")
def test_a_start_does_not_wait_for_a_registry_that_fails(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers, and says what it lacks."""

    def fail(_: Loader) -> Any:
        raise RegistryUnavailableError("away")

    maker.make()
    monkeypatch.setattr(Loader, "pointers", fail)
    with client_of(maker.project, ready=False, admin=True) as client:
        problem = problem_of(client.post("/predict", json={}))
    assert problem["status"] == 503
    assert "This server cannot read the registry" in problem["detail"]


def test_a_start_waits_a_few_seconds_for_a_registry_that_hangs(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it answers that it lives; with a version once the registry is back."""
    back, pointers = threading.Event(), Loader.pointers

    def hang(self: Loader) -> Any:
        back.wait(30)
        return pointers(self)

    maker.make()
    assert app.START_SECONDS <= 5
    monkeypatch.setattr(app, "START_SECONDS", 0.1)
    monkeypatch.setattr(Loader, "pointers", hang)
    with client_of(maker.project, ready=False, admin=True) as client:
        assert client.get("/health/live").status_code == 200
        problem = problem_of(client.post("/predict", json={}))
        back.set()
        until(lambda: client.get("/health/ready").status_code == 200)
    assert problem["status"] == 503
    assert "has just started, and is opening the version to serve" in problem["detail"]


def test_a_worker_that_was_killed_is_replaced_by_one_that_serves(maker: Maker) -> None:
    """Clients who never stop asking get a score from its first answer on, and no 503."""
    maker.make()
    with server_of(maker.project, "--workers", "2") as server, ThreadPoolExecutor(4) as clients:
        stop, answers = threading.Event(), dict[str, set[int]]()

        def ask() -> None:
            while not stop.is_set():
                # A request that the killed worker had taken is cut off.
                with suppress(OSError, HTTPException):
                    worker, status = _predict(server.address)
                    answers.setdefault(worker, set()).add(status)
                stop.wait(0.01)  # what starts needs the processor too

        running = [clients.submit(ask) for _ in range(4)]
        try:
            until(lambda: len(answers) == 2)
            worker = next(server.counters.glob("gauge_live*"))
            os.kill(int(worker.stem.rpartition("_")[2]), signal.SIGKILL)
            until(lambda: len(answers) == 3)
        finally:
            stop.set()
        for each in running:
            each.result()
    assert list(answers.values()) == [{200}] * 3


def _predict(address: str) -> tuple[str, int]:
    """Which process answered on a new connection, as the id of the request begins, and how."""
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/predict", b"{}", kind)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.headers["X-Request-ID"].partition("-")[0], answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.headers["X-Request-ID"].partition("-")[0], error.code
