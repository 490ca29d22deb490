"""Files of other delimiters and encodings: every command gives what it gives for the usual ones."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from converters.files.framing import Dialect
from serve.cli import app
from stream.log import journal
from tests.support.serving.project import COLUMNS, Project, flights
from tests.support.serving.served import FEATURES, a_project, client_of, maker_of

CSV = {"content-type": "text/csv"}
SEMICOLON, TAB, BAR = (";", "cp1252"), ("\t", "utf-16"), ("|", "utf-8")
IDS = ["semicolon", "tab", "bar"]
long = pytest.mark.long
BAD = ["bad", "1357016400", "1", "A;Z", "JFK", "3", "far", "1357017400"]


def some_flights(count: int) -> list[list[str]]:
    """Flights whose carriers hold every delimiter, quotes and characters beyond ASCII."""
    rows = flights(count)
    for row, mark in zip(rows, [",", ";", "\t", "|", "é", '"', "\n"] * count, strict=False):
        row[3] += mark
    return rows


@dataclass
class Model:
    """A model whose config names a form of CSV, and what its commands print."""

    project: Project
    delimiter: str
    encoding: str

    def run(self, *arguments: str, status: int = 0, stdin: bytes = b"") -> str:
        """What a command prints on standard output."""
        config = ["--config", str(self.project.config_file)]
        result = CliRunner().invoke(app, [*arguments, *config], input=stdin)
        assert result.exit_code == status, result.stderr or result.exception
        return result.stdout

    def bytes_of(self, rows: Sequence[Sequence[str]], header: Sequence[str] = COLUMNS) -> bytes:
        """Rows as a file of the model's form."""
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.delimiter, lineterminator="\n").writerows([header, *rows])
        return text.getvalue().encode(self.encoding)

    def file(self, rows: Sequence[Sequence[str]], header: Sequence[str] = COLUMNS) -> str:
        """The same, written."""
        path = self.project.folder / "rows.csv"
        path.write_bytes(self.bytes_of(rows, header))
        return str(path)


def model(folder: Path, delimiter: str = ",", encoding: str = "utf-8") -> Model:
    """A new model."""
    section = f"[csv]\ndelimiter = {json.dumps(delimiter)}\nencoding = {json.dumps(encoding)}\n"
    return Model(Project(folder, more=section, args="-b 10"), delimiter, encoding)


@pytest.fixture(
    params=[SEMICOLON, pytest.param(TAB, marks=long), pytest.param(BAR, marks=long)], ids=IDS
)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Model, Model]:
    """A model of another form, and one of the usual form."""
    return model(tmp_path / "other", *request.param), model(tmp_path / "usual")


Step = Callable[[Model], Any]


def same(both: tuple[Model, Model], step: Step) -> None:
    """See that a step gives the same with both."""
    other, usual = map(step, both)
    assert other == usual
    assert other


@pytest.mark.parametrize("form", [SEMICOLON, TAB, BAR], ids=IDS)
def test_convert(tmp_path: Path, form: tuple[str, str]) -> None:
    """The text is that of the same cells, whatever the order of the columns."""
    both = model(tmp_path / "other", *form), model(tmp_path / "usual")
    rows = [*some_flights(60), BAD]
    turned = [row[::-1] for row in rows]
    same(both, lambda m: m.run("convert", m.file(rows), "--rejects", "/dev/null"))
    same(both, lambda m: m.run("convert", m.file(turned, COLUMNS[::-1]), "--rejects", "/dev/null"))


def test_convert_of_standard_input(both: tuple[Model, Model]) -> None:
    """So it is for a pipe."""
    same(both, lambda m: m.run("convert", "-", stdin=m.bytes_of(some_flights(60))))


def learned(m: Model) -> dict[str, Any]:
    """What the learner reports, less what differs from run to run."""
    report: dict[str, Any] = json.loads(m.run("learn", "--until-end", "--json"))
    return {key: report[key] for key in report if not key.endswith(("_run", "per_second"))}


@pytest.mark.parametrize("late", [(), ("--label-time", "landed")], ids=["with", "late"])
def test_produce_learn_score_and_backfill(both: tuple[Model, Model], late: tuple[str, ...]) -> None:
    """Rows and labels are learned to the same model, and the file backfills to it."""

    def step(m: Model) -> tuple[Any, ...]:
        path = m.file(some_flights(300))
        m.run("produce", path, *late)
        report = learned(m)
        assert (report["learned"], report["rejected"]) == (300, 0)
        scores = m.run("score", path)
        candidate = json.loads(m.run("backfill", path, *late, "--json"))
        assert candidate["model_sha256"] == report["model_sha256"]
        return report, scores

    same(both, step)


def test_records_are_utf8_in_the_delimiter(both: tuple[Model, Model]) -> None:
    """A row goes to the topic as it stands in the file, but always in UTF-8."""
    other, _ = both
    rows = some_flights(5)
    other.run("produce", other.file([row[::-1] for row in rows], COLUMNS[::-1]))
    with other.project.open_log() as log:
        (record,) = journal.records(log, other.project.topics().events)
    dialect = Dialect(other.delimiter)
    assert list(dialect.cells(record.value)) == [row[::-1] for row in rows]
    assert dialect.cells_of(dict(record.headers)["columns"]) == list(COLUMNS[::-1])


def test_refused_rows_are_listed_mended_and_sent_again(both: tuple[Model, Model]) -> None:
    """What is listed is in the config's delimiter, and so is what is handed in, in UTF-8."""

    def step(m: Model) -> tuple[Any, ...]:
        m.run("produce", m.file([*some_flights(20), BAD, [*BAD[:3], "é,;|\t", *BAD[4:]]]))
        learned(m)
        listed = m.run("dead-letters", "--rows", "events")
        assert m.delimiter.join(("topic", "partition", "offset", "row", "reason")) in listed
        told = m.run("dead-letters").splitlines()[1:]
        assert [line.rsplit(",", 3)[1] for line in told] == ["not-a-number"] * 2
        m.run("replay-dead-letters", "-", stdin=listed.replace("far", "700").encode())
        with m.project.open_log() as log:
            *_, sent = journal.records(log, m.project.topics().events)
        assert [list(cells)[3] for cells in Dialect(m.delimiter).cells(sent.value)] == ["é,;|\t"]
        return learned(m), next(csv.reader(io.StringIO(listed), delimiter=m.delimiter))

    same(both, step)


def test_init(both: tuple[Model, Model]) -> None:
    """A config that was made of a file reads that file."""
    rows = some_flights(60)

    def step(m: Model) -> str:
        path, made = m.file(rows), m.project.folder / "made.toml"
        options = ["--id", "id", "--time", "at", "--label", "late", "--positive", "1"]
        options += ["--delimiter", "tab" if m.delimiter == "\t" else m.delimiter]
        result = CliRunner().invoke(
            app, ["init", path, *options, "--encoding", m.encoding, "-o", str(made)]
        )
        assert result.exit_code == 0, result.stderr
        return CliRunner().invoke(app, ["convert", path, "--config", str(made)]).stdout

    same(both, step)


@pytest.mark.parametrize("option", [("--delimiter", "x"), ("--encoding", "nope")])
def test_init_with_what_cannot_be(tmp_path: Path, option: tuple[str, str]) -> None:
    """An option that names no delimiter or no encoding is wrong usage."""
    path = model(tmp_path).file(some_flights(5))
    options = ["--label", "late", "--positive", "1", "-o", str(tmp_path / "made.toml")]
    result = CliRunner().invoke(app, ["init", path, *options, *option])
    assert option[0] in str(result.exception)


def test_init_of_a_file_whose_delimiter_was_not_told(tmp_path: Path) -> None:
    """What the delimiter seems to be is said."""
    path = model(tmp_path, "|").file(some_flights(5))
    options = ["--label", "late", "--positive", "1", "-o", str(tmp_path / "made.toml")]
    result = CliRunner().invoke(app, ["init", path, *options])
    assert "separate cells by '|': run init with --delimiter '|'" in str(result.exception)


DELIMITERS = pytest.mark.parametrize(
    "delimiter", [";", pytest.param("\t", marks=long), pytest.param("|", marks=long)]
)


def server_of(folder: Path, delimiter: str) -> Model:
    """A model of a server."""
    section = f"[csv]\ndelimiter = {json.dumps(delimiter)}\n"
    return Model(a_project(folder, more=section), delimiter, "utf-8")


def to_send() -> list[list[str]]:
    """Rows without labels; in one body with quotes, and in one without."""
    return [[row[COLUMNS.index(name)] for name in FEATURES] for row in some_flights(30)]


@DELIMITERS
@pytest.mark.parametrize("carrier", [None, "AX"], ids=["quoted", "plain"])
def test_scoring_over_http(tmp_path: Path, delimiter: str, carrier: str | None) -> None:
    """A CSV body in the delimiter is scored as the same rows in JSON are."""
    made = server_of(tmp_path, delimiter)
    rows = [[*row[:2], carrier or row[2], *row[3:]] for row in to_send()]
    with maker_of(made.project) as maker:
        maker.make()
        with client_of(made.project) as client:
            by_csv = client.post("/predict", content=made.bytes_of(rows, FEATURES), headers=CSV)
            objects = [dict(zip(FEATURES, row, strict=True)) for row in rows]
            by_json = client.post("/predict", json=objects)
    assert by_csv.json() == by_json.json()
    assert all("score" in each for each in by_csv.json()["predictions"])


@DELIMITERS
def test_sending_over_http(tmp_path: Path, delimiter: str) -> None:
    """Events and labels whose bodies are in the delimiter are learned, none of them refused."""
    made = server_of(tmp_path, delimiter)
    events = made.bytes_of(to_send(), FEATURES)
    known = to_send()[-1][FEATURES.index("at")]
    labels = made.bytes_of([["f1", "1", known], ["f2", "0", known]], ["id", "label", "time"])
    with client_of(made.project, ready=False) as client:
        for route, body in (("/events", events), ("/labels", labels)):
            assert client.post(route, content=body, headers=CSV).status_code == 202
    report = made.project.learn()
    assert (report["events"], report["learned"], report["rejected"]) == (30, 2, 0)
