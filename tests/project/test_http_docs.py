"""``docs/http.md`` says what the server does: its routes, statuses, metrics and example."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from learners.line_bounds import UNLEARNABLE
from serve.http.problems import BUG, KINDS, OF_HTTP
from serve.rows.row_errors import MISSING_COLUMN, ROW_SENTENCES, TOO_MANY_CROSSES
from serve.server.heads import OF_HEADS
from tests.support import ROOT
from tests.support.serving.served import a_client

TEXT = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
CONVERTER = (ROOT / "docs" / "converter.md").read_text(encoding="utf-8")


def test_every_route_and_metric_is_in_the_document(tmp_path: Any) -> None:
    """And the document names no metric that there is not."""
    with a_client(tmp_path) as (client, _):
        client.post("/predict", json={})
        routes = client.get("/openapi.json").json()["paths"]
        exported = set(
            re.findall(r"^# TYPE (freshet_\w+) ", client.get("/metrics").text, re.MULTILINE)
        )
    for route in routes:
        assert route.replace("{version}", "{v}").replace("{number}", "{n}") in TEXT, route
    named = set(re.findall(r"`(freshet_\w+)`", TEXT))
    assert named == exported


def test_every_status_of_a_failure_is_in_the_table() -> None:
    """And no status is there that nothing gives."""
    rows = re.findall(r"^\| ([0-9, ]+) \|", TEXT, re.MULTILINE)
    told = {int(status) for row in rows for status in row.split(",")}
    assert told == {kind.status for kind in [*KINDS.values(), *OF_HTTP.values(), *OF_HEADS]} - {
        BUG.status
    }


def test_the_example_of_a_problem_is_a_real_one(tmp_path: Any) -> None:
    """Word by word."""
    (example,) = re.findall(r"```json\n(\{\"type\".*?)```", TEXT, re.DOTALL)
    with a_client(tmp_path) as (client, _):
        headers = {"X-Request-ID": json.loads(example)["request_id"]}
        response = client.post("/predict", json={"distance": "far"}, headers=headers)
        assert response.json() == json.loads(example)


def test_every_reason_has_a_sentence_and_is_documented() -> None:
    """Those of the converter in its own document, those of the server here."""
    of_converter = set(re.findall(r'Refus(?:al|edCellError)\(\s*"([a-z0-9-]+)"', _sources()))
    assert of_converter
    assert of_converter <= set(ROW_SENTENCES)
    of_server = {MISSING_COLUMN, TOO_MANY_CROSSES, UNLEARNABLE}
    for reason in of_server:
        assert f"`{reason}`" in TEXT
    for reason in set(ROW_SENTENCES) - of_server:
        assert reason in CONVERTER, reason


def _sources() -> str:
    """The converter's code, without the classic tool's, whose refusals no server gives."""
    folder: Path = ROOT / "converters"
    paths = [path for path in folder.rglob("*.py") if path.parent.name != "csv2vw"]
    return "".join(path.read_text(encoding="utf-8") for path in paths)
