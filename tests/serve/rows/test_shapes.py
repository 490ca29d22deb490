"""The shape of a request's rows: what refuses all of them, and what only one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from converters.cells.refusal import Refusal
from converters.objects.json_rows import object_cells
from serve.rows.object_layouts import REMEMBERED_LAYOUTS, Layouts
from tests.support.rows.schemas import Columns, build
from tests.support.serving.project import COLUMNS, flights
from tests.support.serving.served import a_client, as_object, problem_of

ROWS = flights(2, seed=11)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a server of one version."""
    with a_client(tmp_path_factory.mktemp("shapes")) as (client, _):
        yield client


def post_csv(client: TestClient, body: str | bytes) -> Response:
    """Send CSV."""
    return client.post("/predict", content=body, headers={"content-type": "text/csv"})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"a,b", "wrong-width"),
        (b"", "empty-row"),
        (b"f,1,,A\xff,,1,1,", "not-utf8"),
        (b"f,1,,A\rB,,1,1,", "bare-cr"),
        (b'f,1,,"A,,1,1,', "unclosed-quote"),
    ],
)
def test_a_bad_row_of_csv_has_its_error_in_its_place(
    client: TestClient, line: bytes, reason: str
) -> None:
    """Rows before it are scored, and rows after it unless a quote swallowed them."""
    header, good = ",".join(COLUMNS).encode(), ",".join(ROWS[0]).encode()
    answer = post_csv(client, b"\n".join([header, good, line, good, b""])).json()
    before, bad, *after = answer["predictions"]
    assert bad["error"]["reason"] == reason
    assert bad["error"]["row"] == 1
    assert before["id"] == ROWS[0][0]
    assert after == ([] if reason == "unclosed-quote" else [before])


@pytest.mark.parametrize(
    "content", ["1", '"row"', "null", "1.5", "[1]", "[[]]", '[{}, "x"]', '{"instances": 1}']
)
def test_what_is_no_row_is_refused_as_a_whole(client: TestClient, content: str) -> None:
    """A body or a list element that is not an object: 422 that says which."""
    headers = {"content-type": "application/json"}
    problem = problem_of(client.post("/predict", content=content, headers=headers))
    assert problem["status"] == 422
    assert problem["errors"][0]["reason"] in ("not-a-row", "unknown-column")
    assert "  " not in problem["detail"]
    assert problem["detail"].endswith(". The request had no effect.")


def test_csv_as_spreadsheets_write_it(client: TestClient) -> None:
    """Excel's line before the header is no row; another delimiter is said; no name is a name."""
    lines = "\n".join([",".join(COLUMNS), *map(",".join, ROWS), ""])
    answer = post_csv(client, lines)
    assert answer.status_code == 200
    for line in ("sep=,\r\n", '\ufeff"SEP=,",,\n'):
        assert post_csv(client, line + lines).json() == answer.json()
    problem = problem_of(post_csv(client, "sep=;\n" + lines))
    assert "separated by ';', and csv.delimiter says ','" in problem["detail"]
    assert "'Unnamed: 0'" in problem_of(post_csv(client, f",{lines}"))["detail"]
    headers = {"content-type": "text/csv"}
    for route, body in (("/events", lines), ("/labels", "id,label\na,0\n"), ("/labels", "a,0\n")):
        sent = client.post(route, content="sep=,\n" + body, headers=headers)
        assert sent.status_code == 202, sent.text


def test_json_behind_a_mark_or_blanks(client: TestClient) -> None:
    """As editors and Windows' tools write it, and with the parameters that clients send."""
    row, headers = as_object(ROWS[0]), {"content-type": "application/json"}
    many = {"instances": [row], "parameters": {}}
    for content in (row, [row], many, many | {"parameters": None}):
        for lead in ("\ufeff", "\n \ufeff", " \r\n", "\ufeff" * 2_000):
            body = lead + json.dumps(content)
            assert (
                client.post("/predict", content=body.encode(), headers=headers).status_code == 200
            )
    for route, content in (("/events", row), ("/labels", {"id": "a", "label": "0"})):
        body = "\ufeff" + json.dumps(content)
        assert client.post(route, content=body.encode(), headers=headers).status_code == 202
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        sent = client.post("/predict", content=json.dumps(row).encode(encoding), headers=headers)
        assert "is UTF-16, and JSON has to be UTF-8" in problem_of(sent)["detail"]
    sent = client.post("/predict", content='{"carrier": "é"}'.encode("latin-1"), headers=headers)
    assert "is not UTF-8: byte 13 is 0xe9" in problem_of(sent)["detail"]
    problem = problem_of(client.post("/predict", json=many | {"parameters": {"a": 1}}))
    assert (problem["status"], "would have no effect" in problem["detail"]) == (422, True)


def test_unknown_columns_are_named(client: TestClient) -> None:
    """In an object, in a list and in a CSV header; nothing is scored."""
    for response in (
        client.post("/predict", json={"colour": "red", "carrier": "AX"}),
        client.post("/predict", json=[{"carrier": "AX"}, {"colour": "red"}]),
        post_csv(client, "carrier,colour\nAX,red\n"),
    ):
        problem = problem_of(response)
        assert problem["status"] == 422
        assert "'colour'" in problem["detail"]
        assert [each["column"] for each in problem["errors"]] == ["colour"]


def test_missing_columns_are_named_where_they_must_not_be_missed(tmp_path: Any) -> None:
    """A column with ``missing = "reject"``: 422 naming it; a null in it is a bad cell."""
    more = 'missing = "reject"'
    with a_client(tmp_path, hour=more) as (client, _):
        whole = as_object(ROWS[0])
        without = {name: cell for name, cell in whole.items() if name != "hour"}
        for response in (
            client.post("/predict", json=without),
            client.post("/predict", json=[whole, without]),
            post_csv(client, "carrier\nAX\n"),
        ):
            problem = problem_of(response)
            assert problem["status"] == 422
            assert "'hour'" in problem["detail"]
            assert problem["errors"][0]["reason"] == "missing-column"
        assert client.post("/predict", json={"hour": "3"}).status_code == 200
        (error,) = client.post("/predict", json=[whole | {"hour": None}]).json()["predictions"]
        assert error["error"]["reason"] == "missing-value"


@pytest.mark.parametrize("body", ["", "\n", '"open\nf,1', "carrier,carrier\nA,B\n", "\ufeff"])
def test_csv_without_a_header_is_refused(client: TestClient, body: str) -> None:
    """No header, one that is no CSV, or one that names a column twice."""
    assert problem_of(post_csv(client, body))["status"] == 422


def test_no_rows_give_no_predictions(client: TestClient) -> None:
    """An empty list, empty instances and a header alone are answered."""
    for response in (
        client.post("/predict", json=[]),
        client.post("/predict", json={"instances": []}),
        post_csv(client, "carrier\n"),
        post_csv(client, "carrier"),
    ):
        assert response.json() == {"version": 1, "predictions": []}


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
values = st.one_of(scalars, st.lists(scalars, max_size=1), st.dictionaries(st.text(), scalars))


@given(st.dictionaries(st.sampled_from("abcdefg"), values))
def test_cells_by_layout_equal_the_converters(row: dict[str, Any]) -> None:
    """The compiled way gives what ``object_cells`` gives, for any values in any order."""
    columns: Columns = {name: {"kind": "categorical"} for name in "abc"}
    columns["c"]["was"] = ["e", "f"]
    schema = build(columns | {"d": {"role": "label", "was": "g"}})
    layouts = Layouts(schema)
    for each in (row, row, dict(reversed(row.items()))):
        layout = layouts.of(each)
        assert layout is not None
        assert layouts.cells(each, layout) == object_cells(each, schema.column_names)


def test_shuffled_keys_do_not_fill_the_memory() -> None:
    """Layouts are remembered up to a number, and forgotten ones are worked out again."""
    names = tuple(f"c{number}" for number in range(REMEMBERED_LAYOUTS))
    layouts = Layouts(build({key: {"kind": "text"} for key in names} | {"y": {"role": "label"}}))
    rows = [{name: "x"} for name in names] * 2
    for row in rows:
        layout = layouts.of(row)
        assert layout is not None
        assert not isinstance(layouts.cells(row, layout), Refusal)
    for start in range(1, 4):
        assert layouts.of(dict.fromkeys(names[start:], "x")) is not None
    assert len(layouts._layouts) <= REMEMBERED_LAYOUTS
