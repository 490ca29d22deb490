"""Fixtures of the tests of faults: brokers to break, and a disk and a clock that fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.brokers import Broker, broker_alone
from tests.faults.cluster import Cluster, three_brokers
from tests.faults.disks import Shim, shim_in
from tests.support.streams.broker import BrokerUnavailableError
from tests.support.streams.logs import without_kafka


@pytest.fixture(scope="session")
def lone_broker() -> Iterator[Broker]:
    """One broker for all tests that break one; see ``own_broker``."""
    try:
        with broker_alone() as broker:
            yield broker
    except BrokerUnavailableError as error:
        without_kafka(error)


@pytest.fixture
def own_broker(lone_broker: Broker) -> Broker:
    """A broker to stop, kill and pause, running; whatever the test before has done to it."""
    lone_broker.go_on()
    if not lone_broker.runs:
        lone_broker.start()
    return lone_broker


@pytest.fixture(scope="session")
def three() -> Iterator[Cluster]:
    """Three brokers for all tests that need them; see ``cluster``."""
    try:
        with three_brokers() as brokers:
            yield brokers
    except BrokerUnavailableError as error:
        without_kafka(error)


@pytest.fixture
def cluster(three: Cluster) -> Cluster:
    """Three brokers, all of them running and in sync."""
    three.mend()
    return three


@pytest.fixture
def shim(tmp_path: Path) -> Shim:
    """A disk and a clock that fail when told to."""
    return shim_in(tmp_path)
