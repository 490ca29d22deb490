"""Old learners that come back: one writer of a model, whoever was paused and for however long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from stream.log.contract import Place
from tests.faults.brokers import Broker
from tests.faults.running import (
    Learner,
    begun,
    learner,
    outcome,
    until,
    verified,
    without_faults,
)
from tests.support.serving.project import Project, flights
from tests.support.streams.logs import has_open_transaction

ROWS = flights(6_000)
THIRD = 2_000
OFTEN = "[checkpoint]\nseconds = 0.2\nmin_spacing = 0"
# A transaction's time-out at the brokers, and the time they take to see to it.
TRANSACTION_SECONDS = 60.0 + 5.0
# What the watchdog allows a call that is to be noticed after a second of silence, and some more.
WATCHDOG_SECONDS = 1.0 + 60.0 + 9.0


def send(project: Project, first: int, end: int) -> None:
    """Send some of the rows, each with its label."""
    project.produce(project.write_csv(ROWS[first:end]))


@contextmanager
def elsewhere(project: Project, home: str = "elsewhere") -> Iterator[Learner]:
    """A second learner of the same model, as another machine would run it: with its own home."""
    environment = {
        "FRESHET_HOME": str(project.folder / home),
        "FRESHET_LOG": project.settings.log,
        "FRESHET_REGISTRY": project.settings.registry,
        "FRESHET_SNAPSHOTS": project.settings.snapshots,
    }
    with begun(project, environment=environment) as running:
        yield running


def pause_unlocked(running: Learner) -> None:
    """Stop a learner at a moment when it holds no lock on a SQLite file.

    One that is stopped inside such a transaction keeps everybody out of the file, a successor too,
    which says so and ends; only on a machine that it shares with its successor can that happen.
    """
    settings = running.project.settings
    files = [url for url in (settings.log, settings.registry) if url.startswith("sqlite")]
    while True:
        running.pause()
        if not any(has_open_transaction(url, Place("", 0)) for url in files):
            return
        running.go_on()
        time.sleep(0.01)


def traces(project: Project) -> tuple[int, int, list[object], object]:
    """What a learner leaves behind: scores, journal lines, versions, pointers."""
    with project.open_log() as log:
        topics = project.topics()
        states = log.describe([topics.scores, topics.journal])
    ends = [state.ends[Place(name, 0)] for name, state in sorted(states.items())]
    with project.registry() as registry:
        versions: list[object] = [version.version for version in registry.versions.all()]
        return ends[0], ends[1], versions, registry.serving.pointers()


def owner(project: Project) -> str:
    """Who last took the model's epoch."""
    with project.registry() as registry:
        word = registry.writer.status()
    assert word is not None
    return word.owner


@pytest.mark.parametrize("busy", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_revived_learner_writes_nothing_and_names_its_successor(
    tmp_path: Path, log_url: str, unique_name: str, *, busy: bool
) -> None:
    """Old learner paused (SIGSTOP), superseded, revived: writes nothing, exit 1, says by whom."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name, more=OFTEN)
    with begun(project) as old:
        send(project, 0, THIRD)
        old.saved(THIRD)
        if busy:
            # It is stopped with a batch in its hands, or with records that it has not seen.
            send(project, THIRD, 2 * THIRD)
        pause_unlocked(old)
        with elsewhere(project) as new:
            if not busy:
                send(project, THIRD, 2 * THIRD)
            new.saved(2 * THIRD)
            new_owner = owner(project)
            before = traces(project)
            old.go_on()
            assert old.ends() == 1
            assert traces(project) == before
            assert f"process {new.process.pid}" in old.said(), old.said()
            assert "Traceback" not in old.said()
            assert owner(project) == new_owner
            send(project, 2 * THIRD, len(ROWS))
            new.seen(len(ROWS))
            assert outcome(project, new.stop()) == without_faults(tmp_path, ROWS)
    assert verified(project) >= 2


@pytest.mark.long
def test_learners_take_over_from_each_other_again_and_again(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """Eight learners supersede one another mid-batch, each revived later: the same result."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name, more=OFTEN)
    parts = [len(ROWS) * number // 8 for number in range(9)]
    with ExitStack() as stack:
        old: Learner | None = None
        for number, (first, end) in enumerate(pairwise(parts)):
            new = stack.enter_context(elsewhere(project, f"home-{number}"))
            send(project, first, end)
            if old is not None:
                old.go_on()
                assert old.ends() == 1
            time.sleep(0.05 * number)
            if end < len(ROWS):
                pause_unlocked(new)
            old = new
        assert old is not None
        old.seen(len(ROWS))
        assert outcome(project, old.stop()) == without_faults(tmp_path, ROWS)


@pytest.mark.kafka
@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_transaction_that_timed_out_is_no_successor(
    tmp_path: Path, own_broker: Broker, unique_name: str
) -> None:
    """The rightful learner is paused mid-transaction beyond its time-out: it goes on by itself."""
    url = f"kafka://{own_broker.address}"
    project = Project(tmp_path / "p", log=url, model=unique_name, more=OFTEN)
    place = Place(project.topics().scores, 0)
    with begun(project) as running:
        sent = 0
        while sent < len(ROWS):
            send(project, sent, sent := sent + 200)
            if catch_in_transaction(running, url, place):
                break
        assert sent < len(ROWS), "no transaction was caught open"
        time.sleep(TRANSACTION_SECONDS)
        until(lambda: not has_open_transaction(url, place), 30)
        running.go_on()
        send(project, sent, len(ROWS))
        running.seen(len(ROWS), 120)
        assert outcome(project, running.stop()) == without_faults(tmp_path, ROWS)


def catch_in_transaction(running: Learner, url: str, place: Place) -> bool:
    """Stop the learner while it has a transaction open; False if it had none this time."""
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        running.pause()
        if has_open_transaction(url, place):
            return True
        running.go_on()
        time.sleep(0.005)
    return False


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_learner_that_was_paused_for_long_goes_on(tmp_path: Path) -> None:
    """The rightful learner is paused for longer than a hanging call may take: it goes on."""
    project = Project(tmp_path / "p", more=OFTEN, learn_more="stall_seconds = 1")
    with begun(project) as running:
        send(project, 0, THIRD)
        running.saved(THIRD)
        running.pause()
        time.sleep(WATCHDOG_SECONDS)
        running.go_on()
        send(project, THIRD, len(ROWS))
        running.seen(len(ROWS))
        assert outcome(project, running.stop()) == without_faults(tmp_path, ROWS)


@pytest.mark.parametrize("stopped", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_second_learner_on_the_machine_is_refused(tmp_path: Path, *, stopped: bool) -> None:
    """Second learner on a machine while the first lives, even stopped: exit 1, names the lock."""
    project = Project(tmp_path / "p")
    send(project, 0, THIRD)
    with begun(project) as first:
        if stopped:
            first.pause()
        with learner(project) as second:
            assert second.ends() == 1
            assert "learner.lock" in second.said()
            assert "Traceback" not in second.said()
        if stopped:
            first.go_on()
        send(project, THIRD, len(ROWS))
        first.seen(len(ROWS))
        assert outcome(project, first.stop()) == without_faults(tmp_path, ROWS)
