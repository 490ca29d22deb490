"""Fixtures that several test modules share: the logs, by URL, and a real Kafka."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import is_hypothesis_test, settings

from converters.logger import log, to_standard_error
from stream.log.contract import EventLog
from stream.open_log import open_log
from tests.support import memory
from tests.support.streams.broker import BrokerUnavailableError, running_broker, secured_listeners
from tests.support.streams.logs import without_kafka
from tests.support.streams.secured import Secured

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")

# Thousands of files and commits that nobody needs after the test: a disk would be waited for.
MEMORY, ROOM = Path("/dev/shm"), 4 * 2**30
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let a report that quotes half a surrogate pair reach the process that prints it.

    A drawn text may hold one. The message of such a failure cannot be sent as it is, and the whole
    run would end with an error of pytest-xdist's in place of the failure.
    """
    return sendable((yield))


def sendable(value: Any) -> Any:
    """The same with surrogates as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {name: sendable(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(sendable, value))
    return value


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Draw a third of the examples, unless ``make proofs`` asks for all of them."""
    if "hypothesis" in config.option.markexpr:
        return
    tests: set[Any] = {getattr(item, "obj", None) for item in items}
    for test in filter(is_hypothesis_test, tests):
        drawn = getattr(test, "_hypothesis_internal_use_settings", None)
        if drawn is None:  # schemathesis makes its settings when the test runs
            continue
        fewer = settings(drawn, max_examples=-(-drawn.max_examples // 3))
        test._hypothesis_internal_use_settings = fewer


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """Bootstrap servers of a real Kafka; skips where there is none, and fails where CI is true."""
    try:
        with running_broker(quick=True) as servers:
            yield servers
    except BrokerUnavailableError as error:
        without_kafka(error)


@pytest.fixture(scope="session")
def secured_kafka(kafka_bootstrap: str) -> Secured:
    """The same broker's listeners with logins and TLS; skips where another broker is named."""
    try:
        return secured_listeners()
    except BrokerUnavailableError as error:
        without_kafka(error)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command that a test runs in its own process sends all logs to standard error for good."""
    yield
    log.written_by(to_standard_error)
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def memory_given_back() -> Iterator[None]:
    """Four workers share a machine."""
    yield
    memory.give_back()


@pytest.fixture
def unique_name() -> str:
    """A name for this test's model or topic alone; the broker is shared."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def log_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a log of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/log.db"
    return f"kafka://{request.getfixturevalue('kafka_bootstrap')}"


@pytest.fixture
def event_log(log_url: str) -> Iterator[EventLog]:
    """An open log of each kind."""
    with closing(open_log(log_url)) as log:
        yield log
