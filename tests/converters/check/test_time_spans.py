"""Columns of times in ``freshet check``: from when to when they are read, and odd years."""

from __future__ import annotations

import json
from typing import Any

import pytest

from converters.check.rendering import document, values
from tests.support.rows.check_files import checked, codes, column


def found(cells: list[str], **settings: Any) -> Any:
    """The report on a file with such a column, beside a label."""
    rows = [[cell, str(i % 2), str(i)] for i, cell in enumerate(cells * 3)]
    labelled = {"late": {"role": "label"}, "x": {"kind": "numeric"}}
    return checked({"at": settings, **labelled}, rows)


READ = [
    (["202401030952", "202403011200"], {}, "2024-01-03 09:52 to 2024-03-01 12:00"),
    (["27.01.2023", "2023-02-01"], {"format": "%d.%m.%Y"}, "2023-01-27 00:00 to 2023-02-01 00:00"),
    (["1704275520", "x"], {}, "2024-01-03 09:52 to 2024-01-03 09:52"),
]


@pytest.mark.parametrize("role", [{"role": "time"}, {"kind": "time", "zone": "UTC"}])
@pytest.mark.parametrize(("cells", "settings", "span"), READ)
def test_from_when_to_when(
    cells: list[str], settings: dict[str, Any], span: str, role: dict[str, str]
) -> None:
    """The table and the document show what a column's cells were read as."""
    report = found(cells, **settings, **role)
    assert values(column(report, "at")) == span
    columns = json.loads(json.dumps(document(report)))["columns"]
    assert [each["times"] for each in columns] == [span.split(" to "), None, None]


ODD = [
    (["150000000", "150000001"], {}, "150000000 as 1974-10-03 02:40"),
    (["202401030952"], {"format": "milliseconds"}, "202401030952 as 1976-05-31 14:30"),
    (["18500101", "18500102"], {}, "18500101 as 1850-01-01"),
]


@pytest.mark.parametrize(("cells", "settings", "said"), ODD)
def test_odd_years_are_told(cells: list[str], settings: dict[str, Any], said: str) -> None:
    """Digits outside 1990 to 2040 are hardly what was meant; an example shows it."""
    report = found(cells, kind="time", zone="UTC", **settings)
    assert "implausible-years:at" in codes(report, "warning")
    assert any(said in each.message.replace('"', "") for each in report.findings)


@pytest.mark.parametrize("cells", [["202401030952"], ["1850-01-01"], ["1704275520"]])
def test_others_are_not(cells: list[str]) -> None:
    """Times of usual years, and whatever says itself of which year it is."""
    assert "implausible-years:at" not in codes(found(cells, kind="time", zone="UTC"))


DATES = [
    (["27.01.2023", "28.02.2023"], "", 'kind = "time", zone = "UTC", format = "%d.%m.%Y"'),
    (["01/02/2023", "03/04/2023"], "None shows whether", 'format = "%d/%m/%Y" or "%m/%d/%Y"'),
]


@pytest.mark.parametrize("kind", ["categorical", "time"])
@pytest.mark.parametrize(("cells", "why", "keys"), DATES)
def test_a_format_is_advised(cells: list[str], why: str, keys: str, kind: str) -> None:
    """In place of a command that rewrites the file, where a pattern reads the column."""
    (said,) = [
        f
        for f in found(cells, kind=kind, **({"zone": "UTC"} if kind == "time" else {})).findings
        if f.code == "other-notation"
    ]
    keys = keys if kind == "categorical" else keys.removeprefix('kind = "time", zone = "UTC", ')
    assert why in said.message
    assert keys in said.message
    assert "command" not in said.message


def test_events_of_the_future_are_a_problem() -> None:
    """No log takes them, so that produce would stop there; a feature may be of any time."""
    cells = ["2024-01-03", "9999-12-31"]
    report = found(cells, role="time")
    assert "future-time:at" in codes(report, "problem")
    (said,) = [each.message for each in report.findings if each.code == "future-time"]
    assert "3 rows have times over an hour ahead of the clock" in said
    assert "the first in line 3" in said
    assert "future-time:at" not in codes(found(cells, kind="time", zone="UTC"))
