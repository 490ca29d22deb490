"""Logs put back to an older copy, as after a power loss or a restored backup."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.brokers import Broker
from tests.faults.holes import (
    HALF,
    MORE,
    OFTEN,
    ROWS,
    begin_afresh,
    complained,
    goes_on,
    refused,
    send,
)
from tests.faults.running import begun
from tests.support.serving.project import Project


def put_back_sqlite(project: Project, older: Path) -> None:
    """Restore a copy of a SQLite log that nobody uses."""
    path = Path(project.settings.log.removeprefix("sqlite:///"))
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()
    shutil.copy(older, path)


def copy_of_sqlite(project: Project, to: Path) -> Path:
    """A backup of a SQLite log, as SQLite makes it."""
    with (
        closing(sqlite3.connect(project.settings.log.removeprefix("sqlite:///"))) as log,
        closing(sqlite3.connect(to)) as copy,
    ):
        log.backup(copy)
    return to


@pytest.mark.parametrize("refilled", [pytest.param(False, marks=pytest.mark.long), True])
def test_an_older_copy_of_a_sqlite_log_stops_the_learner(tmp_path: Path, *, refilled: bool) -> None:
    """SQLite log put back to an older copy, perhaps written on: exit 1, offsets, the way out."""
    project = Project(tmp_path / "p")
    send(project, ROWS[:HALF])
    project.learn()
    older = copy_of_sqlite(project, tmp_path / "older")
    send(project, ROWS[HALF:2_000])
    project.learn()
    put_back_sqlite(project, older)
    if refilled:
        # Other rows at the offsets that were learned: only their content tells.
        send(project, ROWS[2_000:])
    refused(project, "freshet backfill log --fresh")
    begin_afresh(project)
    goes_on(project, MORE)


@pytest.mark.kafka
@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("refilled", [False, True])
def test_an_older_copy_of_a_brokers_data_stops_the_learner(
    tmp_path: Path, own_broker: Broker, unique_name: str, *, refilled: bool
) -> None:
    """A broker's data folder put back to an older copy: exit 1, offsets, the way out works."""
    project = Project(tmp_path / "p", log=f"kafka://{own_broker.address}", model=unique_name)
    send(project, ROWS[:HALF])
    project.learn()
    own_broker.stop()
    shutil.copytree(own_broker.storage, tmp_path / "older")
    own_broker.start()
    send(project, ROWS[HALF:2_000])
    project.learn()
    own_broker.stop()
    shutil.rmtree(own_broker.storage)
    shutil.copytree(tmp_path / "older", own_broker.storage)
    own_broker.start()
    if refilled:
        send(project, ROWS[2_000:])
    refused(project, "freshet backfill log --fresh")
    begin_afresh(project)
    goes_on(project, MORE)


@pytest.mark.kafka
@pytest.mark.long
@pytest.mark.timeout(300)
def test_an_older_copy_of_a_brokers_data_stops_a_running_learner(
    tmp_path: Path, own_broker: Broker, unique_name: str
) -> None:
    """The broker goes under a running learner and comes back with older data: exit 1, said why."""
    project = Project(
        tmp_path / "p", log=f"kafka://{own_broker.address}", model=unique_name, more=OFTEN
    )
    with begun(project) as running:
        send(project, ROWS[:HALF])
        running.saved(HALF)
        own_broker.stop()
        shutil.copytree(own_broker.storage, tmp_path / "older")
        own_broker.start()
        send(project, ROWS[HALF:])
        running.saved(len(ROWS), 120)
        own_broker.stop()
        shutil.rmtree(own_broker.storage)
        shutil.copytree(tmp_path / "older", own_broker.storage)
        own_broker.start()
        assert running.ends(120) == 1
        complained(running, "freshet backfill log --fresh")
    begin_afresh(project)
    goes_on(project, MORE)
