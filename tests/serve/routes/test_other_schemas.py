"""Versions of other schemas than the config's: each is served under its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from converters.convert.records import RowReader
from learners.versions.own_schema import KnownSchemas
from tests.support.serving.command import freshet
from tests.support.serving.project import COLUMNS, Project, flights
from tests.support.serving.served import (
    Maker,
    a_project,
    as_csv,
    as_object,
    client_of,
    edited,
    maker_of,
    problem_of,
    written,
)

ROWS = flights(20, seed=5)
# A column is renamed, one is re-typed, one removed, one added.
CHANGES = {
    "carrier": 'airline = { kind = "categorical", was = "carrier" }',
    "hour": 'hour = { kind = "numeric" }',
    "distance": "",
    "seats": 'seats = { kind = "numeric" }',
}
INTERACTIONS = ('["carrier", "origin"]', '["airline", "origin"]')


def later(project: Project) -> Project:
    """The project with its config edited."""
    text = project.config_file.read_text(encoding="utf-8")
    project.config_file.write_text(text.replace(*INTERACTIONS), encoding="utf-8")
    return edited(project, **CHANGES)


def as_later(row: Sequence[str]) -> list[str]:
    """A row's cells under the edited config."""
    return [cell for name, cell in zip(COLUMNS, row, strict=True) if name != "distance"] + ["200"]


def new_object(row: Sequence[str]) -> dict[str, Any]:
    """A row as a client of the edited config sends it."""
    given = as_object(row)
    del given["distance"]
    named = {"airline" if name == "carrier" else name: cell for name, cell in given.items()}
    return named | {"seats": 200}


@pytest.fixture
def models(tmp_path: Path) -> Iterator[tuple[TestClient, Maker, Maker]]:
    """A server of the edited config; version 1 is of the one before, and served; 2 is its own."""

    def history(count: int) -> list[list[str]]:
        return list(map(as_later, flights(count)))

    with maker_of(a_project(tmp_path)) as first:
        first.make()
        with maker_of(later(first.project), history=history) as second:
            second.make()
            second.point_to(1)
            with client_of(second.project, admin=True) as client:
                yield client, first, second


def predicted(client: TestClient, rows: Sequence[dict[str, Any]]) -> tuple[int, list[float]]:
    """The version that answers for many rows, and their scores."""
    answer = client.post("/predict", json=list(rows)).json()
    return answer["version"], [each["score"] for each in answer["predictions"]]


def serve(client: TestClient, version: int) -> None:
    """Have the server serve a version."""
    body = {"version": version, "reason": "test", "force": True}
    response = client.post("/rollback", json={k: v for k, v in body.items() if k != "force"})
    assert response.status_code == 200, response.text


def test_each_version_scores_under_its_own_schema(models: tuple[TestClient, Maker, Maker]) -> None:
    """Rolled back and forth, with the config as it is: what `score` gives, and no other."""
    client, first, second = models
    own = first.scores(1, ROWS)
    assert predicted(client, [as_object(row) for row in ROWS]) == (1, own)
    serve(client, 2)
    theirs = second.scores(2, list(map(as_later, ROWS)))
    assert predicted(client, [new_object(row) for row in ROWS]) == (2, theirs)
    serve(client, 1)
    assert predicted(client, [as_object(row) for row in ROWS]) == (1, own)


def test_clients_of_either_config_are_answered(models: tuple[TestClient, Maker, Maker]) -> None:
    """A renamed column is known by both names; one that the version lacks is passed over."""
    client, first, second = models
    without = [
        ["" if name == "distance" else cell for name, cell in zip(COLUMNS, row, strict=True)]
        for row in ROWS
    ]
    assert predicted(client, [new_object(row) for row in ROWS]) == (1, first.scores(1, without))
    serve(client, 2)
    lacking = [[*as_later(row)[:-1], ""] for row in ROWS]
    assert predicted(client, [as_object(r) for r in ROWS]) == (2, second.scores(2, lacking))


def test_csv_of_either_config_is_answered(models: tuple[TestClient, Maker, Maker]) -> None:
    """Its header names the columns."""
    client, first, _ = models
    for header in (COLUMNS, tuple("airline" if n == "carrier" else n for n in COLUMNS)):
        body = as_csv(ROWS).replace(",".join(COLUMNS), ",".join(header))
        answer = client.post("/predict", content=body, headers={"Content-Type": "text/csv"}).json()
        assert [each["score"] for each in answer["predictions"]] == first.scores(1, ROWS)


def test_a_name_that_no_config_had_is_refused(models: tuple[TestClient, Maker, Maker]) -> None:
    """Whatever is served, it is a mistake of the client's."""
    client, _, _ = models
    response = client.post("/predict", json=as_object(ROWS[0]) | {"seat": 1})
    assert [each["column"] for each in problem_of(response)["errors"]] == ["seat"]


def test_labels_are_spelt_as_the_version_learned_them(tmp_path: Path) -> None:
    """The label map is part of a version's schema."""
    with maker_of(a_project(tmp_path)) as first:
        first.make()
        text = first.project.config_file.read_text(encoding="utf-8")
        text = text.replace('["1"]', '["yes"]').replace('["0"]', '["no"]')
        first.project.config_file.write_text(text, encoding="utf-8")
        with client_of(edited(first.project)) as client:
            assert client.post("/predict", json=as_object(ROWS[0])).json()["label"] in ("0", "1")


def test_rows_that_either_schema_can_learn_from_are_appended(
    models: tuple[TestClient, Maker, Maker],
) -> None:
    """As they came: the config's clients and those of before; not what neither can read."""
    client, _, second = models
    old, new = as_object(ROWS[0]), new_object(ROWS[1])
    assert client.post("/events", json=old).status_code == 202
    assert client.post("/events", json=new).status_code == 202
    # Only the schema before the change takes a text as hour.
    assert client.post("/events", json=old | {"id": "x", "hour": "noon"}).status_code == 202
    assert client.post("/events", json=new | {"distance": "far"}).status_code == 202
    for wrong in (new | {"seat": 1}, old | {"distance": "far", "hour": "noon"}):
        assert client.post("/events", json=wrong).status_code == 422
    values = [json.loads(record.value) for record in written(second.project).values()]
    assert values[:2] == [old, new]
    assert len(values) == 4


def test_a_version_whose_schema_nobody_knows_is_not_pointed_to(tmp_path: Path) -> None:
    """An older release made it, under another config: 409, exit status 1, and nothing is moved."""
    with maker_of(a_project(tmp_path), keeps_config=False) as maker:
        maker.make()
        other = edited(maker.project, hour='hour = { kind = "numeric" }')
        before = maker.registry.ledger.entries()
        with client_of(other, ready=False, admin=True) as client:
            for route in ("/promote", "/rollback"):
                response = client.post(route, json={"version": 1, "reason": "test"})
                assert problem_of(response)["type"].endswith("unservable-version")
        for command in ("promote", "rollback"):
            done = freshet(command, "1", "--reason", "test", cwd=tmp_path)
            assert done.returncode == 1
            assert "a different schema" in done.stderr
        assert maker.registry.ledger.entries() == before


def test_score_and_show_take_a_version_of_another_schema(
    models: tuple[TestClient, Maker, Maker],
) -> None:
    """Offline as over HTTP."""
    _, first, second = models
    folder = second.project.folder
    (folder / "rows.csv").write_text(as_csv(ROWS), encoding="utf-8")
    done = freshet("score", "rows.csv", "--version", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    scores = [float(line.split(",")[2]) for line in done.stdout.splitlines()[1:]]
    assert scores == first.scores(1, ROWS)
    assert freshet("show", "1", cwd=folder).returncode == 0


def test_names_are_followed_through_many_renames(tmp_path: Path) -> None:
    """From the first name to the last and back."""
    project = a_project(tmp_path)
    names, makers = ("carrier", "airline", "operator"), []
    for old, new in pairwise(names):
        makers.append(Maker(project))
        text = project.config_file.read_text(encoding="utf-8").replace(f'"{old}"', f'"{new}"')
        project.config_file.write_text(text, encoding="utf-8")
        line = f'{new} = {{ kind = "categorical", was = "{old}" }}'
        project = edited(project, **{old: line})
    with project.registry() as registry:
        known = KnownSchemas(registry, project.schema)
        assert len({each.names for each in known.by_hash.values()}) == 3
        for schema in known.by_hash.values():
            for name in names:
                given = [name if each in names else each for each in schema.names]
                assert schema.column_names.held(given) == tuple(given)
    for maker in makers:
        maker.close()


def test_appended_rows_are_read_wherever_a_learner_looks_for_rows(
    models: tuple[TestClient, Maker, Maker],
) -> None:
    """The learner's config may have a path to rows of JSON that the server's has not."""
    client, first, second = models
    row = as_object(ROWS[0])
    assert client.post("/events", json=row).status_code == 202
    assert client.post("/labels", json={"id": "f0", "label": "1"}).status_code == 202
    nested = RowReader(replace(first.project.schema, path=("row",), labels_path=("row",)))
    event, label = written(second.project).values()
    assert nested.events(event.value, event.headers) == [
        first.convert([*ROWS[0][:2], "", *ROWS[0][3:7], ""])
    ]
    assert nested.labels(label.value, label.headers) == [("f0", 1)]
