"""Three real Kafka brokers, any one of which may go: to find, move, kill and pause leaders.

Stands below the tests of leaders. The brokers replicate every topic three times and want two
copies of each write; the controller is a process of its own, so that who dies is only ever a
broker.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from stream.log.contract import Place
from stream.log_kafka.client import TopicPartition, kafka, open_admin
from stream.log_kafka.connection import Connection
from tests.faults.brokers import PATIENCE_SECONDS, Broker, made
from tests.support.streams.broker import HOME, free_ports, prepare

PREFERRED = 0  # Kafka's number for the election of a partition's first replica
CONTROLLER = """\
process.roles=controller
listeners=CONTROLLER://127.0.0.1:{controller}
default.replication.factor=3
min.insync.replicas=2
"""
# A follower that lags for three seconds is counted no more.
ONE_OF_THREE = """\
process.roles=broker
listeners=PLAINTEXT://127.0.0.1:{port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
replica.lag.time.max.ms=3000
replica.socket.timeout.ms=3000
replica.fetch.wait.max.ms=200
auto.leader.rebalance.enable=false
"""


@dataclass
class Cluster:
    """Three brokers and the controller behind them."""

    controller: Broker
    brokers: list[Broker]

    @property
    def servers(self) -> str:
        """All brokers' addresses, as clients are given them."""
        return ",".join(broker.address for broker in self.brokers)

    def leader(self, place: Place) -> Broker:
        """The broker that leads a partition now."""
        number = self._state(place)["leader_id"]
        return next(broker for broker in self.brokers if broker.number == number)

    def others(self, broker: Broker) -> list[Broker]:
        """The brokers that are not this one."""
        return [each for each in self.brokers if each is not broker]

    def move_leader(self, place: Place, to: Broker) -> None:
        """Have another replica lead a partition, and wait until it does."""
        order = [to.number, *(each.number for each in self.others(to))]
        partition = TopicPartition(*place)
        with closing(open_admin(Connection(self.servers))) as admin:
            admin.alter_partition_reassignments({partition: order})
            deadline = time.monotonic() + PATIENCE_SECONDS
            while self.leader(place) is not to:
                assert time.monotonic() < deadline, "the leader does not move"
                admin.elect_leaders(PREFERRED, {place.topic: [place.partition]}, raise_errors=False)
                time.sleep(0.1)

    def until_led_by_another(self, place: Place, than: Broker) -> None:
        """Wait until another broker leads a partition."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.leader(place) is than:
            assert time.monotonic() < deadline, "no other broker takes the lead"
            time.sleep(0.2)

    def mend(self) -> None:
        """Start and wake whatever does not run, and wait until all replicas are in sync."""
        for broker in self.brokers:
            broker.go_on()
            if not broker.runs:
                broker.start(wait=False)
        for broker in self.brokers:
            broker.wait_until_it_answers()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._in_sync():
            assert time.monotonic() < deadline, "the replicas do not get in sync"
            time.sleep(0.1)

    def _in_sync(self) -> bool:
        try:
            with closing(open_admin(Connection(self.servers))) as admin:
                if len(admin.describe_cluster()["brokers"]) < len(self.brokers):
                    return False
                topics = admin.describe_topics()
        except kafka.errors.KafkaError:
            return False
        partitions = [each for topic in topics for each in topic["partitions"]]
        return all(len(each["isr_nodes"]) == len(self.brokers) for each in partitions)

    def _state(self, place: Place) -> dict[str, int]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(kafka.errors.KafkaError):
                with closing(open_admin(Connection(self.servers))) as admin:
                    (topic,) = admin.describe_topics([place.topic])
                for each in topic["partitions"]:
                    if each["partition_index"] == place.partition and each["leader_id"] >= 0:
                        return dict(each)
            assert time.monotonic() < deadline, f"no broker leads {place}"
            time.sleep(0.1)


@contextlib.contextmanager
def three_brokers() -> Iterator[Cluster]:
    """Three brokers, running and in sync; ended with the block.

    Raises:
        BrokerUnavailableError: there is no Java, or no Kafka.
    """
    HOME.mkdir(parents=True, exist_ok=True)
    prepare()
    with tempfile.TemporaryDirectory() as folder:
        at, *ports = free_ports(4)
        voter = (9, at)
        controller = made(Path(folder), 9, CONTROLLER, at, voter)
        brokers = [
            made(Path(folder), number, ONE_OF_THREE, port, voter)
            for number, port in enumerate(ports, start=1)
        ]
        cluster = Cluster(controller, brokers)
        try:
            controller.start(wait=False)
            cluster.mend()
            yield cluster
        finally:
            for each in (*brokers, controller):
                each.kill()
