"""Three brokers: a partition's leader moved, stopped, killed and paused, under load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from stream.log.contract import Place
from stream.log_kafka.client import open_admin
from stream.log_kafka.connection import Connection
from stream.log_kafka.log import WANTED
from tests.faults.cluster import Cluster
from tests.faults.feeding import fed
from tests.faults.running import Learner, begun, outcome, verified, without_faults
from tests.support.serving.project import Project, flights

pytestmark = [pytest.mark.kafka, pytest.mark.long, pytest.mark.timeout(400)]
ROWS = flights(20_000)
OFTEN = "[checkpoint]\nseconds = 0.2\nmin_spacing = 0"
FIRST = 4_000


def project_on(
    cluster: Cluster, folder: Path, name: str, more: str = OFTEN, learn_more: str = ""
) -> Project:
    """A model whose log is the cluster."""
    log = f"kafka://{cluster.servers}"
    return Project(folder / "p", log=log, model=name, more=more, learn_more=learn_more)


@contextmanager
def under_load(project: Project) -> Iterator[Learner]:
    """A learner at work while a producer sends the rest of the rows; afterwards all is compared."""
    with begun(project) as running:
        project.produce(project.write_csv(ROWS[:FIRST]))
        running.saved(FIRST)
        with fed(project, ROWS, 2_000):
            running.seen(FIRST + 1_000)
            yield running
        running.seen(len(ROWS), 180)
        expected = without_faults(project.folder, ROWS)
        assert outcome(project, running.stop()) == expected
        assert verified(project) >= 2


def test_a_leader_that_moves_changes_nothing(
    tmp_path: Path, cluster: Cluster, unique_name: str
) -> None:
    """Leaders of events, scores and journal moved to and fro under load: the same result."""
    project = project_on(cluster, tmp_path, unique_name)
    topics = project.topics()
    with under_load(project):
        for name in (topics.events, topics.scores, topics.journal) * 2:
            place = Place(name, 0)
            cluster.move_leader(place, cluster.others(cluster.leader(place))[0])


@pytest.mark.parametrize("which", ["events", "scores", "journal"])
def test_a_leader_that_is_killed_changes_nothing(
    tmp_path: Path, cluster: Cluster, unique_name: str, which: str
) -> None:
    """The broker that leads a topic is killed -9 under load: another leads, the same result."""
    project = project_on(cluster, tmp_path, unique_name)
    place = Place(getattr(project.topics(), which), 0)
    with under_load(project):
        leader = cluster.leader(place)
        leader.kill()
        cluster.until_led_by_another(place, leader)
        leader.start()


def test_a_leader_that_is_stopped_changes_nothing(
    tmp_path: Path, cluster: Cluster, unique_name: str
) -> None:
    """The broker that leads the events is stopped under load and hands over: the same result."""
    project = project_on(cluster, tmp_path, unique_name)
    place = Place(project.topics().events, 0)
    with under_load(project):
        leader = cluster.leader(place)
        leader.stop()
        cluster.until_led_by_another(place, leader)
        leader.start()


def test_a_coordinator_that_is_killed_changes_nothing(
    tmp_path: Path, cluster: Cluster, unique_name: str
) -> None:
    """The broker that coordinates the transactions is killed -9 under load: the same result."""
    project = project_on(cluster, tmp_path, unique_name)
    with under_load(project):
        coordinator = cluster.leader(Place("__transaction_state", 0))
        coordinator.kill()
        coordinator.start()


def test_brokers_killed_one_after_the_other_change_nothing(
    tmp_path: Path, cluster: Cluster, unique_name: str
) -> None:
    """Each of three brokers killed -9 and started again in turn under load: the same result."""
    project = project_on(cluster, tmp_path, unique_name)
    with under_load(project):
        for broker in cluster.brokers:
            broker.kill()
            broker.start()
            cluster.mend()


def test_a_leader_that_hangs_changes_nothing(
    tmp_path: Path, cluster: Cluster, unique_name: str
) -> None:
    """The broker that leads the events is paused until another leads, and revived: the same."""
    project = project_on(cluster, tmp_path, unique_name)
    place = Place(project.topics().events, 0)
    with under_load(project):
        leader = cluster.leader(place)
        with leader.paused():
            cluster.until_led_by_another(place, leader)


STALL = "stall_seconds = 5"
# The silence itself, then what requests to a broker that hangs may take.
NOTICED_SECONDS = 5.0 + 30.0


def three_partitions_once_each(cluster: Cluster, topic: str) -> None:
    """A topic of three partitions, each on a broker of its own and nowhere else."""
    configs = {**WANTED, "min.insync.replicas": "1"}
    spec = {"num_partitions": 3, "replication_factor": 1, "configs": configs}
    with closing(open_admin(Connection(cluster.servers))) as admin:
        admin.create_topics({topic: spec})
        admin.wait_for_topics([topic])


def test_a_partition_that_delivers_nothing_is_noticed(
    tmp_path: Path, cluster: Cluster, unique_name: str
) -> None:
    """The only broker of one of three partitions hangs: noticed, said, and then it goes on."""
    more = f"{OFTEN}\n[topics]\npartitions = 3"
    project = project_on(cluster, tmp_path, unique_name, more, STALL)
    events = f"{unique_name}.events"
    three_partitions_once_each(cluster, events)
    project.produce(project.write_csv(ROWS))
    with begun(project) as running:
        running.until(lambda: "checkpoint" in running.said())
        with cluster.leader(Place(events, 0)).paused():
            running.says("waiting", NOTICED_SECONDS)
        running.seen(len(ROWS), 180)
        whole = Project(tmp_path / "whole", more=more)
        whole.produce(whole.write_csv(ROWS))
        assert outcome(project, running.stop()) == outcome(whole, whole.learn())
