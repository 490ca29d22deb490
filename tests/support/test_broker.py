"""Finding a Kafka for the tests: the one that is named, and what happens where there is none."""

from __future__ import annotations

import pytest

from tests.support.streams.broker import BrokerUnavailableError, private_broker, running_broker
from tests.support.streams.logs import without_kafka


def test_a_broker_that_is_named_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment names a broker, none is started."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    with running_broker() as servers:
        assert servers == "kafka:9092"


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java the reason says so, and what would help."""
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setenv("PATH", "")
    with (
        pytest.raises(BrokerUnavailableError, match=r"java.* set KAFKA_BOOTSTRAP_SERVERS"),
        private_broker(),
    ):
        pass


def test_without_a_broker_tests_skip_here_and_fail_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is given either way, and where CI is true nobody can miss it."""
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Java"):
        without_kafka(BrokerUnavailableError("no Java"))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI needs a Kafka: no Java"):
        without_kafka(BrokerUnavailableError("no Java"))
