"""A file in local time, where clocks are put back: refused with the way out, or read in order."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from converters.check.check import report
from converters.config import load
from converters.files.csv_file import CsvFileError, open_csv
from converters.schema import schema
from stream.produce.file_records import History, HistoryOptions
from tests.support.serving.project import Project, answers, csv_text, flights, same

ZONE = ZoneInfo("America/New_York")
# The clocks were put back at 06:00 UTC; rows come every seven seconds from 04:30 on.
START = int(datetime(2024, 11, 3, 4, 30, tzinfo=UTC).timestamp())
MOMENTS = [START + 7 * number for number in range(1_600)]


def local(second: int) -> str:
    """A moment as the clocks of New York show it."""
    return datetime.fromtimestamp(second, ZONE).replace(tzinfo=None).isoformat(sep=" ")


def rows() -> list[list[str]]:
    """Flights in order, which land a quarter of an hour later, in local time."""
    found = flights(len(MOMENTS))
    for row, moment in zip(found, MOMENTS, strict=True):
        row[1], row[7] = local(moment), local(moment + 900)
    return found


def a_project(folder: Path, time: str) -> Project:
    """A project whose time column has these settings."""
    project = Project(folder)
    text = project.config_file.read_text().replace('at = { role = "time"', f"at = {{ {time}")
    project.config_file.write_text(text)
    project.settings = load.load(project.config_file)
    project.schema = schema.from_settings(project.settings)
    return project


IN_ORDER = 'role = "time", zone = "America/New_York", fold = "order"'
UNSAID = {
    'role = "time"': '`zone = "America/New_York"`',
    'role = "time", zone = "America/New_York"': "This is the hour that comes twice",
}


@pytest.mark.parametrize("time", UNSAID)
def test_the_hour_that_comes_twice_is_not_called_unsorted(tmp_path: Path, time: str) -> None:
    """Produce and check say what it is, where, and the ways out, and not to sort the file."""
    project = a_project(tmp_path / "p", time)
    path = project.write_csv(rows())
    line = 2 + MOMENTS.index(next(at for at in MOMENTS if at >= START + 5_400))
    with pytest.raises(CsvFileError) as refused:
        project.backfill(path, label_time="landed")
    with open_csv(str(path)) as file:
        found = report(file, project.schema, lambda _rows: None)
    (checked,) = [f.message for f in found.findings if f.code == "changed-clocks"]
    for said in (str(refused.value), checked):
        assert "put back from 02:00 to 01:00" in said
        assert UNSAID[time] in said
        assert "`fold = \"order\"` for the column 'at'" in said
        assert "must be sorted" not in said
        assert f"line {line}" in said
    assert "2024-11-03 01:00:04, is before" in str(refused.value)
    assert "unsorted-time" not in {finding.code for finding in found.findings}


def test_in_order_records_are_of_the_moments_they_happened(tmp_path: Path) -> None:
    """Events at their moments and labels a quarter of an hour later, through both passes."""
    project = a_project(tmp_path / "p", IN_ORDER)
    with open_csv(str(project.write_csv(rows()))) as file:
        history = History(file, project.schema, HistoryOptions(1, label_time="landed"))
        records = list(history.records())
    events = [f.record.time for f in records if not f.labels]
    labels = [f.record.time for f in records if f.labels]
    assert events == [1000 * at for at in MOMENTS]
    # A landing in doubt is the moment that is not before its flight, or the first of two.
    assert labels == [1000 * (at + 900) for at in MOMENTS]
    with open_csv(str(project.folder / "rows.csv")) as file:
        found = report(file, project.schema, lambda _rows: None)
    assert found.times is not None
    assert found.times.in_order
    assert (found.times.first, found.times.last) == (events[0], events[-1])


def test_in_order_equals_offsets(tmp_path: Path) -> None:
    """Learning the file, or a backfill of it, gives what the same file with offsets gives."""
    plain = a_project(tmp_path / "local", IN_ORDER)
    offsets = a_project(tmp_path / "offsets", 'role = "time", zone = "America/New_York"')
    written = rows()
    for row, moment in zip(written, MOMENTS, strict=True):
        row[1] = datetime.fromtimestamp(moment, ZONE).isoformat()
        row[7] = datetime.fromtimestamp(moment + 900, UTC).isoformat()
    found = []
    for project, path in ((plain, plain.write_csv(rows())), (offsets, offsets.write_csv(written))):
        candidate = project.backfill(path, label_time="landed")
        project.produce(path, label_time="landed")
        learned = project.learn()
        assert same(candidate) == same(learned)
        found.append((same(learned), answers(project.scores())))
    assert found[0] == found[1]


def test_rows_with_their_labels_are_sent_and_the_hour_is_told(tmp_path: Path) -> None:
    """Nothing has to be sorted there; but the second pass is read as the first, and said to be."""
    project = a_project(tmp_path / "p", 'role = "time", zone = "America/New_York"')
    with open_csv(str(project.write_csv(rows()))) as file:
        history = History(file, project.schema, HistoryOptions())
        assert sum(formed.rows for formed in history.records()) == len(MOMENTS)
    line = 2 + MOMENTS.index(next(at for at in MOMENTS if at >= START + 5_400))
    assert f"line {line}: This is the hour that comes twice" in history.step_back


def test_spring_skips_an_hour(tmp_path: Path) -> None:
    """A time that never was is told; the rows around it are not called unsorted."""
    project = a_project(tmp_path / "p", 'role = "time", zone = "America/New_York"')
    times = ("2024-03-10 01:50", "2024-03-10 02:30", "2024-03-10 03:10")
    skipped = [[str(n), at, "1", "AX", "JFK", "3", "100", ""] for n, at in enumerate(times)]
    path = project.folder / "spring.csv"
    path.write_text(csv_text(skipped))
    with pytest.raises(CsvFileError, match=r"line 4.*There was no 2024-03-10 02:30.*T03:30:00-04"):
        project.produce(path, label_delay=1.0)
    with open_csv(str(path)) as file:
        found = report(file, project.schema, lambda _rows: None)
    assert {f.code for f in found.findings if f.column == "at"} == {"changed-clocks"}
    path.write_text(csv_text(skipped[:2]))
    with open_csv(str(path)) as file:
        found = report(file, project.schema, lambda _rows: None)
    assert {f.code for f in found.findings if f.column == "at"} == {"skipped-time"}
