"""The rows of a quarantine as a file, and read again by what reads corrected rows."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from converters.config.settings import CsvSettings
from converters.errors import UsageError
from converters.files.csv_file import open_csv
from serve.cli import app
from stream.dead_letters.corrected_file import CorrectedFile, Filed
from stream.log.contract import Place
from tests.support.serving.project import COLUMNS, Project, flights

ROWS = flights(40)
BATCH = 4
LATER = 1_400_000_000_000


def run(project: Project, *arguments: str) -> Result:
    """A command, in this process."""
    config = ("--config", str(project.config_file))
    found = CliRunner().invoke(app, ["quarantine", *arguments, *config])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def read(project: Project, path: Path) -> list[Filed]:
    """The rows of such a file, as corrected rows are read."""
    with open_csv(str(path), CsvSettings(delimiter=project.schema.delimiter)) as file:
        return list(CorrectedFile(file, project.schema, project.topics()).rows())


def added(project: Project, *ranges: str) -> None:
    """Put these into quarantine."""
    skip = [option for text in ranges for option in ("--skip", text)]
    run(project, "add", *skip, "--reason", "a test")


@pytest.fixture
def project(tmp_path: Path, log_url: str, unique_name: str) -> Project:
    """Ten records of four flights each, bad rows behind them, and labels."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name, args="-b 10")
    project.produce(project.write_csv(ROWS), rows_per_message=BATCH)
    good = ",".join(ROWS[0]).encode()
    project.append(b"x," + good[3:].replace(b"f", b"z"), b'not "a flight\n\xff,1', time=LATER)
    project.append(b'{"id": "j1", "at": 1400000000, "carrier": "AX"}', time=LATER)
    project.append(b"f3,1\nf4,0,2014-05-13T18:00Z", b"f5,maybe", labels=True, time=LATER)
    project.learn()
    return project


def test_rows_are_read_back_as_they_were(project: Project, tmp_path: Path) -> None:
    """Each with its origin, cell by cell."""
    events = project.topics().events
    added(project, f"{events}:0:2-3", f"{events}:0:7-7")
    path = tmp_path / "rows.csv"
    assert run(project, "export", "1", "-o", str(path)).stderr == "12 rows of quarantine 1.\n"
    found = read(project, path)
    at = [(offset, row) for offset in (2, 3, 7) for row in range(BATCH)]
    assert [(f.origin.offset, f.origin.row) for f in found if f.origin] == at
    assert {f.origin.place for f in found if f.origin} == {Place(events, 0)}
    assert [list(f.cells) for f in found] == [ROWS[o * BATCH + row] for o, row in at]
    assert run(project, "export", "1").stdout == path.read_text()


def test_rows_that_cannot_be_cut_are_given_whole(project: Project, tmp_path: Path) -> None:
    """As refused rows are, with why they are refused; JSON has its cells."""
    run(project, "add", "--skip-time", "events", "2014-01-01..", "--reason", "a test")
    printed = run(project, "export", "1").stdout
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["id"] for row in rows] == ["x", "", "", "j1"]
    assert [bool(row["raw"]) for row in rows] == [False, True, True, False]
    assert rows[2]["reason"] == "not-utf8"
    assert rows[2]["raw"] == "\\xff,1"
    assert (rows[3]["reason"], rows[3]["carrier"]) == ("", "AX")
    (tmp_path / "rows.csv").write_text(printed)
    assert [f.raw for f in read(project, tmp_path / "rows.csv")][1:3] == [
        r["raw"] for r in rows[1:3]
    ]


def test_labels_are_asked_for(project: Project, tmp_path: Path) -> None:
    """Of a quarantine of both it is said that there are others."""
    topics = project.topics()
    added(project, f"{topics.events}:0:2", f"{topics.labels}:0:0-1")
    assert "It holds labels too: add --labels." in run(project, "export", "1").stderr
    path = tmp_path / "labels.csv.gz"
    run(project, "export", "1", "--labels", "-o", str(path))
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    assert [(r["id"], r["label"]) for r in rows] == [("f3", "1"), ("f4", "0"), ("f5", "maybe")]
    assert [bool(r["reason"]) for r in rows] == [False, False, True]
    assert [next(iter(f.cells)) for f in read(project, path)] == ["f3", "f4", "f5"]


def test_what_it_does_not_hold_is_told(project: Project) -> None:
    """With what it holds."""
    topics = project.topics()
    added(project, f"{topics.events}:0:2")
    with pytest.raises(UsageError, match=r"holds no labels, only .*:0:2-2 .*Leave out --labels"):
        run(project, "export", "1", "--labels")
    added(project, f"{topics.labels}:0:0")
    with pytest.raises(UsageError, match=r"holds no events, only .*:0:0-0 .*Give --labels"):
        run(project, "export", "2")


def test_a_file_that_is_there_is_left_alone(project: Project, tmp_path: Path) -> None:
    """Somebody may be at it."""
    added(project, f"{project.topics().events}:0:2")
    path = tmp_path / "rows.csv"
    path.write_text("corrected")
    with pytest.raises(UsageError, match=r"rows\.csv is there already"):
        run(project, "export", "1", "-o", str(path))
    assert path.read_text() == "corrected"


def test_another_delimiter_is_that_of_the_file(tmp_path: Path) -> None:
    """As refused rows are listed."""
    project = Project(tmp_path / "p", args="-b 10", more='[csv]\ndelimiter = ";"')
    project.append(";".join(ROWS[0]).encode(), time=LATER)
    project.learn()
    added(project, "flights.events:0:0")
    path = tmp_path / "rows.csv"
    run(project, "export", "1", "-o", str(path))
    assert ";".join(COLUMNS) in path.read_text()
    assert [list(filed.cells) for filed in read(project, path)] == [ROWS[0]]
