"""How a time column is written: found out, said with an example, or told by ``--time-format``."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from converters.cells.times import TimeReading
from converters.files.csv_file import CsvFileError, open_csv
from converters.init.declared import Declared
from converters.init.trial import Origin, written
from converters.sampling.file_sample import csv_settings, read_sample
from converters.sampling.time_formats import time_format
from tests.support.rows.tables import Cell, decided
from tests.support.serving.command import freshet

START = datetime(2024, 1, 3, 9, 52, tzinfo=UTC)


def every(pattern: str, step: timedelta = timedelta(hours=7), start: datetime = START) -> Cell:
    """A time a row, written so."""
    return lambda i: f"{start + i * step:{pattern}}"


FOUND = [
    (every("%Y%m%d%H%M"), "", "202401030952"),
    (every("%Y%m%d%H%M%S"), "", "20240103095200"),
    (every("%Y%m%d%H"), "", "2024010309"),
    (every("%y%m%d%H%M"), "%y%m%d%H%M", "2401030952"),
    (every("%y%m%d%H%M%S"), "%y%m%d%H%M%S", "240103095200"),
    (every("%Y/%m/%d"), "%Y/%m/%d", "2024/01/03"),
    (every("%d.%m.%Y %H:%M"), "%d.%m.%Y %H:%M", "03.01.2024 09:52"),
    (every("%m/%d/%Y %I:%M %p"), "%m/%d/%Y %I:%M %p", "01/03/2024 09:52 AM"),
    (every("%s000000"), "microseconds", f"{START.timestamp():.0f}000000"),
    (every("%s000000000"), "nanoseconds", f"{START.timestamp():.0f}000000000"),
]


@pytest.mark.parametrize(("make", "pattern", "first"), FOUND)
def test_the_reading_is_said(make: Cell, pattern: str, first: str) -> None:
    """In the config's comment and on the terminal, with the format where one is needed."""
    decision = decided(make, time_column="a")
    assert decision.settings.get("format", "") == pattern
    minute = START.replace(minute=52 if "52" in first or first.endswith("000") else 0)
    if "/" in first and len(first) == 10:
        minute = minute.replace(hour=0)
    said = f'"{first}" is read as {minute:%Y-%m-%d %H:%M} UTC'
    assert said.replace('"', "") in decision.because.replace('"', "")
    assert said.replace('"', "") in "".join(decision.warnings).replace('"', "")


WRITTEN = [
    ("%Y/%m/%d", "%Y/%m/%d"),
    ("%d.%m.%Y", "%d.%m.%Y"),
    ("%d/%m/%Y", "%d/%m/%Y"),
    ("%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M %p"),
    ("%b %d %Y", "%b %d %Y"),
    ("%B %d, %Y", "%B %d, %Y"),
    ("%d-%b-%Y", "%d-%b-%Y"),
    ("%d-%b-%y", "%d-%b-%y"),
    ("%a, %d %b %Y %H:%M:%S +0100", "%a, %d %b %Y %H:%M:%S %z"),
    ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %Y"),
    ("%d/%b/%Y:%H:%M:%S +0000", "%d/%b/%Y:%H:%M:%S %z"),
    ("%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S.%f"),
    ("%b %Y", "%b %Y"),
    ("%m/%Y", "%m/%Y"),
]
NAMED = [
    ("%d%m%Y", "%d%m%Y"),
    ("%Y-%j", "%Y-%j"),
    ("%Y%j", "%Y%j"),
    ("%Y%j%H", "%Y%j%H"),
    ("%Y%j%H%M", "%Y%j%H%M"),
    ("%Y%j%H%M%S", "%Y%j%H%M%S"),
    ("%y%m%d", "%y%m%d"),
    ("%d%m%y", "%d%m%y"),
    ("%y%m%d%H%M", "%y%m%d%H%M"),
    ("%Y%m%d%H%M%S000", "%Y%m%d%H%M%S%f"),
    ("%d%m%Y%H%M", "%d%m%Y%H%M"),
    ("%d%m%Y%H%M%S", "%d%m%Y%H%M%S"),
    ("%m/%d/%y %H:%M", "%m/%d/%y %H:%M"),
    ("%d.%m.%y", "%d.%m.%y"),
]


@pytest.mark.parametrize("role", ["feature", "time"])
@pytest.mark.parametrize(("written", "pattern"), [*WRITTEN, *NAMED])
def test_one_pattern_reads_the_column(written: str, pattern: str, role: str) -> None:
    """It is written for features as for the event's own time, and reads what was written."""
    make = every(written, timedelta(hours=31))
    of_event = "date" if role == "time" else None
    settings = decided(make, name="date", time_column=of_event).settings
    assert settings["format"] == pattern
    assert settings["role" if role == "time" else "kind"] == "time"
    read = TimeReading(format=pattern).moment(str(make(9)))
    meant = datetime.strptime(str(make(9)), pattern)  # noqa: DTZ007
    assert read.replace(tzinfo=None) == meant.replace(tzinfo=None)


@pytest.mark.parametrize("written", [written for written, _ in NAMED])
def test_what_else_is_written_so_needs_a_name(written: str) -> None:
    """Numbers, versions and numbers of bills are times only in a column that is called so."""
    assert decided(every(written, timedelta(hours=31)), name="bill").settings.get("kind") != "time"


NONE = [
    ["5/3/2019", "6/4/2019"],
    ["22/01/25", "23/02/25"],
    ["1/15/2019 8:04", "1/15/2019 8:04:30"],
    ["Sept 5 2020", "Oct 6 2020"],
    ["15 March 2019", "16 Sep 2019"],
    ["2024/01/03", "20240103"],
    ["18:04", "9:30"],
    ["1.2.10", "2.31.11"],
    ["Jan-24", "Feb-24"],
    ["May", "June"],
    ["240103", "240104"],
]


@pytest.mark.parametrize("cells", NONE)
def test_no_pattern_is_certain(cells: list[str]) -> None:
    """Where none reads all cells, or several do."""
    assert time_format(cells) == ""


CERTAIN = [
    (["2012/01/01", "2012-01-02", "2012-01-03T10:00"], "%Y/%m/%d"),
    (["1/15/2019 8:04 PM", "12/5/2019 11:04 am"], "%m/%d/%Y %I:%M %p"),
    (["5.3.2019", "6.4.2019"], "%d.%m.%Y"),
    (["May 5 2020", "June 16 2020"], "%B %d %Y"),
    (["Jan  5 2020", "Oct 16 2020"], "%b %d %Y"),
    (["01-JAN-2020", "02-feb-2020"], "%d-%b-%Y"),
]


@pytest.mark.parametrize(("cells", "pattern"), CERTAIN)
def test_one_pattern_is_certain(cells: list[str], pattern: str) -> None:
    """It reads all cells; ISO 8601 among them is read too."""
    assert time_format(cells) == pattern
    years = {TimeReading(format=pattern).moment(cell).year for cell in cells}
    assert years <= {2012, 2019, 2020}


def test_dates_that_stand_for_none() -> None:
    """They are taken for missing, as where ISO 8601 says them; so are those of zeros alone."""
    never: Cell = lambda i: "31.12.9999" if i % 3 else every("%d.%m.%Y")(i)  # noqa: E731
    zeros: Cell = lambda i: "00/00/0000" if i % 40 == 1 else every("%m/%d/%Y")(i)  # noqa: E731
    for make, missing, pattern in (
        (never, "31.12.9999", "%d.%m.%Y"),
        (zeros, "00/00/0000", "%m/%d/%Y"),
    ):
        settings = decided(make).settings
        assert (settings["format"], settings["missing_values"]) == (pattern, [missing])


def test_seconds_within_a_minute_are_no_calendar_times() -> None:
    """All of their digits could be a day's with two digits of the year, since they hardly vary."""
    cells = [str(1_601_030_900 + number) for number in range(60)]
    assert time_format(cells) == ""


def test_the_whole_file_is_asked(tmp_path: Path) -> None:
    """A row beyond the sample that the guessed format does not read makes init guess again."""
    days = [f"{i % 12 + 1:02}/{i % 28 + 1:02}/2024" for i in range(400)]
    lines = [f"{at},{at},{i % 2},{i % 5}.5" for i, at in enumerate([*days, "28/12/2024"])]
    text = "at,seen,late,amount\n" + "\n".join(lines) + "\n"
    with open_csv(str(filed(tmp_path, text)), csv_settings(None, "utf-8"), guess=True) as file:
        drawn = read_sample(file, 0)
    short = replace(
        drawn,
        columns={name: cells[:-1] for name, cells in drawn.columns.items()},
        lines=drawn.lines[:-1],
    )
    reopened = partial(open_csv, str(tmp_path / "rows.csv"), csv_settings(None, "utf-8"))
    origin = Origin(short, reopened)
    told = Declared(label="late", positive=("1",))
    found = written(origin, told, "m", tmp_path / "freshet.toml")
    assert "%m/%d/%Y" not in found.text
    with pytest.raises(CsvFileError, match="in some the day comes first, in others the month"):
        written(origin, replace(told, time_column="at"), "m", tmp_path / "freshet.toml")


def filed(folder: Path, text: str) -> Path:
    """A file with this text."""
    (folder / "rows.csv").write_text(text, encoding="utf-8")
    return folder / "rows.csv"


def test_counts_of_which_some_form_a_calendar_time() -> None:
    """Seconds of 2034 are all read as seconds, by a format."""
    cells = [str(2_024_010_000 + 7 * number) for number in range(60)]
    assert time_format(cells) == "seconds"
    assert time_format([str(1_704_275_520 + number) for number in range(60)]) == ""


@pytest.mark.parametrize("cells", [["01/02/2024", "03/04/2024"], ["2024-01-03"], ["soon"], []])
def test_no_format_is_guessed(cells: list[str]) -> None:
    """Where day and month could be either, or nothing needs one."""
    assert time_format(cells) == ""


def test_the_format_is_told(tmp_path: Path) -> None:
    """``--time-format`` is written as given; it settles which of day and month comes first."""
    lines = [f"{i},0{i % 9 + 1}/0{i % 7 + 1}/2024,{i % 2},{i % 5}.5" for i in range(60)]
    text = "id,at,late,amount\n" + "\n".join(lines) + "\n"
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8")
    told = ("init", "rows.csv", "--label", "late", "--positive", "1", "--id", "id")
    asked = freshet(*told, "--time", "at", cwd=tmp_path)
    assert "None shows whether the day or the month comes first" in asked.stderr
    wrong = freshet(*told, "--time", "at", "--time-format", "%d/%m", cwd=tmp_path)
    assert (wrong.returncode, "--time-format: '%d/%m' has no year" in wrong.stderr) == (2, True)
    without = freshet(*told, "--time-format", "%d/%m/%Y", cwd=tmp_path)
    assert (without.returncode, "name that too" in without.stderr) == (2, True)
    done = freshet(*told, "--time", "at", "--time-format", "%d/%m/%Y", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'format = "%d/%m/%Y"' in (tmp_path / "freshet.toml").read_text(encoding="utf-8")
    checked = freshet("check", "rows.csv", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
