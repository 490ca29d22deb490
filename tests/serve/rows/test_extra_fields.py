"""Rows with more fields than columns, and nested ones: the same rows wherever they come in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from converters.check.check import report
from converters.convert.records import AT_THE_TOP, RowReader
from converters.convert.whole_file import checked
from converters.files.csv_file import CsvFileError, open_csv
from learners.versions.score_file import score_file
from tests.support.serving.project import COLUMNS, Project, answers, flights
from tests.support.serving.served import (
    a_client,
    as_csv,
    as_object,
    problem_of,
    written,
)
from tests.support.streams.replays import listed, replay, write

MORE = '[record]\nextra = "ignore"\npath = "payload.after"\nlabels_path = "outcome"\n'
ROWS = flights(60)
WIDER = [["x", *reversed(row), "y"] for row in ROWS]
HEADER = ["first", *reversed(COLUMNS), "last"]
CSV = {"content-type": "text/csv"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model that passes over fields that are no columns."""
    return Project(tmp_path / "wide", more=MORE)


def nested(row: list[str], **more: object) -> bytes:
    """A row as a change of a database says it."""
    after = dict(zip(COLUMNS, row, strict=True)) | more
    return orjson.dumps({"payload": {"before": None, "after": after, "op": "c"}})


def test_a_file_with_more_columns_is_the_file_without(project: Project, tmp_path: Path) -> None:
    """To produce, learn, backfill, convert, score and check."""
    narrow = Project(tmp_path / "narrow")
    wide = project.write_csv(WIDER, HEADER)
    learned, texts = [], []
    for each, file in ((narrow, narrow.write_csv(ROWS)), (project, wide)):
        each.produce(file)
        learned.append((each.learn()["model_sha256"], answers(each.scores())))
        assert each.backfill(file)["model_sha256"] == learned[0][0]
        with open_csv(str(file)) as opened:
            texts.append([block.rows.text for block in checked(opened, each.schema)])
    assert learned[0] == learned[1]
    assert texts[0] == texts[1]
    with open_csv(str(wide)) as opened:
        codes = {found.code for found in report(opened, project.schema, lambda _: None).findings}
    assert "unknown-columns" not in codes
    with project.registry() as registry:
        version = registry.versions.all()[-1]
    scored = tmp_path / "scored.csv"
    parts = project.settings, project.schema, version
    count, refused, cells = score_file(*parts, str(wide), str(scored))
    assert (count, refused.total, cells.rows) == (len(ROWS), 0, len(ROWS))
    fewer = [name for name in COLUMNS if name != "hour"]
    lines = [
        [cell for name, cell in zip(COLUMNS, row, strict=True) if name in fewer] for row in ROWS
    ]
    narrowest = project.write_csv(lines, fewer)
    cells = score_file(*parts, str(narrowest), str(scored))[2]
    assert cells.absent["hour"] == len(ROWS)


def test_a_file_of_other_columns_is_refused_all_the_same(project: Project) -> None:
    """One that knows none of them is somebody else's, or of another delimiter."""
    file = project.write_csv([["1", "2"]], ["a", "b"])
    with pytest.raises(CsvFileError, match="has none of them"):
        project.produce(file)
    file.write_text(";".join(COLUMNS) + "\n1;2\n")
    with pytest.raises(CsvFileError, match=r'write delimiter = ";" in its section \[csv\]'):
        project.produce(file)


def test_nested_records_are_learned_as_flat_ones(project: Project, tmp_path: Path) -> None:
    """One by one, in lists, with labels of their own shape."""
    flat = Project(tmp_path / "flat")
    unlabelled = [[*row[:2], "", *row[3:]] for row in ROWS]
    flat.append(*(",".join(row).encode() for row in unlabelled), time=10**12)
    flat.append(*(f"{row[0]},{row[2]}".encode() for row in ROWS), labels=True, time=10**12 + 1)
    many = b",".join(nested(row, more={"a": 1}) for row in unlabelled[30:])
    project.append(*map(nested, unlabelled[:30]), b"[%b]" % many, time=10**12)
    labels = [{"outcome": {"id": row[0], "late": row[2], "by": "hand"}} for row in ROWS]
    project.append(*map(orjson.dumps, labels), labels=True, time=10**12 + 1)
    assert project.learn()["model_sha256"] == flat.learn()["model_sha256"] is not None
    assert not project.dead_letters()


def test_refused_nested_rows_are_corrected_and_sent_again(project: Project) -> None:
    """What is sent is read as the row that it is."""
    bad = nested([*ROWS[0][:6], "far", ROWS[0][7]], more=None)
    gone = orjson.dumps({"payload": {"before": {}, "after": None, "op": "d"}})
    project.append(nested(ROWS[1]), bad, b"[%b,%b]" % (gone, nested(ROWS[2])))
    assert project.learn()["rejected"] == 2
    wrong, deleted = listed(project)
    assert (wrong["reason"], wrong["carrier"]) == ("not-a-number", ROWS[0][3])
    assert (deleted["reason"], deleted["carrier"]) == ("no-row-at-path", "")
    assert '"op":"d"' in deleted["raw"]
    wrong["distance"] = ROWS[0][6]
    assert replay(project, write(project.folder / "m.csv", [wrong])).sent == 1
    assert project.learn()["learned"] == 3


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[TestClient, Project]]:
    """A server of such a model."""
    with a_client(tmp_path, more=MORE) as (client, maker):
        yield client, maker.project


def test_bodies_with_more_fields_are_scored_as_without(
    served: tuple[TestClient, Project],
) -> None:
    """JSON of every form, and CSV; a body of no known field is refused."""
    client, _ = served
    plain = [as_object(row) for row in ROWS[:3]]
    wide = [{"x": [1], **row, "": None} for row in plain]
    expected = client.post("/predict", json=plain).json()["predictions"]
    assert client.post("/predict", json=wide).json()["predictions"] == expected
    assert client.post("/predict", json={"instances": wide}).json()["predictions"] == expected
    one = client.post("/predict", json=wide[0]).json()
    assert one["score"] == expected[0]["score"]
    csv = as_csv(ROWS[:3], COLUMNS).replace("\n", ",z\n")
    answered = client.post("/predict", content=csv, headers=CSV).json()["predictions"]
    assert [each["score"] for each in answered] == [each["score"] for each in expected]
    for body in ({"rows": 1}, [{"rows": 1, "b": 2}]):
        problem = problem_of(client.post("/predict", json=body))
        assert problem["status"] == 422
        assert "not nested in a field" in problem["detail"]
        assert "extra" not in problem["detail"]


def test_a_body_that_breaks_says_where(served: tuple[TestClient, Project]) -> None:
    """What is there, with its line and column; a schema registry's prefix is no part of a body."""
    client, _ = served
    json_type = {"content-type": "application/json"}
    for body, text in (
        (b'[{"distance": 7},\n{"distance": NaN}]', "NaN is no value of JSON: line 2 column 14"),
        (b'{"distance": 7', "the text is cut off: line 1 column 15"),
        (b'\0\0\0\0\1{"distance": 7}', "unexpected"),
    ):
        problem = problem_of(client.post("/predict", content=body, headers=json_type))
        assert problem["status"] == 400
        assert text in problem["detail"]
    assert client.post(
        "/predict", content=b'\xef\xbb\xbf \n{"distance": 7}', headers=json_type
    ).json()


def test_appended_rows_are_at_the_top_of_their_records(
    served: tuple[TestClient, Project],
) -> None:
    """Whatever path other producers' records have."""
    client, project = served
    rows: list[dict[str, Any]] = [as_object(row) | {"more": {"a": 1}} for row in ROWS[:3]]
    labels = [{"id": "a", "late": "1", "by": "hand"}, {"id": "b", "label": 0}]
    for route, body in (("/events", rows), ("/events", rows[0]), ("/labels", labels)):
        assert client.post(route, json=body).status_code == 202
    wide = as_csv(ROWS[:3], COLUMNS).replace("\n", ",z\n")
    assert client.post("/events", content=wide, headers=CSV).status_code == 202
    assert client.post("/labels", content="id,late\nc,1\n", headers=CSV).status_code == 202
    reader, read = RowReader(project.schema), list[Any]()
    for record in written(project).values():
        is_label = record.place.topic == project.topics().labels
        read += (reader.labels if is_label else reader.events)(record.value, record.headers)
        assert (AT_THE_TOP in record.headers) == record.value.startswith((b"{", b"["))
    assert sorted(row[0] for row in read) == sorted(
        [*(row["id"] for row in (*rows, *rows, rows[0])), "a", "b", "c"]
    )
