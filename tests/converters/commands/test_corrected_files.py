"""Columns in several notations: one command, run as it is printed, corrects all of them."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from converters.commands.check import check
from converters.config import load
from converters.errors import FreshetError
from converters.init.declared import InferError
from stream.commands.init import init

MONTHS = ["Jan", "Feb", "March", "Apr", "May", "June", "Jul", "August", "Sep", "Oct", "Nov", "Dec"]
# How a cell is written, and how it should be.
Cells = tuple[Callable[[int], str], Callable[[int], str]]
COLUMNS: dict[str, Cells] = {
    "amount": (
        lambda i: f"{i * 7919 % 99_991 + 1:,}.{i % 97:02} EUR",
        lambda i: f"{i * 7919 % 99_991 + 1}.{i % 97:02}",
    ),
    "share": (lambda i: f"{i * 31 % 89},{i % 7} %", lambda i: f"{i * 31 % 89}.{i % 7}"),
    "weight": (lambda i: f"{i * 17 % 400}.5 kg", lambda i: f"{i * 17 % 400}.5"),
    'a "b"': (lambda i: f'{i * 17 % 401} b"', lambda i: f"{i * 17 % 401}"),
    "day": (
        lambda i: f"{i * 13 % 28 + 1:02}.0{i % 9 + 1}.2025".replace(".", "./"[i % 2]),
        lambda i: f"2025-0{i % 9 + 1}-{i * 13 % 28 + 1:02}",
    ),
    "until": (
        lambda i: "31.12.9999" if i % 3 else f"{i * 11 % 28 + 1}/{i % 12 + 1}/2026",
        lambda i: "9999-12-31" if i % 3 else f"2026-{i % 12 + 1:02}-{i * 11 % 28 + 1:02}",
    ),
    "at": (
        lambda i: (
            f"{i % 12 + 1}/{i * 13 % 28 + 1}/2025 {i % 12 + 1}:04{' ' * (i % 2)}{'ap'[i % 2]}m"
        ),
        lambda i: (
            f"2025-{i % 12 + 1:02}-{i * 13 % 28 + 1:02}T{(i % 12 + 1) % 12 + 12 * (i % 2):02}:04"
        ),
    ),
    "oracle": (
        lambda i: (
            "31-DEC-9999" if i % 3 else f"{i * 11 % 28 + 1:02}-{MONTHS[i // 3 % 12].upper()}-2026"
        ),
        lambda i: "9999-12-31" if i % 3 else f"2026-{i // 3 % 12 + 1:02}-{i * 11 % 28 + 1:02}",
    ),
    "named": (
        lambda i: f"{MONTHS[i % 12]} {i * 13 % 28 + 1}, 2025, 7:{i % 60:02} PM",
        lambda i: f"2025-{i % 12 + 1:02}-{i * 13 % 28 + 1:02}T19:{i % 60:02}",
    ),
    "slashes": (
        lambda i: f"2025/{i % 12 + 1:02}/{i * 13 % 28 + 1:02}".replace("/", "/."[i % 2]),
        lambda i: f"2025-{i % 12 + 1:02}-{i * 13 % 28 + 1:02}",
    ),
}
ROWS = 240
COMMAND = re.compile(r'This command [^:]* into "[^"]*": (python3 .*)')


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run ``init`` or ``check`` here; an error that it raises is raised."""
    app = typer.Typer()
    app.command()(init)
    app.command()(check)
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, FreshetError):
        raise result.exception
    return result


def filed(names: Sequence[str], delimiter: str = ",") -> Path:
    """A file with these columns as they are written."""
    path = Path("my file.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["y", *names])
        writer.writerows([i * 7 % 5 % 2, *(COLUMNS[n][0](i) for n in names)] for i in range(ROWS))
    return path


def ran(said: str) -> Path:
    """Run the one command that is printed, as a person would."""
    (command,) = COMMAND.findall(said)
    subprocess.run(command, shell=True, check=True)
    return Path("my file.corrected.csv")


def inferred(path: Path, *options: str) -> str:
    """What init says, be it that it finds nothing to learn from."""
    told = ("--label", "y", "--positive", "1", "--force", *options)
    try:
        return run("init", str(path), *told).stderr
    except InferError as error:
        return str(error)


def findings(path: Path) -> list[dict[str, Any]]:
    """What check finds."""
    found: list[dict[str, Any]] = json.loads(run("check", str(path), "--json").stdout)["findings"]
    return found


@pytest.mark.parametrize(
    ("names", "delimiter"),
    [
        (["amount", "weight"], ","),
        (["share", 'a "b"', "amount"], ";"),
        (["day", "until"], "\t"),
        (["until", "amount", "at"], ","),
        (["slashes", "weight"], ","),
        (["oracle", "named"], ";"),
    ],
)
def test_one_command_for_all_columns(names: list[str], delimiter: str) -> None:
    """What it writes is what each column means, and init and check have nothing to say of it."""
    path = filed(names, delimiter)
    options = ("--delimiter", delimiter)
    corrected = ran(inferred(path, *options))
    written = corrected.read_bytes()
    rows = list(csv.DictReader(written.decode().splitlines(), delimiter=delimiter))
    for name in names:
        assert [row[name] for row in rows] == [COLUMNS[name][1](i) for i in range(ROWS)]
    assert "notation" not in inferred(corrected, *options)
    assert [f for f in findings(corrected) if f["code"] in ("other-notation", "sentinels")] == []
    corrected.unlink()
    told = [f for f in findings(path) if f["code"] == "other-notation"]
    assert [f["column"] for f in told] == names
    assert ran("\n".join(f["message"] for f in told)).read_bytes() == written


def test_an_error_brings_the_command_for_all_columns() -> None:
    """Where init stops at a column that an option names, the others are corrected too."""
    path = filed(["named", "amount", "share"])
    with pytest.raises(FreshetError, match=r"in the time column .* is no time") as error:
        inferred(path, "--time", "named")
    said = inferred(ran(str(error.value)), "--time", "named")
    assert "notation" not in said


def test_a_date_that_stands_for_none() -> None:
    """It is told with the column, and taken for missing once the file is corrected."""
    said = inferred(filed(["until"]))
    assert '"31.12.9999" (in 160 rows) is then taken for missing by init.' in said
    inferred(ran(said))
    until = load.load(Path("freshet.toml")).columns["until"]
    assert (until.kind, until.missing_values) == ("time", ("9999-12-31",))


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["01/02/2025", "03/04/2025"], "None shows whether the day or the month comes first"),
        (["01/22/2025", "22/01/2025"], "in some the day comes first, in others the month"),
        (
            ["22/01/25", "23/02/25"],
            'which number is the year: write kind = "time", zone = "UTC" and',
        ),
        (["22/01/25", "23-02-25"], "the year in four digits in all of them"),
    ],
)
def test_dates_that_no_rule_reads(cells: list[str], why: str) -> None:
    """What does not show is said, and no command is offered that would guess."""
    Path("f.csv").write_text("y,d\n" + "".join(f"{i % 2},{cells[i // 2 % 2]}\n" for i in range(80)))
    said = inferred(Path("f.csv"))
    assert why in said
    assert "command" not in said
