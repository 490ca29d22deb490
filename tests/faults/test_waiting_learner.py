"""A learner that waits for its broker, and the server beside it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.faults.brokers import Broker
from tests.faults.running import Learner, begun, freshet, learner, outcome, until, without_faults
from tests.faults.test_brokers import FIRST, ROWS, project_on, send
from tests.support.serving.server_process import Server, server_of

pytestmark = [pytest.mark.kafka, pytest.mark.long, pytest.mark.timeout(400)]
ROW = {"id": "new", "at": "2013-01-02", "carrier": "AX", "hour": "9", "distance": "700"}


def gauge(server: Server, name: str) -> float | None:
    """A gauge of ``/metrics``."""
    status, text = server.ask("/metrics")
    assert status == 200
    found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    return None if found is None else float(found[1])


def works(server: Server) -> None:
    """The server is ready and answers, whatever the learner does."""
    assert server.ask("/health/ready")[0] == 200
    status, text = server.ask("/predict", ROW)
    assert (status, "score" in text) == (200, True), text


def test_the_server_beside_a_waiting_learner_stays_ready(
    tmp_path: Path, own_broker: Broker, unique_name: str
) -> None:
    """Broker away: server ready and answering, `freshet_learner_waiting` 1 until it is back."""
    project = project_on(own_broker, tmp_path, unique_name)
    with begun(project) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        with server_of(project) as server:
            assert gauge(server, "freshet_learner_waiting") == 0
            own_broker.kill()
            running.says("waiting")
            running.tells("waiting_for")
            until(lambda: gauge(server, "freshet_learner_waiting") == 1)
            for _ in range(20):
                works(server)
                time.sleep(0.1)
            assert gauge(server, "freshet_learner_up") == 1
            own_broker.start()
            running.says("resumed")
            running.is_well("waiting_for")
            until(lambda: gauge(server, "freshet_learner_waiting") == 0)
            works(server)
            send(project, FIRST, len(ROWS))
            running.seen(len(ROWS))
            assert outcome(project, running.stop()) == without_faults(tmp_path, ROWS)


def wait_and_stop(running: Learner, broker: Broker) -> None:
    """Stop a learner that waits for its broker."""
    broker.kill()
    running.says("waiting")
    running.process.terminate()


def test_a_learner_that_waits_can_be_stopped(
    tmp_path: Path, own_broker: Broker, unique_name: str
) -> None:
    """SIGTERM while it waits for the broker: exit 0 within seconds; the next start goes on."""
    project = project_on(own_broker, tmp_path, unique_name)
    with begun(project) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        wait_and_stop(running, own_broker)
        assert running.ends(5) == 0
        assert "Traceback" not in running.said()
    own_broker.start()
    send(project, FIRST, len(ROWS))
    with begun(project, "--until-end") as running:
        assert outcome(project, running.report()) == without_faults(tmp_path, ROWS)


def test_a_learner_killed_while_it_waits_loses_nothing(
    tmp_path: Path, own_broker: Broker, unique_name: str
) -> None:
    """SIGKILL while it waits for the broker: the next start goes on with the same result."""
    project = project_on(own_broker, tmp_path, unique_name)
    with begun(project) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        own_broker.kill()
        running.says("waiting")
        running.kill()
    own_broker.start()
    send(project, FIRST, len(ROWS))
    with begun(project, "--until-end") as running:
        assert outcome(project, running.report()) == without_faults(tmp_path, ROWS)


def test_a_broker_that_is_away_at_the_start_is_an_error(
    tmp_path: Path, own_broker: Broker, unique_name: str
) -> None:
    """Broker away before the learner ever began: exit 1 with one paragraph naming the address."""
    project = project_on(own_broker, tmp_path, unique_name)
    own_broker.stop()
    with learner(project) as running:
        assert running.ends() == 1
        assert own_broker.address in running.said()
        assert "Traceback" not in running.said()
    said = freshet(project, "produce", str(project.write_csv(ROWS[:10])))
    assert said.returncode == 1
    assert own_broker.address in said.stderr
