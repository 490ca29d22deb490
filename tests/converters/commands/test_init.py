"""``freshet init``: options, the file it writes, and what it refuses to do."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from converters.commands import convert
from converters.config import load
from converters.errors import FreshetError, UsageError
from converters.files.csv_file import CsvFileError
from converters.init.declared import InferError
from stream.commands import init
from tests.support.rows.tables import NOISE, ROWS, table


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a CSV file."""
    (tmp_path / "loans.csv").write_bytes(table({"k": lambda i: f"k{i}", "z": lambda i: NOISE[i]}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, stdin: bytes = b"") -> Result:
    """Run ``freshet init`` here; an error that it raises is raised."""
    app = typer.Typer()
    app.command()(init.init)
    result = CliRunner().invoke(app, list(arguments), input=stdin)
    if isinstance(result.exception, FreshetError):
        raise result.exception
    return result


TOLD = ["--label", "y", "--positive", "1"]


def test_init_writes_the_config(folder: Path) -> None:
    """``init`` writes ``freshet.toml``, named after the CSV file, and says what to look at."""
    result = run("loans.csv", *TOLD)
    assert (result.exit_code, result.stdout) == (0, "")
    settings = load.load(folder / "freshet.toml")
    assert settings.model == "loans"
    assert list(settings.columns) == ["y", "k", "z"]
    warning, done = result.stderr.splitlines()
    assert warning.startswith('warning: column "k" is nearly unique (400 distinct')
    assert done.startswith("Wrote freshet.toml from the 400 rows.")


def test_init_options(folder: Path) -> None:
    """Output, name, roles, classes and the sample's size are as told."""
    arguments = ["--id", "k", "--negative", "0", "--positive", "yes", "--drop", "z"]
    content = table({"k": lambda i: f"k{i}", "z": str, "c": lambda i: "UV"[i % 2]})
    more = ["-o", "other.toml", "--model", "m", "--sample", "50"]
    result = run("-", *TOLD, *arguments, *more, stdin=content)
    settings = load.load(folder / "other.toml")
    assert (settings.model, settings.columns["k"].role) == ("m", "id")
    assert (settings.label.positive, settings.label.negative) == (("1", "yes"), ("0",))
    assert settings.columns["z"].role == "drop"
    assert "50 of the 400 rows" in result.stderr


def test_init_tells_rows_that_would_be_refused(folder: Path) -> None:
    """Rows of the sample that the written file refuses are counted by their reason."""
    content = table({"y": lambda i: "102"[i % 3], "z": lambda i: NOISE[i]})
    result = run("-", *TOLD, "--negative", "0", stdin=content)
    assert (
        "warning: rows of the sample would be refused under this config: 133 bad-label"
        in result.stderr
    )


@pytest.mark.timeout(30)
def test_init_reads_a_named_pipe_once(folder: Path) -> None:
    """A pipe is read as standard input is: nobody writes into it a second time."""
    os.mkfifo(folder / "pipe")
    content = (folder / "loans.csv").read_bytes()
    writer = threading.Thread(target=(folder / "pipe").write_bytes, args=(content,), daemon=True)
    writer.start()
    result = run("pipe", *TOLD, "--drop", "k")
    writer.join()
    assert result.exit_code == 0
    assert load.load(folder / "freshet.toml").model == "pipe"


def test_init_refuses_to_overwrite(folder: Path) -> None:
    """A file that is there already stays, unless ``--force`` says otherwise."""
    (folder / "freshet.toml").write_text("mine")
    with pytest.raises(UsageError, match=r"freshet\.toml exists already; --force"):
        run("loans.csv", *TOLD)
    assert (folder / "freshet.toml").read_text() == "mine"
    run("loans.csv", *TOLD, "--force")
    assert load.load(folder / "freshet.toml").model == "loans"


def test_init_never_overwrites_its_input(folder: Path) -> None:
    """Not even ``--force`` makes the CSV file itself the output."""
    before = (folder / "loans.csv").read_bytes()
    with pytest.raises(UsageError, match="are both"):
        run("loans.csv", *TOLD, "-o", "loans.csv", "--force")
    assert (folder / "loans.csv").read_bytes() == before


def test_init_refuses_a_name_that_is_none(folder: Path) -> None:
    """A model name that topics could not hold is refused, and nothing is written."""
    with pytest.raises(UsageError, match="'model' is wrong"):
        run("loans.csv", *TOLD, "--model", "two words")
    assert not (folder / "freshet.toml").exists()


def test_failed_init_writes_nothing(folder: Path) -> None:
    """When the file does not fit what was told, no config appears."""
    with pytest.raises(InferError):
        run("loans.csv", "--label", "x", "--positive", "1")
    with pytest.raises(CsvFileError):
        run("none.csv", *TOLD)
    assert [p.name for p in folder.iterdir()] == ["loans.csv"]


def test_sample_passes_through_csv(folder: Path) -> None:
    """A config made by ``init`` converts the very file it was made from."""
    run("loans.csv", *TOLD, "--id", "k")
    app = typer.Typer()
    app.command()(convert.convert)
    result = CliRunner().invoke(app, ["loans.csv"])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == ROWS
