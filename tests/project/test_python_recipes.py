"""``docs/python-and-kafka.md``: its recipes run in their order, on a real broker and server."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from converters.cells.refusal import Refusal
from converters.config.load import load
from converters.convert.records import RowReader
from converters.schema.schema import from_settings
from tests.support import ROOT
from tests.support.serving.server_process import server_at
from tests.support.shown_commands import Shell, blocks, lines, page

PAGE = page("python-and-kafka.md")
START, REST = PAGE.split("## A DataFrame\n")
SEND, REST = REST.split("## Learn and serve\n")
# Sections by their titles: all that need a learned model and a server.
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", REST, re.MULTILINE | re.DOTALL))
HISTORY = 600


class Recipes(Shell):
    """The blocks of a page, for a model of a name of its own on the tests' broker."""

    def __init__(self, folder: Path, bootstrap: str, model: str) -> None:
        super().__init__(folder)
        self._bootstrap, self._model = bootstrap, model
        self.address = "http://127.0.0.1:8000"

    def section(self, text: str) -> str:
        """Run all blocks of a section; what they printed."""
        printed = ""
        for kind, block in blocks(text, "sh", "python"):
            script = block.replace("localhost:9092", self._bootstrap)
            script = script.replace('"loans.', f'"{self._model}.').replace("=5000", "=1500")
            script = script.replace("http://127.0.0.1:8000", self.address)
            if kind == "python":
                printed += self.python(script)
            else:
                printed += "".join(self.run(line) for line in lines(script) if line[:6] != "export")
        return printed


@pytest.fixture
def recipes(
    tmp_path: Path, kafka_bootstrap: str, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> Recipes:
    """A folder with the example's first rows, as the page's first block finds it."""
    example = tmp_path / "docs" / "example" / "loans.csv"
    example.parent.mkdir(parents=True)
    text = (ROOT / "docs" / "example" / "loans.csv").read_text("utf-8").splitlines(keepends=True)
    example.write_text("".join(text[: HISTORY + 1]), encoding="utf-8")
    monkeypatch.setenv("FRESHET_MODEL", unique_name)
    monkeypatch.setenv("FRESHET_LOG", f"kafka://{kafka_bootstrap}")
    monkeypatch.setenv("FRESHET_LEARN__PROCESSES", "1")
    monkeypatch.chdir(tmp_path)
    return Recipes(tmp_path, kafka_bootstrap, unique_name)


@pytest.mark.kafka
def test_the_recipes_run_and_give_what_they_say(recipes: Recipes) -> None:
    """Sent, learned, served, read: each event and label is found again where it should be."""
    recipes.section(START)
    assert f"{HISTORY} rows sent" in recipes.section(SEND)
    recipes.run("freshet learn --until-end")
    with server_at(recipes.folder / "freshet.toml") as server:
        recipes.address = server.address
        http = recipes.section(SECTIONS["Over HTTP"])
        assert http.count('"rows"') + http.count("'rows'") >= 3
        assert "already-expired" not in http
        recipes.run("freshet learn --until-end")
        said = {title: recipes.section(text) for title, text in SECTIONS.items() if title in READ}
        java = predicted_in_java(recipes)
    assert f"{HISTORY + 5} scores" in said["Scores into pandas"]  # c-2 is refused
    joined = said["Scores with their labels"].split()
    assert [joined[at] for at in range(3, len(joined), 3)] == ["j-1", "c-1", "h-1", "r-1"]
    assert re.search(r"not-a-number +amount +1", said["Dead letters"])
    assert f"{HISTORY + 4} labels, log loss 0." in said["Measures"]
    whole, part = said["Predictions in Python"].splitlines()
    assert part.startswith("('applied', 'purpose', 'grade', 'income') are absent")
    score, label, version = whole.split()
    assert (float(score), label, int(version)) == (java["score"], java["label"], java["version"])
    assert "'count': 500.0" in said["Score a DataFrame"]
    converted, refused, scored = said["The converter as a library"].splitlines()
    assert converted.startswith("('x-1', None, ")
    assert "not-a-number" in refused
    assert json.loads(scored) == [float(score)]


READ = {
    *("Scores into pandas", "Scores with their labels", "Dead letters", "Measures"),
    *("Predictions in Python", "Score a DataFrame", "The converter as a library"),
}


def test_every_section_is_run() -> None:
    """None is on the page that the other test does not know."""
    sections = {"Over HTTP", "Predictions in another language", *READ}
    assert sections == set(SECTIONS)


def predicted_in_java(recipes: Recipes) -> dict[str, object]:
    """What the page's program in Java prints."""
    if shutil.which("javac") is None:
        pytest.skip("a Java without a compiler runs no source file")
    ((_, program),) = blocks(PAGE, "java")
    source = recipes.folder / "Predict.java"
    source.write_text(program.replace("http://127.0.0.1:8000", recipes.address), encoding="utf-8")
    result = subprocess.run(
        ["java", source.name], cwd=recipes.folder, capture_output=True, text=True, check=True
    )
    found: dict[str, object] = json.loads(result.stdout)
    return found


SCHEMA = """
model = "m"
[label]
positive = ["1"]
negative = ["0"]
[columns]
id = { role = "id" }
at = { role = "time", parts = ["hour"], zone = "UTC" }
amount = { kind = "numeric" }
term = { kind = "categorical" }
owner = { kind = "categorical" }
late = { role = "label" }
"""


@pytest.mark.parametrize(
    ("values", "json_text", "read"),
    [
        ({"term": pd.NA, "amount": math.nan, "at": pd.NaT, "owner": None}, "null", ""),
        ({"owner": True}, "true", "owner=true"),
        ({"at": pd.Timestamp("2024-01-01 12:50")}, '"2024-01-01T12:50:00.000"', "at.hour=12"),
        ({"term": 36}, "36", "term=36"),
        ({"term": 36.0}, "36.0", "term=36"),
        ({"amount": 36.0}, "36.0", "amount:36"),
        ({"id": 100001}, "100001", "100001"),
        ({"id": 100001.0}, "100001.0", "100001"),
        ({"id": "007"}, '"007"', "007"),
    ],
)
def test_values_of_a_frame_arrive_as_the_table_says(
    tmp_path: Path, values: dict[str, object], json_text: str, read: str
) -> None:
    """Written by the recipe's ``to_json`` and read as a record of events."""
    config = tmp_path / "freshet.toml"
    config.write_text(SCHEMA, encoding="utf-8")
    frame = pd.DataFrame([values])
    text = json.dumps(json.loads(frame.to_json(orient="records", date_format="iso")))
    assert all(f'"{name}": {json_text}' in text for name in values)
    assert f"`{json_text}`" in PAGE or values.keys() == {"at"}
    reader = RowReader(from_settings(load(config)))
    (row,) = reader.events(text.encode(), [("content-type", b"application/json")])
    assert not isinstance(row, Refusal), row
    id_, _, written = row
    features = [feature for feature in written.split() if not feature.startswith("|")]
    assert [*filter(None, [id_]), *features] == [*filter(None, [read])]
