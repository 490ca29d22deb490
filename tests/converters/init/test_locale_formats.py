"""Numbers and times that are written otherwise than they are read: told, and never called ids."""

from __future__ import annotations

from typing import Any

import pytest

from converters.files.csv_file import CsvFileError
from converters.sampling.date_notations import is_time_otherwise
from converters.sampling.number_notations import is_number_otherwise, read_as
from tests.support.rows.tables import NOISE, Cell, column, decided, warnings

READ_AS = [
    ("2,693.87", "2693.87"),
    ("335,77", "335.77"),
    ("1.234,50", "1234.50"),
    ("1.234.567", "1234567"),
    ("1,234", "1234"),
    ("1 234,5", "1234.5"),
    ("1\u202f234", "1234"),
    ("1'234.50", "1234.50"),
    ("$5,354.23", "5354.23"),
    ("-$5", "-5"),
    ("12 %", "12"),
    ("3.7%", "3.7"),
    ("€ 0,5", "0.5"),
    ("Fr. 12.50", "12.50"),
    ("500 EUR", "500"),
    ("(1,234.00)", "-1234.00"),
    ("335,77-", "-335.77"),
    ("\u22125", "-5"),
]


@pytest.mark.parametrize(("cell", "number"), READ_AS)
def test_numbers_in_other_notations(cell: str, number: str) -> None:
    """Decimal commas, thousands, currencies and percents are known, and what they mean."""
    assert is_number_otherwise(cell)
    assert read_as(cell) == number


NEITHER = ["12.5", "-3", "1e5", "", "%", "N12", "1,2,3", "10.0.0.1", "+49 656115", "[60-70)", "A-1"]


@pytest.mark.parametrize("cell", [*NEITHER, "1-2", "25:00", "2019-13", "40.01.2019", "maybe 2019"])
def test_other_cells_are_no_such_thing(cell: str) -> None:
    """Plain numbers, lists, addresses and words are neither numbers nor times otherwise written."""
    assert not is_number_otherwise(cell)
    assert not is_time_otherwise(cell)


DATES = ["01/15/2019", "27.01.2023", "2019/01/15", "01/2019", "15-Jan-2019", "15 March 2019"]
CLOCKS = ["18:04", "8:04 pm", "1/5/19 18:04", "27.01.2023 18:04:05", "Jan 15, 2019, 08:04"]


@pytest.mark.parametrize("cell", [*DATES, *CLOCKS])
def test_times_in_other_notations(cell: str) -> None:
    """Dates by day or month first, with names of months, and times of day are known."""
    assert is_time_otherwise(cell)


AMOUNTS: list[Cell] = [
    lambda i: f"{NOISE[i] * 9_000 + 1_000:,.2f}",
    lambda i: f"{NOISE[i] * 900:.2f}".replace(".", ","),
    lambda i: f"${NOISE[i] * 9_000:,.2f}",
    lambda i: f"{i % 90} %",
]


@pytest.mark.parametrize("make", AMOUNTS)
def test_amounts_otherwise_written_are_told(make: Cell) -> None:
    """They are neither learned as words nor called ids; what to do is said, with an example."""
    decision = decided(make)
    (warning,) = decision.warnings
    assert decision.settings == {"role": "drop"}
    assert decision.because.startswith("numbers in a notation that is not read, such as")
    assert "in line 2. Write them with a point before decimals and nothing else, this one as " in (
        warning
    )
    assert read_as(str(make(0))) in warning
    assert "--id" not in warning
    assert [other.settings for other in decision.otherwise] == [{"kind": "categorical"}]


def test_few_amounts_otherwise_written_are_categories() -> None:
    """A handful of percents are a category, and told."""
    decision = decided(lambda i: f"{i % 5},5%")
    assert decision.settings["kind"] == "categorical"
    assert "Until then it is a category of 5 values." in decision.warnings[0]
    assert column(lambda i: f"{i},5%", rows=12) == {"role": "drop"}


TIMES: list[tuple[Cell, dict[str, Any], str]] = [
    (
        lambda i: f"{i % 28 + 1:02}.01.2023".replace(".", "./"[i % 2]),
        {"kind": "categorical"},
        "a category of 28 values",
    ),
    (lambda i: f"{i % 24:02}:{i % 59:02}", {"role": "drop"}, "dropped"),
]


@pytest.mark.parametrize(("make", "settings", "until"), TIMES)
def test_times_otherwise_written_are_told(make: Cell, settings: dict[str, Any], until: str) -> None:
    """What is read is said, and that they are categories, or dropped where hardly one repeats."""
    decision = decided(make)
    (warning,) = decision.warnings
    assert settings.items() <= decision.settings.items()
    assert "Supported is ISO 8601, such as 2019-01-15" in warning
    assert warning.endswith(f"Until then it is {until}.")


def test_told_time_otherwise_written() -> None:
    """A time column in another notation is an error that says what to do."""
    with pytest.raises(
        CsvFileError,
        match=r"None shows whether the day .*: say it with --time-format .%d/%m/%Y. or --t",
    ):
        column(lambda _: "01/12/2019", time_column="a")


def test_a_few_numbers_otherwise_written_are_not_taken_for_missing() -> None:
    """They refuse their rows, which is told with an example; words beside them are missing."""
    make: Cell = lambda i: ["x", "12.345,67"][i % 2] if i % 50 < 2 else int(NOISE[i] * 99)  # noqa: E731
    decision = decided(make)
    assert decision.settings["kind"] == "numeric"
    assert decision.settings["missing_values"] == ["x"]
    assert [other.settings["missing_values"] for other in decision.otherwise] == [["x"]]
    assert '8 of 400 cells in another notation, for example "12.345,67" in line 3' in (
        warnings(make)
    )
    assert "this one as 12345.67" in warnings(make)
    assert "is not numeric" not in warnings(make)


def test_only_numbers_otherwise_written_among_numbers() -> None:
    """Without words among them nothing is missing, and one warning says it all."""
    decision = decided(lambda i: "1.234,5" if i % 50 == 1 else NOISE[i])
    assert "missing_values" not in decision.settings
    assert len(decision.warnings) == 1
