"""What the 202 of ``POST /events`` and ``/labels`` warns of, though the rows are appended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from serve.live import ingest_warnings
from stream.log.contract import Outgoing
from stream.log.topics import create_topics
from stream.log_sqlite.log import SqliteLog
from tests.support.serving.project import Project, flights
from tests.support.serving.served import a_project, as_object, client_of, written

ROWS = [as_object(row) | {"id": f"e{n}"} for n, row in enumerate(flights(40))]
LAST = max(int(row["at"]) for row in ROWS)
WEEK = 7 * 86_400


@pytest.fixture
def project(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A model of which nothing is remembered for a second."""
    monkeypatch.setattr(ingest_warnings, "KEPT_SECONDS", 0.0)
    return a_project(tmp_path)


@pytest.fixture
def client(project: Project) -> Iterator[TestClient]:
    """A server of it."""
    with client_of(project, ready=False) as client:
        yield client


def codes(client: TestClient, route: str, body: object) -> list[tuple[str, int]]:
    """Code and rows of each warning of an answer."""
    answer = client.post(route, json=body)
    assert answer.status_code == 202, answer.text
    return [(each["code"], each["rows"]) for each in answer.json().get("warnings", [])]


def test_rows_that_expire_what_waits_are_warned_of(client: TestClient, project: Project) -> None:
    """Events and labels that are stamped now, or say a time far ahead; not those of their time."""
    assert codes(client, "/events", ROWS) == []
    report = project.learn()
    assert report["waiting"] == 40
    stream = LAST  # the log's own newest record is of then
    assert codes(client, "/events", {"id": "a", "at": str(stream + WEEK)}) == []
    ahead = [{"id": "b", "at": str(stream + 3 * WEEK)}, {"id": "c", "at": str(stream)}]
    (warning,) = client.post("/events", json=ahead).json()["warnings"]
    assert (warning["code"], warning["rows"]) == ("expires-waiting", 1)
    assert "all 40 events that wait for their label will expire" in warning["detail"]
    assert "no time" not in warning["detail"]
    assert "than late_labels.wait (7 days)" in warning["detail"]


@pytest.mark.parametrize(
    ("route", "row"), [("/events", {"id": "now"}), ("/labels", {"id": "e1", "label": "1"})]
)
def test_a_row_without_a_time_says_that_it_is_stamped_now(
    client: TestClient, project: Project, route: str, row: dict[str, str]
) -> None:
    """What that does, and what to do; the learner then does it."""
    client.post("/events", json=ROWS)
    project.learn()
    (warning,) = client.post(route, json=row).json()["warnings"]
    assert warning["code"] == "expires-waiting"
    for words in ("stamped now", "all 40 events", "Send the time of each row", "backfill FILE"):
        assert words in warning["detail"]
    assert project.learn()["expired"] == 40
    # What waits now is of now.
    assert codes(client, route, row) == []


def test_a_log_that_is_of_now_already_gives_no_warning(
    client: TestClient, project: Project
) -> None:
    """An empty log has none; the log itself says how far it goes."""
    assert codes(client, "/events", {"id": "first"}) == []
    with project.open_log() as log:
        topics = create_topics(log, project.settings)
        log.append(topics.labels, [Outgoing(b"x,1", 1_357_000_000_000)])
    assert codes(client, "/events", {"id": "second"}) == []


def test_unread_history_alone_expires(client: TestClient) -> None:
    """There is no learner yet, and its stream time will be that of the log."""
    client.post("/events", json=ROWS)
    (warning,) = client.post("/events", json={"id": "now"}).json()["warnings"]
    assert warning["code"] == "expires-waiting"
    assert "Nothing has been learned yet" in warning["detail"]


def test_the_log_is_not_asked_again_while_it_is_known_to_be_ahead(
    client: TestClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A learner that is far behind must not make each request read the log."""
    client.post("/events", json=ROWS)
    project.learn()
    client.post("/events", json={"id": "now"})
    asked: list[object] = []
    newest = SqliteLog.newest_times

    def counted(self: SqliteLog, topics: Sequence[str]) -> Mapping[str, int | None]:
        asked.append(topics)
        return newest(self, topics)

    monkeypatch.setattr(SqliteLog, "newest_times", counted)
    for number in range(3):
        assert codes(client, "/events", {"id": f"then-{number}"}) == []
    assert len(asked) == 1


def test_an_event_whose_time_has_expired_is_told_so(client: TestClient, project: Project) -> None:
    """One that waits for its label; not one that brings it."""
    client.post("/events", json=ROWS)
    project.learn()
    old = str(LAST - WEEK - 3600)
    rows = [
        {"id": "o", "at": old},
        {"id": "p", "at": old, "late": "1"},
        {"id": "q", "at": str(LAST)},
    ]
    (warning,) = client.post("/events", json=rows).json()["warnings"]
    assert (warning["code"], warning["rows"]) == ("already-expired", 1)
    assert "than late_labels.wait (7 days)" in warning["detail"]
    # A label that follows it counts, as the warning says.
    client.post("/labels", json={"id": "o", "label": "1", "time": str(LAST)})
    assert project.learn()["learned"] == 2


def test_events_that_no_label_can_find_are_counted(client: TestClient) -> None:
    """Neither an id nor a label; in CSV as in JSON."""
    rows = [{"at": "1357016400"}, {"id": "", "at": "1357016400"}, {"at": "1357016400", "late": "0"}]
    assert codes(client, "/events", [*rows, {"id": "x", "at": "1357016400"}]) == [("no-id", 2)]
    body = "at,late\n1357016400,\n1357016400,1\n"
    answer = client.post("/events", content=body, headers={"content-type": "text/csv"}).json()
    assert [(each["code"], each["rows"]) for each in answer["warnings"]] == [("no-id", 1)]
    assert 'freshet_ingest_warnings_total{code="no-id"} 2.0' in client.get("/metrics").text


def test_a_time_in_the_future_is_stamped_now_with_a_word(client: TestClient) -> None:
    """Rows whose time is further ahead than a log takes are counted, of events and of labels."""
    rows = [{"id": "a", "at": "9999-12-31"}, {"id": "b", "at": "2210-05-01T08:00:00Z"}]
    soon = {"id": "c", "at": str(int(time.time()) + 1800)}
    assert codes(client, "/events", [*rows, soon]) == [("future-time", 2)]
    label = {"id": "a", "label": "1", "time": "9999-12-31"}
    assert ("future-time", 1) in codes(client, "/labels", label)
    assert codes(client, "/events", soon) == []


def test_a_repeated_request_is_answered_with_the_same_warnings(
    client: TestClient, project: Project
) -> None:
    """And counted once."""
    headers = {"Idempotency-Key": "k"}
    answers = [client.post("/events", json={}, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert [each["code"] for each in answers[1].json()["warnings"]] == ["no-id"]
    assert 'freshet_ingest_warnings_total{code="no-id"} 1.0' in client.get("/metrics").text
    assert len(written(project)) == 1


def test_rows_are_appended_while_the_registry_does_not_answer(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the warnings that need it, and without waiting for it each time."""
    service: Any = client.app.state.service  # type: ignore[attr-defined]
    monkeypatch.setattr(service.registry.writer, "status", lambda: time.sleep(4))
    began = time.monotonic()
    for _ in range(3):
        assert codes(client, "/events", {"at": "1357016400"}) == [("no-id", 1)]
    assert time.monotonic() - began < 3.5
