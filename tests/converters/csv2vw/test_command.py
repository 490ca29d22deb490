"""``freshet convert --csv2vw`` as users meet it: flags, refusals, warnings, statuses."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from converters.commands import convert
from converters.csv2vw.flags_and_layout import Csv2vwError, Flags, parse
from converters.errors import UsageError
from converters.files.csv_file import CsvFileError
from tests.support.rows.csv2vw_files import FLAGS, refused, run

ROWS = b"id,late,dist,carrier\na,1,700,UA\nb,0,5,AA\nc,1,0,\n"
TEXT = "1 a| dist:700 carrier=UA\n-1 b| dist:5 carrier=AA\n1 c|\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a config."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_no_config_is_needed(folder: Path) -> None:
    """Standard input becomes what csv2vw prints, in a folder without freshet.toml."""
    result = run(ROWS, FLAGS)
    assert (result.exit_code, result.stdout) == (0, TEXT)
    assert result.stderr == "3 rows converted.\n"


def test_a_file_into_a_file(folder: Path) -> None:
    """A CSV file becomes a file of text."""
    (folder / "rows.csv").write_bytes(ROWS)
    app = typer.Typer()
    app.command()(convert.convert)
    CliRunner().invoke(app, ["rows.csv", "-o", "rows.vw", "--csv2vw", FLAGS])
    assert (folder / "rows.vw").read_text() == TEXT


@pytest.mark.parametrize(
    ("flags", "meant"),
    [
        ("", Flags()),
        ("-bl1 -i0", Flags(label=1, tag=0, binary=True)),
        ("--label -1 --id=-2 --binary --num", Flags(-1, -2, binary=True, numbered=True)),
        ("-L 2 --emp --hdr", Flags(label=2, drop=False, header=False)),
        ("-l 0 3 -1 2", Flags(label=0, ignored=(3, -1, 2))),
        (r"-s '\t' -v", Flags(separator=r"\t", verbose=True)),
        ("-s;", Flags(separator=";")),
    ],
)
def test_flags_are_spelt_as_for_csv2vw(flags: str, meant: Flags) -> None:
    """Short, joined, long and abbreviated flags, and numbers of columns to ignore."""
    assert parse(flags) == meant


@pytest.mark.parametrize("flags", ["-x", "-l", "-l one", "rows.csv", "1.5", "-s '('", "'", "-h"])
def test_wrong_flags_are_wrong_usage(flags: str) -> None:
    """What csv2vw does not take is told with what it takes, and exit status 2."""
    with pytest.raises(UsageError, match="--csv2vw: ") as caught:
        parse(flags)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("separator", "text"),
    [(";", ";"), (r"\t", "\t"), (r"\|", "|"), ("::", "::"), ("[;,]", ";"), (r"\s+", "  ")],
)
def test_separators(folder: Path, separator: str, text: str) -> None:
    """Cells are cut at the separator, which is a regular expression."""
    content = ROWS.decode().replace(",", text).encode()
    assert run(content, f"{FLAGS} -s '{separator}'").stdout == TEXT


def test_an_empty_file(folder: Path) -> None:
    """An empty file is refused; csv2vw prints nothing."""
    assert "is empty" in refused(b"")
    assert run(b"", FLAGS, "--lenient").stdout == ""


@pytest.mark.parametrize("separator", ["x*", "(,)"])
def test_separators_that_lose_cells(folder: Path, separator: str) -> None:
    """A separator with groups, or that may be nothing, is refused."""
    assert "separator" in refused(ROWS, f"-s '{separator}'")


def test_lenient_prints_all(folder: Path) -> None:
    """With --lenient nothing is refused that csv2vw prints."""
    result = run(b"a b,y\nx y,1\n5,yes\n", "-l 1", "--lenient")
    assert (result.exit_code, result.stdout) == (0, "1 1| a b=x y\n1 2| a b:5\n")


def test_lenient_stops_where_csv2vw_does(folder: Path) -> None:
    """A row without the cells that are needed ends the run, after those before it."""
    with pytest.raises(Csv2vwError, match=r"Line 2: \[5\]: Bad input \(expecting 2 fields"):
        run(b"a,y\n1,1\n5\n", "-l 1", "--lenient")
    assert run(b"a,y\n1,1\n5\n", "-l 0 1", "--lenient").stdout == "1 1|\n5 2|\n"


def test_classes_are_told(folder: Path) -> None:
    """Labels that are classes come with a warning that names them in their order."""
    result = run(b"x,y\n1,no\n2,yes\n3,no\n", "-l 1")
    assert result.stdout == "1 1| x:1\n2 2| x:2\n1 3| x:3\n"
    assert '"no" is 1, "yes" is 2.' in result.stderr
    assert "flips signs from file to file" in result.stderr


def test_refused_rows_make_no_classes(folder: Path) -> None:
    """A class that occurs only in refused rows gets no number."""
    content = b"x,y\n1,no\nNA,maybe\n3,yes\n"
    result = run(content, "-l 1", "--rejects", "bad.csv")
    assert result.stdout == "1 1| x:1\n2 3| x:3\n"


@pytest.mark.parametrize("first", [b"NA,x y,1", b"NA,x,nan"])
def test_refused_rows_decide_no_kind(folder: Path, first: bytes) -> None:
    """What a column holds is decided by rows that are taken."""
    content = b"a,b,y\n" + first + b"\n5,x,1\n6,x,0\n"
    result = run(content, "-l 2", "--rejects", "bad.csv")
    assert result.stdout == "1 2| a:5 b=x\n0 3| a:6 b=x\n"


def test_no_label_is_told(folder: Path) -> None:
    """Without -l, lines have no label, whatever csv2vw's help says; a warning tells."""
    result = run(b"x,y\n1,2\n", "")
    assert (result.stdout, result.exit_code) == (" 1| x:1 y:2\n", 0)
    assert "no line has a label" in result.stderr


def test_verbose_tells_the_columns(folder: Path) -> None:
    """-v says which column is what."""
    said = run(ROWS, f"{FLAGS} -v").stderr
    assert 'label: "late"\nid: "id"\nfeatures: "dist", "carrier"\n' in said


def test_a_refused_file_leaves_no_output(folder: Path) -> None:
    """A file named by -o appears only when all rows are converted."""
    with pytest.raises(Csv2vwError):
        run(ROWS + b"d,1\n", FLAGS, "-o", "rows.vw")
    assert list(folder.iterdir()) == []


def test_a_text_cannot_steer_the_terminal(folder: Path) -> None:
    """The offending text is shown with escapes, cut at 200 characters."""
    told = refused(ROWS + b"d,1,3,\x1b[31m" + b"x" * 10_000 + b"\n")
    assert r"\x1b[31m" in told
    assert len(told) < 1_000


@pytest.mark.parametrize(
    ("flags", "more"), [(None, ["--lenient"]), ("", ["--lenient", "--rejects", "r"])]
)
def test_options_that_do_not_go_together(folder: Path, flags: str | None, more: list[str]) -> None:
    """--lenient needs --csv2vw, and leaves nothing for --rejects."""
    with pytest.raises(UsageError, match="--lenient"):
        run(ROWS, flags, *more)


def test_packed_files(folder: Path) -> None:
    """What is packed by gzip is unpacked; what breaks off is told."""
    packed = gzip.compress(ROWS)
    assert run(packed, FLAGS).stdout == TEXT
    with pytest.raises(CsvFileError, match="cut short"):
        run(packed[:-12], FLAGS)


def test_a_missing_file(folder: Path) -> None:
    """A file that is not there is told by name."""
    app = typer.Typer()
    app.command()(convert.convert)
    result = CliRunner().invoke(app, ["nowhere.csv", "--csv2vw", FLAGS])
    assert isinstance(result.exception, CsvFileError)
    assert "nowhere.csv cannot be opened" in str(result.exception)
