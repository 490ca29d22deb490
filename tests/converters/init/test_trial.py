"""A guessed config is tried on its whole file, and guessed again with the rows it would refuse."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from converters.files.csv_file import CsvFile
from converters.init import trial
from converters.init.declared import Declared
from converters.init.trial import Origin, WrittenConfig, try_text, written
from tests.support.rows.tables import NOISE, Cell, sampled, table

ROWS = 4_000


def wrote(content: bytes, limit: int = 200, **told: Any) -> WrittenConfig:
    """What is written of a file that can be read again, from a small sample of it."""

    @contextmanager
    def reopened() -> Iterator[CsvFile]:
        yield CsvFile(io.BytesIO(content), "f.csv")

    origin = Origin(sampled(content, limit), reopened, everything=limit == 0)
    said = Declared(**{"label": "y", "positive": ("1",), **told})
    return written(origin, said, "m", Path("freshet.toml"))


def rare(usual: Cell, odd: str) -> Cell:
    """A cell that is another in one row of which no small sample knows."""
    return lambda i: odd if i == 3_333 else usual(i)


CELLS: list[tuple[str, Cell]] = [
    ("missing", rare(lambda i: NOISE[i % 1_999], "NA")),
    ("odd number", rare(lambda i: NOISE[i % 1_999], "n.a.")),
    ("third truth", rare(lambda i: i % 2, "2")),
    ("no truth", rare(lambda i: ["yes", "no"][i % 2], "unsure")),
    ("time", rare(lambda i: f"2013-01-{i % 28 + 1:02}", "TBD")),
    ("label", lambda i: i % 7),
]


@pytest.mark.parametrize(("what", "make"), CELLS, ids=[what for what, _ in CELLS])
def test_rare_cell_is_not_refused(what: str, make: Cell) -> None:
    """A cell that the sample does not hold makes for another guess, under which it passes."""
    columns: dict[str, Cell] = {"z": lambda i: NOISE[i % 2_000]}
    columns |= {"y": rare(lambda i: i % 2, "7")} if what == "label" else {"a": make}
    content = table(columns, ROWS)
    config = wrote(content)
    assert not any("refused under" in warning for warning in config.warnings)
    origin = Origin(sampled(content, 0))
    assert try_text(config.text, Path("freshet.toml"), origin).refused.total() == 0
    assert config.sample.described.endswith("and 1 more that a first guess would have refused")


def test_what_stays_refused_is_told_with_its_line() -> None:
    """Rows that no guess can pass are counted by reason, with the line of the first."""
    content = table({"z": lambda i: NOISE[i % 2_000]}, ROWS) + b"1,2,3\n\n1\n9,1\n"
    config = wrote(content, negative=("0",))
    (said,) = (warning for warning in config.warnings if "refused under" in warning)
    assert "of the 4,004 tried" in said
    assert "2 wrong-width (first in line 4002)" in said
    assert "1 bad-label (first in line 4005)" in said
    assert config.sample.added == 0


def test_huge_file_is_tried_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first part of a huge file is tried, unless all of it was asked for."""
    monkeypatch.setattr(trial, "LARGEST_TRIED", 1_000)
    monkeypatch.setattr("converters.files.block_reader.READ_BYTES", 1_000)
    content = table({"z": lambda i: "x" * 90 + str(i % 5)}, ROWS) + b"7,x\n"
    part, everything = (wrote(content, limit, negative=("0",)) for limit in (200, 0))
    assert not any("refused under" in warning for warning in part.warnings)
    assert any("1 bad-label" in warning for warning in everything.warnings)


def test_bad_rows_are_told_once() -> None:
    """Rows left out of a sample of the whole file are not told of again when it is tried."""
    content = table({"z": lambda i: NOISE[i]}, 100) + b"oops\n"
    (said,) = wrote(content).warnings
    assert said.startswith("1 row of the sample was left out, in line 102")


def test_numbers_in_another_notation_are_not_added() -> None:
    """Rows refused knowingly do not make the sample: the column stays numeric, and that is told."""
    content = table({"a": lambda i: "1.234,5" if i % 40 == 7 else NOISE[i % 1_999]}, ROWS)
    config = wrote(content, 400)
    assert 'a = { kind = "numeric"' in config.text
    assert config.sample.added == 0
    assert any("100 not-a-number (first in line 9)" in warning for warning in config.warnings)


def test_two_runs_write_the_same() -> None:
    """Of the same file always the same text is written."""
    content = table({"a": lambda i: f"v{i % 40}", "b": lambda i: NOISE[i % 2_000]}, ROWS)
    assert wrote(content) == wrote(content)
