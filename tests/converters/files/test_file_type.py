"""Files that are not what they are said to be: what init and check advise is taken, and works."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
import zipfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from converters.commands.check import check
from converters.commands.convert import convert
from converters.config import load
from converters.config.settings import CsvSettings
from converters.errors import FreshetError
from converters.files.file_type import advice
from stream.commands.init import init

ROWS = [
    [
        str(i),
        ["Köln", "Zürich", "Genève", "Paris"][i * 7 % 4],
        f"{i * 37 % 101}.5",
        str(i * i // 7 % 2),
    ]
    for i in range(40)
]
TABLE = [(i, ort, x.partition(".")[0], y) for i, ort, x, y in ROWS]
NAMES = ["id", "größe ort", "betrag", "y"]
ASCII = ["id", "ort", "betrag", "y"]
OPTIONS = re.compile(r"run init (?:with (.*?)|without .*?); with a config")
COMMAND = re.compile(r'into "([^"]*)": (python3 .*)')
MOST_ADVICE = 3


def text(mark: str, *, quotes: bool = False, names: list[str] | None = None) -> str:
    """The table with another delimiter."""
    table = [NAMES if names is None else names, *ROWS]
    quoted = [[f'"{c}"' if quotes and c[0].isalpha() else c for c in row] for row in table]
    return "".join(f"{mark.join(row)}\n" for row in quoted)


def lines_of_json() -> str:
    """The table as JSON lines, with a value that is nothing and one that holds others."""
    rows = [
        dict(zip(NAMES, row, strict=True)) | {"deep": [{"a": None}], "no": None} for row in ROWS
    ]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def german(*, quotes: bool = False) -> str:
    """The table as a German Excel saves it: days, and decimal commas that look like delimiters."""
    names = ["id", "tag", "betrag", "größe ort", "y"]
    rows = [[i, f"{1 + int(i) % 28:02}.01.2023", f"{x},5", ort, y] for i, ort, x, y in TABLE]
    cells = [[f'"{c}"' for c in row] if quotes else row for row in (names, *rows)]
    return "".join(f"{';'.join(row)}\r\n" for row in cells)


FILES: dict[str, bytes] = {
    "German Excel in UTF-8": german().encode("utf-8-sig"),
    "German Excel": german().encode("cp1252"),
    "German Excel, quoted": german(quotes=True).encode("utf-8-sig"),
    "German Excel, with Excel's first line": b"sep=;\r\n" + german().encode("cp1252"),
    "tabs": text("\t").encode(),
    "semicolons": text(";").encode(),
    "quoted semicolons, as R's write.csv2": text(";", quotes=True).encode(),
    "quoted tabs": text("\t", quotes=True).encode(),
    "bars": text("|").encode(),
    "blanks, as R's write.table": text(" ", quotes=True, names=ASCII[1:]).encode(),
    "aligned by blanks": text("   ", quotes=True).encode(),
    "blanks in UTF-16": text(" ", quotes=True).encode("utf-16"),
    "cp1252": text(",").encode("cp1252"),
    "cp1252 with semicolons": text(";").encode("cp1252"),
    "cp1252 with quoted semicolons": text(";", quotes=True).encode("cp1252"),
    "cp1252 below an ASCII header": text(";", names=ASCII).encode("cp1252"),
    "UTF-16": text(",").encode("utf-16"),
    "UTF-16 big endian": b"\xfe\xff" + text(",").encode("utf-16-be"),
    "UTF-16 with tabs, as Excel's Unicode text": text("\t").encode("utf-16"),
    "UTF-16-LE": text(";").encode("utf-16-le"),
    "UTF-16-BE": text(",").encode("utf-16-be"),
    "UTF-32": text(",").encode("utf-32"),
    "JSON lines": lines_of_json().encode(),
    "JSON lines with a mark": b"\xef\xbb\xbf" + lines_of_json().encode(),
    "a list of JSON": json.dumps([json.loads(x) for x in lines_of_json().splitlines()]).encode(),
    "a list of JSON, indented": json.dumps(
        [json.loads(x) for x in lines_of_json().splitlines()], indent=2
    ).encode(),
    "JSON of one object around a list": json.dumps(
        {"of": "places", "rows": [json.loads(x) for x in lines_of_json().splitlines()]}, indent=1
    ).encode(),
    "one line of JSON in UTF-16": json.dumps(
        {"rows": [json.loads(x) for x in lines_of_json().splitlines()]}
    ).encode("utf-16"),
    "carriage returns": text(";").replace("\n", "\r").encode("cp1252"),
    "gzip": gzip.compress(text(";").encode("cp1252")),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run a command here; an error that it raises is raised."""
    app = typer.Typer()
    for command in (init, check, convert):
        app.command()(command)
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, FreshetError):
        raise result.exception
    return result


def inferred(path: str, *options: str) -> Result:
    """Infer a config."""
    told = ("--label", "y", "--positive", "1", "--force")
    return run("init", path, *told, *options)


def as_advised(path: str, said: str) -> tuple[str, list[str]]:
    """What a person would give to init then: a file and options."""
    if command := COMMAND.search(said):
        subprocess.run(command[2], shell=True, check=True)
        return command[1], []
    options = OPTIONS.search(said)
    assert options, said
    return path, shlex.split(options[1] or "")


@pytest.mark.parametrize("kind", FILES)
def test_what_is_advised_works(kind: str) -> None:
    """By the first advice, or one that follows, the file is taken, and each cell is what it was."""
    path, options = "f.csv.gz" if kind == "gzip" else "f.csv", list[str]()
    Path(path).write_bytes(FILES[kind])
    for _ in range(MOST_ADVICE):
        try:
            inferred(path, *options)
            break
        except FreshetError as error:
            path, options = as_advised(path, str(error))
    columns = load.load(Path("freshet.toml")).columns
    (place,) = (name for name in columns if name.endswith("ort"))
    assert columns[place].kind == "categorical"
    converted = run("convert", path)
    assert "refused" not in converted.stderr
    lines = converted.stdout.splitlines()
    assert [re.search(r"Köln|Zürich|Genève|Paris", line)[0] for line in lines] == [  # type: ignore[index]
        row[1] for row in ROWS
    ]
    assert run("check", path).exit_code == 0


@pytest.mark.parametrize(
    "kind", [k for k in FILES if not re.search("blanks|JSON|returns|German", k)]
)
def test_a_config_is_told_what_to_say(kind: str) -> None:
    """Commands that take a config stop with the lines for it, and with these they work."""
    Path("good.csv").write_text(text(",", names=None if "ASCII" not in kind else ASCII))
    inferred("good.csv")
    Path("f").write_bytes(FILES[kind])
    for command in ("check", "convert"):
        with pytest.raises(FreshetError, match=r"in its section \[csv\]") as error:
            run(command, "f")
    lines = re.search(r"with a config, write (.*) in its section", str(error.value))
    assert lines
    with Path("freshet.toml").open("a") as file:
        file.write("[csv]\n" + "\n".join(lines[1].split(", ")) + "\n")
    assert "refused" not in run("convert", "f").stderr
    assert run("check", "f").exit_code == 0


def test_decimal_commas_are_no_delimiters() -> None:
    """A German Excel's file is no file of R's without a name for its first column."""
    Path("f.csv").write_bytes(FILES["German Excel in UTF-8"])
    with pytest.raises(FreshetError, match="run init with --delimiter ';'; with") as error:
        inferred("f.csv")
    assert not COMMAND.search(str(error.value))


def zipped(*names: str) -> bytes:
    """A ZIP with these files in it."""
    with zipfile.ZipFile("made.zip", "w") as file:
        for name in names:
            file.writestr(name, "<x/>" * 9_000)
    return Path("made.zip").read_bytes()


def test_files_that_are_no_text() -> None:
    """A workbook is called one, wherever its list of files stands, and what to do is said."""
    for content, said in [
        (zipped("xl/workbook.xml", "docProps/app.xml", "[Content_Types].xml"), "an Excel workbook"),
        (zipped("mimetype", "content.xml"), "an OpenDocument spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "an Excel workbook"),
        (b"SQLite format 3\0" + bytes(99), "a database of SQLite's"),
    ]:
        Path("f.xlsx").write_bytes(content)
        with pytest.raises(FreshetError, match=rf"it is {said}; save its table as CSV or Parquet"):
            inferred("f.xlsx")
    Path("f.zip").write_bytes(zipped("f.csv"))
    with pytest.raises(FreshetError, match="compressed as ZIP; decompress it"):
        inferred("f.zip")


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><html>\n", b"<table><tr>\n", b"<?xml v?>\n"])
def test_markup(content: bytes) -> None:
    """A page that was saved in a table's place is called one."""
    Path("f.csv").write_bytes(content + b"<p>a</p>\n" * 9)
    with pytest.raises(FreshetError, match=r"It is (HTML|XML) and no CSV\. Save its table as CSV"):
        inferred("f.csv")


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        b"a b,c;d\n1,2\n",
        b"my name\nx y z\n",
        b"a\n1\n",
        b"",
        b"{a},b\n1,2\n",
        b"[a],b\n",
    ],
)
def test_what_is_as_it_is_said_to_be(content: bytes) -> None:
    """Nothing is advised about CSV, also with blanks and other marks in its cells."""
    assert advice(content, "f.csv", CsvSettings()) == ""


def test_blanks_as_a_delimiter() -> None:
    """They are none; what to do instead is said."""
    with pytest.raises(FreshetError, match="leave it out: init tells a command"):
        inferred("f.csv", "--delimiter", " ")


def test_settings_that_are_wrong_the_other_way() -> None:
    """Plain CSV, read with settings that it does not need, is advised to be read without them."""
    Path("f.csv").write_text(text(",", names=ASCII))
    for options in (["--encoding", "utf-16"], ["--delimiter", ";"], ["--delimiter", "tab"]):
        with pytest.raises(FreshetError, match="run init without --encoding and --delimiter"):
            inferred("f.csv", *options)
