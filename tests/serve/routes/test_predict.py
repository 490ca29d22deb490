"""``POST /predict``: what it answers to rows, good and bad, in every form that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from tests.support.serving.project import flights
from tests.support.serving.served import (
    FEATURES,
    Maker,
    a_client,
    a_project,
    as_csv,
    as_object,
    client_of,
    problem_of,
)

ROWS = flights(300, seed=11)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Maker]]:
    """A server of one version."""
    with a_client(tmp_path_factory.mktemp("predict")) as pair:
        yield pair


@pytest.fixture
def client(served: tuple[TestClient, Maker]) -> TestClient:
    """Its client."""
    return served[0]


def post_csv(client: TestClient, body: str | bytes, **headers: str) -> Response:
    """Send CSV."""
    return client.post("/predict", content=body, headers={"content-type": "text/csv", **headers})


def test_every_form_of_the_same_rows_gives_the_same_scores(
    served: tuple[TestClient, Maker],
) -> None:
    """Objects, a list, instances, CSV in any order: the version's own scores, bit by bit."""
    client, maker = served
    objects = [as_object(row) for row in ROWS]
    expected = maker.scores(1, ROWS)
    turned = tuple(reversed(FEATURES))
    answers = {
        "list": client.post("/predict", json=objects).json(),
        "instances": client.post("/predict", json={"instances": objects}).json(),
        "csv": post_csv(client, as_csv(ROWS)).json(),
        "csv without label": post_csv(client, as_csv(ROWS, FEATURES)).json(),
        "csv turned": post_csv(client, as_csv(ROWS, turned)).json(),
        "csv with CRLF": post_csv(client, as_csv(ROWS).replace("\n", "\r\n")).json(),
        "csv with BOM": post_csv(client, "\ufeff" + as_csv(ROWS)).json(),
        "joined csv": post_csv(
            client, as_csv(ROWS, turned).strip().replace("\n", "\n\ufeff")
        ).json(),
        "csv in quotes": post_csv(client, _quoted(as_csv(ROWS))).json(),
    }
    for form, answer in answers.items():
        assert answer["version"] == 1, form
        assert [each["score"] for each in answer["predictions"]] == expected, form
    singles = [client.post("/predict", json=each).json() for each in objects[:40]]
    assert [each["score"] for each in singles] == expected[:40]


def test_a_row_is_answered_with_score_label_id_and_version(
    served: tuple[TestClient, Maker],
) -> None:
    """The label is the map's spelling of the side of the threshold that the score is on."""
    client, _ = served
    plain = "/predict?absent=false"
    answers = [client.post(plain, json=as_object(row)).json() for row in ROWS[:50]]
    assert {each["label"] for each in answers} == {"0", "1"}
    for row, answer in zip(ROWS, answers, strict=False):
        assert answer == {
            "score": answer["score"],
            "label": "1" if answer["score"] >= 0.5 else "0",
            "id": row[0],
            "version": 1,
        }


@pytest.mark.parametrize(
    ("row", "given"),
    [({"id": 17}, 17), ({"id": "17"}, "17"), ({"id": None}, None), ({"id": ""}, None), ({}, None)],
)
def test_an_id_comes_back_as_it_was_given(
    client: TestClient, row: dict[str, Any], given: object
) -> None:
    """A number stays a number; a row without an id gets none."""
    answer = client.post("/predict", json=row).json()
    assert answer.get("id") == given
    assert ("id" in answer) == (given is not None)
    assert client.post("/predict", json=[row]).json()["predictions"][0].get("id") == given


def test_the_label_of_a_row_changes_nothing(client: TestClient) -> None:
    """A label that is sent along is not what the row is scored by."""
    scores = {
        client.post("/predict", json=as_object(ROWS[0]) | more).json()["score"]
        for more in ({}, {"late": "1"}, {"late": "0"}, {"late": 1}, {"late": None}, {"late": ""})
    }
    assert len(scores) == 1


def test_a_missing_column_a_null_and_an_empty_cell_are_the_same(client: TestClient) -> None:
    """All three are the missing value."""
    row = as_object(ROWS[0])
    without = {name: cell for name, cell in row.items() if name != "origin"}
    answers = [
        client.post("/predict", json=each).json()
        for each in (without, without | {"origin": None}, without | {"origin": ""})
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0] != client.post("/predict", json=row | {"origin": "JFK"}).json()


BAD_CELLS: list[tuple[dict[str, Any], str, str]] = [
    ({"distance": "far"}, "distance", "not-a-number"),
    ({"distance": "inf"}, "distance", "not-finite"),
    ({"distance": "1e39"}, "distance", "not-finite"),
    ({"distance": True}, "distance", "not-a-number"),
    ({"carrier": {"code": "AX"}}, "carrier", "nested-value"),
    ({"carrier": ["AX"]}, "carrier", "nested-value"),
    ({"at": "soon"}, "at", "bad-time"),
    ({"late": "perhaps"}, "late", "bad-label"),
]


@pytest.mark.parametrize(("cell", "column", "reason"), BAD_CELLS)
def test_a_bad_cell_refuses_a_single_row_and_its_place_in_a_list(
    client: TestClient, cell: dict[str, Any], column: str, reason: str
) -> None:
    """422 with row, column and reason; in a list an error in its place, its neighbours scored."""
    good, bad = as_object(ROWS[0]), as_object(ROWS[1]) | cell
    problem = problem_of(client.post("/predict", json=bad))
    assert problem["status"] == 422
    (error,) = problem["errors"]
    assert (error["row"], error["column"], error["reason"]) == (0, column, reason)
    assert column in problem["detail"]
    predictions = client.post("/predict", json=[good, bad, good]).json()["predictions"]
    assert predictions[0] == predictions[2]
    assert predictions[0]["score"] == client.post("/predict", json=good).json()["score"]
    assert predictions[1] == {"error": error | {"row": 1}}


def test_rows_are_counted_through_a_long_request(client: TestClient) -> None:
    """However it is cut into chunks, an error says which row of the request it is about."""
    rows = [{"hour": "1"}] * 700
    bad = (127, 128, 129, 500, 699)
    for at in bad:
        rows[at] = {"distance": "x"}
    predictions = client.post("/predict", json=rows).json()["predictions"]
    errors = {at: each["error"]["row"] for at, each in enumerate(predictions) if "error" in each}
    assert errors == {at: at for at in bad}


def test_a_body_in_many_parts_is_answered_as_in_one(
    served: tuple[TestClient, Maker], tmp_path: Path
) -> None:
    """Lists, instances and CSV with quotes and without; errors keep the numbers of their rows."""
    client, _ = served
    rows = [as_object(row) for row in ROWS]
    rows[150] |= {"distance": "x"}
    lines = as_csv(ROWS).replace(ROWS[200][3], '"' + ROWS[200][3] + '"', 1)
    with a_client(tmp_path, more="[serve]\nmax_row = 1024\n") as (other, _):
        for body in (rows, {"instances": rows}):
            assert (
                other.post("/predict", json=body).json()
                == client.post("/predict", json=body).json()
            )
        for text in (lines, as_csv(ROWS)):
            assert post_csv(other, text).json() == post_csv(client, text).json()


def test_a_score_on_the_threshold_is_positive(tmp_path: Any) -> None:
    """``serve.threshold`` is the least score of the positive label."""
    with a_client(tmp_path) as (client, maker):
        score = client.post("/predict", json={}).json()["score"]
        for threshold, label in ((score, "1"), (score + 1e-9, "0"), (0.0, "1")):
            project = a_project(maker.project.folder, f"[serve]\nthreshold = {threshold!r}\n")
            with client_of(project) as other:
                assert other.post("/predict", json={}).json()["label"] == label


def test_a_value_that_the_learner_cannot_take_is_an_error_in_its_place(tmp_path: Any) -> None:
    """The learner's own bounds refuse the row, and its neighbours are scored."""
    with a_client(tmp_path, hour='kind = "numeric"') as (client, _):
        good, bad = as_object(ROWS[0]), as_object(ROWS[1]) | {"hour": 1e20}
        assert problem_of(client.post("/predict", json=bad))["status"] == 422
        rows = [good] * 200 + [bad] + [good] * 2 + [bad | {"hour": "x"}] + [good] * 5
        predictions = client.post("/predict", json=rows).json()["predictions"]
        errors = [predictions[at]["error"] for at in (200, 203)]
        told = [(error["row"], error["reason"]) for error in errors]
        assert told == [(200, "unlearnable"), (203, "not-a-number")]
        rest = predictions[:200] + predictions[201:203] + predictions[204:]
        assert all(each == rest[0] and "score" in each for each in rest)


def test_query_parameters_that_would_do_nothing_are_refused(client: TestClient) -> None:
    """``?recall=true`` is not ignored in silence."""
    problem = problem_of(client.post("/predict?recall=true", json={}))
    assert problem["status"] == 400
    assert "'recall'" in problem["detail"]


def test_without_a_model_one_is_asked_to_come_again(tmp_path: Any) -> None:
    """503 with Retry-After; what is wrong with the request is said all the same."""
    with a_client(tmp_path, versions=0) as (client, maker):
        response = client.post("/predict", json={})
        assert problem_of(response)["status"] == 503
        assert int(response.headers["retry-after"]) >= 1
        assert client.post("/predict", content=b"{").status_code == 415
        assert client.post("/predict", json={"x": 1}).status_code == 422
        assert client.get("/health/live").status_code == 200
        assert problem_of(client.get("/health/ready"))["status"] == 503
        maker.make()
        while client.get("/health/ready").status_code != 200:
            sleep(0.01)
        assert client.post("/predict", json={}).json()["version"] == 1


def _quoted(text: str) -> str:
    """The same CSV with every cell in quotes."""
    lines = text.splitlines()
    return "".join(",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in lines)
