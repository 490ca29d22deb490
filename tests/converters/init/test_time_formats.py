"""How a time column is written: found out, said with an example, or told by ``--time-format``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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
