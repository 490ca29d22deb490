"""``POST /events`` and ``POST /labels``: rows become records that the stream reads alike."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from converters.cells.refusal import Refusal
from converters.convert.records import RowReader
from stream.log.contract import Place, Record
from tests.support.serving.project import Project, flights
from tests.support.serving.served import (
    FEATURES,
    a_project,
    as_csv,
    as_object,
    client_of,
    problem_of,
    written,
)

CSV = {"content-type": "text/csv"}
ROWS = flights(20, seed=3)
NAMES = ("id", "label", "time")


@pytest.fixture
def served(tmp_path: Any) -> Iterator[tuple[TestClient, Project]]:
    """A server whose log is empty; its topics have two partitions."""
    project = a_project(tmp_path, "[topics]\npartitions = 2\n")
    with client_of(project, ready=False) as client:
        yield client, project


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Project]]:
    """The same for tests that append nothing."""
    project = a_project(tmp_path_factory.mktemp("empty"))
    with client_of(project, ready=False) as client:
        yield client, project


def records_of(project: Project, response: Response) -> list[Record]:
    """The records that an answer names, in its order."""
    assert response.status_code == 202
    content = response.json()
    everything = written(project)
    positions = content["positions"]
    assert content["rows"] == sum(each["rows"] for each in positions)
    return [everything[each["topic"], each["partition"], each["offset"]] for each in positions]


def test_event_rows_of_every_form_reach_the_stream_as_the_same_rows(
    served: tuple[TestClient, Project],
) -> None:
    """One by one, as a list, as CSV in any order: converted alike, in their order."""
    client, project = served
    reader = RowReader(project.schema)
    expected = [reader.convert([*row[:2], "", *row[3:-1], ""]) for row in ROWS]
    assert not any(isinstance(row, Refusal) for row in expected)
    objects = [as_object(row) for row in ROWS]
    turned = as_csv(ROWS, tuple(reversed(FEATURES)))
    for responses in (
        [client.post("/events", json=each) for each in objects],
        [client.post("/events", json=objects)],
        [client.post("/events", content=as_csv(ROWS, FEATURES), headers=CSV)],
        [client.post("/events", content=turned.replace("\n", "\r\n"), headers=CSV)],
        [client.post("/events", content=turned.replace("JFK", '"JFK"'), headers=CSV)],
    ):
        found = [record for each in responses for record in records_of(project, each)]
        assert [row for r in found for row in reader.events(r.value, r.headers)] == expected


def test_labels_of_every_form_reach_the_stream_as_the_same_labels(
    served: tuple[TestClient, Project],
) -> None:
    """One by one, as a list, as CSV with a header or without."""
    client, project = served
    reader = RowReader(project.schema)
    cells = [(row[0], row[2], row[7]) for row in ROWS]
    objects = [dict(zip(NAMES, each, strict=True)) for each in cells]
    lines = "".join(f"{','.join(each)}\n" for each in cells)
    for responses in (
        [client.post("/labels", json=each) for each in objects],
        [client.post("/labels", json=objects)],
        [client.post("/labels", json=[each | {"label": float(each["label"])} for each in objects])],
        [client.post("/labels", content=lines, headers=CSV)],
        [client.post("/labels", content=f"id,label,time\n{lines}", headers=CSV)],
        [client.post("/labels", content=f"\ufeffid,label,time\r\n{lines}", headers=CSV)],
    ):
        found = [record for each in responses for record in records_of(project, each)]
        labels = [row for r in found for row in reader.labels(r.value, r.headers)]
        assert labels == [(row[0], int(row[2])) for row in ROWS]
        assert [r.time for r in found][:1] == [int(ROWS[0][7]) * 1000]


def test_rows_share_a_record_only_if_they_were_known_at_one_time(
    served: tuple[TestClient, Project],
) -> None:
    """A record's time is its rows' own; rows of another time begin another record."""
    client, project = served
    times = ["1357016400", "1357016400", "1357016460", None, None, "1357016400"]
    rows = [{"id": f"t{n}", "at": at} for n, at in enumerate(times)]
    before = int(time.time() * 1000)
    found = records_of(project, client.post("/events", json=rows))
    assert [len(r.value.split(b"},")) for r in found] == [2, 1, 2, 1]
    stamps = [r.time for r in found]
    assert [stamps[0], stamps[1], stamps[3]] == [1357016400000, 1357016460000, 1357016400000]
    assert before <= stamps[2] <= int(time.time() * 1000)
    assert len({r.place for r in found}) == 1


def test_an_event_still_to_come_was_known_now(served: tuple[TestClient, Project]) -> None:
    """A flight of tomorrow is not stamped tomorrow, which no log would take."""
    client, project = served
    tomorrow = str(int(time.time()) + 86_400)
    for route, row in (
        ("/events", {"id": "x", "at": tomorrow}),
        ("/labels", {"id": "x", "label": "1", "time": tomorrow}),
    ):
        (record,) = records_of(project, client.post(route, json=row))
        assert abs(record.time - time.time() * 1000) < 60_000


@pytest.mark.parametrize(
    ("route", "rows", "reasons"),
    [
        ("/events", [{}, {"distance": "x"}, {}, {"at": "soon"}], ["not-a-number", "bad-time"]),
        ("/events", [{}, {"late": "maybe"}], ["bad-label"]),
        ("/events", [], ["empty-record"]),
        ("/labels", [], ["empty-record"]),
        ("/labels", [{"id": "a", "label": "1"}, {"id": "b", "label": "2"}], ["bad-label"]),
        ("/labels", [{"id": "", "label": "1"}, {"label": "1"}], ["missing-id", "missing-id"]),
        ("/labels", [{"id": "a"}, {"id": "a", "label": ""}], ["missing-label", "missing-label"]),
        ("/labels", [{"id": "a", "label": "1", "time": "soon"}], ["bad-time"]),
        ("/labels", [{"id": "a", "label": "1", "when": 1}, 3], ["unknown-column", "not-a-row"]),
        ("/labels", [{"id": ["a"], "label": "1"}], ["nested-value"]),
    ],
)
def test_one_bad_row_stops_all(
    empty: tuple[TestClient, Project], route: str, rows: list[Any], reasons: list[str]
) -> None:
    """422 lists every bad row, and nothing is appended."""
    client, project = empty
    problem = problem_of(client.post(route, json=rows))
    assert problem["status"] == 422
    assert [each["reason"] for each in problem["errors"]] == reasons
    assert "othing was appended" in problem["detail"]
    assert written(project) == {}


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/events", ""),
        ("/events", "carrier\n"),
        ("/events", "carrier,hour\nA\n"),
        ("/events", "colour\nred\n"),
        ("/events", 'carrier\n"A\n'),
        ("/events", "f1,1,0,AX,JFK,3,100,1\n"),
        ("/labels", ""),
        ("/labels", "id,label\n"),
        ("/labels", "label,id\n1,f1\n"),
        ("/labels", "f1\n"),
        ("/labels", "f1,1,1357016400,x\n"),
        ("/labels", 'f1,"1\n'),
        ("/labels", "f1,1\n\nf2,1\n"),
    ],
)
def test_csv_that_is_no_row_of_the_route_is_refused(
    empty: tuple[TestClient, Project], route: str, body: str
) -> None:
    """No header where one is needed, another width, an open quote, a blank line."""
    client, project = empty
    assert problem_of(client.post(route, content=body, headers=CSV))["status"] == 422
    assert written(project) == {}


def test_what_is_appended_is_learned(served: tuple[TestClient, Project]) -> None:
    """Events and their late labels over HTTP come to be lessons of the learner."""
    client, project = served
    client.post("/events", json=[as_object(row) for row in ROWS])
    labels = "".join(f"{row[0]},{row[2]},{row[7]}\n" for row in ROWS[:15])
    client.post("/labels", content=labels, headers=CSV)
    report = project.learn()
    assert (report["learned"], report["waiting"], report["rejected"]) == (15, 5, 0)


def test_requests_take_turns_over_the_partitions(served: tuple[TestClient, Project]) -> None:
    """Each partition gets its share."""
    client, project = served
    for _ in range(4):
        client.post("/events", json={})
    places = sorted(Place(topic, partition) for topic, partition, _ in written(project))
    assert [place.partition for place in places] == [0, 0, 1, 1]
