"""A broker that is stopped, killed or paused under a learner, with a server beside it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.brokers import Broker
from tests.faults.feeding import fed
from tests.faults.running import (
    begun,
    outcome,
    verified,
    without_faults,
)
from tests.support.serving.project import Project, flights

pytestmark = [pytest.mark.kafka, pytest.mark.long, pytest.mark.timeout(400)]
ROWS = flights(20_000)
FIRST = 4_000
OFTEN = "[checkpoint]\nseconds = 0.2\nmin_spacing = 0"
# Longer than a request's time-out and than the wait for a broker, of ten seconds each.
LONG_AWAY = 25.0

Fault = Callable[[Broker], None]


def stopped(broker: Broker) -> None:
    """SIGTERM, away for a while, and back."""
    broker.stop()
    time.sleep(5)
    broker.start()


def killed(broker: Broker) -> None:
    """SIGKILL, away for a while, and back."""
    broker.kill()
    time.sleep(5)
    broker.start()


def long_away(broker: Broker) -> None:
    """SIGKILL, and away for longer than any request waits."""
    broker.kill()
    time.sleep(LONG_AWAY)
    broker.start()


def repeatedly_killed(broker: Broker) -> None:
    """SIGKILL three times, with little time between."""
    for _ in range(3):
        broker.kill()
        broker.start()
        time.sleep(1)


def paused_shortly(broker: Broker) -> None:
    """SIGSTOP for longer than a request's time-out."""
    with broker.paused():
        time.sleep(LONG_AWAY)


def paused_for_long(broker: Broker) -> None:
    """SIGSTOP for longer than a transaction's time-out of 60 s, the longest there is."""
    with broker.paused():
        time.sleep(75)


FAULTS: list[Fault] = [
    stopped,
    killed,
    long_away,
    repeatedly_killed,
    paused_shortly,
    paused_for_long,
]


def project_on(broker: Broker, folder: Path, name: str) -> Project:
    """A model whose log is that broker."""
    return Project(folder / "p", log=f"kafka://{broker.address}", model=name, more=OFTEN)


def send(project: Project, first: int, end: int) -> None:
    """Send some of the rows, each with its label."""
    project.produce(project.write_csv(ROWS[first:end]))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_broker_that_goes_and_comes_back_changes_nothing(
    tmp_path: Path, own_broker: Broker, unique_name: str, fault: Fault
) -> None:
    """Broker stopped, killed, repeatedly killed, paused: the learner waits, says so, goes on."""
    project = project_on(own_broker, tmp_path, unique_name)
    with begun(project) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        fault(own_broker)
        send(project, FIRST, len(ROWS))
        running.seen(len(ROWS), 120)
        assert outcome(project, running.stop()) == without_faults(tmp_path, ROWS)
    assert verified(project) >= 2


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_broker_that_goes_in_the_middle_of_a_backlog_changes_nothing(
    tmp_path: Path, own_broker: Broker, unique_name: str, fault: Fault
) -> None:
    """Broker stopped, killed or paused amid a full topic, late labels: nothing lost or twice."""
    project = project_on(own_broker, tmp_path, unique_name)
    project.produce(project.write_csv(ROWS), label_time="landed")
    with begun(project) as running:
        running.until(lambda: running.said().count("checkpoint") >= 1)
        fault(own_broker)
        running.seen(len(ROWS), 120)
        expected = without_faults(tmp_path, ROWS, label_time="landed")
        assert outcome(project, running.stop()) == expected


@contextmanager
def producing(project: Project, first: int, rate: int) -> Iterator[subprocess.Popen[bytes]]:
    """``freshet produce`` in a process of its own."""
    path = project.write_csv(ROWS[first:])
    command = [sys.executable, "-m", "serve.cli", "produce", str(path), "--rate", str(rate)]
    with (project.folder / "producer").open("wb") as said:
        process = subprocess.Popen(
            [*command, "--config", str(project.config_file)], stdout=said, stderr=said
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("fault", [stopped, killed], ids=lambda fault: fault.__name__)
def test_a_broker_that_goes_while_a_producer_goes_on_changes_nothing(
    tmp_path: Path, own_broker: Broker, unique_name: str, fault: Fault
) -> None:
    """Broker away while `freshet produce` sends: both go on by themselves, each row taken once."""
    project = project_on(own_broker, tmp_path, unique_name)
    with begun(project) as running:
        send(project, 0, FIRST)
        running.saved(FIRST)
        with producing(project, FIRST, 2_000) as producer:
            running.seen(FIRST + 2_000)
            fault(own_broker)
            assert producer.wait(120) == 0, (project.folder / "producer").read_text()
        running.seen(len(ROWS), 120)
        assert outcome(project, running.stop()) == without_faults(tmp_path, ROWS)


@pytest.mark.parametrize(
    "fault", [repeatedly_killed, paused_shortly], ids=lambda fault: fault.__name__
)
def test_a_broker_that_goes_under_a_steady_flow_changes_nothing(
    tmp_path: Path, own_broker: Broker, unique_name: str, fault: Fault
) -> None:
    """Broker repeatedly killed or paused under a steady flow of events: each row taken once."""
    project = project_on(own_broker, tmp_path, unique_name)
    with begun(project) as running:
        with fed(project, ROWS, 2_000):
            running.seen(FIRST)
            fault(own_broker)
        running.seen(len(ROWS), 180)
        assert outcome(project, running.stop()) == without_faults(tmp_path, ROWS)
