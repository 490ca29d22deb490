"""How the demo ends when something fails: with that, and with nothing left running."""

from __future__ import annotations

import socket
import sys
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from converters.errors import FreshetError
from serve.demo import demo as playing
from serve.demo.flights import COLUMNS, NoFlightsError
from serve.processes.child import Command
from serve.processes.liveness import Limits
from serve.processes.ports import PortError
from serve.processes.supervisor import Patience

SLEEPS = "import time; time.sleep(60)"
FAILS = "import sys; sys.stderr.write('freshet: The disk is full.\\n'); sys.exit(1)"


@pytest.fixture
def run_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The demo run in this process, its children being some Python, by the command's name."""
    codes: dict[str, str] = {}

    def child(name: str, *_arguments: str) -> Command:
        return Command(name, (sys.executable, "-I", "-S", "-c", codes.get(name, SLEEPS)))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(playing, "freshet", child)
    return codes


def run(**options: Any) -> playing.Outcome:
    """Run the demo in this process."""
    return playing.run(playing.DemoOptions(**options), Event(), lambda _: None)


def test_a_child_that_keeps_failing_ends_the_demo(
    run_with: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learner's own words are the demo's error, with exit status 1."""
    header = ",".join(COLUMNS) + "\n"
    monkeypatch.setattr(playing, "write_flights", lambda path, _limit: path.write_text(header))
    monkeypatch.setattr(playing, "PATIENCE", Patience(first_delay=0.01, deaths=3))
    run_with["learner"] = FAILS
    with pytest.raises(FreshetError, match=r"learner failed 3 times.*The disk is full\.") as failed:
        run(events=10, speed=0.0)
    assert failed.value.exit_status == 1


def test_a_server_that_hangs_is_restarted(
    run_with: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that never answers is ended; with this patience, the second time ends the demo."""
    header = ",".join(COLUMNS) + "\n"
    monkeypatch.setattr(playing, "write_flights", lambda path, _limit: path.write_text(header))
    hung = Limits(every=0.05, timeout=0.2, start=0.5, late=10.0)
    monkeypatch.setattr(playing, "PATIENCE", Patience(0.01, deaths=2, hung=hung, last_chance=0.1))
    with pytest.raises(FreshetError, match=r"server failed 2 times in a row.*killed by SIGTERM"):
        run(events=10, speed=0.0)


def test_what_stops_the_player_ends_the_demo(
    run_with: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the package of flights the demo says so, and does not wait for ever."""

    def missing(*_: object) -> int:
        raise NoFlightsError("Install the flights.")

    monkeypatch.setattr(playing, "write_flights", missing)
    with pytest.raises(NoFlightsError):
        run(events=10)


def test_a_port_that_was_asked_for_is_not_evaded(run_with: dict[str, str]) -> None:
    """--port names a port that is taken: an error, and no other one."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortError, match=f"port {port}: another program listens there"):
            run(port=port)
