"""Numbers in other notations: what init and check say reads them, does."""

from __future__ import annotations

import csv
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters.check.data_report import Report
from converters.config import load
from converters.config.settings import CsvSettings
from converters.files.csv_file import CsvFile
from converters.init.declared import Declared, InferError
from converters.init.trial import Origin, WrittenConfig, written
from converters.sampling.file_sample import read_sample
from converters.sampling.number_notations import is_number_otherwise, mostly, notation_in
from converters.schema.schema import from_settings
from tests.support.rows.check_files import report_on
from tests.support.rows.schemas import build

VALUES = [(i * 7919 % 99_991) / 100 + 1 for i in range(80)]
Form = Callable[[float], str]


def other_marks(text: str) -> str:
    """Commas for points, and points for commas."""
    return text.translate({44: 46, 46: 44})


def full_width(text: str) -> str:
    """Digits as Japanese keyboards write them."""
    return text.translate({48 + digit: 0xFF10 + digit for digit in range(10)})


FORMS: dict[str, Form] = {
    "1,730E+02": lambda v: f"{v:.5E}".replace(".", ","),
    "Fortran's exponent": lambda v: f"{v:.5E}".replace("E", "D"),
    "Excel's text": lambda v: f'="{v}"',
    "Excel's apostrophe": lambda v: f"'{v}",
    "unit": lambda v: f"{v} kg",
    "a unit of its own": lambda v: f"{v}hab.",
    "square metres": lambda v: f"{v} m²",
    "no-break space": lambda v: f"{v}\u00a0",
    "blanks": lambda v: other_marks(f"{v * 1000:,.1f}").replace(".", "\u202f"),
    "Swiss": lambda v: f"{v * 1000:,.2f}".replace(",", "’"),  # noqa: RUF001
    "brackets": lambda v: f"({v})",
    "minus behind": lambda v: f"{v}-",
    "Unicode's minus": lambda v: f"\u2212{v}",
    "en dash": lambda v: f"\u2013{v}",
    "middle dot": lambda v: f"{v:.2f}".replace(".", "\u00b7"),
    "rupees": lambda v: f"Rs. {v}",
    "Hong Kong": lambda v: f"HK${v}",
    "dollars": lambda v: f"-${v * 1000:,.2f}",
    "euros": lambda v: other_marks(f"{v * 1000:,.2f}") + " €",
    "percent": lambda v: f"{v} %",
    "full width": lambda v: full_width(str(v)),
    "points": lambda v: other_marks(f"{round(v * 100_000):,}"),
    "India": lambda v: re.sub(r"(?<=\d)(?=(\d\d)+\d$)", ",", str(round(v * 100_000))),
    "underscores": lambda v: f"{round(v * 100_000):_}",
    "decimal comma": lambda v: other_marks(f"{v:.2f}"),
}
NEGATIVE = ("brackets", "minus behind", "Unicode's minus", "en dash", "dollars")
TIMES = {"blanks": 1e3, "Swiss": 1e3, "dollars": 1e3, "euros": 1e3}
TIMES |= {"points": 1e5, "India": 1e5, "underscores": 1e5}


def test_marks_of_footnotes_are_no_digits(tmp_path: Path) -> None:
    """Neither in what is told nor in what the command writes."""
    assert not is_number_otherwise("12.5¹")
    path = tmp_path / "f.csv"
    filed(path, [f"$ {value}" for value in VALUES] + ["12.5¹"])
    warnings = "\n".join(config_of(path, CsvSettings()).warnings)
    ran(warnings, f'This command writes "x" so, into "{tmp_path}/f.corrected.csv":')
    assert (tmp_path / "f.corrected.csv").read_text().splitlines()[-1] == "0,12.5¹,w"


def test_thousands_and_millions() -> None:
    """Letters that multiply are told with the whole number; no rule strips them."""
    notation = mostly(Counter({"1.5M": 20, "300K": 30}), 0)
    assert notation is not None
    assert "this one as 1500000" in notation.advice("1.5M")
    assert '"M", "K" multiplies by' in notation.advice("300K")
    assert notation.rule is None


@pytest.mark.parametrize(
    ("cell", "number"), [("18 k", "18000"), ("3.6K", "3600"), ("$2Bn", "2000000000")]
)
def test_a_thousand_beside_plain_numbers_is_not_stripped(cell: str, number: str) -> None:
    """18 k among 3601 is not 18."""
    notation = notation_in([cell], ["3601"])
    assert (notation.read_as(cell), notation.rule) == (number, None)


def filed(path: Path, cells: list[str], delimiter: str = ",") -> None:
    """A file with these cells."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["y", "x", "c"])
        writer.writerows([i % 2, cell, "uvw"[i % 3]] for i, cell in enumerate(cells))


def config_of(path: Path, settings: CsvSettings) -> WrittenConfig:
    """What init writes, as settings, and what it warns of."""
    with path.open("rb") as file:
        sample = read_sample(CsvFile(file, str(path), settings), 1_000)
    return written(Origin(sample), Declared("y", ("1",)), "m", path)


def ran(said: str, lead: str) -> None:
    """Run the command in a message, as a person would."""
    found = re.search(rf"{re.escape(lead)} (python3 .*)", said)
    assert found, said
    subprocess.run(found[1], shell=True, check=True)


@pytest.mark.parametrize("name", FORMS)
def test_the_command_reads_them(name: str, tmp_path: Path) -> None:
    """Init and check tell the same command; what it writes is the numbers, and clean."""
    path, target = tmp_path / "a file.csv", tmp_path / "a file.corrected.csv"
    settings = CsvSettings(delimiter=";" if name == "euros" else ",")
    filed(path, [*map(FORMS[name], VALUES), "NA"], settings.delimiter)
    warnings = "\n".join(config_of(path, settings).warnings)
    assert "numbers in a notation that is not read, such as" in warnings
    ran(warnings, f'This command writes "x" so, into "{target}":')
    corrected = target.read_bytes()
    rows = list(csv.DictReader(corrected.decode().splitlines(), delimiter=settings.delimiter))
    factor = TIMES.get(name, 1.0) * (-1 if name in NEGATIVE else 1)
    digits = 5 if "E" in FORMS[name](1.5) or "D" in FORMS[name](1.5) else 9
    wanted = [pytest.approx(v * factor, rel=10.0**-digits, abs=0.06) for v in VALUES]
    assert [float(row["x"]) for row in rows[:-1]] == wanted
    assert rows[-1]["x"] == "NA"
    text = config_of(target, settings).text
    path.with_suffix(".toml").write_text(text, encoding="utf-8")
    schema = from_settings(load.load(path.with_suffix(".toml")))
    assert schema.columns[1].settings.kind == "numeric"
    (finding,) = [f for f in told(path, schema) if f.code == "other-notation"]
    assert (finding.level, finding.column) == ("problem", "x")
    target.unlink()
    ran(finding.message, f"This command corrects 'x', into \"{target}\":")
    assert target.read_bytes() == corrected
    assert [f.code for f in told(target, schema) if f.level == "problem"] == []


def told(path: Path, schema: Any) -> Any:
    """What check finds."""
    from converters.check.check import report

    with path.open("rb") as file:
        csv_file = CsvFile(file, str(path), CsvSettings(delimiter=schema.delimiter))
        return report(csv_file, schema, lambda _rows: None).findings


def test_weights_in_another_notation(tmp_path: Path) -> None:
    """The error that names one says what reads them, and it does."""
    path = tmp_path / "f.csv"
    filed(path, [f"{i % 7},5" for i in range(40)])
    declared = Declared("y", ("1",), weight_column="x")
    for name, fails in (("f.csv", True), ("f.corrected.csv", False)):
        with (tmp_path / name).open("rb") as file:
            origin = Origin(read_sample(CsvFile(file, str(tmp_path / name)), 1_000))
        if not fails:
            assert 'x = { role = "weight" }' in written(origin, declared, "m", path).text
            continue
        with pytest.raises(InferError, match=r"this one as 0\.5\. This command") as error:
            written(origin, declared, "m", path)
        ran(str(error.value), f'This command writes "x" so, into "{tmp_path}/f.corrected.csv":')


def test_plain_numbers_beside_others_stay_what_they_are(tmp_path: Path) -> None:
    """Where points precede decimals too, 0.125 is no 125; where they part thousands, it is."""
    cells = ["1.234,5", "12,5", "0.125", "3.5", "1.250"] * 20
    filed(tmp_path / "f.csv", cells)
    schema = build({"y": {"role": "label"}, "x": {"kind": "numeric"}, "c": {"role": "drop"}})
    (finding,) = [f for f in told(tmp_path / "f.csv", schema) if f.code == "other-notation"]
    ran(finding.message, f"This command corrects 'x', into \"{tmp_path}/f.corrected.csv\":")
    with (tmp_path / "f.corrected.csv").open(newline="") as file:
        assert [row["x"] for row in csv.DictReader(file)][:5] == [
            "1234.5",
            "12.5",
            *cells[2:5],
        ]
    assert notation_in(["1,5", "2,5"], ["1.250"]).keeps is False


CODES = ["12A", "3rd", "A-12", "10.0.0.1", "1st", "5G", "v1.2", "12 apples", "12/24", "Room 12"]


@pytest.mark.parametrize("cell", CODES)
def test_what_is_no_number_is_not_told(cell: str) -> None:
    """Codes and ordinals that hold digits, where others of the column are not alike."""
    from collections import Counter

    assert mostly(Counter({cell: 1, "x": 1}), 0) is None


@pytest.mark.parametrize(
    ("cells", "said"),
    [(["5 kg", "300 g"], 'all in one unit: there are "kg", "g"'), (["1,234.5", "1.234,5"], "comm")],
)
def test_what_one_rule_does_not_read_has_no_command(cells: list[str], said: str) -> None:
    """Two units, or two marks for decimals: what is wrong is told, and no command."""
    rows = "".join(f'"{cell}",1\n' for cell in cells * 20)
    schema = build({"x": {"kind": "numeric"}, "y": {"role": "label"}})
    found: Report = report_on(f"x,y\n{rows}".encode(), schema)
    (finding,) = [f for f in found.findings if f.code == "other-notation"]
    assert said in finding.message
    assert "command" not in finding.message
