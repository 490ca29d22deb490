"""``freshet convert``: a CSV file into VW text, and what becomes of rows that are refused."""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from converters.commands import convert
from converters.errors import FreshetError, UsageError
from converters.files.csv_file import CsvFileError
from converters.files.output import OutputError

CONFIG = """\
model = "flights"
label = { positive = ["1"], negative = ["0"] }
[columns]
late = { role = "label" }
dist = { kind = "numeric" }
carrier = { kind = "categorical" }
"""
ROWS = b"late,dist,carrier\n1,700,UA\n0,5,A A\n"
TEXT = "1 | dist:700 carrier=UA\n-1 | dist:5 carrier=A%20A\n"
BAD = b'late,dist,carrier\n1,7,UA\n2,7,UA\n0,far,"x\ny"\n1\n0,inf,UA\n'
REJECTS = [
    ["line", "reason", "column", "text"],
    ["3", "bad-label", "late", "2"],
    ["4", "not-a-number", "dist", "far"],
    ["6", "wrong-width", "", "1 cells, not 3: 1"],
    ["7", "not-finite", "dist", "inf"],
]
REFUSED = "WARNING: 4 of 5 rows (80.0%) were refused. The commonest reasons, and what helps:"
HELP = [
    "  1 bad-label (column 'late'): ",
    "  1 not-a-number (column 'dist'): ",
    "  1 not-finite (column 'dist'): ",
    "  Other reasons: 1 wrong-width.",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a config."""
    (tmp_path / "freshet.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_packed_in_and_packed_out(folder: Path) -> None:
    """What is read may be packed, whatever its name, and what is written is, by its name."""
    (folder / "rows.csv").write_bytes(gzip.compress(ROWS))
    run("rows.csv", "-o", "rows.vw.gz")
    assert gzip.decompress((folder / "rows.vw.gz").read_bytes()).decode() == TEXT


def application() -> typer.Typer:
    """The command, alone."""
    app = typer.Typer()
    app.command()(convert.convert)
    return app


def run(*arguments: str, stdin: bytes = b"") -> Result:
    """Run the command here; an error that it raises is raised."""
    result = CliRunner().invoke(application(), list(arguments), input=stdin)
    if isinstance(result.exception, FreshetError):
        raise result.exception
    return result


def file_of(folder: Path, content: bytes) -> str:
    """A CSV file of this content."""
    (folder / "rows.csv").write_bytes(content)
    return "rows.csv"


def test_rows_become_lines(folder: Path) -> None:
    """Each row becomes a line of VW text with its label in front, on standard output."""
    result = run(file_of(folder, ROWS))
    assert (result.exit_code, result.stdout) == (0, TEXT)
    assert result.stderr == "2 rows converted.\n"


def test_standard_input(folder: Path) -> None:
    """``-`` reads standard input."""
    assert run("-", stdin=ROWS).stdout == TEXT


def test_output_file(folder: Path) -> None:
    """``-o`` writes a file, and nothing on standard output."""
    result = run(file_of(folder, ROWS), "-o", "rows.vw")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (folder / "rows.vw").read_text() == TEXT


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_quoted_rows_and_line_endings(folder: Path, ending: str) -> None:
    """Quotes and CRLF are CSV's, not the cells'."""
    content = ending.join(["late,dist,carrier", '"1",700,"U,""A"', "0,5,AA"]).encode()
    expected = '1 | dist:700 carrier=U,"A\n-1 | dist:5 carrier=AA\n'
    assert run(file_of(folder, content)).stdout == expected


def test_columns_in_any_order_or_fewer(folder: Path) -> None:
    """The header says where cells stand; a column the file lacks is missing in every row."""
    assert run("-", stdin=b"carrier,late\nUA,1\nAA,\n").stdout == "1 | carrier=UA\n| carrier=AA\n"


def test_rows_that_look_like_json(folder: Path) -> None:
    """A file is CSV, even where a block of it would parse as JSON."""
    result = run("-", stdin=b'late,dist,carrier\n{"dist": 7}\n')
    assert "wrong-width" in result.stderr
    assert run("-", stdin=b"carrier,dist\n[,1\n").stdout == "| dist:1 carrier=[\n"


def test_unknown_column_is_refused(folder: Path) -> None:
    """A file with a column that the config does not name is refused before any output."""
    with pytest.raises(CsvFileError, match="column 'tail', which the config does not name"):
        run("-", "-o", "out.vw", stdin=b"late,tail\n1,2\n")
    assert not (folder / "out.vw").exists()


def test_header_alone(folder: Path) -> None:
    """A file without rows gives no lines."""
    result = run("-", stdin=b"late,dist,carrier\n")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "0 rows converted.\n")


def test_refused_rows_are_told(folder: Path) -> None:
    """Without a rejects file, refused rows are told with their lines, and the command fails."""
    result = run(file_of(folder, BAD))
    assert (result.exit_code, result.stdout) == (1, "1 | dist:7 carrier=UA\n")
    *told, one, two, three, rest = result.stderr.splitlines()
    assert told == [
        "line 3: bad-label in column 'late': \"2\"",
        "line 4: not-a-number in column 'dist': \"far\"",
        'line 6: wrong-width: "1 cells, not 3: 1"',
        "line 7: not-finite in column 'dist': \"inf\"",
        "1 row converted.",
        REFUSED,
    ]
    assert all(map(str.startswith, (one, two, three, rest), HELP))


def test_only_the_first_refused_rows_are_told(folder: Path) -> None:
    """Ten refused rows are told, the others counted."""
    result = run("-", stdin=b"late,dist,carrier\n" + b"1\n" * 30 + b"1,1,UA\n")
    assert result.stderr.count("wrong-width: ") == 10
    assert "and 20 more; --rejects FILE takes them all.\n" in result.stderr
    assert "  30 wrong-width (1 cells, not 3): send all of the config's columns" in result.stderr


def test_a_few_refused_rows_take_one_line(folder: Path) -> None:
    """Up to a tenth of the rows: no warning."""
    (folder / "rows.csv").write_bytes(b"late,dist,carrier\n" + b"1,1,UA\n" * 9 + b"1\n")
    result = run("rows.csv", "--rejects", "bad.csv")
    told = "Refused 1 of 10 rows: 1 wrong-width. They are in bad.csv."
    assert result.stderr.splitlines() == ["9 rows converted.", told]


def test_told_rows_cannot_steer_the_terminal(folder: Path) -> None:
    """Control characters of a refused row are shown, not sent."""
    result = run("-", stdin=b"late,dist,carrier\n1,\x1b[2J,UA\n")
    assert "\x1b" not in result.stderr
    assert "\\x1b[2J" in result.stderr


def test_rejects_file(folder: Path) -> None:
    """``--rejects`` takes every refused row as CSV, and the command succeeds."""
    result = run(file_of(folder, BAD), "--rejects", "bad.csv")
    assert (result.exit_code, result.stdout) == (0, "1 | dist:7 carrier=UA\n")
    with (folder / "bad.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == REJECTS
    told = result.stderr.splitlines()
    assert [*told[:2], told[-1]] == ["1 row converted.", REFUSED, "They are in bad.csv."]


def test_rejects_file_without_rejects(folder: Path) -> None:
    """A rejects file of a good file holds its header alone."""
    run(file_of(folder, ROWS), "--rejects", "bad.csv")
    assert (folder / "bad.csv").read_text() == "line,reason,column,text\n"


def test_quote_left_open(folder: Path) -> None:
    """An open quote fails the command, says where it opened and how many rows went before."""
    content = ROWS + b'1,7,"UA\n'
    with pytest.raises(CsvFileError, match=r"line 4: a quote opens .* 2 rows") as error:
        run(file_of(folder, content))
    assert error.value.exit_status == 1


def test_failed_conversion_leaves_no_file(folder: Path) -> None:
    """When a file cannot be read to its end, neither output nor rejects appear."""
    (folder / "out.vw").write_text("before")
    with pytest.raises(CsvFileError):
        run(file_of(folder, ROWS + b'"'), "-o", "out.vw", "--rejects", "bad.csv")
    assert (folder / "out.vw").read_text() == "before"
    assert sorted(p.name for p in folder.iterdir()) == ["freshet.toml", "out.vw", "rows.csv"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["rows.csv", "-o", "rows.csv"],
        ["rows.csv", "--rejects", "./rows.csv"],
        ["-", "-o", "x", "--rejects", "x"],
        ["-", "--rejects", "-"],
    ],
)
def test_files_must_differ(folder: Path, arguments: list[str]) -> None:
    """A file cannot be read and written, nor take rows and rejects both."""
    file_of(folder, ROWS)
    with pytest.raises(UsageError, match="are both"):
        run(*arguments, stdin=ROWS)
    assert (folder / "rows.csv").read_bytes() == ROWS


def test_output_that_cannot_be_written(folder: Path) -> None:
    """An output in a folder that is not there is named with the cause."""
    with pytest.raises(OutputError, match=r"none/out\.vw cannot be written: No such file"):
        run(file_of(folder, ROWS), "-o", "none/out.vw")


def test_full_disk(folder: Path) -> None:
    """What goes wrong while writing is named with the cause."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with pytest.raises(OutputError, match=r"/dev/full cannot be written: No space left"):
        run(file_of(folder, ROWS), "-o", "/dev/full")


def test_output_through_a_link(folder: Path) -> None:
    """An output that is a symbolic link stays one; what it names is written."""
    (folder / "link.vw").symlink_to("real.vw")
    run(file_of(folder, ROWS), "-o", "link.vw")
    assert (folder / "link.vw").is_symlink()
    assert (folder / "real.vw").read_text() == TEXT


def test_reader_that_leaves(folder: Path) -> None:
    """When the reader of standard output goes (``| head``), the command ends without a word."""
    file_of(folder, ROWS + b"1,700,UA\n" * 100_000)
    program = "import typer; from converters.commands.convert import convert; typer.run(convert)"
    with subprocess.Popen(
        [sys.executable, "-c", program, "rows.csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"1 | dist:700 carrier=UA\n"
        process.stdout.close()
        assert process.stderr.read() == b""
