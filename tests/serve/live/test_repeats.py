"""Requests sent again, and logs that fail: rows are appended once, or told not to have been."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import Request
from starlette.testclient import TestClient

from learners.registry.errors import RegistryUnavailableError
from serve.http.turns import finished
from serve.live.log_appender import Appender
from serve.live.repeated_requests import RepeatedRequests, key_of
from stream.log.contract import LogUnavailableError, Outgoing
from tests.support.serving.project import Project, flights
from tests.support.serving.served import a_project, as_object, client_of, problem_of, written

CSV = {"content-type": "text/csv"}
ROWS = flights(3, seed=3)


@pytest.fixture
def served(tmp_path: Any) -> Iterator[tuple[TestClient, Project]]:
    """A server whose log is empty."""
    project = a_project(tmp_path)
    with client_of(project, ready=False) as client:
        yield client, project


def test_a_repeated_key_appends_once_and_gives_the_same_answer(
    served: tuple[TestClient, Project],
) -> None:
    """The second answer says that it is a repetition; other keys and none append again."""
    client, project = served
    row = as_object(ROWS[0])
    first, second = (
        client.post("/events", json=row, headers={"Idempotency-Key": "k1"}) for _ in range(2)
    )
    assert first.status_code == second.status_code == 202
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert len(written(project)) == 1
    client.post("/events", json=row, headers={"Idempotency-Key": "k2"})
    client.post("/events", json=row)
    assert len(written(project)) == 3


def test_a_key_stands_for_one_request(served: tuple[TestClient, Project]) -> None:
    """Another body, type or route under the same key is refused; so is an empty key."""
    client, project = served
    key = {"Idempotency-Key": "k"}
    assert client.post("/labels", content="f1,1\n", headers=CSV | key).status_code == 202
    for response in (
        client.post("/labels", content="f1,0\n", headers=CSV | key),
        client.post("/labels", json={"id": "f1", "label": "1"}, headers=key),
        client.post("/events", json={"id": "f1"}, headers=key),
    ):
        assert problem_of(response)["type"].endswith("key-used-before")
    assert client.post("/events", json={}, headers={"Idempotency-Key": " "}).status_code == 400
    assert len(written(project)) == 1


def test_the_same_bytes_to_another_route_or_of_another_type_are_another_request() -> None:
    """What a key stands for is the route, the type and the body together."""
    digests = set()
    for path in ("/events", "/labels"):
        scope = {"type": "http", "path": path, "headers": [(b"idempotency-key", b"k")]}
        request = Request({**scope, "query_string": b"", "server": ("127.0.0.1", 1)})
        for kind in ("text/csv", "application/json"):
            key = finished(key_of(request, kind, b"id,label\n1,1\n"))
            assert key is not None
            digests.add(key.request_sha256)
    assert len(digests) == 4


def test_a_refused_request_leaves_its_key_free(served: tuple[TestClient, Project]) -> None:
    """A bad row mended and sent again with the same key is appended."""
    client, project = served
    key = {"Idempotency-Key": "k"}
    assert client.post("/events", json={"distance": "x"}, headers=key).status_code == 422
    assert client.post("/events", json={"distance": "1"}, headers=key).status_code == 202
    assert len(written(project)) == 1


def test_of_requests_at_once_with_one_key_one_appends(served: tuple[TestClient, Project]) -> None:
    """The others are told that it is being answered, or get its answer."""
    client, project = served
    start = threading.Barrier(8)

    def post(_number: int) -> int:
        start.wait()
        headers = {"Idempotency-Key": "k"}
        return client.post("/events", json={"id": "f1"}, headers=headers).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(post, range(8)))
    assert set(statuses) <= {202, 409}
    assert 202 in statuses
    assert len(written(project)) == 1


class FailingLog:
    """A log that does not answer."""

    def append(self, topic: str, records: list[Outgoing]) -> list[tuple[int, int]]:
        """Fail."""
        raise LogUnavailableError("The log does not answer.")

    def newest_times(self, topics: list[str]) -> dict[str, int | None]:
        """Fail."""
        raise LogUnavailableError("The log does not answer.")

    def close(self) -> None:
        """Do nothing."""


def test_a_log_that_is_away_is_503_and_the_key_may_be_used_again(
    served: tuple[TestClient, Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is appended, and the request can be sent again as it was."""
    client, project = served
    key = {"Idempotency-Key": "k"}
    with monkeypatch.context() as patch:
        patch.setattr("serve.live.log_appender.opened", lambda *_, **__: _away())
        assert problem_of(client.post("/events", json={}, headers=key))["status"] == 503
    client.post("/events", json={})
    appender: Appender = client.app.state.service.appender  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setattr(appender, "_log", FailingLog())
        response = client.post("/events", json={}, headers=key)
        assert problem_of(response)["status"] == 503
        assert "retry-after" in response.headers
    assert client.post("/events", json={}, headers=key).status_code == 202
    assert len(written(project)) == 2


def test_rows_on_the_log_are_answered_with_202_even_if_the_answer_cannot_be_kept(
    served: tuple[TestClient, Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure told then would have them sent, and appended, again."""
    client, project = served

    def away(*_: object) -> None:
        raise RegistryUnavailableError("away")

    monkeypatch.setattr(RepeatedRequests, "finish", away)
    headers = {"Idempotency-Key": "k"}
    assert client.post("/events", json={}, headers=headers).status_code == 202
    assert len(written(project)) == 1


def test_a_topic_that_was_deleted_is_made_again(served: tuple[TestClient, Project]) -> None:
    """The request that finds it gone fails, and the next one is taken."""
    client, project = served
    client.post("/events", json={})
    with project.open_log() as log:
        connection = log._connection  # type: ignore[attr-defined]
        for table in ("records", "partitions", "topics"):
            connection.execute(f"DELETE FROM {table}")
        connection.commit()
    assert problem_of(client.post("/events", json={}))["status"] == 503
    assert client.post("/events", json={}).status_code == 202


def _away() -> Any:
    raise LogUnavailableError("The log does not answer.")
