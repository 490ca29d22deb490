"""One model, and the six ways in which rows are scored by it.

The model learns some rows and is then asked about others, which have neither label nor id, so that
it does not move meanwhile: its scores in the stream are those of the version that is served.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from converters.config import load
from converters.schema import schema
from learners.versions.score_file import score_file
from stream.backfill import backfill
from stream.fold.outputs import DeadLetter, Score
from stream.produce.file_records import HistoryOptions
from tests.support.serving.project import Project, csv_text
from tests.support.serving.served import client_of

# Every kind, transform, policy and role, and crosses by column, part and namespace. Weights are as
# large as any learner takes.
CONFIG = """
model = "all-kinds"
[label]
positive = ["1"]
negative = ["0"]
[learner]
kind = "{kind}"
args = "{args}"
interactions = {interactions}
{more}
[columns]
id = {{ role = "id" }}
at = {{ role = "time", zone = "America/New_York", parts = ["hour", "weekday"] }}
late = {{ role = "label" }}
weight = {{ role = "weight", max = 1 }}
sex = {{ role = "protected" }}
paid_back = {{ role = "leak" }}
city = {{ kind = "categorical", missing = "indicator", namespace = "where" }}
grade = {{ kind = "categorical", values = ["A", "B"], unseen = "group", namespace = "where" }}
amount = {{ kind = "numeric", features = ["log1p", "bins"], edges = [100, 900, 5e3] }}
income = {{ kind = "numeric", transform = "scale", center = 40.0, scale = 17.3, min = 0 }}
age = {{ kind = "numeric", transform = "bucket", edges = [25, 40, 60.5] }}
rate = {{ kind = "numeric", min = -1e6, max = 1e6, missing = "constant", fill_value = 0.1 }}
owner = {{ kind = "boolean" }}
opened = {{ kind = "time", zone = "UTC", parts = ["month", "year"] }}
purpose = {{ kind = "text" }}
"""
CROSSES = '[["city", "amount"], ["at.hour", "grade"], ["where", "purpose"], ["rate", "rate"]]'
NAMES = (
    *("id", "at", "late", "weight", "sex", "paid_back", "city", "grade", "amount", "income"),
    *("age", "rate", "owner", "opened", "purpose"),
)
# What the rows that are only scored have none of.
UNKNOWN = ("id", "late")
ROWS_OF_A_REQUEST = 200

# The score of a row, or why it has none.
Answer = float | str


def project_of(
    folder: Path, kind: str, args: str, crosses: str = CROSSES, more: str = ""
) -> Project:
    """A project whose schema has everything."""
    project = Project(folder)
    text = CONFIG.format(kind=kind, args=args, interactions=crosses, more=more)
    project.config_file.write_text(text, encoding="utf-8")
    project.settings = load.load(project.config_file)
    project.schema = schema.from_settings(project.settings)
    return project


def rows(count: int, seed: int, *, known: bool) -> list[list[str]]:
    """Rows in order of time; about one in twenty is refused."""
    dice, at, found = random.Random(seed), 1_357_016_400, []
    for number in range(count):
        at += dice.choice((0, 0, 60, 600))
        age, city = dice.randrange(18, 90), dice.choice(("Bonn", "New York", "Zürich|:", "", "%"))
        late = dice.random() < 0.1 + age / 150 + 0.2 * (city == "Bonn")
        cells = {
            "id": f"k{number}",
            "at": str(at),
            "late": str(int(late)),
            "weight": dice.choice(("", "1", "0.5", "0", "0.125")),
            "sex": dice.choice("fm"),
            "paid_back": str(int(late)),
            "city": city,
            "grade": dice.choice("ABCD"),
            "amount": dice.choice(("", "0", "-3", repr(dice.expovariate(1e-4)))),
            "income": repr(round(dice.gauss(50, 20), 2)),
            "age": dice.choice((str(age), f"{age}.5", "")),
            "rate": dice.choice(("", "1e-30", "7", repr(dice.gauss(0, 0.1)), "1e9", "-0")),
            "owner": dice.choice(("yes", "no", "TRUE", "")),
            "opened": dice.choice(("2012-03-04", "1340000000", "1969-07-20T20:17:40Z", "")),
            "purpose": " ".join(dice.choices(("car", "house", "a,b", '"new"', "é\u2028"), k=3)),
        }
        if dice.random() < 0.05:
            name, cell = dice.choice((("age", "old"), ("owner", "2"), ("rate", "1e39")))
            cells[name] = cell
        found.append([cells[n] if known or n not in UNKNOWN else "" for n in NAMES])
    return found


def answers(scores: Iterable[Score], refused: Iterable[DeadLetter]) -> list[Answer]:
    """The scores and refusals of a stream in the order of its rows."""
    found: dict[tuple[int, int], Answer] = {(s.offset, s.row): s.score for s in scores}
    found |= {(r.offset, r.row): r.reason for r in refused}
    return [found[place] for place in sorted(found)]


def file_of(folder: Path, name: str, content: Sequence[Sequence[str]]) -> Path:
    """Rows as a CSV file."""
    path = folder / name
    path.write_text(csv_text(content, NAMES), encoding="utf-8")
    return path


def streamed(project: Project, path: Path) -> list[Answer]:
    """By the learner, live on the log; makes the version that other ways use."""
    project.produce(path)
    project.learn()
    return answers(project.scores(), project.dead_letters())


def over_http(
    project: Project, asked: Sequence[Sequence[str]]
) -> tuple[list[Answer], list[Answer]]:
    """By a server: asked with objects, and with CSV of the known columns in another order."""
    header = [name for name in sorted(NAMES) if name not in UNKNOWN]
    places = [NAMES.index(name) for name in header]

    def as_json(chunk: Sequence[Sequence[str]]) -> bytes:
        return orjson.dumps([as_object(row) for row in chunk])

    def as_csv(chunk: Sequence[Sequence[str]]) -> bytes:
        return csv_text([[row[at] for at in places] for row in chunk], header).encode()

    with client_of(project) as client:
        return (
            list(_answers(client, asked, "application/json", as_json)),
            list(_answers(client, asked, "text/csv", as_csv)),
        )


def of_a_file(project: Project, path: Path) -> list[Answer]:
    """Offline, as ``freshet score`` does."""
    with project.registry() as registry:
        number = registry.serving.pointers().latest
        assert number is not None
        version = registry.versions.find(number)
    output = project.folder / "scored.csv"
    score_file(project.settings, project.schema, version, str(path), str(output))
    with output.open(encoding="utf-8", newline="") as file:
        return [row["reason"] or float(row["score"]) for row in csv.DictReader(file)]


def backfilled(project: Project, source: str) -> list[float]:
    """By a backfill of the same rows, from their file or from the log; without those refused."""
    text = io.StringIO(newline="")
    backfill.run(project.context, source, HistoryOptions(), fresh=False, scores=text)
    text.seek(0)
    return [float(row["score"]) for row in csv.DictReader(text)]


def as_object(row: Sequence[str]) -> dict[str, Any]:
    """A row as a client sends it: what is not known left out, numbers and truths not as text."""
    cells = dict(zip(NAMES, row, strict=True))
    return {name: _json_value(name, cell) for name, cell in cells.items() if name not in UNKNOWN}


def _json_value(name: str, cell: str) -> object:
    if not cell:
        return None
    if name in ("amount", "income", "weight", "at") and cell != "0":
        return int(cell) if cell.lstrip("-").isdigit() else float(cell)
    return cell == "TRUE" or cell


def _answers(
    client: Any,
    asked: Sequence[Sequence[str]],
    kind: str,
    body: Callable[[Sequence[Sequence[str]]], bytes],
) -> Iterator[Answer]:
    for start in range(0, len(asked), ROWS_OF_A_REQUEST):
        content = body(asked[start : start + ROWS_OF_A_REQUEST])
        response = client.post("/predict", content=content, headers={"content-type": kind})
        assert response.status_code == 200, response.text
        for given in response.json()["predictions"]:
            yield _reason(given["error"]) if "error" in given else given["score"]


def _reason(error: Mapping[str, Any]) -> str:
    return str(error["reason"])
