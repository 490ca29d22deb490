"""Histories that lost what is needed: the learner stops, says where, and the way out works."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from stream.log.contract import Place
from stream.log_kafka.client import kafka, open_admin
from stream.log_kafka.connection import Connection
from tests.faults.brokers import Broker
from tests.faults.holes import (
    ACCEPTING,
    BOTH,
    HALF,
    MORE,
    OFTEN,
    ROWS,
    begin_afresh,
    complained,
    goes_on,
    place_reached,
    refused,
    send,
    send_now,
)
from tests.faults.running import begun, freshet, saved, until
from tests.support.serving.project import Project
from tests.support.streams.logs import remove_topic, trim


@BOTH
def test_history_deleted_below_the_position_stops_the_learner(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """Records deleted beyond the position: exit 1 with both offsets; the way out works."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name)
    send(project, ROWS[:HALF])
    project.learn()
    place, position = place_reached(project)
    send(project, ROWS[HALF:])
    gone = position + 5
    trim(log_url, place, gone)
    refused(project, str(position), str(gone), "freshet backfill log --fresh")
    begin_afresh(project)
    goes_on(project, MORE)


@BOTH
@pytest.mark.parametrize(
    "which", ["events", pytest.param("labels", marks=pytest.mark.long), "journal"]
)
def test_a_topic_made_anew_stops_the_learner(
    tmp_path: Path, log_url: str, unique_name: str, which: str
) -> None:
    """A topic deleted and created anew while stopped: exit 1 with both ids and the way out."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name)
    send(project, ROWS[:HALF])
    project.learn()
    name = getattr(project.topics(), which)
    old = topic_id(project, name)
    remove_topic(log_url, name)
    send(project, ROWS[HALF:])
    new = topic_id(project, name)
    assert old != new
    refused(project, name, old, new, "freshet backfill log --fresh")
    begin_afresh(project)
    goes_on(project, MORE)


def topic_id(project: Project, name: str) -> str:
    """A topic's identity."""
    with project.open_log() as log:
        return log.describe([name])[name].topic_id


@pytest.mark.long
@pytest.mark.parametrize("which", ["events", "labels"])
def test_a_topic_made_anew_under_a_running_learner_stops_it(
    tmp_path: Path, log_url: str, unique_name: str, which: str
) -> None:
    """A topic deleted and created anew while the learner runs: exit 1, named with the way out."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name, more=OFTEN)
    with begun(project) as running:
        send(project, ROWS[:HALF])
        running.saved(HALF)
        name = getattr(project.topics(), which)
        remove_topic(log_url, name)
        send(project, ROWS[HALF:])
        assert running.ends(120) == 1
        complained(running, name, "freshet backfill log --fresh")
    begin_afresh(project)
    goes_on(project, MORE)


@pytest.mark.long
def test_a_journal_made_anew_under_a_running_learner_is_noticed(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """Journal deleted and created anew while the learner runs: exit 1 at its next start at last."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name, more=OFTEN)
    with begun(project) as running:
        send(project, ROWS[:HALF])
        running.saved(HALF)
        name = project.topics().journal
        remove_topic(log_url, name)
        send(project, ROWS[HALF:])
        until(lambda: running.process.poll() is not None or saved(project) == len(ROWS))
        running.process.terminate()
        running.ends()
    refused(project, name, "freshet backfill log --fresh")
    begin_afresh(project)
    goes_on(project, MORE)


def kill_with_a_tail(project: Project) -> None:
    """Leave a learner's journal ahead of its checkpoint."""
    send(project, ROWS[:HALF])
    project.learn()
    with begun(project, environment={"FRESHET_CHECKPOINT__SECONDS": "1000"}) as running:
        send(project, ROWS[HALF:])
        running.seen(len(ROWS))
        running.kill()
    assert saved(project) == HALF


@BOTH
def test_records_gone_between_checkpoint_and_journal_tail_stop_the_learner(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """Records learned after the checkpoint are deleted: exit 1, offsets, and the way out works."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name, more=OFTEN)
    kill_with_a_tail(project)
    events = Place(project.topics().events, 0)
    with project.open_log() as log:
        end = log.describe([events.topic])[events.topic].ends[events]
    trim(log_url, events, end - 3)
    refused(project, str(end - 3), "freshet backfill log --fresh")
    begin_afresh(project)
    goes_on(project, MORE)


@BOTH
def test_a_journal_that_is_cut_stops_the_learner(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """The journal's tail cannot be read any more: exit 1, names the journal, the way out works."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name, more=OFTEN)
    kill_with_a_tail(project)
    journal = Place(project.topics().journal, 0)
    with project.open_log() as log:
        end = log.describe([journal.topic])[journal.topic].ends[journal]
    trim(log_url, journal, end)
    refused(project, journal.topic, "freshet backfill log --fresh")
    begin_afresh(project)
    goes_on(project, MORE)


@pytest.mark.kafka
@pytest.mark.long
@pytest.mark.timeout(300)
def test_retention_that_runs_ahead_of_the_learner_stops_it(
    tmp_path: Path, own_broker: Broker, unique_name: str
) -> None:
    """An accepted topic deletes what was not yet read: exit 1 with both offsets."""
    project = Project(
        tmp_path / "p", log=f"kafka://{own_broker.address}", model=unique_name, more=ACCEPTING
    )
    events = f"{unique_name}.events"
    with closing(open_admin(Connection(own_broker.address))) as admin:
        admin.create_topics({events: {"num_partitions": 1, "replication_factor": 1}})
    send_now(project, ROWS[:HALF])
    project.learn()
    send_now(project, ROWS[HALF:])
    # Record times of now, one and a half thousand records that a second's retention takes.
    with closing(open_admin(Connection(own_broker.address))) as admin:
        resource = kafka.admin.ConfigResource(
            kafka.admin.ConfigResourceType.TOPIC,
            events,
            configs={"retention.ms": "1", "segment.ms": "100"},
        )
        admin.alter_configs([resource])
    place = Place(events, 0)

    def deleted() -> bool:
        send_now(project, ROWS[:1])
        with project.open_log() as log:
            return log.describe([events])[events].begins[place] > HALF + 100

    until(deleted, 120)
    refused(project, str(HALF), "freshet backfill log --fresh")


@BOTH
def test_a_replay_of_a_log_that_lost_records_says_so(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """`backfill log` over deleted records: exit 1 and what to do, never a silent other model."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name)
    send(project, ROWS)
    project.learn()
    trim(log_url, Place(project.topics().events, 0), 5)
    made = freshet(project, "backfill", "log", "--json")
    assert made.returncode == 1
    assert "Traceback" not in made.stderr
    assert "--fresh" in made.stderr, made.stderr
    begin_afresh(project)
