"""Real files and odd ones through ``init`` and ``convert``, without a hand edit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from converters.commands import convert
from converters.config import load
from converters.errors import FreshetError
from converters.init.declared import InferError
from converters.schema.schema import from_settings
from serve.demo.flights import source
from stream.commands import init
from tests.support.rows.tables import NOISE, Cell, table


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, stdin: bytes = b"") -> Result:
    """Run ``freshet init`` or ``freshet convert`` here; an error that it raises is raised."""
    app = typer.Typer()
    app.command()(init.init)
    app.command()(convert.convert)
    result = CliRunner().invoke(app, list(arguments), input=stdin)
    if isinstance(result.exception, FreshetError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


FILES = [
    ("planes", "engine", "Reciprocating", 3_322),
    ("planes", "manufacturer", "BOEING", 3_322),
    ("airports", "dst", "A", 1_458),
    ("airports", "tzone", "America/New_York", 1_458),
    ("weather", "origin", "JFK", 26_115),
    pytest.param("weather", "precip", "0", 26_115, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("name", "label", "positive", "rows"), FILES)
def test_real_file_passes_without_a_hand_edit(
    name: str, label: str, positive: str, rows: int, folder: Path
) -> None:
    """No row of the tables beside the flights is refused, and each column has its reason."""
    path = str(source().with_name(f"{name}.csv"))
    said = run("init", path, "--label", label, "--positive", positive).stderr
    assert "refused under" not in said
    converted = run("convert", path)
    assert converted.stdout.count("\n") == rows
    assert "refused" not in converted.stderr
    text = (folder / "freshet.toml").read_text("utf-8")
    columns = load.load(folder / "freshet.toml").columns
    assert ",".join(columns) == Path(path).read_text("utf-8").partition("\n")[0].replace('"', "")
    for column in columns:
        assert re.search(rf"(?m)^# .*\.\n{column} = {{", text), f"{column} has no reason"


AS_A_PERSON_WOULD = {
    "tailnum": "drop",
    "year": "numeric",
    "type": "categorical",
    "manufacturer": "label",
    "model": "leak",
    "engines": "categorical",
    "seats": "numeric",
    "speed": "numeric",
    "engine": "categorical",
}


def test_planes_are_read_as_a_person_would(folder: Path) -> None:
    """Names with numbers among them stay names; who built a plane follows from model and seats."""
    path = str(source().with_name("planes.csv"))
    run("init", path, "--label", "manufacturer", "--positive", "BOEING")
    columns = load.load(folder / "freshet.toml").columns
    assert {name: c.kind or c.role for name, c in columns.items()} == AS_A_PERSON_WOULD
    assert columns["speed"].missing == "indicator"
    assert columns["year"].missing_values == ("NA",)


TOLD = ["--label", "y", "--positive", "1"]
ODD_NAMES = [
    "role",
    "kind",
    "columns",
    "model",
    "label",
    "a.b",
    "été 日本",
    "a\u2028b",
    *"\"'#=-1 \\",
]
ODD_NAMES += ["[x]", "null", "%y", "Constant"]


def test_odd_names(folder: Path) -> None:
    """Names of TOML's own syntax, of the config's keys, and of any Unicode are columns."""
    columns: dict[str, Cell] = {name: (lambda i: "uv"[i % 2]) for name in ODD_NAMES}
    (folder / "f.csv").write_bytes(table(columns))
    run("init", "f.csv", *TOLD)
    schema = from_settings(load.load(folder / "freshet.toml"))
    assert schema.names == ("y", *ODD_NAMES)
    assert run("convert", "f.csv").stdout.count("\n") == 400


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"y\n1\n0\n", 'leaves no column to learn from ("y": set by --label)'),
        (b"y,a\n", "has no rows"),
        (b"y,a\n1,\n0,NA\n1,\n", "no column to learn from .*always missing"),
        (b"", "has no header"),
        (b"y;a\n1;2\n", "separate cells by ';': run init with --delimiter ';'; with a config"),
    ],
)
def test_file_that_tells_nothing(content: bytes, said: str, folder: Path) -> None:
    """One column, no rows, or nothing but missing cells: an error that says so, and no file."""
    (folder / "f.csv").write_bytes(content)
    with pytest.raises(FreshetError, match=said.replace("(", r"\(").replace(")", r"\)")):
        run("init", "f.csv", *TOLD)
    assert not (folder / "freshet.toml").exists()


@pytest.mark.long
def test_3000_columns(folder: Path) -> None:
    """A file of 3,000 columns of all kinds gives a config that loads and fits."""
    kinds: list[Cell] = [
        lambda i: i % 2,
        lambda i: f"{NOISE[i]:.3f}",
        lambda i: "uvw"[i % 3],
        lambda i: f"2013-01-{i % 28 + 1:02}",
        lambda i: f"k{i}",
    ]
    columns: dict[str, Cell] = {
        "y": lambda i: "01"[NOISE[-i] < 0.5],
        **{f"c{k}": kinds[k % 5] for k in range(2_999)},
    }
    (folder / "f.csv").write_bytes(table(columns, rows=60))
    run("init", "f.csv", *TOLD)
    assert len(load.load(folder / "freshet.toml").columns) == 3_000
    assert run("convert", "f.csv").stdout.count("\n") == 60


def test_huge_cells(folder: Path) -> None:
    """Cells of a quarter of a megabyte are cut where they are quoted: the config stays small."""
    big = 2**18
    columns: dict[str, Cell] = {
        "a": lambda i: "xyz"[i % 3] * big if i < 6 else "u",
        "b": lambda i: " " * big if i < 2 else NOISE[i],
        "c": lambda i: ["p" * big, "q" * big][i % 2] if i < 8 else "",
        "d": lambda _: "w" * 1_000,
    }
    (folder / "f.csv").write_bytes(table(columns, rows=60))
    run("init", "f.csv", *TOLD)
    assert (folder / "freshet.toml").stat().st_size < 20_000
    assert run("convert", "f.csv").exit_code == 0


def test_label_of_a_thousand_values(folder: Path) -> None:
    """A label with more values than a person could look through is an error, not a long list."""
    (folder / "f.csv").write_bytes(table({"y": str, "z": lambda i: NOISE[i]}, rows=1_500))
    with pytest.raises(InferError, match='"y" holds 1,500 values; say with --negative'):
        run("init", "f.csv", *TOLD)


def test_whole_file_and_other_ways_in(folder: Path) -> None:
    """`--sample all` looks at every row, from standard input too; other sizes are refused."""
    content = table({"z": lambda i: NOISE[i % 2_000], "w": lambda i: i % 3}, rows=12_000)
    said = run("init", "-", *TOLD, "--weight", "w", "--sample", "all", stdin=content).stderr
    assert "from the 12,000 rows." in said
    assert load.load(folder / "freshet.toml").columns["w"].role == "weight"
    result = CliRunner().invoke(_only_init(), ["-", *TOLD, "--sample", "some"])
    assert result.exit_code == 2
    assert "neither a number of rows nor 'all'" in re.sub(r"[\s│]+", " ", result.output)


def _only_init() -> typer.Typer:
    app = typer.Typer()
    app.command()(init.init)
    return app
