"""Excel's ``sep=``, columns without a name, and headers that are one cell short."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from converters.commands import check, convert
from converters.config import load
from converters.config.settings import CsvSettings
from converters.convert.records import RowReader
from converters.errors import FreshetError
from converters.files.csv_file import CsvFile, CsvFileError
from converters.files.first_line import named, separator
from stream.commands import init
from tests.support.rows.schemas import build

ROWS = [(f"n{i * 7 % 100:02}", f"{i * 37 % 101}.5", "uvw"[i % 3], str(i % 2)) for i in range(60)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run a command here; an error that it raises is raised."""
    app = typer.Typer()
    for command in (init.init, convert.convert, check.check):
        app.command()(command)
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, FreshetError):
        raise result.exception
    return result


def written(*more: str) -> str:
    """What ``init`` says of f.csv; every other command then takes the file."""
    said = run("init", "f.csv", "--label", "y", "--positive", "1", "--force", *more).stderr
    assert run("check", "f.csv").exit_code == 0
    assert run("convert", "f.csv").stdout.count("\n") == len(ROWS)
    return said


def table(header: str, rows: list[list[str]], delimiter: str = ",") -> str:
    """A file."""
    return "\n".join([header, *(delimiter.join(row) for row in rows), ""])


LINES = [
    (b"sep=;\n", ";"),
    (b'\xef\xbb\xbf"sep=;"\r\n', ";"),
    (b"SEP=\t\r\n", "\t"),
    (b"sep=\\t\n", "\t"),
    (b"sep=|||\n", "|"),
    (b'"Sep=,",,\n', ","),
    (b"sep= ;\n", ";"),
    (b" Sep = ; \r\n", ";"),
    (b'sep=";"\n', ";"),
    (b"sep=';'\n", ";"),
    (b"sep='\n", "'"),
    (b"sep=,", ""),  # nothing follows: it is a header
    (b"sep=x\n", ""),
    (b"sep=;,a\n", ""),
    (b"sep=;a\n", ""),
    (b"x,sep=;\n", ""),
    (b"sep=\n", ""),
]


@pytest.mark.parametrize(("line", "delimiter"), LINES)
def test_separator(line: bytes, delimiter: str) -> None:
    """Only a line of nothing but sep= and a delimiter is Excel's; the rest begins behind it."""
    assert separator(line + b"a;b\n")[0] == ("" if line == b"sep=," else delimiter)
    assert separator(line) == (delimiter, len(line) if delimiter else 0)


@pytest.mark.parametrize(("line", "delimiter"), [case for case in LINES if case[1]])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_file_that_says_its_delimiter(
    line: bytes, delimiter: str, encoding: str, folder: Path
) -> None:
    """Init writes it into the config, check and convert take the file, and lines are the file's."""
    text = line.decode("utf-8") + table(delimiter.join("nxcy"), [*map(list, ROWS)], delimiter)
    (folder / "f.csv").write_bytes(text.encode(encoding))
    written("--encoding", encoding)
    csv = load.load(folder / "freshet.toml").csv
    assert csv.delimiter == delimiter
    assert next(CsvFile(io.BytesIO(text.encode(encoding)), "f.csv", csv).rows()).line == 3


def test_separator_that_contradicts(folder: Path) -> None:
    """Another delimiter in the config, or as an option, is an error that names both."""
    (folder / "f.csv").write_text("sep=;\ny;x\n1;2\n")
    said = r"f\.csv: its first line, sep=, .* separated by ';', and csv\.delimiter says ','\. Corr"
    with pytest.raises(CsvFileError, match=said):
        run("init", "f.csv", "--label", "y", "--positive", "1", "--delimiter", ",")
    with pytest.raises(CsvFileError, match=r"says a tab"):
        CsvFile(io.BytesIO(b"sep=;\na;b\n"), "f.csv", CsvSettings(delimiter="\t"))


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (["", "a"], ["Unnamed: 0", "a"]),
        (["", "Unnamed: 0"], ["Unnamed: 0.1", "Unnamed: 0"]),
        (["a", "", ""], ["a", "Unnamed: 1", "Unnamed: 2"]),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_names_of_columns_without(header: list[str], names: list[str]) -> None:
    """They are called by their place, each by another name."""
    assert named(header) == names


def test_no_name_in_a_config() -> None:
    """It says how a column without a name is called."""
    with pytest.raises(FreshetError, match=r"header is empty is called by its place, \"Unnamed: 0"):
        build({"": {"role": "id"}, "y": {"role": "label"}, "x": {"kind": "numeric"}})


def test_label_without_a_name(folder: Path) -> None:
    """The last cell of the header may be that of the label."""
    (folder / "f.csv").write_text(table("n,x,c,", [*map(list, ROWS)]))
    assert run("init", "f.csv", "--label", "", "--positive", "1").exit_code == 0
    assert load.load(folder / "freshet.toml").columns["Unnamed: 3"].role == "label"


def test_names_in_a_record() -> None:
    """The header of a record may leave the same cell empty."""
    columns = {"Unnamed: 0": {"role": "id"}, "y": {"role": "label"}, "x": {"kind": "numeric"}}
    reader = RowReader(build(columns))
    (row,) = reader.events(b"a,1,5", (("content-type", b"text/csv"), ("columns", b",y,x")))
    assert row[:2] == ("a", 1)


def test_row_names_are_the_id(folder: Path) -> None:
    """As R's write.csv gives them; with --drop '' they are dropped, with --id '' they are it."""
    (folder / "f.csv").write_text(table('"","x","c","y"', [*map(list, ROWS)]))
    said = written()
    assert 'column "Unnamed: 0" (so a column is called above which the header is empty' in said
    assert (
        "is unique and taken for the event's id. If it is not, run init again with --drop" in said
    )
    assert load.load(folder / "freshet.toml").columns["Unnamed: 0"].role == "id"
    assert "Unnamed" not in written("--drop", "")
    assert load.load(folder / "freshet.toml").columns["Unnamed: 0"].role == "drop"
    written("--id", "")
    assert load.load(folder / "freshet.toml").columns["Unnamed: 0"].role == "id"


def test_row_numbers_are_dropped(folder: Path) -> None:
    """As pandas writes its index; the next file begins with 0 again."""
    rows = [[str(i), str(i), *row[1:], ""] for i, row in enumerate(ROWS)]
    (folder / "f.csv").write_text(table(",Unnamed: 0,x,c,y,", rows))
    said = written()
    assert said.count("counts the rows, as the next file will again, and is dropped.") == 2
    assert "is always missing and is dropped" in said  # each row ends with a comma
    columns = load.load(folder / "freshet.toml").columns
    assert [n for n, c in columns.items() if c.role == "drop"] == [
        "Unnamed: 0.1",
        "Unnamed: 0",
        "Unnamed: 5",
    ]
    with pytest.raises(FreshetError, match=r"--id '' may mean .*say which"):
        run("init", "f.csv", "--label", "y", "--positive", "1", "--force", "--id", "")


def test_empty_header() -> None:
    """A first line of nothing but delimiters is no header."""
    with pytest.raises(CsvFileError, match="has no header"):
        CsvFile(io.BytesIO(b",,\n1,2,3\n"), "f.csv")


@pytest.mark.parametrize("before", ["", "\ufeff", "sep=,\r\n", "\ufeffSEP=,\n"])
@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("x,c,y", [[*row] for row in ROWS], "write.table"),
        ("x,c,y", [[row[1], '"u,\nv"', row[3], ""] for row in ROWS], "Each row ends with a"),
        ("x,c,y,", [[*row[1:]] for row in ROWS], "The header ends with a"),
    ],
)
def test_header_of_another_width(
    header: str, rows: list[list[str]], said: str, before: str, folder: Path
) -> None:
    """Init and check say what helps, and it does."""
    (folder / "g.csv").write_text(before + table(header, rows))
    with pytest.raises(CsvFileError, match=said) as error:
        run("init", "g.csv", "--label", "y", "--positive", "1")
    command = re.search("python3 -c .*", str(error.value))
    assert command is not None
    subprocess.run(command[0], shell=True, check=True)  # as a person would
    (folder / "g.corrected.csv").rename(folder / "f.csv")
    written()
    assert run("check", "f.csv").exit_code == 0
    found = run("check", "g.csv")
    assert found.exit_code == 1
    assert re.search(rf"short-header: .*{said}.*{re.escape(command[0])}", found.stdout)
