"""``POST /predict`` tells which features a row lacks and, if asked, which values are unseen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.support.serving.project import flights
from tests.support.serving.served import (
    Maker,
    a_client,
    a_project,
    as_object,
    client_of,
    edited,
    maker_of,
    problem_of,
)

WHOLE = as_object(flights(1)[0])
CSV = {"content-type": "text/csv"}
NAMES = ["carrier", "origin", "hour", "distance"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Maker]]:
    """A server of a model that lists its origins, and takes ``?`` for a missing hour."""
    listed, spelt = 'values = ["JFK", "LGA", "EWR"]', 'missing_values = ["?"]'
    with a_client(tmp_path_factory.mktemp("odd"), origin=listed, hour=spelt) as pair:
        yield pair


@pytest.fixture
def client(served: tuple[TestClient, Maker]) -> TestClient:
    """Its client."""
    return served[0]


def without(*names: str, **cells: object) -> dict[str, Any]:
    """A whole row without some columns, and with other cells in others."""
    return {name: cell for name, cell in WHOLE.items() if name not in names} | cells


@pytest.mark.parametrize(
    ("row", "absent"),
    [
        (WHOLE, None),
        (without("id", "at"), None),
        (without("origin"), ["origin"]),
        (without(origin=None), ["origin"]),
        (without(origin="", hour="?"), ["origin", "hour"]),
        ({}, NAMES),
    ],
)
def test_an_answer_lists_the_features_that_its_row_lacks(
    client: TestClient, row: dict[str, Any], absent: list[str] | None
) -> None:
    """Not sent, null, empty or spelt as missing; alone, in lists of any length, and in CSV."""
    assert client.post("/predict", json=row).json().get("absent") == absent
    for count in (2, 40):
        rows = [row, WHOLE] * (count // 2)
        answers = client.post("/predict", json=rows).json()["predictions"]
        assert [each.get("absent") for each in answers] == [absent, None] * (count // 2)
    if names := list(row):
        body = f"{','.join(names)}\n{','.join(str(row[name] or '') for name in names)}\n"
        (answer,) = client.post("/predict", content=body, headers=CSV).json()["predictions"]
        assert answer.get("absent") == absent


def test_absent_features_are_not_listed_if_that_is_not_wanted(client: TestClient) -> None:
    """The score is the same."""
    told, quiet = (
        client.post(f"/predict{query}", json={}).json() for query in ("", "?absent=false")
    )
    assert told == quiet | {"absent": NAMES}
    assert client.post("/predict?absent=true", json={}).json() == told


def test_unseen_values_are_told_when_asked(client: TestClient) -> None:
    """By the column's name: of one that lists its values, and has a value."""
    rows = [without(origin="XYZ", carrier="never"), WHOLE, without("hour", origin="y" * 90)]
    answers = client.post("/predict?unseen=true", json=rows).json()["predictions"]
    assert [(each.get("unseen"), each.get("absent")) for each in answers] == [
        (["origin"], None),
        (None, None),
        (["origin"], ["hour"]),
    ]
    assert "unseen" not in client.post("/predict", json=rows[0]).json()
    assert client.post("/predict?unseen=true", json=rows[0]).json()["unseen"] == ["origin"]
    assert client.post("/predict?unseen=true", json=WHOLE).json().get("unseen") is None


@pytest.mark.parametrize("query", ["absent=no", "unseen=1", "unseen", "absent=true&absent=false"])
def test_what_a_query_cannot_say_is_refused(client: TestClient, query: str) -> None:
    """It would be ignored otherwise."""
    assert problem_of(client.post(f"/predict?{query}", json={}))["status"] == 400


def test_both_are_counted_by_column_whether_told_or_not(client: TestClient) -> None:
    """Rows that were scored: not refused ones. No value is in the metrics."""
    before = counters(client)
    rows = [without("origin"), without(origin="XYZ"), without("hour", distance="far")] * 20
    client.post("/predict?absent=false", json=rows)
    client.post("/predict", json=without(origin="XYZ"))
    rise = {key: n - before.get(key, 0) for key, n in counters(client).items()}
    assert {key: n for key, n in rise.items() if n} == {
        ("freshet_absent_features_total", "origin"): 20,
        ("freshet_unseen_values_total", "origin"): 21,
    }
    assert "XYZ" not in client.get("/metrics").text


def counters(client: TestClient) -> dict[tuple[str, str], float]:
    """The counters of both, by column."""
    return {
        (sample.name, sample.labels["column"]): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        if family.name in ("freshet_absent_features", "freshet_unseen_values")
        for sample in family.samples
    }


def test_the_names_are_those_of_the_version_that_is_served(tmp_path: Any) -> None:
    """A version has its own columns, whatever the config calls them now."""
    with maker_of(a_project(tmp_path)) as maker:
        maker.make()
        with client_of(edited(maker.project, hour="")) as client:
            assert client.post("/predict", json=without("hour")).json()["absent"] == ["hour"]
