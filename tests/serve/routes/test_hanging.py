"""A log or a registry that hangs stops what needs it, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from learners.registry.ledger import Ledger
from learners.registry.serving import Serving
from learners.registry.versions import Versions
from learners.registry.writer import Writer
from serve import service as service_module
from serve.http import every_request
from serve.live.log_appender import Appender
from serve.live.repeated_requests import RepeatedRequests
from serve.routes import monitoring
from tests.support.serving.live import Application
from tests.support.serving.served import Maker, a_project, maker_of

# What hangs is given up after a second, and a second is left to say so: of the tenth of one that
# the server keeps for that, a busy machine may give the event loop nothing.
QUICK, SHARE = "[serve]\ntimeout = 2.0\n", 0.5


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    """A model of one version, whose server gives up what hangs after a second."""
    monkeypatch.setattr(every_request, "ANSWERING_SHARE", SHARE)
    with maker_of(a_project(tmp_path, QUICK)) as maker:
        maker.make()
        yield maker


@pytest.fixture
def free() -> Iterator[threading.Event]:
    """What hangs goes on when this is set: at the test's end."""
    event = threading.Event()
    yield event
    event.set()


def test_a_log_that_hangs_stops_appends_alone(
    maker: Maker, free: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are answered 503: those begun may still be appended, the others will not be."""
    monkeypatch.setattr(service_module, "WAITING_APPENDS", 4)

    def hang(*_: object) -> Any:
        free.wait(30)
        raise AssertionError

    async def run() -> list[tuple[int, Any]]:
        application = Application(maker.project)
        async with application.running():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Appender, "accept", hang)
                appends = [
                    asyncio.create_task(application.ask("POST", "/events", b"{}"))
                    for _ in range(12)
                ]
                await asyncio.sleep(0.1)
                for path in ("/versions", "/versions/1", "/history", "/status"):
                    assert (await application.ask("GET", path))[0] == 200
                assert (await application.ask("POST", "/predict", b"{}"))[0] == 200
                answers = await asyncio.gather(*appends)
            free.set()
            return answers

    answers = asyncio.run(run())
    assert [status for status, _ in answers] == [503] * 12
    details = [problem["detail"] for _, problem in answers]
    assert sum("may still be appended" in detail for detail in details) == service_module.APPENDS
    assert sum("Nothing was done" in detail for detail in details) == 8


def test_a_registry_that_hangs_does_not_stop_the_rest(
    maker: Maker, free: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/status and /metrics say what was known last; rows are scored, and rows are appended."""
    monkeypatch.setattr(monitoring, "PATIENCE_SECONDS", 0.1)

    def hang(*_: object) -> Any:
        free.wait(30)
        return None

    async def run() -> None:
        application = Application(maker.project)
        async with application.running():
            await _append(application)
            before = await _known(application)
            hanging = ((Versions, "all"), (Ledger, "entries"), (Ledger, "served_at"))
            for part, name in (*hanging, (Writer, "status")):
                monkeypatch.setattr(part, name, hang)
            await asyncio.sleep(monitoring.KEPT_SECONDS)
            asked = [
                asyncio.create_task(application.ask("GET", "/history?at=2026-01-01"))
                for _ in range(service_module.READS + service_module.WAITING_READS + 1)
            ]
            await asyncio.sleep(0)
            for _ in range(3):
                status, state = await application.ask("GET", "/status")
                assert status == 200
                assert state["registry"]["reachable"] is False
                assert state["versions"] == before["versions"]
            assert (await application.ask("POST", "/predict", b"{}"))[0] == 200
            assert (await application.ask("POST", "/events", b"{}"))[0] == 202
            statuses = [status for status, _ in await asyncio.gather(*asked)]
            assert set(statuses) == {503, 408}
            free.set()

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/promote", "/rollback", "/unpin"])
def test_a_change_that_the_registry_does_not_answer_is_said_to_be_in_doubt(
    maker: Maker, free: threading.Event, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Its caller learns in time that it may still be made, and where to look."""

    def hang(*_: object) -> Any:
        free.wait(30)

    async def run() -> None:
        application = Application(maker.project)
        async with application.running():
            for name in ("pin", "unpin"):
                monkeypatch.setattr(Serving, name, hang)
            body = b'{"reason": "r"}' if path == "/unpin" else b'{"reason": "r", "version": 1}'
            status, problem = await application.ask("POST", path, body)
            free.set()
        assert (status, problem["type"]) == (503, "urn:freshet:problem:registry")
        assert "may still be made" in problem["detail"]

    asyncio.run(run())


def test_rows_with_a_key_that_wait_for_the_registry_do_not_stop_those_without(
    maker: Maker, free: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry keeps the keys; rows without one need the log alone."""

    def hang(*_: object) -> Any:
        free.wait(30)
        raise AssertionError

    async def run() -> None:
        application = Application(maker.project)
        async with application.running():
            await _append(application)
            monkeypatch.setattr(RepeatedRequests, "begin", hang)
            keyed = [
                asyncio.create_task(application.ask("POST", "/events", b"{}", key=b"%d" % number))
                for number in range(2 * service_module.APPENDS)
            ]
            await asyncio.sleep(0.1)
            assert (await application.ask("POST", "/events", b"{}"))[0] == 202
            answers = await asyncio.gather(*keyed)
            free.set()
        assert {status for status, _ in answers} == {503}

    asyncio.run(run())


async def _append(application: Application) -> None:
    """Append a row, however long a busy machine takes to create the log."""
    while (await application.ask("POST", "/events", b"{}"))[0] != 202:
        pass


async def _known(application: Application) -> Any:
    """The status, once the registry has answered."""
    while not (state := (await application.ask("GET", "/status"))[1])["registry"]["reachable"]:
        await asyncio.sleep(monitoring.KEPT_SECONDS)
    return state
