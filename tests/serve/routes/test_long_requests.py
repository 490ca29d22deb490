"""No request holds the event loop, whatever its body: measured over the worst bodies there are."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import pairwise
from time import thread_time
from types import GeneratorType
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from converters.errors import FreshetError
from serve.http.turns import Work
from serve.routes.predict import Predictions
from serve.rows.appended_records import IngestReader
from serve.service import Service
from tests.support.serving.served import a_client
from tests.support.serving.worst_bodies import EVENTS, LABELS, SCORE, WorstBody, worst_bodies

# What one step may take; a slice ends with the step in which its 5 ms are over, so that it holds
# the loop for less than 50.
MOST_SECONDS = 0.040
SIZE = 2**20
CASES = [
    pytest.param(body, route, id=f"{route} {body.name}")
    for body in worst_bodies()
    for route in body.routes
    if route in (SCORE, EVENTS, LABELS)
]


@pytest.fixture(scope="module", params=["categorical", "text"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The parts of a server of one version; the long cells are categories, or texts."""
    folder = tmp_path_factory.mktemp("long")
    with a_client(folder, carrier=f'kind = "{request.param}"') as (client, _):
        yield service_of(client)


def service_of(client: TestClient) -> Service:
    """The parts of a client's server."""
    app: FastAPI = client.app  # type: ignore[assignment]
    service: Service = app.state.service
    return service


def work_of(service: Service, route: str, kind: str, body: bytes) -> Work[Any]:
    """What a request to a route does with its body."""
    if route == SCORE:
        return Predictions(service)._scored(kind, body)
    reader = IngestReader(service.reader)
    return (reader.events if route == EVENTS else reader.labels)(kind, body, 1_700_000_000_000)


def steps_of(work: Work[Any]) -> list[float]:
    """The processor's seconds of each step of work, to its end or its refusal."""
    assert isinstance(work, GeneratorType)
    times = [thread_time()]
    try:
        while True:
            next(work)
            times.append(thread_time())
    except (StopIteration, FreshetError):
        times.append(thread_time())
    return [after - before for before, after in pairwise(times)]


@pytest.mark.parametrize(("body", "route"), CASES)
def test_every_step_is_short(service: Service, body: WorstBody, route: str) -> None:
    """Whatever a body holds, the longest step is; the best of three, for others work meanwhile."""
    content = body.of(SIZE)
    gc.freeze()
    try:
        longest = [max(steps_of(work_of(service, route, body.kind, content)))]
        while min(longest) > MOST_SECONDS and len(longest) < 3:
            longest.append(max(steps_of(work_of(service, route, body.kind, content))))
    finally:
        gc.unfreeze()
    assert min(longest) <= MOST_SECONDS
