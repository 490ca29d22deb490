"""No request holds the event loop, whatever its body: measured over the worst bodies there are."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import pairwise
from time import thread_time
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from converters.config.settings import ServeSettings
from converters.errors import FreshetError
from serve.http.turns import Work, finished
from serve.routes.predict import Predictions
from serve.server.server import COLLECTED
from serve.service import Service
from tests.support.pace import slowness
from tests.support.serving.served import a_client
from tests.support.serving.worst_bodies import EVENTS, LABELS, SCORE, WorstBody, worst_bodies

# What one step may take; a slice ends with the step in which its 5 ms are over, so that it holds
# the loop for less than 50. On a processor that is slower, or shared, by as much longer. The worst
# of these bodies takes a third of it.
MOST_SECONDS = 0.040
# Of a body, and of one that is just short enough to be one row; what is not is refused at once.
SIZE, ROW_SIZE = 2**19, ServeSettings().max_row - 1_000
TRIES = 8
TEXT = 'kind = "text"'
BODIES = {body.name: body for body in worst_bodies()}
CASES = [
    pytest.param(body, route, id=f"{route} {body.name}")
    for body in BODIES.values()
    for route in body.routes
    if route in (SCORE, EVENTS, LABELS)
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The parts of a server of one version; two columns are texts, which are crossed."""
    with a_client(tmp_path_factory.mktemp("long"), carrier=TEXT, origin=TEXT) as (client, _):
        yield service_of(client)


@pytest.fixture(scope="module")
def river(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same with the other learner."""
    folder = tmp_path_factory.mktemp("river")
    with a_client(folder, kind="river", carrier=TEXT, origin=TEXT) as (client, _):
        yield service_of(client)


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same where nothing bounds a body."""
    more = "[serve]\n" + "".join(f"max_{what} = {10**9}\n" for what in ("row", "rows", "body"))
    folder = tmp_path_factory.mktemp("unlimited")
    with a_client(folder, more=more, carrier=TEXT, origin=TEXT) as (client, _):
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
    reader = service.readers.today.ingest
    return (reader.events if route == EVENTS else reader.labels)(kind, body, 1_700_000_000_000)


def steps_of(service: Service, route: str, body: WorstBody, size: int) -> list[float]:
    """The processor's seconds of each step of a request, to its end or its refusal."""
    content = body.of(size)
    # As in a server: only what is young is looked through when memory is collected.
    usual = gc.get_threshold()
    gc.set_threshold(*COLLECTED)
    gc.freeze()
    times = [thread_time()]
    try:
        times.extend(thread_time() for _ in work_of(service, route, body.kind, content))
    except FreshetError:
        pass
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)
    times.append(thread_time())
    return [after - before for before, after in pairwise(times)]


def longest_step(service: Service, route: str, body: WorstBody) -> float:
    """The best of a few, for others work meanwhile; in seconds of a processor of full speed.

    Of a body of many parts, and of one that may be a single row, a header or a value.
    """
    longest = 0.0
    for size in (SIZE, ROW_SIZE):
        best = max(steps_of(service, route, body, size))
        for _ in range(TRIES):
            if best > MOST_SECONDS:
                best = min(best, max(steps_of(service, route, body, size)) / slowness())
        longest = max(longest, best)
    return longest


@pytest.mark.parametrize(("body", "route"), CASES)
def test_every_step_is_short(service: Service, body: WorstBody, route: str) -> None:
    """Whatever a body holds, no step of reading, checking, converting and scoring it is long."""
    assert longest_step(service, route, body) <= MOST_SECONDS


@pytest.mark.parametrize("name", [name for name in BODIES if "words" in name or "text" in name])
def test_every_step_is_short_with_river(river: Service, name: str) -> None:
    """It takes a hundred times as long as Vowpal Wabbit for a crossed feature."""
    assert longest_step(river, SCORE, BODIES[name]) <= MOST_SECONDS


def test_a_row_of_too_many_crosses_is_an_error_in_its_place(service: Service) -> None:
    """Its neighbours are scored, of the step before it too; each is in its own place."""
    words, fewer = "a " * 1_500, "a " * 900
    rows = [{"carrier": fewer, "origin": fewer}] * 2
    rows += [{"carrier": words, "origin": words}, {"carrier": words}]
    content = finished(work_of(service, SCORE, "application/json", orjson.dumps(rows)))
    *before, bad, behind = orjson.loads(content)["predictions"]
    assert all("score" in each for each in (*before, behind))
    assert (bad["error"]["row"], bad["error"]["reason"]) == (2, "too-many-crosses")
    assert "2,250,000 crossed features, not 1,000,000" in bad["error"]["detail"]


# What was, or could be, more than linear; ten times the bytes take a hundred times as long then.
GROWING = [
    *("one object of unknown keys", "rows of 70 unknown keys", "backslashes", "deep cells"),
    *("a header of different names", "a header of quoted names", "a row of empty quotes"),
    *("rows of line feeds", "an open quote behind quotes", "different times", "only commas"),
]


@pytest.mark.parametrize("name", GROWING)
def test_no_step_grows_faster_than_its_body(unlimited: Service, name: str) -> None:
    """Without any limit, ten times the bytes take some ten times as long."""
    short, long = (
        min(sum(steps_of(unlimited, SCORE, BODIES[name], size)) for _ in range(2))
        for size in (25_000, 250_000)
    )
    assert long < 40 * max(short, 0.001)
