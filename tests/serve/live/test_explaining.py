"""``POST /explain`` and ``/predict?explain=``: why rows have their scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from learners.explain.explainer import logistic
from tests.support.serving.project import flights
from tests.support.serving.served import (
    FEATURES,
    Maker,
    a_client,
    as_csv,
    as_object,
    problem_of,
)

EXPLAIN = """
[explain]
baseline = "typical"
adverse = "positive"
[explain.words.carrier]
other = "{value} is often late"
"""
ROWS = flights(40, seed=12)
LEARNED = {"carrier", "origin", "hour", "distance"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Maker]]:
    """A server of one version that holds rows against typical ones."""
    with a_client(tmp_path_factory.mktemp("explain"), more=EXPLAIN) as pair:
        yield pair


@pytest.fixture
def client(served: tuple[TestClient, Maker]) -> TestClient:
    """Its client."""
    return served[0]


def adds_up(answer: dict[str, Any], baseline: dict[str, Any]) -> None:
    """From the baseline by all columns to the score."""
    total = baseline["log_odds"] + sum(each["contribution"] for each in answer["contributions"])
    assert total == pytest.approx(answer["log_odds"], abs=5e-6)
    assert logistic(total + answer["adjustment"]) == pytest.approx(answer["score"], abs=2.0**-22)
    assert {each["column"] for each in answer["contributions"]} == LEARNED


def test_every_form_of_rows_is_explained(served: tuple[TestClient, Maker]) -> None:
    """An object, a list, instances and CSV: the scores of /predict, each with all that adds up."""
    client, _ = served
    objects = [as_object(row) for row in ROWS]
    predicted = client.post("/predict", json=objects).json()["predictions"]
    answers = [
        client.post("/explain", json=objects).json(),
        client.post("/explain", json={"instances": objects}).json(),
        client.post(
            "/explain", content=as_csv(ROWS, FEATURES), headers={"content-type": "text/csv"}
        ).json(),
    ]
    for answer in answers:
        assert answer["version"] == 1
        assert answer["baseline"]["kind"] == "typical"
        assert [each["score"] for each in answer["explanations"]] == [
            each["score"] for each in predicted
        ]
        for each in answer["explanations"]:
            adds_up(each, answer["baseline"])
    assert answers[0] == answers[1]
    single = client.post("/explain", json=objects[0]).json()
    assert single == {
        **answers[0]["explanations"][0],
        **{name: answers[0][name] for name in ("version", "baseline")},
    }
    assert single["id"] == objects[0]["id"]


def test_predict_adds_the_strongest_columns(client: TestClient) -> None:
    """As many as are asked for, the same as /explain's, beside all that /predict answers."""
    objects = [as_object(row) for row in ROWS]
    plain = client.post("/predict", json=objects).json()
    full = client.post("/explain", json=objects).json()
    found = client.post("/predict?explain=2", json=objects).json()
    assert found["baseline"] == full["baseline"]
    for at, each in enumerate(found["predictions"]):
        assert {**each, **plain["predictions"][at]} == each
        wanted = full["explanations"][at]
        assert each["contributions"] == wanted["contributions"][:2]
        assert each["reasons"] == wanted["reasons"][:2]
    one = client.post("/predict?explain=2", json=objects[0]).json()
    assert one == found["predictions"][0] | {"version": 1, "baseline": full["baseline"]}


def test_reasons_are_in_the_config_s_words(client: TestClient) -> None:
    """Where it has any; "low" and "high" are said of numbers."""
    told = {
        each["column"]: each["reason"]
        for row in ROWS
        for each in client.post("/explain?reasons=4", json=as_object(row)).json()["reasons"]
    }
    assert told["carrier"].endswith(" is often late")
    assert told["hour"].startswith("hour is ")
    assert told["distance"].startswith(("distance is low (", "distance is high ("))


def test_changes_give_both_scores(client: TestClient) -> None:
    """Those of /predict for either row, and the difference by column."""
    row = as_object(ROWS[0])
    changes = {"hour": "23", "distance": "2900"}
    answer = client.post("/explain", json={"row": row, "changes": changes}).json()
    before, after = client.post("/predict", json=[row, {**row, **changes}]).json()["predictions"]
    assert (answer["before"]["score"], answer["after"]["score"]) == (
        before["score"],
        after["score"],
    )
    for each in answer["before"], answer["after"]:
        adds_up(each, answer["baseline"])
    moved = answer["difference"]
    total = math.fsum(each["difference"] for each in moved["columns"])
    assert total == pytest.approx(moved["log_odds"], abs=5e-6)
    alone = client.post("/explain", json={"row": row}).json()
    assert alone["contributions"] == client.post("/explain", json=row).json()["contributions"]


def test_what_if_changes_the_label(client: TestClient) -> None:
    """Each change that is told gives the other label when it is scored."""
    row = as_object(ROWS[0])
    answer = client.post("/explain?what_if=true", json=row).json()
    found = answer["what_if"]
    changed = [{each["column"]: each["to"]} for each in found["numbers"]]
    changed += [
        {each["column"]: one["value"]} for each in found["categories"] for one in each["to"]
    ]
    assert changed
    scored = client.post("/predict", json=[{**row, **each} for each in changed]).json()
    assert {each["label"] for each in scored["predictions"]} == {"1"} - {answer["label"]} | (
        {"0"} - {answer["label"]}
    )


def test_a_row_of_many_may_be_wrong(client: TestClient) -> None:
    """It has an error in its place; a single one refuses the request."""
    good, bad = as_object(ROWS[0]), {**as_object(ROWS[1]), "distance": "far"}
    found = client.post("/explain", json=[good, bad, good]).json()["explanations"]
    assert found[1]["error"]["row"] == 1
    assert found[1]["error"]["column"] == "distance"
    assert found[0] == found[2]
    mixed = client.post("/predict?explain=1", json=[bad, good]).json()["predictions"]
    assert "error" in mixed[0]
    assert len(mixed[1]["contributions"]) == 1
    assert problem_of(client.post("/explain", json=bad))["status"] == 422
    assert problem_of(client.post("/explain", json={"row": good, "changes": bad}))["status"] == 422


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("baseline=mean", "missing or typical"),
        ("reasons=0", "from 1 to 20"),
        ("reasons=many", "from 1 to 20"),
        ("what_if=1", "true or false"),
        ("explain=2", "unknown"),
    ],
)
def test_a_wrong_parameter_is_named(client: TestClient, query: str, words: str) -> None:
    """With what it may be."""
    problem = problem_of(client.post(f"/explain?{query}", json=as_object(ROWS[0])))
    assert problem["status"] == 400
    assert words in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"row": {}, "changes": []},
        {"row": {}, "changed": {}},
        {"row": as_object(ROWS[0]), "changes": {"colour": "red"}},
        {"row": [1]},
    ],
)
def test_a_row_with_changes_is_two_objects_of_columns(client: TestClient, body: Any) -> None:
    """Anything else is refused and says what it should be."""
    problem = problem_of(client.post("/explain", content=json.dumps(body), headers=JSON))
    assert problem["status"] == 422


JSON = {"content-type": "application/json"}


def test_reasons_are_refused_against_missing(client: TestClient) -> None:
    """Low means nothing beside a missing value."""
    path = "/explain?baseline=missing"
    problem = problem_of(client.post(f"{path}&reasons=2", json=as_object(ROWS[0])))
    assert problem["status"] == 409
    assert "neither" in problem["detail"]
    assert "reasons" not in client.post(path, json=as_object(ROWS[0])).json()


def test_what_if_is_about_a_row_as_it_is(client: TestClient) -> None:
    """With changes it would have no effect."""
    body = {"row": as_object(ROWS[0]), "changes": {"hour": "1"}}
    problem = problem_of(client.post("/explain?what_if=true", json=body))
    assert problem["status"] == 400


def test_a_file_that_cannot_be_read_is_told_without_its_name(tmp_path: Path) -> None:
    """To callers; /predict and other baselines go on."""
    more = '[explain]\nbaseline = "secret-name.csv"\n'
    with a_client(tmp_path, more=more) as (client, _):
        problem = problem_of(client.post("/explain", json=as_object(ROWS[0])))
        assert problem["status"] == 503
        assert "secret-name" not in problem["detail"]
        assert client.post("/explain?baseline=missing", json=as_object(ROWS[0])).is_success
        file = tmp_path / "secret-name.csv"
        file.write_text(as_csv(ROWS, FEATURES))
        answer = client.post("/explain", json=as_object(ROWS[0])).json()
        assert answer["baseline"]["kind"] == "file"
        assert answer["baseline"]["rows"] == len(ROWS)
        adds_up(answer, answer["baseline"])


def test_a_row_of_too_many_features_is_refused(tmp_path: Path) -> None:
    """Crossed texts would be scored a hundred times over; /predict scores them all the same."""
    words = 'kind = "text"'
    with a_client(tmp_path, carrier=words, origin=words) as (client, _):
        row = as_object(ROWS[0]) | {"carrier": "a b " * 400, "origin": "c d " * 400}
        assert client.post("/predict", json=row).is_success
        assert client.post("/explain", json=row).is_success
        larger = row | {"carrier": "a b " * 2_000, "origin": "c d " * 4_000}
        problem = problem_of(client.post("/explain", json=larger))
        assert problem["status"] == 422
        assert problem["errors"][0]["reason"] == "too-many-crosses"
        many = client.post("/predict?explain=2", json=[as_object(ROWS[0]), larger]).json()
        assert "contributions" in many["predictions"][0]
        assert many["predictions"][1]["error"]["row"] == 1


def test_more_rows_than_can_be_explained_in_time_are_refused(client: TestClient) -> None:
    """By both routes, at once; the message says how many are taken."""
    objects = [as_object(row) for row in flights(900, seed=3)]
    for path in ("/explain", "/predict?explain=2"):
        problem = problem_of(client.post(path, json=objects))
        assert problem["status"] == 413
        assert "more than 600 rows" in problem["detail"]


def test_what_is_remembered_is_explained_once(tmp_path: Path) -> None:
    """With the score that it explains; a row that is sent again has its first answer alone."""
    with a_client(tmp_path, more=EXPLAIN) as (client, _):
        row = as_object(ROWS[0])
        path = "/predict?remember=true&explain=2"
        first = client.post(path, json=row).json()
        assert len(first["contributions"]) == 2
        assert first["baseline"]["kind"] == "typical"
        again = client.post(path, json=row).json()
        assert again["repeated"]
        assert again["score"] == first["score"]
        assert "contributions" not in again
        many = client.post(path, json=[row, as_object(ROWS[1])]).json()
        assert many["baseline"] == first["baseline"]
        assert "contributions" in many["predictions"][1]
